"""Every block of code in the README and in docs/ runs, or is read as the command line reads it."""

import json
import re
import shlex
import shutil
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import run
from moving_person import moving_track
from own_samples import frame_of, write
from scripted_people import ScriptedEngines, write_clip
from sybil import Document, Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser
from tiny_dataset import write_tiny_dataset

from overpose.app.command_line import parse
from overpose.keypoints.blazepose import BlazePose

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LANGUAGES = ("python", "sh", "json", "csv", "text")
SAVED = ROOT / "tests" / "networks" / "saved-f8fa25d"
WHY_NOT = {
    "sets up the machine": 10,
    "trains or renders": 17,
    "opens a window": 1,
    "starts a cluster": 1,
    "needs a camera": 2,
    "needs Human3.6M": 8,
}
"""How many commands and blocks are only read, and why; all others run."""


def why_not_run(words: list[str]) -> str | None:
    """Why a command cannot run in a test; None where it runs."""
    if words[0] in ("make", "pip"):
        return "sets up the machine"
    command = words[1]
    if "human36m" in words or any("h36m" in word for word in words):
        return "needs Human3.6M"
    training = ("reproduce", "train", "train-lifter", "ablate", "curve")
    if command in (*training, "render", "detect-renders", "onnx", "merge", "scale"):
        return "trains or renders"
    if command == "view":
        return "opens a window"
    if "--ray" in words:
        return "starts a cluster"
    return "needs a camera" if "--webcam" in words else None


def commands_of(block: str) -> list[list[str]]:
    """The words of each line of a shell block; a backslash continues a line."""
    whole = block.replace("\\\n", " ").splitlines()
    lines = (shlex.split(line, comments=True) for line in whole)
    return [words for words in lines if words]


def read_only(words: list[str]) -> None:
    """Hold a command that does not run against what would read it."""
    if words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert {word for word in words[1:] if "=" not in word} <= set(targets)
    elif words[0] == "pip":
        assert words[1] == "install"
        named = re.fullmatch(r"\.(?:\[([a-z0-9,]+)\])?", words[2])
        assert named, words
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        assert set(filter(None, (named[1] or "").split(","))) <= set(
            extras["optional-dependencies"]
        )
    else:
        assert words[0] == "overpose"
        parse(words[1:])


def run_shell(example: Example) -> None:
    """Run the lines of a block that can run here, read the others."""
    for words in commands_of(example.parsed):
        if why_not_run(words):
            read_only(words)
        else:
            assert words[0] == "overpose"
            assert run(*words[1:]) == 0, words


def run_python(example: Example) -> None:
    """Run a block, after those before it on the page; what needs Human3.6M is only compiled."""
    if needs_human36m(example.parsed):
        compile(example.parsed, example.path, "exec")
    else:
        PythonEvaluator()(example)


def needs_human36m(block: str) -> bool:
    """Whether a block reads what only licensed users have."""
    return "human36m" in block


def of_json(example: Example) -> None:
    json.loads(example.parsed)


def of_csv(example: Example) -> None:
    rows = [line.split(",") for line in example.parsed.splitlines()]
    assert len({len(row) for row in rows}) == 1


def document(page: Path) -> Document:
    """A page whose blocks can be evaluated."""
    evaluators = {"python": run_python, "sh": run_shell, "json": of_json, "csv": of_csv}
    parsers = [CodeBlockParser(language, evaluate) for language, evaluate in evaluators.items()]
    return Sybil(parsers=[*parsers, CodeBlockParser("text", lambda _: None)]).parse(page)


def blocks(page: Path, language: str) -> list[str]:
    """The blocks of a page in one language."""
    found = Sybil(parsers=[CodeBlockParser(language, lambda _: None)]).parse(page)
    return [example.parsed for example in found.examples()]


def make_clip() -> None:
    write_clip(Path("clip.mp4"), [{"red": (100 + i, 120), "green": (240, 120)} for i in range(20)])


def make_track() -> None:
    Path("out").mkdir()
    moving_track(1).save(Path("out/clip.npz"))


def make_own() -> None:
    write(Path("mine"), frame_of(), square=True)


def make_model_and_dataset() -> None:
    for stage in ("runs/cpu/seed0/finetuned", "runs/mine/finetuned", "runs/mine/direct"):
        shutil.copytree(SAVED / f"regressor-{Path(stage).name}", Path(stage, "last"))
    write_tiny_dataset(Path("runs/cpu/dataset"))
    shutil.copytree("runs/cpu/dataset", "data")
    write_tiny_dataset(Path("runs/smoke/dataset"), size=64, per_group=1)


def make_dataset() -> None:
    write_tiny_dataset(Path("out/dataset"))


NEEDS: dict[str, tuple[Callable[[], None], ...]] = {
    "README.md": (make_clip,),
    "angles.md": (make_track,),
    "api.md": (make_clip,),
    "data.md": (make_dataset,),
    "formats.md": (make_track,),
    "own-data.md": (make_own,),
    "predict.md": (make_clip,),
    "report.md": (make_clip,),
    "train.md": (make_model_and_dataset,),
    "world.md": (make_clip,),
}
"""The files that the code of a page works on."""


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to work in; coloured discs are people, so that nothing is downloaded."""

    monkeypatch.setattr(BlazePose, "from_assets", lambda *_, **__: ScriptedEngines())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_of_a_page_runs(page: Path, workplace: Path) -> None:
    for make in NEEDS.get(page.name, ()):
        make()
    for example in document(page).examples():
        example.evaluate()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_says_its_language(page: Path) -> None:
    fences = re.findall(r"^\s*```(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(fences[::2]) <= set(LANGUAGES)
    assert fences[1::2] == [""] * (len(fences) // 2)
    assert len(fences) == 2 * len(list(document(page).examples()))


def test_what_does_not_run_is_known_and_why() -> None:
    shell = [block for page in PAGES for block in blocks(page, "sh")]
    reasons = Counter(why_not_run(words) for block in shell for words in commands_of(block))
    del reasons[None]
    python = [block for page in PAGES for block in blocks(page, "python")]
    reasons["needs Human3.6M"] += sum(needs_human36m(block) for block in python)
    assert reasons == WHY_NOT
