"""Memory that runs out: the k-th array that is made raises MemoryError."""

import random

from harden.ledger import Ledger
from harden.trial import Bench, Budget, trial_record


def try_allocations(bench: Bench, ledger: Ledger, budget: Budget, most: int) -> None:
    """Fail arrays drawn of all that the command makes, while there is time.

    Args:
        most: how many of the first are tried, and how many are drawn of the others.
    """
    bench.make_reference()
    count = bench.place / "arrays"
    if not count.exists():
        bench.fresh()
        bench.run(HARDEN_COUNT=str(count))
    made = int(count.read_text())
    beyond = range(most + 1, made + 1)
    drawn = random.Random(bench.command.name).sample(beyond, min(most, len(beyond)))
    numbers = [*range(1, min(most, made) + 1), *drawn]
    random.Random(0).shuffle(numbers)
    for number in numbers:
        key = f"{bench.command.name}-array-{number}"
        if key in ledger.done:
            continue
        if not budget.left():
            return
        bench.fresh()
        ran = bench.run(HARDEN_FAIL_AT=str(number))
        problems = bench.after_failure(ran) + bench.again()
        ledger.add(trial_record(key, bench, ran, problems) | {"hit": [f"{number} of {made}"]})
