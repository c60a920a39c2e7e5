"""How often a fast video is looked at: on every frame, or on fewer where people move calmly.

What lies between two looks is interpolated; how far that is off is estimated from the looks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from overpose.keypoints.likeness import body_size
from overpose.keypoints.people import Person

ENOUGH_FPS = 30.0
"""Looks a second that "auto" keeps to, at least."""
CALM = 0.03
"""How far from a straight motion the keypoints of a look may lie, in sizes of the person, for the
next frames to be passed over. In the middle between two looks that is an eighth of it."""
_WATCHED_S = 0.2
"""How long every frame is looked at after somebody moved faster than that."""


@dataclass(eq=False)
class Pace:
    """Says for each frame of a video whether to look at it.

    What was found in a look may be told after the next one is begun with.

    Args:
        every: look at one frame of so many, at least 1; "auto": at `ENOUGH_FPS` a second, and at
            all while somebody moves fast.
        fps: frames a second.
    """

    every: int | Literal["auto"]
    fps: float
    _looks: dict[int, dict[int, np.ndarray]] = field(default_factory=dict)
    _last: int = -1
    _next: int = 0
    _watched_until: int = -1

    @property
    def step(self) -> int:
        """Frames from one look to the next, where people are calm."""
        if self.every == "auto":
            return max(1, int(self.fps / ENOUGH_FPS + 0.05))
        return self.every

    def is_due(self, frame: int) -> bool:
        """Whether to look at a frame, the first always; asked of one after the other."""
        if frame < self._next:
            return False
        self._last = frame
        self._next = frame + (1 if frame < self._watched_until else self.step)
        return True

    def saw(self, frame: int, people: Sequence[Person]) -> None:
        """Who was found in a frame that was due."""
        if self.step == 1:
            return
        fast = False
        for person in people:
            looks = self._looks.setdefault(person.number, {})
            looks[frame] = person.keypoints_px
            for old in [each for each in looks if each < frame - 2 * self.step]:
                del looks[old]
            fast |= self._bend(looks, frame) > CALM
        self._looks = {person.number: self._looks[person.number] for person in people}
        if self.every == "auto" and fast:
            self._watched_until = frame + round(_WATCHED_S * self.fps)
            self._next = self._last + 1

    def _bend(self, looks: Mapping[int, np.ndarray], frame: int) -> float:
        """How far a look lies from a straight motion through those one and two steps before, in
        sizes of the person; 0 where these are missing."""
        if not all(frame - back in looks for back in (self.step, 2 * self.step)):
            return 0.0
        found, last = looks[frame], looks[frame - self.step]
        before = looks[frame - 2 * self.step]
        apart = np.linalg.norm(found[:, :2] - 2 * last[:, :2] + before[:, :2], axis=-1)
        known = apart[np.isfinite(apart)]
        return float(np.median(known)) / body_size(found) if len(known) else 0.0


def between_looks(values: np.ndarray, passed: np.ndarray) -> np.ndarray:
    """Frames that were passed over, on a straight line between the looks around them.

    Args:
        values: (frames, ...) floats; NaN where somebody was not seen.
        passed: (frames,) bool.

    Returns:
        the same with the frames between two looks in which somebody was seen interpolated.
    """
    looks = np.flatnonzero(~passed)
    if len(looks) < 2:
        return values
    frames = np.flatnonzero(passed & (np.arange(len(passed)) < looks[-1]))
    after = looks[np.searchsorted(looks, frames)]
    before = looks[np.searchsorted(looks, frames) - 1]
    share = ((frames - before) / (after - before)).reshape(-1, *[1] * (values.ndim - 1))
    filled = values.copy()
    line = values[before] * (1 - share) + values[after] * share
    filled[frames] = np.where(np.isfinite(line), line, values[frames])
    return filled


def error_between_px(keypoints: np.ndarray, passed: np.ndarray) -> float:
    """How far interpolated keypoints are off, pixels, median; NaN where nothing tells it.

    Each look is compared with the line between the looks before and after. These are twice as far
    apart as the looks that are interpolated between, so it is off by four times as much.

    Args:
        keypoints: (frames, K, 3) x, y, score of one person.
        passed: (frames,) bool.
    """
    looks = np.flatnonzero(~passed)
    if len(looks) < 3:
        return float("nan")
    before, now, after = looks[:-2], looks[1:-1], looks[2:]
    even = (after - now == now - before) & (now - before > 1)
    line = (keypoints[before[even], :, :2] + keypoints[after[even], :, :2]) / 2
    apart = np.linalg.norm(keypoints[now[even], :, :2] - line, axis=-1) / 4
    known = apart[np.isfinite(apart)]
    return float(np.median(known)) if len(known) else float("nan")
