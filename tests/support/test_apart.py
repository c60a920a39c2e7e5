"""Files are read in a process apart, which may die of them."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from overpose.support import apart
from overpose.support.apart import each_apart, read_apart
from overpose.support.errors import InputError


class OfItsKindError(InputError):
    """As a reader's own errors are."""


def crash(path: Path) -> None:
    os.abort()


def hang(path: Path) -> None:
    while True:
        time.sleep(60)


def fail(path: Path, kind: type[Exception]) -> None:
    raise kind("line one\nline two")


def refuse(path: Path) -> None:
    raise OfItsKindError(f"{path}: is refused")


def take_memory(path: Path, size: int) -> int:
    return np.ones(size, np.uint8).nbytes


def who(path: Path) -> int:
    return os.getpid()


def where(path: Path) -> tuple[Path, bool]:
    return Path.cwd(), path.exists()


def chatter(path: Path) -> str:
    os.write(1, b"a library says something")
    return "an answer"


def count(path: Path, end: int, then: Any = None) -> Iterator[int]:
    yield from range(end)
    if then is not None:
        then(path)


FILE = Path("a.dat")


def test_what_is_read_comes_back() -> None:
    assert read_apart(take_memory, FILE, 3) == 3
    assert list(each_apart(count, FILE, 4)) == [0, 1, 2, 3]
    assert list(each_apart(count, FILE, 0)) == []


def test_one_process_serves_many_files_and_is_not_this_one() -> None:
    first = read_apart(who, FILE)
    assert first != os.getpid()
    assert [*each_apart(count, FILE, 2)] == [0, 1]
    assert next(each_apart(count, FILE, 1)) == 0
    assert read_apart(who, FILE) == first


def test_who_stops_early_gets_no_answer_of_before() -> None:
    some = each_apart(count, FILE, 1000)
    assert next(some) == 0
    del some
    assert read_apart(take_memory, FILE, 5) == 5


@pytest.mark.parametrize("kind", [ValueError, AttributeError, EOFError, KeyError, RecursionError])
def test_whatever_a_parser_raises_is_one_line_that_names_the_file(kind: type[Exception]) -> None:
    with pytest.raises(InputError, match=rf"a\.dat: cannot be read \({kind.__name__}: ") as error:
        read_apart(fail, FILE, kind)
    assert "\n" not in str(error.value)


def test_a_refusal_keeps_its_kind() -> None:
    with pytest.raises(OfItsKindError, match=r"^a\.dat: is refused$"):
        read_apart(refuse, FILE)


def test_a_crash_costs_its_file_alone_and_nothing_that_came_before() -> None:
    with pytest.raises(InputError, match=r"a\.dat: what reads it crashed"):
        read_apart(crash, FILE)
    some = each_apart(count, FILE, 3, crash)
    assert [next(some) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(InputError, match="crashed"):
        next(some)
    assert read_apart(take_memory, FILE, 2) == 2


def test_what_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    read_apart(who, FILE)  # so that starting and importing does not count
    monkeypatch.setattr(apart, "LEAST_S", 0.3)
    with pytest.raises(InputError, match=r"a\.dat: takes more than 0.3 s to read"):
        read_apart(hang, FILE)


def test_memory_has_a_limit_that_can_be_widened(monkeypatch: pytest.MonkeyPatch) -> None:
    if apart.resource is None or not Path("/proc/self/statm").exists():
        pytest.skip("this system has no such limits")
    monkeypatch.setattr(apart, "MOST_BYTES", 100 << 20)
    with pytest.raises(InputError, match=r"a\.dat: cannot be read \(takes too much memory\)"):
        read_apart(take_memory, FILE, 200 << 20)
    assert read_apart(take_memory, FILE, 200 << 20, more_bytes=200 << 20) == 200 << 20
    assert read_apart(take_memory, FILE, 10 << 20) == 10 << 20


def test_paths_are_those_of_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_apart(who, FILE)
    monkeypatch.chdir(tmp_path)
    FILE.write_text("")
    assert read_apart(where, FILE) == (tmp_path, True)


def test_what_a_library_prints_is_no_answer() -> None:
    assert read_apart(chatter, FILE) == "an answer"
