"""Files and directories that appear whole or not at all, JSON, and refusals."""

import errno
import fcntl
import os
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from overpose.support.errors import InputError
from overpose.support.files import (
    partial_directory,
    read_json,
    recover_directory,
    write_json,
    writing_directory,
    writing_file,
)
from overpose.support.locks import locked


def contents(directory: Path) -> dict[str, str]:
    return {
        str(p.relative_to(directory)): p.read_text() for p in directory.rglob("*") if p.is_file()
    }


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "out.txt"
    with writing_file(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.parent == path.parent
        temporary.write_text("whole")
    assert contents(tmp_path) == {"new/out.txt": "whole"}


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    failure: type[BaseException], tmp_path: Path
) -> None:
    path = tmp_path / "out.txt"
    path.write_text("old")

    def write() -> None:
        with writing_file(path) as temporary:
            temporary.write_text("half")
            raise failure

    with pytest.raises(failure):
        write()
    assert contents(tmp_path) == {"out.txt": "old"}


def test_written_files_and_directories_have_ordinary_permissions(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        with writing_file(tmp_path / "file") as temporary:
            temporary.write_text("x")
        with writing_directory(tmp_path / "directory"):
            pass
    finally:
        os.umask(old)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "directory").stat().st_mode & 0o777 == 0o750


def test_a_directory_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with writing_directory(path) as temporary:
        (temporary / "a").write_text("1")
        assert not path.exists()
    assert contents(tmp_path) == {"out/a": "1"}


def test_a_written_directory_replaces_the_old_one_entirely(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.mkdir()
    (path / "stale").write_text("0")
    with writing_directory(path) as temporary:
        (temporary / "a").write_text("1")
    assert contents(tmp_path) == {"out/a": "1"}
    assert [item.name for item in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_a_failed_directory_leaves_the_old_one_and_nothing_else(
    failure: type[BaseException], tmp_path: Path
) -> None:
    path = tmp_path / "out"
    path.mkdir()
    (path / "kept").write_text("0")

    def write() -> None:
        with writing_directory(path) as temporary:
            (temporary / "a").write_text("1")
            raise failure

    with pytest.raises(failure):
        write()
    assert contents(tmp_path) == {"out/kept": "0"}
    assert [item.name for item in tmp_path.iterdir()] == ["out"]


def kill_during_rename(number: int, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rewrite `path` and stop before the given rename, as a kill would: no clean-up runs."""
    real, calls = Path.replace, []

    class Killed(BaseException):
        pass

    def replace(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == number:
            raise Killed
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        patch.setattr("overpose.support.files.recover_directory", lambda path: None)
        with pytest.raises(Killed), writing_directory(path) as temporary:
            (temporary / "a").write_text("new")


@pytest.mark.parametrize("rename", [1, 2])
def test_a_kill_between_the_renames_is_undone_by_recovery(
    rename: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out"
    path.mkdir()
    (path / "a").write_text("old")
    kill_during_rename(rename, path, monkeypatch)
    assert path.exists() == (rename == 1)
    recover_directory(path)
    assert contents(path) == {"a": "old"}
    assert [item.name for item in tmp_path.iterdir()] == ["out"]


def test_writing_again_after_a_kill_needs_no_recovery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out"
    path.mkdir()
    kill_during_rename(2, path, monkeypatch)
    with writing_directory(path) as temporary:
        (temporary / "a").write_text("new")
    assert contents(tmp_path) == {"out/a": "new"}
    assert [item.name for item in tmp_path.iterdir()] == ["out"]


def test_recovery_removes_what_a_kill_after_the_renames_left(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / ".out.old").mkdir()
    recover_directory(tmp_path / "out")
    assert [item.name for item in tmp_path.iterdir()] == ["out"]


def test_a_reader_between_the_renames_of_a_writer_waits_for_the_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, temporary = tmp_path / "out", tmp_path / ".out.00000000.part"
    (tmp_path / ".out.old").mkdir()
    temporary.mkdir()
    (temporary / "a").write_text("new")
    monkeypatch.setattr("overpose.support.files.time.sleep", lambda _: temporary.replace(path))
    with locked(temporary) as held:
        assert held
        recover_directory(path)
    assert contents(path) == {"a": "new"}


LEFT = (".out.00000000.part", ".out.00000001.part")
OTHERS = (".out.npz.00000000.part", ".out.mine.part", "out.00000000.part")


def left_behind(directory: Path) -> None:
    for name in (LEFT[0], *OTHERS):
        (directory / name).touch()
    (directory / LEFT[1]).mkdir()
    (directory / LEFT[1] / "weights").touch()


def names_after_writing(directory: Path, waited_s: float, monkeypatch: pytest.MonkeyPatch) -> set:
    now = time.time()
    with monkeypatch.context() as patch:
        patch.setattr("overpose.support.files.time.time", lambda: now + waited_s)
        with writing_file(directory / "out"):
            pass
    return {path.name for path in directory.iterdir()}


@pytest.mark.parametrize(("waited_s", "goes"), [(1.0, False), (60.0, True), (90_000.0, True)])
def test_what_a_kill_left_goes_at_the_next_write_and_nothing_else_does(
    waited_s: float, goes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_behind(tmp_path)
    left = names_after_writing(tmp_path, waited_s, monkeypatch)
    assert left == {"out", *OTHERS} | (set() if goes else set(LEFT))


@pytest.mark.parametrize(("waited_s", "goes"), [(60.0, False), (90_000.0, True)])
def test_where_nothing_can_be_locked_it_goes_a_day_later(
    waited_s: float, goes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overpose.support.locks.fcntl", None)
    left_behind(tmp_path)
    left = names_after_writing(tmp_path, waited_s, monkeypatch)
    assert left == {"out", *OTHERS} | (set() if goes else set(LEFT))


def test_what_another_process_is_writing_stays_however_old_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writing_file(tmp_path / "out") as file:
        assert file.name in names_after_writing(tmp_path, 90_000.0, monkeypatch)
    with writing_directory(tmp_path / "out2") as directory:
        (directory / "a").touch()
        now = time.time()
        with monkeypatch.context() as patch:
            patch.setattr("overpose.support.files.time.time", lambda: now + 90_000.0)
            with writing_directory(tmp_path / "out2"):
                pass
        assert (directory / "a").exists()


def test_a_symbolic_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    for name in ("file", "directory"):
        (tmp_path / name).symlink_to(tmp_path / "disk" / name)
    for _ in range(2):
        with writing_file(tmp_path / "file") as temporary:
            temporary.write_text("x")
        with writing_directory(tmp_path / "directory") as temporary:
            (temporary / "a").write_text("1")
        assert contents(tmp_path / "disk") == {"file": "x", "directory/a": "1"}
    assert (tmp_path / "file").is_symlink()
    assert (tmp_path / "directory").is_symlink()
    (tmp_path / "disk" / "directory").rename(tmp_path / "disk" / ".directory.old")  # killed
    recover_directory(tmp_path / "directory")
    assert contents(tmp_path / "disk") == {"file": "x", "directory/a": "1"}


def test_a_directory_still_being_filled_is_not_taken_for_a_leftover(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / ".out.00000001.part"
    old.mkdir()
    (old / "weights").touch()
    now = time.time()
    real = Path.lstat

    def lstat(path: Path) -> os.stat_result:
        values = list(real(path))
        values[8] = values[9] = now if path.name == "weights" else now - 90_000.0
        return os.stat_result(values)

    monkeypatch.setattr(Path, "lstat", lstat)
    with writing_directory(tmp_path / "out"):
        pass
    assert (old / "weights").is_file()


def test_files_are_flushed_through_a_handle_that_may_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: dict[str, int] = {}

    def fsync(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if not path.is_dir():
            modes[str(path)] = fcntl.fcntl(handle, fcntl.F_GETFL) & 3

    monkeypatch.setattr("overpose.support.files.os.fsync", fsync)
    with writing_file(tmp_path / "file") as temporary:
        temporary.write_text("x")
    with writing_directory(tmp_path / "directory") as temporary:
        (temporary / "file").write_text("x")
    assert list(modes.values()) == [os.O_RDWR, os.O_RDWR]


def test_names_are_flushed_after_their_renames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, bool]] = []

    def fsync(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if path == tmp_path:
            seen.append((path.name, (tmp_path / "out").exists()))

    monkeypatch.setattr("overpose.support.files.os.fsync", fsync)
    with writing_file(tmp_path / "out"):
        pass
    assert seen == [(tmp_path.name, True)]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EIO])
def test_only_errors_of_the_disk_count_when_names_are_flushed(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(handle: int) -> None:
        if Path(f"/proc/self/fd/{handle}").readlink().is_dir():
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr("overpose.support.files.os.fsync", fsync)
    said = pytest.raises(OSError, match="Input") if number == errno.EIO else nullcontext()
    with said, writing_file(tmp_path / "out"):
        pass


def test_json_comes_back_as_it_was_written(tmp_path: Path) -> None:
    value = {"name": "Bewegung ä", "numbers": [1, 2.5, None, True], "empty": {}}
    write_json(tmp_path / "value.json", value)
    assert read_json(tmp_path / "value.json") == value


def test_json_that_would_hold_nan_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "value.json", {"mean": float("nan")})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (None, "no such file"),
        (b"", "not valid JSON"),
        (b'{"a": ', "not valid JSON"),
        (b"\xff\xfe\x00", "not valid JSON"),
        (b"[1, 2]", "got a JSON list, expected an object"),
    ],
)
def test_json_files_that_hold_no_object_are_refused(
    content: bytes | None, match: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "value.json").write_bytes(content)
    with pytest.raises(InputError, match=match) as error:
        read_json(tmp_path / "value.json")
    assert str(error.value).startswith(str(tmp_path / "value.json"))


def test_a_directory_is_not_read_as_json(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_json(tmp_path)


def test_who_writes_the_same_name_meanwhile_keeps_what_is_begun(tmp_path: Path) -> None:
    """Temporary names are taken again, by the first who finds one free."""
    path = tmp_path / "out"
    with writing_directory(path) as first, writing_directory(path) as second:
        (first / "a").write_text("first")
        (second / "a").write_text("second")
        assert first != second
    with partial_directory(path) as first:
        first.rename(tmp_path / "mine")
        with partial_directory(path) as other:
            assert other == first
    with partial_directory(path) as first:
        first.rename(tmp_path / "my other")
        other = writing_directory(path)
        other.__enter__()
    assert first.is_dir()
    other.__exit__(None, None, None)
    assert {item.name for item in tmp_path.iterdir()} == {"out", "mine", "my other"}


def test_nobody_lists_a_directory_to_write_a_file_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a file takes as long among thousands of others as among none."""
    listed: list[object] = []
    for name in ("listdir", "scandir"):
        monkeypatch.setattr(os, name, listed.append)
    with writing_file(tmp_path / "out"):
        pass
    monkeypatch.undo()
    assert listed == []
    assert [item.name for item in tmp_path.iterdir()] == ["out"]
