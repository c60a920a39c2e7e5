"""What was tried already: one line of JSON for each trial, so that an interrupted run goes on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from overpose.report.header import code_commit


class Ledger:
    """The results of one part, in `DIRECTORY/PART.jsonl`."""

    def __init__(self, directory: Path, part: str) -> None:
        self._path = directory / f"{part}.jsonl"
        self._commit = code_commit()
        self.done = {record["key"] for record in self.records()}
        """Keys of the trials that have a result."""

    def records(self) -> Iterator[dict[str, Any]]:
        """Every result; a last line that was cut short is none."""
        if not self._path.exists():
            return
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue

    def add(self, record: dict[str, Any]) -> None:
        """Keep a result, which has a `key`, and say which commit it is of."""
        record = record | {"commit": self._commit}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        text = self._path.read_bytes() if self._path.exists() else b""
        with self._path.open("a", encoding="utf-8") as file:
            if text and not text.endswith(b"\n"):
                file.write("\n")
            file.write(json.dumps(record) + "\n")
        self.done.add(record["key"])
