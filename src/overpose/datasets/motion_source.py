"""Where motion comes from. Imports nothing heavy: the command line shows these options."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from overpose.support.errors import InputError


@dataclass(frozen=True)
class MotionSource:
    """Recorded motion and its splits; without them the motion is made up (procedural).

    Raises:
        InputError: one of the two is given without the other.
    """

    mocap: Path | None = None
    """CMU's motion capture, a directory or an archive in the official layout; or your own ASF and
    AMC, or BVH, files with CMU's bone names, in a directory."""
    splits: Path | None = None
    """Which trials train and test, JSON; see docs/data.md. Goes with --mocap."""
    up: Literal["y", "z"] = "y"
    """The axis of BVH files that points up: y in most, z in those that Blender wrote."""

    def __post_init__(self) -> None:
        if (self.mocap is None) != (self.splits is None):
            given, missing = ("splits", "mocap") if self.mocap is None else ("mocap", "splits")
            raise InputError(
                f"got --{given} without --{missing}, expected both, or neither for procedural "
                "motion"
            )

    @property
    def is_recorded(self) -> bool:
        """Whether there is motion capture."""
        return self.mocap is not None

    @property
    def name(self) -> str:
        """What to call it in a report."""
        return "procedural motion" if self.mocap is None else self.mocap.name
