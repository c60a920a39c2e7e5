"""Progress of long work: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import rich.progress

LINE_EVERY_S = 10.0
_told: ContextVar[Callable[[int], None] | None] = ContextVar("_told", default=None)


@contextmanager
def progress_bar(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """Give a function `advance(steps)` to call as work gets done.

    On a terminal a bar is drawn; elsewhere a line is printed at most every ten seconds and one at
    the end. All of it goes to standard error.
    """
    told = _told.get()
    if told is not None:
        yield told
        return
    if sys.stderr.isatty():
        with _bar() as progress:
            task = progress.add_task(description, total=total)
            yield lambda steps: progress.advance(task, steps)
        return
    done, started, said = 0, time.monotonic(), time.monotonic()

    def advance(steps: int) -> None:
        nonlocal done, said
        done += steps
        if time.monotonic() - said >= LINE_EVERY_S:
            said = time.monotonic()
            say(f"{description}: {done}/{total}")

    yield advance
    say(f"{description}: {done}/{total} in {time.monotonic() - started:.1f} s")


@contextmanager
def unseen_progress(advance: Callable[[int], None]) -> Iterator[None]:
    """Progress inside is not shown, but told to a function, which may raise to end the work."""
    before = _told.set(advance)
    try:
        yield
    finally:
        _told.reset(before)


def _bar() -> "rich.progress.Progress":
    """rich's; it takes a tenth of a second to import, and only terminals show it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Remaining())
    return Progress(*columns, console=Console(stderr=True))


def say(line: str) -> None:
    """Print one plain line to standard error."""
    print(line, file=sys.stderr, flush=True)
