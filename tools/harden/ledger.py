"""What was tried already: one line of JSON for each trial, so that an interrupted run goes on."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from overpose.report.header import code_commit
from overpose.support.files import writing_file

PARTS = ("faults", "memory", "kills", "fuzz")
_SHORT = ("key", "status", "reader", "engine", "inputs", "cpu_s", "commit")
"""What is kept of a record besides its part, its problems and that a fault was not met."""


class Ledger:
    """The results of one part, in `DIRECTORY/PART.jsonl`, after those that are kept.

    Args:
        directory: of the state.
        part: one of `PARTS`.
        kept: results of earlier runs, perhaps of other machines, from `keep`.
    """

    def __init__(self, directory: Path, part: str, kept: Path | None = None) -> None:
        self._path = directory / f"{part}.jsonl"
        self.part, self._kept = part, kept
        self._commit = code_commit()
        self.done = {record["key"] for record in self.records() if not record["problems"]}
        """Keys of the trials that have a result and need no other one."""

    def records(self) -> Iterator[dict[str, Any]]:
        """The newest result of each trial; a last line that was cut short is none."""
        found: dict[str, dict[str, Any]] = {}
        for record in (*self._earlier(), *_lines(self._path)):
            found[record["key"]] = record
        yield from found.values()

    def _earlier(self) -> Iterator[dict[str, Any]]:
        for record in _lines(self._kept):
            if record["part"] == self.part:
                command = record["key"].partition("-")[0]
                yield {"command": command, "hit": True, "problems": []} | record

    def add(self, record: dict[str, Any]) -> None:
        """Keep a result, which has a `key` and `problems`, and say which commit it is of."""
        record = record | {"commit": self._commit}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        text = self._path.read_bytes() if self._path.exists() else b""
        with self._path.open("a", encoding="utf-8") as file:
            if text and not text.endswith(b"\n"):
                file.write("\n")
            file.write(json.dumps(record) + "\n")


def keep(ledgers: Iterable[Ledger], path: Path) -> None:
    """Write what the next run, on whatever machine, needs to go on, and `report` to count."""
    lines = []
    for ledger in ledgers:
        for record in ledger.records():
            short = {name: record[name] for name in _SHORT if name in record}
            if "reader" not in short:
                short.pop("cpu_s", None)
                short |= {} if record["hit"] else {"hit": False}
            short |= {"problems": record["problems"]} if record["problems"] else {}
            short["commit"] = short["commit"][:7]
            lines.append(json.dumps({"part": ledger.part} | short, separators=(",", ":")))
    with writing_file(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _lines(path: Path | None) -> Iterator[dict[str, Any]]:
    if path is None or not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue
