"""Jobs in several processes: all are done, in an order that their needs allow."""

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from overpose.support.workers import beside, do_jobs


def make_square(_: None) -> Callable[[int, Callable[[], None]], int]:
    return lambda job, check: job * job


@pytest.mark.parametrize("processes", [1, 2])
def test_a_job_may_wait_for_the_results_of_others(processes: int) -> None:
    done: list[int] = []

    def jobs() -> Iterator[int | None]:
        yield from (2, 3)
        while len(done) < 2:
            yield None
        yield sum(done)

    for result in do_jobs(jobs(), make_square, None, processes):
        done.append(result)
    assert sorted(done) == [4, 9, 13 * 13]


def say_so_and_stay(file: str) -> None:
    Path(file).write_text("begun")
    threading.Event().wait(600)


def test_work_beside_goes_on_meanwhile_and_ends_with_the_context(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    with beside(say_so_and_stay, str(begun)):
        while not begun.is_file():
            assert multiprocessing.active_children()
    assert not multiprocessing.active_children()


class NotToBeSent(RuntimeError):
    """As some libraries' errors are: it cannot be made again from what it says."""

    def __init__(self, said: str, more: int) -> None:
        super().__init__(said)


def make_failing(_: None) -> Callable[[int, Callable[[], None]], int]:
    def fail(job: int, check: Callable[[], None]) -> int:
        raise NotToBeSent("std::bad_alloc", 1)

    return fail


def test_memory_that_runs_out_in_a_process_is_told_as_such() -> None:
    with pytest.raises(MemoryError, match="bad_alloc"):
        list(do_jobs(iter((1, 2)), make_failing, None, 2))
