"""System calls that fail: the k-th write, rename, flush or creation of a file, through strace."""

import random
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from harden.ledger import Ledger
from harden.trial import WHOLE_EVERY, Bench, Budget, digest, shared_out, trial_record

Kind = TypeVar("Kind")

CALLS = {
    "write": ("ENOSPC", "EIO"),
    "pwrite64": ("ENOSPC", "EIO"),
    "ftruncate": ("ENOSPC",),
    "fallocate": ("ENOSPC",),
    "rename": ("ENOSPC", "EIO"),
    "renameat": ("ENOSPC", "EIO"),
    "renameat2": ("ENOSPC", "EIO"),
    "fsync": ("ENOSPC", "EIO"),
    "fdatasync": ("ENOSPC", "EIO"),
    "openat": ("ENOSPC", "EIO"),
    "mkdir": ("ENOSPC",),
}
"""System calls, and the errors that they fail with."""
EVERY_CALL_TO = 200
"""Calls of a kind that all fail in turn; of those beyond, as many are drawn."""
_LINE = re.compile(r"(\d+) +(\w+)\((.*)")


@dataclass(frozen=True)
class Fault:
    """The `number`-th call of its kind in any thread fails with `error`."""

    call: str
    error: str
    number: int

    @property
    def key(self) -> str:
        return f"{self.call}-{self.error}-{self.number}"


def require_strace() -> None:
    """Say what is missing, in one line.

    Raises:
        SystemExit: there is no strace.
    """
    if shutil.which("strace") is None:
        raise SystemExit("harden: strace is not installed; it makes system calls fail")


def strace(bench: Bench, log: Path, *more: str) -> tuple[str, ...]:
    """What runs a command and its children under strace."""
    names = ",".join(CALLS)
    # Faster, but strace cannot do it with a process that is there already.
    fast = ("--seccomp-bpf",) if bench.whole else ()
    return ("strace", "-f", "-y", "-qq", "-s", "0", *fast, "-o", str(log), "-e", f"trace={names}",
            *more)  # fmt: skip


def faults_of(bench: Bench, most: int = EVERY_CALL_TO) -> list[Fault]:
    """Every fault of a command whose call is about its results, in an order drawn once.

    First one of each call, error and file, then a second one, so that a run cut short has tried
    every kind.
    """
    log = bench.place / f"calls-{bench.way}.log"
    if not log.exists():
        bench.fresh()
        bench.run(strace(bench, bench.place / "calls.part"))
        (bench.place / "calls.part").rename(log)
    groups: dict[tuple[str, str], list[Fault]] = {}
    calls = {(call, number): about for call, number, about in _calls_about(log, str(bench.trial))}
    for call, errors in CALLS.items():
        numbers = sorted(number for name, number in calls if name == call)
        beyond = random.Random(call).sample(numbers[most:], min(most, len(numbers[most:])))
        for number in (*numbers[:most], *beyond):
            for error in errors:
                group = groups.setdefault((f"{call} {error}", calls[call, number]), [])
                group.append(Fault(call, error, number))
    return in_turns(groups.values(), lambda fault: digest(fault.key))


def try_faults(bench: Bench, ledger: Ledger, budget: Budget, most: int = EVERY_CALL_TO) -> None:
    """Try every fault that has no result yet, while there is time."""
    require_strace()
    bench.make_reference()
    tried = [(at, bench, fault) for at, fault in enumerate(faults_of(bench, most))]
    whole = bench.as_whole()
    apart = shared_out(faults_of(whole, most))
    tried += [(at * WHOLE_EVERY, whole, fault) for at, fault in enumerate(apart)]
    for _, way, fault in sorted(tried, key=lambda trial: trial[0]):
        key = way.key(fault.key)
        if key in ledger.done:
            continue
        if not budget.left():
            return
        way.fresh()
        log = way.place / "fault.log"
        inject = f"inject={fault.call}:error={fault.error}:when={fault.number}"
        ran = way.run(strace(way, log, "-e", inject))
        hit = [line[:300] for line in _lines(log) if "INJECTED" in line]
        problems = way.after_failure(ran) + way.again()
        ledger.add(trial_record(key, way, ran, problems) | {"hit": hit[:3]})


def in_turns(groups: Iterable[Sequence[Kind]], order: Callable[[Kind], bytes]) -> list[Kind]:
    """One of each group, then another one of each, and so on."""
    ordered = [sorted(group, key=order) for group in groups]
    turns = [(turn, order(item), item) for group in ordered for turn, item in enumerate(group)]
    return [item for *_, item in sorted(turns, key=lambda each: each[:2])]


def _calls_about(log: Path, place: str) -> Iterator[tuple[str, int, str]]:
    """Calls that change something below a place: their name, which one of their thread it is, and
    the file, without the digits of its name.

    strace counts the calls of each thread by itself.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for line in _lines(log):
        matched = _LINE.match(line)
        if matched is None or line.split(maxsplit=1)[1].startswith("<..."):
            continue
        thread, call, rest = matched.groups()
        counts[thread, call] += 1
        creates = call != "openat" or "O_CREAT" in rest
        about = re.search(rf'(?:{re.escape(place)}|"(?:\./)?out)[^">]*', rest)
        if creates and about is not None:
            yield call, counts[thread, call], re.sub(r"\d+", "", about[0].rpartition("/")[2])


def _lines(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()
