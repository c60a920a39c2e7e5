"""Doing jobs in several processes: stops cleanly, never hangs, leaves no process behind.

Knows nothing of images: what a job is and what is done with it is decided by the caller.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from overpose.support.allocator import in_large_pages
from overpose.support.cluster import Cluster
from overpose.support.errors import InputError, is_of_memory, raise_if_of_memory
from overpose.support.progress import say

Job = TypeVar("Job")
Result = TypeVar("Result")
Work = Callable[[Job, Callable[[], None]], Result]
"""Does one job. Its second argument is to be called often: it raises `Stopped` to end the work."""

JOBS_AHEAD = 2
"""Jobs waiting for each process, so that none idles; few, because a job carries its motion."""
ONE_THREAD = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)  # fmt: skip


SAFE = {"PYTHONSAFEPATH": "1"}
"""No process started by this one imports what lies in the current directory."""
NOTHING: Mapping[str, str] = MappingProxyType({})


class Stopped(Exception):
    """The work was asked to stop; what was finished before stays."""


def available_processes() -> int:
    """How many processes can run at once here, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def number_of_processes(wanted: int | None) -> int:
    """How many processes to use: as many as wanted, or `available_processes` if that is None.

    Raises:
        InputError: it is not at least 1.
    """
    if wanted is None:
        return available_processes()
    if wanted < 1:
        raise InputError(f"processes: got {wanted}, expected at least 1")
    return wanted


def do_jobs(
    jobs: Iterable[Job | None],
    make_work: Callable[[Any], Callable[[Job, Callable[[], None]], Result]],
    argument: Any,
    processes: int,
) -> Iterator[Result]:
    """Do every job and give the results as they come, in any order.

    Args:
        jobs: taken one by one, only as many ahead as keep the processes busy. None: the next one
            needs a result that is still to come, and is asked for again after that.
        make_work: called once in each process with `argument`; a function at the top of a module,
            because with several processes it is sent to new ones by name.
        argument: anything that can be pickled.
        processes: 1 works in this process and starts no other.

    Raises:
        InputError: a process was killed from outside.
        Exception: whatever the work raises first; the other processes are stopped.
    """
    if number_of_processes(processes) == 1:
        work = make_work(argument)
        for job in jobs:
            if job is not None:
                yield work(job, _go_on)
        return
    context = multiprocessing.get_context("spawn")
    # One thread each: together they use every core.
    with in_environment(_of_worker()):
        stop = context.Event()
        pool = ProcessPoolExecutor(
            processes, context, initializer=_start, initargs=(make_work, argument, stop)
        )
        try:
            yield from _results(pool, iter(jobs), JOBS_AHEAD * processes)
        except BrokenProcessPool:
            raise InputError(
                "a process was killed while it worked (out of memory?); what is finished is kept: "
                "run again to resume, perhaps with fewer processes"
            ) from None
        finally:
            # Set also when all went well: then nobody looks at it any more.
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


def do_units(
    units: Iterable[Job | None],
    make_work: Callable[[Any], Callable[[Job, Path, Callable[[], None]], Result]],
    argument: Any,
    out: Path,
    where: int | Cluster,
    *,
    shared: Sequence[Path] = (),
    reads: Callable[[Job], Sequence[Path]] = lambda unit: (),
    unread: Callable[[Job, InputError], Result] | None = None,
) -> Iterator[Result]:
    """`do_jobs` for units of work that leave files in a directory, here or on a cluster.

    A unit may be done again, and then leaves the same files.

    Args:
        units: as the jobs.
        make_work: called once in each process with `argument`; what it makes is given the unit, the
            directory to write to, and what `do_jobs` gives.
        argument: anything that can be pickled.
        out: the directory.
        where: processes here, of which 1 works in this process and starts no other, or a cluster.
        shared: files and directories that the argument names.
        reads: those that a unit names.
        unread: result of a unit whose own files cannot be given to a cluster; None: that is raised.

    Raises:
        InputError: as `do_jobs` and `cluster.do_on_cluster`.
    """
    if isinstance(where, Cluster):
        from overpose.support.on_cluster import do_on_cluster

        given = (units, make_work, argument, out, where, _of_worker())
        yield from do_on_cluster(*given, shared=shared, reads=reads, unread=unread)
    else:
        yield from do_jobs(units, partial(_in_place, make_work, out), argument, where)


def _in_place(
    make_work: Callable[[Any], Callable[[Job, Path, Callable[[], None]], Result]],
    out: Path,
    argument: Any,
) -> Callable[[Job, Callable[[], None]], Result]:
    work = make_work(argument)
    return lambda unit, check: work(unit, out, check)


def workers_for(units: int, wanted: int | Cluster | None) -> int | Cluster:
    """Where to do that many units: no more processes than there are units, at least one.

    Raises:
        InputError: as `number_of_processes`.
    """
    if isinstance(wanted, Cluster):
        return wanted
    return min(number_of_processes(wanted), max(1, units))


def in_fresh_process(
    work: Callable[..., Result], *arguments: Any, environment: Mapping[str, str] = NOTHING
) -> Result:
    """What `work` gives in a new process, which ends with it, or with this one.

    Args:
        work: a function at the top of a module.
        arguments: anything that can be pickled.
        environment: variables that it has besides those of this one.

    Raises:
        InputError: the process was killed from outside.
        Exception: whatever the work raises.
    """
    context = multiprocessing.get_context("spawn")
    with (
        in_environment({**SAFE, **environment}),
        ProcessPoolExecutor(1, context, initializer=_watch) as fresh,
    ):
        try:
            return fresh.submit(_sent, work, *arguments).result()
        except BrokenProcessPool:
            raise InputError("a process was killed while it worked (out of memory?)") from None


@contextmanager
def beside(work: Callable[..., None], *arguments: Any) -> Iterator[None]:
    """Work goes on in a process of its own, with one thread, as long as the context lasts.

    Args:
        work: a function at the top of a module. What of its errors is the user's is said in a line.
        arguments: anything that can be pickled.
    """
    context = multiprocessing.get_context("spawn")
    with in_environment(_of_worker()):
        process = context.Process(target=_do_beside, args=(work, arguments), daemon=True)
        process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _do_beside(work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _watch()
    try:
        work(*arguments)
    except InputError as error:
        say(str(error))
    except Exception as error:
        if not is_of_memory(error):
            raise
        say("memory ran out in a process beside this one, which goes on without it")


def _results(pool: ProcessPoolExecutor, jobs: Iterator[Job | None], ahead: int) -> Iterator[Any]:
    pending: set[Future] = set()
    exhausted = False
    while pending or not exhausted:
        while not exhausted and len(pending) < ahead:
            try:
                job = next(jobs)
            except StopIteration:
                exhausted = True
                break
            if job is None:
                break
            pending.add(pool.submit(_do, job))
        done, pending = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()


def _go_on() -> None:
    """Never asked to stop: in one process an interrupt arrives by itself."""


# What a worker process keeps between jobs; set once by `_start`, unused in the parent.
_worker: dict[str, Any] = {}


def _start(make_work: Callable[[Any], Work], argument: Any, stop: Event) -> None:
    # Ctrl-C reaches every process of the terminal: the parent alone decides what happens then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _watch()

    def check() -> None:
        if stop.is_set():
            raise Stopped

    _worker.update(make=lambda: make_work(argument), check=check)


def _do(job: Any) -> Any:
    if "work" not in _worker:
        # Not in `_start`: there an exception would reach the parent as a broken pool only.
        _worker["work"] = _sent(_worker["make"])
    return _sent(_worker["work"], job, _worker["check"])


def _sent(work: Callable[..., Result], *arguments: Any) -> Result:
    """What `work` gives, or raises so that it reaches the parent as what it is."""
    try:
        return work(*arguments)
    except Exception as error:
        raise_if_of_memory(error)
        raise


def _watch() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _of_worker() -> dict[str, str]:
    """Variables of a process that works beside others."""
    return SAFE | dict.fromkeys(ONE_THREAD, "1") | in_large_pages()


@contextmanager
def in_environment(values: Mapping[str, str]) -> Iterator[None]:
    """Processes started inside have these variables."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
