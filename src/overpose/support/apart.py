"""Files of other people's formats, read in a process apart: a parser that crashes, hangs or takes
memory without end costs its file and nothing else.

The process is started once and serves many files; after a file that it does not survive there is
a new one. What is read, and by what, is said by the caller.
"""

import atexit
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from overpose.support.errors import InputError, is_of_memory
from overpose.support.workers import ONE_THREAD, SAFE

try:
    import resource
except ImportError:  # Windows
    resource = None

Result = TypeVar("Result")

MOST_BYTES = 1 << 30
"""Memory that reading a file may take, beyond that of the idle process; where the system has such
limits."""
LEAST_S = 20.0
"""Time that any file may take until it gives something, and from that to the next."""
BYTES_PER_S = 250_000
"""For each so many bytes of a file it may take a second more."""
_CODE = """\
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
from overpose.support.apart import serve
serve()
"""
_ITEM, _END, _REFUSED, _DEAD = range(4)
"""Kinds of answers: with something read, nothing, and twice an `InputError`."""
_idle: list["_Child"] = []
"""Processes that wait for the next file."""


def read_apart(
    read: Callable[..., Result], path: Path, *arguments: Any, more_bytes: int = 0
) -> Result:
    """What `read(path, *arguments)` gives in a process apart.

    Args:
        read: a function at the top of a module.
        path: of the file.
        arguments: anything that can be pickled.
        more_bytes: memory that it may take beyond `MOST_BYTES`.

    Raises:
        InputError: `read` raises that or anything else, crashes, or takes too long or too much
            memory.
    """
    (result,) = each_apart(_once, path, read, *arguments, more_bytes=more_bytes)
    return result


def each_apart(
    read: Callable[..., Iterable[Result]], path: Path, *arguments: Any, more_bytes: int = 0
) -> Iterator[Result]:
    """Each thing that the iterable `read(path, *arguments)` gives; else as `read_apart`."""
    try:
        size = path.stat().st_size
    except OSError:
        size = 0  # that it is missing is said by `read`
    deadline_s = LEAST_S + size / BYTES_PER_S
    task = _Task(read, path, arguments, Path.cwd(), MOST_BYTES + more_bytes, deadline_s)
    try:
        child = _idle.pop()
    except IndexError:
        child = _Child()
    ended = False
    before: list[Result] = []
    try:
        child.ask(task)
        while True:
            # One ahead, so that whoever stops at the last thing stops an idle process.
            kind, value = child.answer(task)
            ended = kind in (_END, _REFUSED)
            yield from before
            if kind != _ITEM:
                break
            before = [value]
        if kind != _END:
            raise value
    finally:
        if ended:
            _idle.append(child)
        else:
            child.end()


@dataclass(frozen=True)
class _Task:
    read: Callable[..., Iterable[Any]]
    path: Path
    arguments: tuple[Any, ...]
    directory: Path
    most_bytes: int
    deadline_s: float


class _Child:
    """A process that reads a file at a time."""

    def __init__(self) -> None:
        safe = os.environ | SAFE | dict.fromkeys(ONE_THREAD, "1")
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _CODE],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=safe,
        )  # fmt: skip
        self._late = False
        self._send([place for place in sys.path if place])

    def ask(self, task: _Task) -> None:
        self._send(pickle.dumps(task))

    def answer(self, task: _Task) -> tuple[int, Any]:
        """Kind and value of the next thing that the process says; it may be its end."""
        assert self._process.stdout is not None
        timer = threading.Timer(task.deadline_s + 1, self._give_up)
        timer.daemon = True
        timer.start()
        try:
            return pickle.load(self._process.stdout)
        except (EOFError, pickle.UnpicklingError, OSError):
            status = self._process.wait()
        finally:
            timer.cancel()
        if self._late or status == -getattr(signal, "SIGALRM", 0):
            why = f"takes more than {task.deadline_s:.2g} s to read; damaged?"
        else:
            why = f"what reads it crashed (status {status}); damaged, or made to do so"
        return _DEAD, InputError(f"{task.path}: {why}")

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                pipe.close()  # pyright: ignore[reportOptionalMemberAccess]

    def _send(self, value: Any) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):  # it is dead: said when it is to answer
            pickle.dump(value, self._process.stdin)
            self._process.stdin.flush()

    def _give_up(self) -> None:
        self._late = True
        self._process.kill()


def serve() -> None:
    """What the process apart does: read files until its parent ends or closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent alone decides what Ctrl-C ends
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a library prints is no answer
    with suppress(EOFError, BrokenPipeError):
        while True:
            for answer in _answers(pickle.load(requests)):
                _end_after(0)  # however long the parent takes for it
                pickle.dump(answer, answers)
                answers.flush()


def _answers(request: bytes) -> Iterator[tuple[int, Any]]:
    task: _Task = pickle.loads(request)  # which imports what reads it
    try:
        os.chdir(task.directory)
        _limit_memory(task.most_bytes)
        _end_after(task.deadline_s)
        for item in task.read(task.path, *task.arguments):
            yield _ITEM, item
            _end_after(task.deadline_s)
    except InputError as error:
        yield _REFUSED, error
    except Exception as error:  # parsers raise whatever they meet in a damaged file
        yield _REFUSED, InputError(f"{task.path}: cannot be read ({_line(error)})")
    else:
        yield _END, None


def _once(path: Path, read: Callable[..., Result], *arguments: Any) -> Iterator[Result]:
    yield read(path, *arguments)


def _limit_memory(most_bytes: int) -> None:
    """Let this process take so much more than it has now, where the system has such limits."""
    if resource is None:
        return
    with suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + most_bytes
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard == resource.RLIM_INFINITY or most < hard:
            resource.setrlimit(resource.RLIMIT_AS, (most, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _end_after(seconds: float) -> None:
    """Have the system end this process then, even in the middle of a library; 0: never."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _line(error: BaseException) -> str:
    if is_of_memory(error):
        return "takes too much memory"
    text = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _end_idle() -> None:
    while _idle:
        _idle.pop().end()


atexit.register(_end_idle)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)
