"""A format is added by its card alone: a made-up one goes through the command line."""

from pathlib import Path

import numpy as np
import pytest
from scripted_people import FPS, HEIGHT, WIDTH, standing_px

from overpose.app import main
from overpose.formats import FORMATS, Format
from overpose.keypoints.keypoint_files import KeypointFile, write_keypoints
from overpose.layouts import BLAZEPOSE_33
from overpose.poses import PoseTrack


def write_size(track: PoseTrack, path: Path) -> None:
    path.write_text(f"{track.people} people in {track.frames} frames")


SIZE = Format("size", ".size.txt", "how much there is in a track", write_size)
EACH = Format("each", ".one", "the same for each person", write_size, per_person=True)


@pytest.fixture
def keypoints(tmp_path: Path) -> Path:
    """A file of two people in six frames."""
    points = np.full((2, 6, 33, 3), 0.9, np.float32)
    points[0, ..., :2] = standing_px(100, 120)
    points[1, ..., :2] = standing_px(220, 120)
    path = tmp_path / "two.json"
    write_keypoints(path, KeypointFile(BLAZEPOSE_33, points, FPS, WIDTH, HEIGHT))
    return path


def run(*arguments: object) -> None:
    main([str(argument) for argument in arguments], formats=(*FORMATS, SIZE, EACH))


def test_predict_writes_a_format_that_only_a_card_describes(
    keypoints: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run("predict", keypoints, "--out", out, "--formats", "size", "each", "csv")
    assert sorted(path.name for path in out.iterdir()) == [
        "two.csv", "two.npz", "two.size.txt", "two_person1.one", "two_person2.one",
    ]  # fmt: skip
    assert (out / "two.size.txt").read_text() == "2 people in 6 frames"
    assert (out / "two_person2.one").read_text() == "1 people in 6 frames"


def test_export_writes_a_format_that_only_a_card_describes(keypoints: Path, tmp_path: Path) -> None:
    run("predict", keypoints, "--out", tmp_path / "tracks")
    track, out = tmp_path / "tracks" / "two.npz", tmp_path / "out"
    run("export", track, "--out", out, "--formats", "size")
    assert (out / "two.size.txt").read_text() == "2 people in 6 frames"


def test_files_of_a_card_are_not_replaced_unasked(
    keypoints: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "two_person1.one").write_text("mine")
    with pytest.raises(SystemExit):
        run("predict", keypoints, "--out", out, "--formats", "each")
    assert "two_person1.one exists already" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["two_person1.one"]


@pytest.mark.parametrize("command", ["predict", "export"])
def test_help_lists_the_names_of_all_cards(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(command, "--help")
    shown = "".join(capsys.readouterr().out.split())
    assert "{json,csv,bvh,c3d,trc,angles,mot,glb,size,each}" in shown


def test_what_is_written_along_with_a_format_is_not_replaced_unasked(
    keypoints: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "two_person1.mot").write_text("mine")
    with pytest.raises(SystemExit):
        run("predict", keypoints, "--out", out, "--formats", "angles")
    assert "two_person1.mot exists already" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["two_person1.mot"]


def test_formats_have_names_and_suffixes_of_their_own() -> None:
    assert len({each.name for each in FORMATS}) == len(FORMATS)
    assert len({each.suffix for each in FORMATS} | {".npz"}) == len(FORMATS) + 1


@pytest.mark.parametrize("each", FORMATS, ids=lambda each: each.name)
def test_the_table_of_the_docs_says_what_the_card_says(each: Format) -> None:
    page = Path(__file__).parents[2] / "docs" / "formats.md"
    files = f"`NAME{each.suffix}`" + " for each person" * each.per_person
    assert f"| `{each.name}` | {files} | {each.title} |" in page.read_text(encoding="utf-8")
