"""Breaks overpose on purpose, and counts what holds. Goes on where an earlier run was.

Usage: python -m harden PART… [--out DIR]; the parts are faults, memory, kills, fuzz and report.
"""

import argparse
import os
from pathlib import Path

from harden.commands import COMMANDS
from harden.faults import EVERY_CALL_TO, require_strace, try_faults
from harden.kills import try_kills
from harden.ledger import PARTS, Ledger
from harden.memory import try_allocations
from harden.trial import Bench, Budget
from overpose.report.header import code_commit


def main() -> None:
    """Run the parts."""
    given = _parse()
    place: Path = given.out.resolve()
    if "faults" in given.parts:
        require_strace()
    chosen = [command for command in COMMANDS if command.name in given.commands]
    for part in given.parts:
        if part == "report":
            from harden.summary import write_report

            write_report(place, given.kept, given.report, given.page)
            continue
        ledger = Ledger(place, part, given.kept)
        if part == "fuzz":
            from harden.fuzzing import try_readers

            try_readers(place, ledger, given.readers, given.fuzz_s)
        else:
            for command in chosen:
                # Results say which commit they are of: those of another are no reference.
                work = place / "work" / code_commit() / command.name
                bench = Bench(command, work, given.hang_s, part == "memory")
                budget = Budget(given.minutes * 60)
                if part == "faults":
                    try_faults(bench, ledger, budget, given.calls)
                elif part == "memory":
                    try_allocations(bench, ledger, budget, given.arrays)
                else:
                    try_kills(bench, ledger, budget, given.kills)
                bench.end()
        records = list(ledger.records())
        bad = [record for record in records if record["problems"]]
        print(f"{part}: {len(records)} trials, {len(bad)} with problems", flush=True)


def _parse() -> argparse.Namespace:
    names = [command.name for command in COMMANDS]
    parser = argparse.ArgumentParser(prog="harden", description=__doc__)
    add = parser.add_argument
    add("parts", nargs="+", choices=(*PARTS, "report"), help="what to do")
    out = os.environ.get("HARDEN_OUT", "runs/harden")
    add("--out", type=Path, default=Path(out), help="state and results")
    kept = Path("results/reliability-trials.jsonl")
    add("--kept", type=Path, default=kept, help="results of earlier runs; report adds the new ones")
    add("--report", type=Path, default=Path("results/reliability.json"), help="where report goes")
    add("--page", type=Path, default=Path("docs/reliability.md"), help="whose tables it renews")
    add("--commands", nargs="+", choices=names, default=names, help="which are broken")
    add("--minutes", type=float, default=1e9, help="most time for each part of each command")
    add("--calls", type=int, default=EVERY_CALL_TO, help="calls of a kind, and as many drawn")
    add("--arrays", type=int, default=EVERY_CALL_TO, help="first arrays, and as many drawn")
    add("--kills", type=int, default=50, help="moments for each command")
    add("--hang-s", type=float, default=300.0, help="longer is a hang; more on a busy machine")
    add("--readers", nargs="+", default=None, help="which are fed damaged files; all if not given")
    add("--fuzz-s", type=float, default=600.0, help="CPU seconds for each reader")
    return parser.parse_args()


if __name__ == "__main__":
    main()
