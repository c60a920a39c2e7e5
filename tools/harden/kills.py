"""Kills at random moments: of everything, of the parent alone, of one child."""

import os
import random
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from harden.ledger import Ledger
from harden.trial import WHOLE_EVERY, Bench, Budget, trial_record
from harden.warm import Forked

WHOM = ("all", "parent", "child")


def try_kills(bench: Bench, ledger: Ledger, budget: Budget, count: int) -> None:
    """Kill a command at `count` moments, and check what is left, while there is time."""
    bench.make_reference()
    whole = bench.as_whole()
    for number in range(count):
        whom = WHOM[number % len(WHOM)]
        way = whole if number % WHOLE_EVERY == 0 else bench
        seconds = way.reference(way.way)["s"]
        key = way.key(f"{whom}-{number}")
        if key in ledger.done:
            continue
        if not budget.left():
            return
        after_s = random.Random(key).uniform(0.05, 1.0) * seconds
        killed: list[str] = []

        def disturb(
            running: subprocess.Popen | Forked, after_s: float = after_s, whom: str = whom,
            killed: list[str] = killed,
        ) -> None:  # fmt: skip
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

        way.fresh()
        ran = way.run(meanwhile=disturb)
        own = killed not in ([], ["child"])
        problems = way.after_failure(ran, killed=own) + way.again()
        record = trial_record(key, way, ran, problems)
        ledger.add(record | {"hit": killed, "after_s": round(after_s, 2)})


def _descendants(process: int) -> list[int]:
    found = []
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *_descendants(int(child))]
    return found
