"""What the pages promise: drawings of this skeleton, names that there are, a short README."""

import re
from pathlib import Path

import draw_conventions
import overpose
from overpose.skeleton import HUMAN36M

ROOT = Path(__file__).parents[2]


def test_the_drawing_numbers_every_joint_as_the_skeleton_does(tmp_path: Path) -> None:
    draw_conventions.main(tmp_path / "drawn.svg")
    for drawing in (tmp_path / "drawn.svg", ROOT / "docs" / "conventions.svg"):
        shown = re.findall(r">(\d+) (\w+)</text>", drawing.read_text(encoding="utf-8"))
        assert dict(shown) == {str(i): name for i, name in enumerate(HUMAN36M.joint_names)}


def test_every_name_of_the_package_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^::: overpose\.(\w+)$", page, re.MULTILINE)) >= set(overpose.__all__)


def test_the_readme_is_at_most_120_lines() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_the_moving_picture_is_small_enough_to_load_at_once() -> None:
    assert (ROOT / "docs" / "people.webp").stat().st_size < 3_000_000
