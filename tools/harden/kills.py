"""Kills at random moments: of everything, of the parent alone, of one child."""

import os
import random
import signal
import subprocess
from contextlib import suppress
from functools import partial
from pathlib import Path

from harden.ledger import Ledger
from harden.trial import WHOLE_EVERY, Bench, Budget, trial_record
from harden.warm import Forked

WHOM = ("all", "parent", "child")
_TURNS = 5
"""Until the command is killed before it ends."""


def try_kills(bench: Bench, ledger: Ledger, budget: Budget, count: int) -> None:
    """Kill a command at `count` moments, and check what is left, while there is time."""
    bench.make_reference()
    whole = bench.as_whole()
    lengths_s = {way.way: float(way.reference(way.way)["s"]) for way in (bench, whole)}
    for number in range(count):
        whom = WHOM[number % len(WHOM)]
        way = whole if number % WHOLE_EVERY == 0 else bench
        key = way.key(f"{whom}-{number}")
        if key in ledger.done:
            continue
        if not budget.left():
            return
        draw = random.Random(key)
        killed: list[str] = []
        for _ in range(_TURNS):
            after_s = draw.uniform(0.05, 1.0) * lengths_s[way.way]
            way.fresh()
            ran = way.run(meanwhile=partial(_kill_after, after_s, whom, killed))
            own = killed not in ([], ["child"])
            problems = way.after_failure(ran, killed=own) + way.again()
            if killed or problems:
                break
            lengths_s[way.way] = min(lengths_s[way.way], ran.seconds)  # it was faster
        record = trial_record(key, way, ran, problems)
        ledger.add(record | {"hit": killed, "after_s": round(after_s, 2)})


def _kill_after(
    after_s: float, whom: str, killed: list[str], running: subprocess.Popen | Forked
) -> None:
    """Kill a process, or of its family whom, after some time; adds to `killed` whom it was."""
    with suppress(subprocess.TimeoutExpired):
        running.wait(after_s)
        return  # it was faster
    children = _descendants(running.pid)
    with suppress(ProcessLookupError):
        if whom == "child" and children:
            os.kill(random.Random(after_s).choice(children), signal.SIGKILL)
            killed.append("child")
        elif whom == "parent":
            os.kill(running.pid, signal.SIGKILL)
            killed.append("parent")
        else:
            os.killpg(running.pid, signal.SIGKILL)
            killed.append("all")


def _descendants(process: int) -> list[int]:
    found = []
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *_descendants(int(child))]
    return found
