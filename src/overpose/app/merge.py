"""`merge`: parts of a command's work, made by `--shard`, put together."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class Merge:
    """Put together the parts that `predict --shard` or `render --shard` made, on any machines.

    Parts that are missing, doubled, unfinished, damaged or made differently are named. The files
    are byte for byte those of the same command without --shard.

    Example: overpose merge out/part0 out/part1 --out out/whole
    """

    parts: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Directories that --shard wrote to."""
    out: Path
    """A new directory."""

    def run(self) -> None:
        from overpose.experiments.merge import merge

        print(merge(self.parts, self.out))
