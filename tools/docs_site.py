"""A hook of mkdocs: what the site shows besides docs/.

These are the measured results, the changelog, the notes for contributors, and the table of rooms,
which is made from the import contract in pyproject.toml and from the docstring of each room.
"""

import ast
import re
import tomllib
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
BESIDE = ("CHANGELOG.md", "CONTRIBUTING.md")
SHOWN = (".md", ".json", ".png", ".html")
ROOMS_HERE = "<!-- rooms -->"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and pictures that lie outside docs/."""
    results = [path for path in ROOT.glob("results/**/*") if path.suffix in SHOWN]
    for path in [*(ROOT / name for name in BESIDE), *sorted(results)]:
        name = path.relative_to(ROOT).as_posix()
        files.append(File(name, str(ROOT), config.site_dir, config.use_directory_urls))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links as they are in the repository into links of the site; put the rooms in."""
    if page.file.src_uri in BESIDE:
        markdown = markdown.replace("](docs/", "](")
    elif "/" not in page.file.src_uri:
        markdown = re.sub(r"\]\(\.\./(results/|CHANGELOG\.md|CONTRIBUTING\.md)", r"](\1", markdown)
    return markdown.replace(ROOMS_HERE, rooms_table())


def rooms_table() -> str:
    """A Markdown table of the layers, the highest first; a room imports only those below it."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = contracts["tool"]["importlinter"]["contracts"][0]["layers"]
    lines = ["| room | what it is for |", "| --- | --- |"]
    for layer in layers:
        names = [name.strip(" ()") for name in re.split("[:|]", layer)]
        lines += [f"| `{name}` | {says} |" for name in names if (says := _purpose(name))]
    return "\n".join(lines)


def _purpose(room: str) -> str | None:
    """First sentence of a room's docstring; None where the room is not there (yet)."""
    place = ROOT / "src" / "overpose" / room
    path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    if not path.is_file():
        return None
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(said.split("\n\n")[0].split())
