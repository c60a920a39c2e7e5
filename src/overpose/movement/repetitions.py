"""Movements that are done again and again: squats, jumping jacks, curls.

Walking is `gait`'s; what is drawn of repetitions belongs to `page`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

from overpose.angles import SIDES
from overpose.movement.body import height_of_pelvis_mm, joint, leg_mm
from overpose.support.stretches import stretches
from overpose.video.smoothing import smooth_zero_phase

BOTH = "both"
"""In place of a side: the mean of left and right, where they go together."""
TWO_SIDED = ("knee_flexion", "hip_flexion", "elbow_flexion", "shoulder_elevation")
MIDDLE = ("trunk_lean", "trunk_lean_right", "lumbar_rotation")
"""Angles in which repetitions are looked for."""
SMOOTH_HZ = 3.0
LEAST_RANGE_DEG = 30.0
"""From one end of the movement to the other."""
EVEN_TIME, EVEN_RANGE = 1.6, 1.5
"""By how much a repetition may be longer, or larger, than the one before it."""
ALIKE = 0.9
"""Least correlation of each repetition with the mean of all."""
REPETITION_S = (0.4, 8.0)
LEAST_REPETITIONS = 3
ONE_MORE = 1.3
"""What a movement of both sides counts as, in times its range, against one of a single side."""
TOGETHER = 0.5
"""Least correlation of left and right where both do the same."""
BEGUN = 0.1
"""A repetition begins and is over where this share of its way is done, and left."""
SQUAT_DEPTH, SQUAT_KNEE_DEG, SQUAT_STEP = 0.35, 60.0, 0.35
"""Of a leg's length, how far the pelvis comes down to the ankles; how far both knees bend; and how
far, at most, a foot goes in relation to the other."""


@dataclass(frozen=True, eq=False)
class Repetitions:
    """One movement, repeated.

    Attributes:
        angle: name of the angle that shows it best, without its side.
        side: "left", "right", `BOTH`, or "middle" of an angle that has no side.
        spans: (n, 2) frames, each repetition from where it begins to where it is over.
        peaks: (n,) frames in which the angle is largest.
        least_deg, most_deg: (n,) degrees at the ends and at the peak.
        depth_mm: (n,) how far the pelvis comes down in each squat; None of other movements.
    """

    angle: str
    side: str
    spans: np.ndarray
    peaks: np.ndarray
    least_deg: np.ndarray
    most_deg: np.ndarray
    depth_mm: np.ndarray | None = None

    @property
    def range_deg(self) -> float:
        """How far the angle goes, the median."""
        return float(np.median(self.most_deg - self.least_deg))


def repetitions_of(
    angles: Mapping[str, np.ndarray], fps: float, busy: np.ndarray
) -> tuple[Repetitions, ...]:
    """What somebody does at least `LEAST_REPETITIONS` times one after the other.

    Of several angles that repeat at one time, the one that moves farthest is taken.

    Args:
        angles: (frames,) degrees by the names of `ANGLES`; NaN where not known.
        fps: frames a second.
        busy: (frames,) bool, where to look for none, because the person walks or squats.
    """
    found = []
    for (angle, side), values in _signals(angles).items():
        free = np.where(busy, np.nan, values)
        for start, stop in stretches(np.isfinite(free)):
            smooth = smooth_zero_phase(free[start:stop], fps, SMOOTH_HZ)
            runs = [_named(angle, side, run, start, smooth) for run in _runs(smooth, fps)]
            found += [run for run in runs if side != BOTH or _together(angles, run)]
    found.sort(key=lambda each: -each.range_deg * (ONE_MORE if each.side == BOTH else 1.0))
    kept: list[Repetitions] = []
    for each in found:
        if not any(_overlap(each, other) for other in kept):
            kept.append(each)
    return tuple(sorted(kept, key=lambda each: each.spans[0, 0]))


def squats_of(
    joints_mm: np.ndarray, angles: Mapping[str, np.ndarray], fps: float, busy: np.ndarray
) -> Repetitions | None:
    """Squats, and whatever else brings the pelvis down between both feet and up again, such as
    sitting down and standing up; None where there are none. A single one counts.

    Args:
        joints_mm: (frames, 17, 3) joints of `HUMAN36M`, y up; NaN where not seen.
        angles, fps, busy: as in `repetitions_of`.
    """
    knees = _both(angles, "knee_flexion")
    least = np.minimum(angles["left_knee_flexion"], angles["right_knee_flexion"])
    height, leg = height_of_pelvis_mm(joints_mm), leg_mm(joints_mm)
    height = np.where(busy, np.nan, height)
    apart = joint(joints_mm, "left_ankle") - joint(joints_mm, "right_ankle")
    rows = []
    for start, stop in stretches(np.isfinite(height + knees)):
        down = -smooth_zero_phase(height[start:stop], fps, SMOOTH_HZ)
        for begin, bottom, end in _swings(down, SQUAT_DEPTH * leg):
            during = slice(start + int(begin), start + int(end) + 1)
            steps = np.linalg.norm(apart[during] - np.median(apart[during], axis=0), axis=-1).max()
            slow = (end - begin) / fps >= REPETITION_S[0] and steps <= SQUAT_STEP * leg
            if slow and least[start + bottom] >= SQUAT_KNEE_DEG:
                ends = np.interp((begin, end), np.arange(len(down)), down).mean()
                depth = (down[bottom] - ends) / (1 - BEGUN)
                if depth <= leg:  # who comes down further is on the floor
                    rows.append((start + begin, start + end, start + bottom, depth))
    if not rows:
        return None
    begin, end, bottom, depth = np.array(rows).T
    peaks = bottom.astype(np.int64)
    ends = (knees[begin.astype(np.int64)] + knees[end.astype(np.int64)]) / 2
    spans = np.stack([begin, end], axis=-1)
    return Repetitions("knee_flexion", BOTH, spans, peaks, ends, knees[peaks], depth)


def _both(angles: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    return (angles[f"left_{name}"] + angles[f"right_{name}"]) / 2


def _signals(angles: Mapping[str, np.ndarray]) -> dict[tuple[str, str], np.ndarray]:
    """Curves to look at, by angle and side."""
    signals = {(name, "middle"): angles[name] for name in MIDDLE}
    for name in TWO_SIDED:
        signals |= {(name, side): angles[f"{side}_{name}"] for side in SIDES}
        signals[name, BOTH] = _both(angles, name)
    return signals


def _together(angles: Mapping[str, np.ndarray], run: Repetitions) -> bool:
    """Whether left and right do the same."""
    during = slice(int(run.spans[0, 0]), int(run.spans[-1, 1]) + 1)
    left, right = (angles[f"{side}_{run.angle}"][during] for side in SIDES)
    return _correlation(left, right) > TOGETHER


def _swings(values: np.ndarray, least: float) -> list[tuple[float, int, float]]:
    """Begin, peak and end, frames, of every rise by `least` and fall by as much."""
    if len(values) < 3:
        return []
    peaks: list[int] = find_peaks(values, prominence=least)[0].tolist()
    found = []
    for before, peak, after in zip([0, *peaks], peaks, [*peaks[1:], len(values) - 1], strict=False):
        rise, fall = values[before : peak + 1], values[peak : after + 1]
        lows = (before + int(rise.argmin()), peak + int(fall.argmin()))
        begin, end = (_crossing(values, peak, low) for low in lows)
        found.append((begin, peak, end))
    return found


def _crossing(values: np.ndarray, peak: int, low: int) -> float:
    """Where the values, from a peak to a low before or after it, first have all but `BEGUN` of the
    way behind them."""
    level = float(values[low] + BEGUN * (values[peak] - values[low]))
    step = 1 if low >= peak else -1
    for frame in range(peak, low, step):
        here, there = float(values[frame]), float(values[frame + step])
        if there <= level < here:
            return frame + step * (here - level) / (here - there)
    return float(low)


def _runs(values: np.ndarray, fps: float) -> list[np.ndarray]:
    """Of (frames,) degrees: (n, 3) begin, peak and end of repetitions that follow each other."""
    each = np.array(_swings(values, LEAST_RANGE_DEG)).reshape(-1, 3)
    runs: list[list[np.ndarray]] = [[]]
    for one in each:
        if not _whole(one, values, fps):
            runs.append([])
        elif runs[-1] and _even(runs[-1][-1], one, values):
            runs[-1].append(one)
        else:
            runs.append([one])
    long = [np.array(run) for run in runs if len(run) >= LEAST_REPETITIONS]
    return [run for run in long if _alike(run, values)]


def _rises(one: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    begin, peak, end = one.astype(np.int64)
    return float(values[peak] - values[begin]), float(values[peak] - values[end])


def _whole(one: np.ndarray, values: np.ndarray, fps: float) -> bool:
    rises = _rises(one, values)
    in_time = REPETITION_S[0] <= (one[2] - one[0]) / fps <= REPETITION_S[1]
    large = min(rises) >= (1 - 2 * BEGUN) * LEAST_RANGE_DEG
    return bool(in_time and large and max(rises) <= EVEN_RANGE * min(rises))


def _even(before: np.ndarray, after: np.ndarray, values: np.ndarray) -> bool:
    times = [one[2] - one[0] for one in (before, after)]
    sizes = [sum(_rises(one, values)) for one in (before, after)]
    even = max(times) <= EVEN_TIME * min(times) and max(sizes) <= EVEN_RANGE * min(sizes)
    return bool(even)


def _alike(run: np.ndarray, values: np.ndarray) -> bool:
    frames, at = np.arange(len(values)), np.linspace(0, 1, 51)
    shapes = [np.interp(one[0] + at * (one[2] - one[0]), frames, values) for one in run]
    mean = np.mean(shapes, axis=0)
    return bool(min(_correlation(shape, mean) for shape in shapes) >= ALIKE)


def _named(angle: str, side: str, run: np.ndarray, start: int, values: np.ndarray) -> Repetitions:
    at = run.astype(np.int64)
    least = (values[at[:, 0]] + values[at[:, 2]]) / 2
    peaks = at[:, 1]
    return Repetitions(angle, side, run[:, [0, 2]] + start, peaks + start, least, values[peaks])


def _overlap(one: Repetitions, other: Repetitions) -> bool:
    begin = max(one.spans[0, 0], other.spans[0, 0])
    return bool(min(one.spans[-1, 1], other.spans[-1, 1]) > begin)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    a, b = one - one.mean(), other - other.mean()
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size > 0 else 0.0
