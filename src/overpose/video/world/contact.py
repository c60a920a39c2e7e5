"""Which foot stands on something, and when: heels and toes that are held still, low above the floor
where one is known.

What follows from it for the whole body belongs to `fit`.
"""

from dataclasses import dataclass

import numpy as np

from overpose.camera import turned
from overpose.skeleton import FEET
from overpose.support.stretches import stretches
from overpose.video.world.feet import Feet
from overpose.video.world.level import Level

STILL_MM_S = 500.0
"""Up to this speed across the line of sight a heel or toe is held still; along it, speed is noise
for the most part. Chosen on renders of training subjects, where 300 finds three in four contacts
and this nearly nine in ten."""
NEAR_FLOOR_MM = 150.0
"""Heels and toes higher above the floor than this stand on something else, if on anything."""
_HEELS, _TOES = (FEET.indices(f"{side}_{part}" for side in ("left", "right"))
                 for part in ("heel", "toe"))  # fmt: skip
_SMOOTHED_S = 0.12
_SHORTEST_S = 0.08


@dataclass(frozen=True, eq=False)
class Contact:
    """Of one person, each (frames, 2), left and right.

    Attributes:
        stands: bool, whether the foot stands on something.
        heel_still: bool, whether its heel is held still, and so its ankle.
        on_floor: bool, whether it is near the floor; false everywhere where none is known.
    """

    stands: np.ndarray
    heel_still: np.ndarray
    on_floor: np.ndarray


def contact_of(
    feet: Feet, level: Level | None, fps: float, turns: np.ndarray | None = None
) -> Contact:
    """Contacts of one person; of a single frame nothing is known to be still.

    Args:
        feet: of the person.
        level: gravity and floor; None where they are not known.
        fps: frames a second.
        turns: (frames, 3, 3) as `View` has them, of a camera in the axes of whose first frame the
            feet are; None: it does not turn.
    """
    points = feet.points_mm
    known = np.asarray(np.isfinite(points).all(axis=-1))
    still = np.zeros(known.shape, bool)
    if len(points) > 2:
        way = np.gradient(points, axis=0)
        way = way if turns is None else turned(way, turns.swapaxes(1, 2))
        speed = np.linalg.norm(way[..., :2], axis=-1) * fps
        still = known & (_averaged(speed, round(_SMOOTHED_S * fps)) < STILL_MM_S)
    near = np.zeros(known.shape, bool)
    if level is not None:
        near = known & (level.heights_mm(points) < NEAR_FLOOR_MM)
        still &= near | ~known
    heels, toes = still[:, _HEELS], still[:, _TOES]
    least = max(2, round(_SHORTEST_S * fps))
    return Contact(
        _lasting(heels | toes, least), _lasting(heels, least), near[:, _HEELS] | near[:, _TOES]
    )


def _averaged(values: np.ndarray, frames: int) -> np.ndarray:
    """Mean over `frames` frames about each, of (frames, n); NaN where one of them is."""
    if frames < 2:
        return values
    half = frames // 2
    padded = np.pad(values, ((half, half), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1, axis=0)
    return windows.mean(axis=-1)


def _lasting(values: np.ndarray, least: int) -> np.ndarray:
    """(frames, n) bool without runs of True shorter than `least` frames."""
    result = values.copy()
    for column in range(values.shape[1]):
        for start, stop in stretches(values[:, column]):
            if stop - start < least:
                result[start:stop, column] = False
    return result
