"""A part of a command's work: `--shard i/N`. Imports nothing heavy: the command line reads it.

The work is a list of units (a clip, a shard of a dataset); part i of N does the units i, i + N, ...
What was done of it is noted by `records`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

_Item = TypeVar("_Item")
RECORD = re.compile(r"shard-\d+-of-\d+\.json")
"""How records of parts are called."""


@dataclass(frozen=True)
class Shard:
    """Part `number` of `of`, counted from 0."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """From i/N.

        Raises:
            ValueError: it is not that, or i is not from 0 to N - 1.
        """
        found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
        if found is None or not int(found[1]) < int(found[2]):
            raise ValueError(f"got {text!r}, expected i/N with i from 0 to N - 1, e.g. 0/8")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def part(self, units: Sequence[_Item]) -> list[_Item]:
        """The units of this part."""
        return list(units[self.number :: self.of])

    def record_in(self, directory: Path) -> Path:
        """Its record in the directory that it writes to."""
        return directory / f"shard-{self.number}-of-{self.of}.json"
