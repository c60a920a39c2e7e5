"""Whom to keep: fragments go, and `--people` and `--track` choose among the rest.

Numbering people while a video runs belongs to `tracking`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from overpose.support.checks import check_array
from overpose.support.errors import InputError

_SHADOW_SHARE = 0.5


@dataclass(frozen=True)
class Presence:
    """How much of a video one person was seen in.

    Attributes:
        person: number from the tracker.
        first_frame: where the person was first seen.
        frames: in how many frames.
        area_px: sum over these frames of the area of the keypoints' box, px².
        doubled: in how many of them somebody of a smaller number had nearly the same keypoints.
    """

    person: int
    first_frame: int
    frames: int
    area_px: float
    doubled: int = 0

    def with_frame(self, frame: int, area_px: float, *, doubled: bool = False) -> "Presence":
        """The presence with one more frame counted."""
        return replace(
            self,
            first_frame=min(self.first_frame, frame),
            frames=self.frames + 1,
            area_px=self.area_px + area_px,
            doubled=self.doubled + doubled,
        )


def presences_of(keypoints_px: np.ndarray) -> list[Presence]:
    """Presences of the people of an array, numbered from 1 in its order.

    Args:
        keypoints_px: (people, frames, K, 3) x, y px and score; NaN x, y = missing.

    Raises:
        InputError: wrong shape.
    """
    check_array("keypoints_px", keypoints_px, ("people", "frames", "K", 3))
    result = []
    for number, track in enumerate(keypoints_px, start=1):
        seen = np.isfinite(track[..., :2]).all(axis=-1)
        frames = np.flatnonzero(seen.any(axis=-1))
        points, known = track[frames, :, :2], seen[frames, :, None]
        high = np.where(known, points, -np.inf).max(axis=1, initial=-np.inf)
        low = np.where(known, points, np.inf).min(axis=1, initial=np.inf)
        area = float(np.prod(high - low, axis=-1, dtype=np.float64).sum())
        result.append(Presence(number, int(frames[0]) if len(frames) else 0, len(frames), area))
    return result


def select_people(
    presences: Sequence[Presence],
    *,
    fps: float,
    total_frames: int,
    people: int | None = None,
    track: int | None = None,
    shortest_s: float = 0.3,
    shadow_s: float = 2.0,
) -> list[int]:
    """Whom to keep, in order of first appearance; the place in the list is the new number less 1.

    Those seen for less than `shortest_s` altogether go (in a clip so short that this is more than
    half of it: those seen in less than half), so do those seen for less than `shadow_s` who mostly
    lay on the body of somebody else, then all but the `people` most present ones (area
    times time), then all but the new number `track`: the numbers of a run without `track`.

    Args:
        presences: everybody, from `Tracker.presences` or `presences_of`.
        fps: frames a second.
        total_frames: how many frames the video has.
        people: how many to keep at most; all when absent.
        track: number of the one to keep; all when absent.
        shortest_s: shortest time to be seen.
        shadow_s: from this time on even a double is a person of its own.

    Returns:
        Numbers from `presences`.

    Raises:
        InputError: `people` or `track` is not positive, or there is no such track.
    """
    if people is not None and people < 1:
        raise InputError(f"people: got {people}, expected at least 1")
    if track is not None and track < 1:
        raise InputError(f"track: got {track}, expected 1 or more; people are numbered from 1")
    least = max(1.0, min(shortest_s * fps, 0.5 * total_frames))
    kept = [
        each
        for each in presences
        if each.frames >= least
        and (each.frames >= shadow_s * fps or each.doubled < _SHADOW_SHARE * each.frames)
    ]
    if people is not None:
        kept = sorted(kept, key=lambda each: (-each.area_px, each.person))[:people]
    kept.sort(key=lambda each: (each.first_frame, each.person))
    numbers = [presence.person for presence in kept]
    if track is None:
        return numbers
    if track > len(numbers):
        there = f"there are {len(numbers)} people" if len(numbers) != 1 else "there is 1 person"
        raise InputError(
            f"track: got {track}, but {there}; give a number from 1 on or leave it out"
        )
    return [numbers[track - 1]]
