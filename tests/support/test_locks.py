"""Who is at work on a directory, told by a lock that dies with its process."""

import subprocess
import sys
from pathlib import Path

import pytest

from overpose.support.errors import InputError
from overpose.support.locks import locked, working_alone

HOLD = """
import sys, time
from pathlib import Path
from overpose.support.locks import working_alone
with working_alone(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_second_run_in_one_directory_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with (
            pytest.raises(InputError, match="another run is writing there"),
            working_alone(tmp_path / "out"),
        ):
            pass
        first.kill()
    with working_alone(tmp_path / "out"):
        pass
    assert list((tmp_path / "out").iterdir()) == []


def test_a_link_and_its_target_are_one_directory(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "out")
    with (
        working_alone(tmp_path / "link"),
        pytest.raises(InputError, match="another run"),
        working_alone(tmp_path / "out"),
    ):
        pass


def test_a_file_is_no_directory_to_work_in(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file"), working_alone(tmp_path / "file"):
        pass


def test_nobody_is_refused_where_the_system_has_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overpose.support.locks.fcntl", None)
    with locked(tmp_path) as first, locked(tmp_path) as second:
        assert first is None
        assert second is None


def test_work_that_fails_leaves_no_empty_directory(tmp_path: Path) -> None:
    def fail(place: Path) -> None:
        with working_alone(place):
            raise InputError("no")

    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "kept").touch()
    for name in ("new", "used"):
        with pytest.raises(InputError):
            fail(tmp_path / name)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["kept", "used"]
