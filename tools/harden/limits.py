"""What a reader may take for one file: 1 GB above the idle process, and 5 s of CPU."""

import faulthandler
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BYTES = 10**9
SECONDS = 5.0
_DEAF_S = 120.0
"""A process that hears no signal for so long, in code that is not Python, is ended."""


class TooSlow(BaseException):
    """A file took more CPU time than it may."""


@contextmanager
def limited_memory(more: int = BYTES) -> Iterator[None]:
    """This process gets so many bytes at most above what it has now; beyond, memory runs out."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_data_bytes() + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


@contextmanager
def limited_time(seconds: float = SECONDS) -> Iterator[None]:
    """Raise `TooSlow` once so much CPU time has gone."""

    def end(*_: object) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    faulthandler.dump_traceback_later(_DEAF_S, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _data_bytes() -> int:
    """Private memory of this process that may be written to, as the system counts for its limit."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status says nothing of VmData")
