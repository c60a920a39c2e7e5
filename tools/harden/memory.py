"""Memory that runs out: the k-th allocation of a command, or of its children, fails."""

import random

from harden.ledger import Ledger
from harden.program import ALLOCATIONS
from harden.trial import Bench, Budget, digest, shared_out, trial_record

IN_CHILDREN = 3000
"""Which allocation of a child fails is drawn up to here, small numbers more often; one that it does
not make is no fault."""


def try_allocations(bench: Bench, ledger: Ledger, budget: Budget, most: int) -> None:
    """Fail allocations drawn of all that the command makes, while there is time.

    Args:
        bench: of the command; its warm process is one whose memory can run out.
        most: how many of the first are tried, and how many are drawn of the others.
    """
    bench.make_reference()
    whole = bench.as_whole()
    trials = [(bench, "HARDEN_FAIL_AT", number) for number in _numbers(bench, most)]
    trials += [(whole, "HARDEN_FAIL_AT", n) for n in shared_out(_numbers(whole, most))]
    if bench.command.has_children:
        draw = random.Random(bench.command.name)
        drawn = {int(IN_CHILDREN ** draw.random()) for _ in range(most)}
        trials += [(bench, "HARDEN_FAIL_CHILD", number) for number in sorted(drawn)]
    for way, where, number in sorted(trials, key=lambda trial: digest(f"{trial[1]}{trial[2]}")):
        kind = "array" if where == "HARDEN_FAIL_AT" else "child"
        key = way.key(f"{kind}-{number}")
        if key in ledger.done:
            continue
        if not budget.left():
            return
        way.fresh()
        failed = way.place / "failed"
        failed.unlink(missing_ok=True)
        libraries = way.libraries()
        named = {where: str(number), ALLOCATIONS: libraries, "HARDEN_FAILED": str(failed)}
        ran = way.run(environment=named)
        hit = failed.read_text().splitlines() if failed.exists() else []
        problems = way.after_failure(ran) + way.again()
        ledger.add(trial_record(key, way, ran, problems) | {"hit": hit[:1]})


def _numbers(bench: Bench, most: int) -> list[int]:
    """Which allocations fail, in an order drawn once."""
    count = bench.place / f"allocations-{bench.way}"
    if not count.exists():
        bench.fresh()
        bench.run(environment={"HARDEN_COUNT": str(count), ALLOCATIONS: bench.libraries()})
    made = int(count.read_text())
    beyond = range(most + 1, made + 1)
    drawn = random.Random(bench.command.name).sample(beyond, min(most, len(beyond)))
    return sorted((*range(1, min(most, made) + 1), *drawn), key=lambda n: digest(str(n)))
