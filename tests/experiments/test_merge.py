"""Parts by `--shard`, put together by `merge`: the bytes of one run, or a line on why not."""

import json
import shutil
from pathlib import Path

import pytest
from scripted_command import error_of, files_of, run
from scripted_people import write_clip

from overpose.support.records import Record


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    place = tmp_path_factory.mktemp("clips")
    for number in range(3):
        people = [{"red": (100 + i, 120), "green": (240, 120 - number)} for i in range(20)]
        write_clip(place / f"clip{number}.mp4", people)
    return sorted(place.iterdir())


@pytest.fixture(scope="module")
def predicted(clips: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clips in two parts, `0` and `1`."""
    place = tmp_path_factory.mktemp("parts")
    for part in ("0", "1"):
        given = ("--shard", f"{part}/2", "--formats", "json", "bvh")
        assert run("predict", *clips, "--out", place / part, *given) == 0
    return place


@pytest.fixture
def parts(predicted: Path, tmp_path: Path) -> Path:
    """A copy of them to spoil."""
    shutil.copytree(predicted, tmp_path / "parts")
    return tmp_path / "parts"


def merged(parts: Path, *names: str) -> int:
    return run("merge", *(parts / name for name in names), "--out", parts / "whole")


def test_merged_predictions_are_those_of_one_run(clips: list[Path], parts: Path) -> None:
    assert run("predict", *clips, "--out", parts / "one", "--formats", "json", "bvh") == 0
    assert merged(parts, "1", "0") == 0
    assert files_of(parts / "whole") == files_of(parts / "one")
    assert len(files_of(parts / "whole")) == 12


def test_parts_share_the_inputs_out(predicted: Path) -> None:
    assert {path.stem for path in (predicted / "0").glob("*.npz")} == {"clip0", "clip2"}
    assert {path.stem for path in (predicted / "1").glob("*.npz")} == {"clip1"}


@pytest.mark.parametrize("shard", ["2/2", "-1/2", "1/0", "1", "a/b"])
def test_a_part_that_there_is_not_is_wrong_usage(clips: list[Path], shard: str) -> None:
    assert run("predict", *clips, f"--shard={shard}") == 2


def test_a_part_of_a_webcam_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("predict", "--webcam", "0", "--shard", "0/2") == 1
    assert "with --webcam" in error_of(capsys)


def test_more_parts_than_inputs_leave_some_empty(clips: list[Path], tmp_path: Path) -> None:
    for part in range(3):
        given = ("--out", tmp_path / "parts", "--shard", f"{part}/3")
        assert run("predict", *clips[:2], *given) == 0
    assert run("merge", tmp_path / "parts", "--out", tmp_path / "whole") == 0
    assert set(files_of(tmp_path / "whole")) == {"clip0.npz", "clip1.npz"}


def test_a_part_goes_on_where_it_was(
    clips: list[Path], parts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files_of(parts / "0")
    (parts / "0" / "clip2.json").unlink()
    given = ("--shard", "0/2", "--formats", "json", "bvh")
    assert run("predict", *clips, "--out", parts / "0", *given) == 0
    printed = capsys.readouterr().out.split()
    assert {Path(line).stem.partition("_")[0] for line in printed} == {"clip2"}
    assert files_of(parts / "0") == before


def test_an_interrupted_part_keeps_what_is_done_and_is_not_merged(
    clips: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ("predict", *clips, "--out", tmp_path / "part", "--shard", "0/1")
    add = Record.add

    def interrupted(record: Record, unit: str, files: list[Path]) -> None:
        add(record, unit, files)
        if unit == "clip1":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Record, "add", interrupted)
        assert run(*given) == 130
    capsys.readouterr()
    assert run("merge", tmp_path / "part", "--out", tmp_path / "whole") == 1
    assert "part 0/1 is not finished (clip2 is missing)" in error_of(capsys)
    assert run(*given) == 0
    assert [Path(line).stem for line in capsys.readouterr().out.split()] == ["clip2"]
    assert run("merge", tmp_path / "part", "--out", tmp_path / "whole") == 0
    names = {path.name for path in (tmp_path / "part").iterdir()}
    assert names == {"shard-0-of-1.json", "clip0.npz", "clip1.npz", "clip2.npz"}


def test_a_part_is_not_continued_with_other_options(
    clips: list[Path], parts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--shard", "0/2", "--formats", "json", "bvh", "--people", "1")
    assert run("predict", *clips, "--out", parts / "0", *given) == 1
    assert "made otherwise (people: null there, 1 now)" in error_of(capsys)


def test_a_missing_part_is_named(parts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert merged(parts, "0") == 1
    assert "of 2 parts got 1; missing: 1" in error_of(capsys)
    assert not (parts / "whole").exists()


def test_a_doubled_part_is_named(parts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(parts / "1", parts / "again")
    assert merged(parts, "0", "1", "again") == 1
    assert "part 1/2 is there twice" in error_of(capsys)


@pytest.mark.parametrize("how", ["changed", "cut", "lost"])
def test_a_damaged_part_is_named(parts: Path, capsys: pytest.CaptureFixture[str], how: str) -> None:
    path = parts / "1" / "clip1.npz"
    whole = path.read_bytes()
    if how == "lost":
        path.unlink()
    else:
        path.write_bytes(whole[:-1] + (b"" if how == "cut" else bytes([whole[-1] ^ 1])))
    assert merged(parts, "0", "1") == 1
    assert ("missing" if how == "lost" else "damaged") in (line := error_of(capsys))
    assert "clip1.npz" in line
    assert not (parts / "whole").exists()


def test_a_part_made_differently_is_named(
    clips: list[Path], parts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--shard", "1/2", "--formats", "json", "bvh", "--fov-deg", "50")
    assert run("predict", *clips, "--out", parts / "other", *given) == 0
    assert merged(parts, "0", "other") == 1
    assert "made differently (fov_deg: 50.0 there, null now)" in error_of(capsys)


def test_an_unfinished_part_is_named(parts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = parts / "0" / "shard-0-of-2.json"
    record = json.loads(path.read_text())
    record["done"] = record["done"][:1]
    path.write_text(json.dumps(record))
    assert merged(parts, "0", "1") == 1
    assert "part 0/2 is not finished (clip2 is missing)" in error_of(capsys)


def test_equal_names_are_refused(
    clips: list[Path], parts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (parts / "clip0.mp4").write_bytes(clips[0].read_bytes())
    given = ("--out", parts / "new", "--shard", "0/2")
    assert run("predict", clips[0], parts / "clip0.mp4", *given) == 1
    assert "two inputs named clip0" in error_of(capsys)
    path = parts / "1" / "shard-1-of-2.json"
    path.write_text(path.read_text().replace('"name": "clip1.npz"', '"name": "Clip0.npz"'))
    assert merged(parts, "0", "1") == 1
    assert "have the same name" in error_of(capsys)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("shard-0-of-2", ("--shard", "0/2")),
        ("shard-0-of-2.0000", ("--shard", "0/2")),
        ("unfinished", ("--ray", "local")),
    ],
)
def test_an_input_called_as_what_says_what_is_done_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, given: tuple[str, ...]
) -> None:
    path = tmp_path / f"{name}.mp4"
    path.touch()
    assert run("predict", path, "--out", tmp_path / "out", *given, "--formats", "json") == 1
    assert f"got an input named {name}" in error_of(capsys)
    assert not (tmp_path / "out").exists()


def test_what_failed_is_named_and_the_others_are_merged(
    clips: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no video at all" * 100)
    for part in (0, 1):
        given = ("--out", tmp_path / "parts", "--shard", f"{part}/2")
        assert run("predict", tmp_path / "bad.mp4", clips[0], clips[1], *given) == int(part == 0)
    capsys.readouterr()
    assert run("merge", tmp_path / "parts", "--out", tmp_path / "whole") == 1
    assert "bad.mp4: neither a photo nor a video" in error_of(capsys)
    assert set(files_of(tmp_path / "whole")) == {"clip0.npz", "clip1.npz"}


@pytest.mark.parametrize(
    "value", [{}, {"format": "overpose-shard", "format_version": 1}, {"format": 3}]
)
def test_what_is_no_record_is_refused(
    parts: Path, capsys: pytest.CaptureFixture[str], value: object
) -> None:
    (parts / "0" / "shard-0-of-2.json").write_text(json.dumps(value))
    assert merged(parts, "0", "1") == 1
    assert "not a record of a shard" in error_of(capsys)


def test_a_directory_that_holds_something_is_refused(
    parts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (parts / "whole").mkdir()
    (parts / "whole" / "mine.txt").write_text("mine")
    assert merged(parts, "0", "1") == 1
    assert "expected a new or an empty directory" in error_of(capsys)
