"""True times: from the time stamps in a file to frames at a constant rate.

Stamps may be missing, uneven, jump forwards or backwards, wrap or start again; frames keep the
order in which they are decoded. Reading the stamps belongs to `container`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

DEFAULT_FPS = 25.0
"""Of frames that do not say when they are."""
LONGEST_GAP_S = 10.0
"""A longer gap between two frames is a jump of the clock: no time is taken to have passed."""
MOST_FPS, LEAST_FPS = 1000.0, 1.0
_MOST_REPEATS = 10
_SPARE_REPEATS = 1000
"""Frames at the constant rate for each one in the file, at most, on average, and some more."""
_UNEVEN = 0.75
"""Frames further than this part of a frame's time from the constant rate leave it."""
_SAME_TIME_S = 1e-6
"""Frames no further apart are at the same time."""
_SAME_RATE = 0.002
"""How far a rate that the file states may be from the one measured."""


@dataclass
class Clock:
    """Places frames, given in order, on a constant grid of times.

    Attributes:
        fps: of the grid.
        index: where on it the newest frame is first shown; -1 before the first.
        uneven: whether a frame did not come one step after the one before.
        jumps: for each jump of the clock the number of frames before it, and its size in seconds.
    """

    fps: float
    index: int = -1
    uneven: bool = False
    jumps: list[tuple[int, float]] = field(default_factory=list)
    _frames: int = 0
    _time_s: float = 0.0
    _stamp_s: float | None = None

    def place(self, stamp_s: float | None, *, lost: int = 0) -> int:
        """Place the next frame; return `index`, as before where it comes too soon to be shown.

        Args:
            stamp_s: its time as the file says it.
            lost: how many frames before it could not be decoded.
        """
        frame_s = 1 / self.fps
        if self.index < 0:
            self.index = 0
        else:
            step_s = frame_s * (1 + lost)
            if stamp_s is not None and self._stamp_s is not None:
                said_s = stamp_s - self._stamp_s
                if -frame_s < said_s <= longest_gap_s(self.fps) + lost * frame_s:
                    step_s = max(said_s, 0.0)
                else:
                    self.jumps.append((self._frames, said_s))
            self._time_s += step_s
            place = self._time_s * self.fps
            following = self.index + 1
            if abs(place - following) > _UNEVEN:
                self.uneven = self.uneven or not lost
                following = max(self.index, round(place))
            self.index = following
        self._frames += 1
        self._stamp_s = stamp_s
        return self.index


def longest_gap_s(fps: float) -> float:
    """The longest time, seconds, that may pass between two frames."""
    return max(LONGEST_GAP_S, 1 / fps)


def constant_rate_fps(
    stamps_s: Sequence[float], stated: Iterable[float] = (), *, tick_s: float = 0.0
) -> float:
    """The rate of the grid on which frames of these times lose least.

    That of most frames, not their average: where some come late, those before are repeated, and
    none is left out. What the file states is taken where it agrees but for rounding.

    Args:
        stamps_s: times of the frames in the order in which they are shown, seconds.
        stated: rates that the file states, the best first; what makes no sense is passed over.
        tick_s: what the stamps are rounded to.
    """
    rates = [rate for rate in stated if LEAST_FPS <= rate <= MOST_FPS]
    steps = np.diff(np.asarray(stamps_s, np.float64))
    steps = steps[(steps > _SAME_TIME_S) & (steps <= LONGEST_GAP_S)]
    if not len(steps):
        return next((rate for rate in rates if rate < MOST_FPS), DEFAULT_FPS)
    usual = steps[np.abs(steps / np.percentile(steps, 50, method="lower") - 1) < 0.5]
    measured = 1 / float(usual.mean())
    rounding = _SAME_RATE + 2 * tick_s / float(usual.sum())
    fps = next((rate for rate in rates if abs(rate / measured - 1) <= rounding), measured)
    if fps > MOST_FPS:
        fps = next((rate for rate in rates if rate < MOST_FPS), DEFAULT_FPS)
    # Frames in bursts with long pauses: a rate at which not nearly all are repeats.
    most = (_SPARE_REPEATS + _MOST_REPEATS * len(steps)) / float(steps.sum())
    return max(min(fps, most), LEAST_FPS)


def placed(stamps_s: Sequence[float], fps: float) -> Clock:
    """The clock after frames of these times, in the order in which they are shown."""
    clock = Clock(fps)
    for stamp_s in stamps_s:
        clock.place(stamp_s)
    return clock
