"""What all trials together say: `results/reliability.json`, and the table in the docs."""

from collections import Counter
from pathlib import Path
from typing import Any

from harden.ledger import PARTS, Ledger, keep
from overpose.report.header import report_header
from overpose.support.files import write_json

MARK = "<!-- figures: written by make harden -->"
"""Stands before and after the tables in docs/reliability.md."""
NAMES = {"faults": "system calls that fail", "memory": "allocations that fail", "kills": "kills"}


def write_report(place: Path, kept: Path, report: Path, page: Path | None = None) -> None:
    """Write the figures of all trials there, and the tables between the marks of a page.

    Trials that are new go to those that are kept.
    """
    keep([Ledger(place, part, kept) for part in PARTS], kept)
    found = summary(place, kept)
    write_json(report, report_header() | found)
    print(f"{report}: {found['trials']} trials, {found['inputs']} damaged files")
    if page is not None and page.exists():
        before, _, rest = page.read_text(encoding="utf-8").partition(MARK)
        _, _, after = rest.partition(MARK)
        text = f"{before}{MARK}\n\n{tables(found)}\n{MARK}{after}"
        page.write_text(text, encoding="utf-8")


def summary(place: Path, kept: Path | None = None) -> dict[str, Any]:
    """The figures of all trials, of those that are kept too."""
    trials: dict[str, dict[str, Any]] = {}
    commits: Counter[str] = Counter()
    for part in NAMES:
        for record in Ledger(place, part, kept).records():
            commits[record["commit"][:7]] += 1
            row = trials.setdefault(part, {}).setdefault(
                record["command"], {"trials": 0, "not_hit": 0, "done_anyway": 0, "problems": {}}
            )
            row["trials"] += 1
            row["not_hit"] += not record["hit"]
            row["done_anyway"] += record["status"] == 0
            for problem in record["problems"]:
                kind = problem.partition(":")[0]
                row["problems"][kind] = row["problems"].get(kind, 0) + 1
    readers = {}
    for record in Ledger(place, "fuzz", kept).records():
        commits[record["commit"][:7]] += 1
        readers[record["reader"]] = {
            "engine": record["engine"],
            "inputs": record["inputs"],
            "cpu_s": record["cpu_s"],
            "problems": len([p for p in record["problems"] if not p.endswith(".txt")]),
        }
    rows = [row for commands in trials.values() for row in commands.values()]
    return {
        "commits_of_trials": dict(commits),
        "trials": sum(row["trials"] for row in rows),
        "problems": sum(sum(row["problems"].values()) for row in rows),
        "inputs": sum(reader["inputs"] for reader in readers.values()),
        "problems_of_readers": sum(reader["problems"] for reader in readers.values()),
        **trials,
        "readers": readers,
    }


def tables(found: dict[str, Any]) -> str:
    """The figures as Markdown."""
    lines = [
        "| command | what | trials | done all the same | problems |",
        "| --- | --- | --: | --: | --: |",
    ]
    for part, title in NAMES.items():
        for command, row in found.get(part, {}).items():
            problems = sum(row["problems"].values())
            lines.append(
                f"| `{command}` | {title} | {row['trials']} | {row['done_anyway']} | {problems} |"
            )
    lines += ["", "| reader | damaged files | CPU s | problems |", "| --- | --: | --: | --: |"]
    for name, row in found["readers"].items():
        lines.append(f"| {name} | {row['inputs']} | {row['cpu_s']:.0f} | {row['problems']} |")
    return "\n".join(lines) + "\n"
