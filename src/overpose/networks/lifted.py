"""What lifters give: poses, and beside them what not every lifter knows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from overpose.skeleton import FEET, FOOT_ANKLES, HUMAN36M


@dataclass(frozen=True, eq=False)
class Lifted:
    """People lifted to space: N windows, or frames of one person.

    Attributes:
        poses_mm: (N, 17, 3) float32, relative to the root.
        feet_mm: (N, 4, 3) float32 points of `FEET`, relative to the root; None: not known.
        joint_error_mm: (N, 17) float32, expected distance of each joint from the truth, of the root
            0; None: not known.
    """

    poses_mm: np.ndarray
    feet_mm: np.ndarray | None = None
    joint_error_mm: np.ndarray | None = None

    def turned(self, to_other_axes: np.ndarray) -> "Lifted":
        """In other axes, by rotations (N, 3, 3)."""
        back = np.swapaxes(to_other_axes, -1, -2)
        poses, feet = self.poses_mm, self.feet_mm
        return Lifted(
            (poses @ back).astype(np.float32),
            None if feet is None else (feet @ back).astype(np.float32),
            self.joint_error_mm,
        )

    def mirrored(self) -> "Lifted":
        """As seen in a mirror: sides swapped, x negated."""
        feet, errors = self.feet_mm, self.joint_error_mm
        return Lifted(
            HUMAN36M.layout.mirrored(self.poses_mm),
            None if feet is None else FEET.mirrored(feet),
            None if errors is None else errors[..., HUMAN36M.mirror],
        )

    def where(self, seen: np.ndarray) -> "Lifted":
        """The same, NaN where `seen` (N,) is false."""

        def kept(values: list[np.ndarray]) -> np.ndarray:
            (value,) = values
            beside = seen.reshape(-1, *(1 for _ in value.shape[1:]))
            return np.where(beside, value, np.float32(np.nan))

        return _each([self], kept)


def joined(parts: Sequence[Lifted]) -> Lifted:
    """Windows of several, one after the other."""
    return _each(parts, np.concatenate)


def mean_of(several: Sequence[Lifted]) -> Lifted:
    """The mean of what several lifters say of the same people; of what only some say, of those.

    The expected error of a mean of poses is at most the mean of their expected errors.
    """
    return _each(several, lambda values: np.mean(values, axis=0))


def ankles_mm(poses_mm: np.ndarray) -> np.ndarray:
    """(..., 4, 3): for each point of `FEET`, the ankle that it hangs on."""
    return poses_mm[..., FOOT_ANKLES, :]


def _each(parts: Sequence[Lifted], function: Callable[[list[np.ndarray]], np.ndarray]) -> Lifted:
    """A function of what the parts have of each field; None where none has any."""
    columns = (
        [value for part in parts if (value := getattr(part, name)) is not None]
        for name in ("poses_mm", "feet_mm", "joint_error_mm")
    )
    return Lifted(*(function(column) if column else None for column in columns))  # pyright: ignore
