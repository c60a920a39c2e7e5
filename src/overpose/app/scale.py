"""`scale`: what many machines would take, from what this one was measured at."""

from dataclasses import dataclass, field
from pathlib import Path

from overpose.experiments.scale.options import ScaleOptions
from overpose.support.files import Output


@dataclass(frozen=True)
class Scale:
    """Say what rendering, lifting and training would take on many cores: hours, storage, network,
    money, and what breaks first.

    Measures this machine for some 15 minutes (Linux, extra ray; nothing else should run), holds a
    simulation against other runs of it, and extrapolates. OUT gets measured.json, scale.json and
    scale.md.

    Example: overpose scale --out runs/scale --core-hour 0.02 0.04 --price-source "MINE, 2026-11"
    """

    output: Output
    measured: Path | None = None
    """The measured.json of an earlier run, to estimate from it in a minute without measuring."""
    options: ScaleOptions = field(default_factory=ScaleOptions)
    shards: int = 80
    """Shards of 256 images in each measured rendering."""
    rounds: int = 2
    """How often one and two workers take turns."""

    def run(self) -> None:
        from overpose.experiments.scale.study import PAGE, study_scale

        study_scale(
            self.output, self.options, measured=self.measured, shards=self.shards,
            rounds=self.rounds,
        )  # fmt: skip
        print((self.output.out / PAGE).read_text(encoding="utf-8"), end="")
