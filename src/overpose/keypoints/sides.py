"""Which side is which, over a track: detectors exchange left and right, bodies do not.

A body does not turn round in 1/30 s. Where pairs of keypoints change places from one frame to the
next, an exchange explains their motion better than a turn. Which of two such stretches is the right
one, the picture tells of people who come or go: they rarely do so backwards. Each frame of a track
is as given or exchanged, the upper body and the lower each by itself; the likeliest course through
all frames is found exactly, by dynamic programming over pairs of frames. Who is who belongs to
`tracking`.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from overpose.layouts import KeypointLayout
from overpose.skeleton import side_and_part
from overpose.support.checks import check_array

LOWER_PARTS = ("hip", "knee", "ankle", "heel", "foot_index", "small_toe")
"""What has sides and is of the lower body; everything else that has them is of the upper."""
_DECISIVE = (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
"""The pairs that decide on the upper and the lower body; nearly every layout has them."""


@dataclass(frozen=True)
class SideNumbers:
    """What decides between an exchange and a motion.

    Attributes:
        noise: spread of a pair's second difference by the detector's noise, in body sizes.
        acceleration: and by motion, body sizes per s²: at few frames a second a turn is as likely
            as an exchange.
        freedom: degrees of freedom of Student's t, whose long tails forgive keypoints that are
            merely wrong.
        change: cost, as -log of a probability, of an exchange that begins or ends.
        exchanged: of each second for which a half is exchanged: most of what is given is right.
        split: of each second for which the halves differ.
        backward: of each second in which a half goes backwards. It is less than `exchanged`, so
            that people may, where nothing else tells of an exchange. Not live.
        going: by how much a person grows or shrinks in the picture, in shares a second, who surely
            comes or goes; half as much is half as sure.
        going_s: how long the time is over which this is seen, to both sides.
        facing: how far the shoulders, or hips, of somebody are apart, in body sizes, who surely
            faces the camera or looks away from it.
        torn: a pair is torn where it lies further than this, in body sizes, whichever way round,
            from its median over the time around: it is between two guesses, and says nothing of
            either.
        torn_s: how long this time is, to both sides; live, before.
        margin: by how much an exchange must be likelier than none; only live.
    """

    noise: float = 0.03
    acceleration: float = 30.0
    freedom: float = 3.0
    change: float = 4.0
    exchanged: float = 15.0
    split: float = 20.0
    backward: float = 10.0
    going: float = 0.2
    going_s: float = 1.0
    facing: float = 0.15
    torn: float = 0.25
    torn_s: float = 0.1
    margin: float = 0.0


OF_A_TRACK = SideNumbers()
LIVE = SideNumbers(noise=0.05, split=9.0, torn_s=0.13, margin=2.0)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """The decisive pairs in F frames.

    Attributes:
        across: (F, 2, 3, 2) from right to left, upper and lower body, in body sizes; 0 if missing.
        sureness: (F, 2, 3) the lower of the two scores, 0 to 1; 0 if missing.
    """

    across: np.ndarray
    sureness: np.ndarray

    @classmethod
    def of(cls, keypoints_px: np.ndarray, layout: KeypointLayout) -> "_Pairs":
        """Those of keypoints (F, K, 3); NaN where missing."""
        points = keypoints_px[..., :2].astype(np.float64)
        there = np.asarray(np.isfinite(points).all(axis=-1))
        size = np.maximum(np.nan_to_num(_size(keypoints_px)), 1.0)
        across = np.zeros((len(points), 2, 3, 2))
        sureness = np.zeros((len(points), 2, 3))
        for half, parts in enumerate(_DECISIVE):
            for place, part in enumerate(parts):
                left, right = (layout.find(f"{side}_{part}") for side in ("left", "right"))
                if left is not None and right is not None:
                    both = there[:, left] & there[:, right]
                    apart = (points[:, left] - points[:, right]) / size[:, None]
                    across[:, half, place] = np.where(both[:, None], apart, 0.0)
                    score = np.minimum(keypoints_px[:, left, 2], keypoints_px[:, right, 2])
                    sureness[:, half, place] = np.where(both, np.clip(score, 0.0, 1.0), 0.0)
        return cls(across, sureness)

    def at(self, frames: np.ndarray | slice) -> "_Pairs":
        """Those of some frames."""
        return _Pairs(self.across[frames], self.sureness[frames])

    def without_torn(self, reach: int, torn: float) -> "_Pairs":
        """Pairs that are not torn, by `reach` frames before and after. Angles are doubled for it,
        so that a vector and its opposite are the same: an exchange does not tear."""
        vector = self.across[..., 0] + 1j * self.across[..., 1]
        doubled = vector**2 / np.maximum(np.abs(vector), 1e-9)
        doubled[self.sureness == 0] = np.nan
        padded = np.pad(doubled, ((reach, reach), (0, 0), (0, 0)), constant_values=np.nan)
        around = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # nothing there at all
            median = np.nanmedian(around.real, axis=-1) + 1j * np.nanmedian(around.imag, axis=-1)
        away = np.abs(doubled - median) > torn
        return _Pairs(self.across, np.where(away, 0.0, self.sureness))

    def motion_costs(self, half: int, times_s: np.ndarray, numbers: SideNumbers) -> np.ndarray:
        """How badly states explain the motion of a half: at constant velocity, but for noise and
        acceleration.

        Args:
            half: 0 for the upper body, 1 for the lower.
            times_s: (F,) of the frames.
            numbers: what noise and acceleration are usual.

        Returns:
            (F, 2, 2, 2) for the states of the two frames before and of each frame; 0 in the first
            two.
        """
        costs = np.zeros((len(times_s), 2, 2, 2))
        steps = np.diff(times_s)
        before_s, after_s = steps[:-1], steps[1:]
        ratio = after_s / before_s
        noise = numbers.noise * np.sqrt((1 + (1 + ratio) ** 2 + ratio**2) / 6)
        spread = np.hypot(noise, numbers.acceleration * after_s * (before_s + after_s) / 2)
        across, sureness = self.across[:, half], self.sureness[:, half]
        sure = np.minimum(np.minimum(sureness[:-2], sureness[1:-1]), sureness[2:])
        weight = sure * (numbers.freedom + 1) / 2
        first = ratio[:, None, None] * across[:-2]
        second = (1 + ratio)[:, None, None] * across[1:-1]
        for sign_first in (0, 1):  # an exchange turns a pair round: three alike are none
            for sign_third in (0, 1):
                apart = (-1) ** sign_third * across[2:] - second + (-1) ** sign_first * first
                squares = np.square(apart).sum(axis=-1) / (spread**2)[:, None]
                cost = (weight * np.log1p(squares / numbers.freedom)).sum(axis=-1)
                for state in (0, 1):
                    costs[2:, state ^ sign_first, state, state ^ sign_third] = cost
        return costs


def sides_exchanged(
    keypoints_px: np.ndarray,
    layout: KeypointLayout,
    fps: float,
    numbers: SideNumbers = OF_A_TRACK,
) -> np.ndarray:
    """Where a person's track has left for right.

    Args:
        keypoints_px: (frames, K, 3) x, y px, score; NaN where missing.
        layout: names of the K keypoints.
        fps: frames a second.
        numbers: what decides.

    Returns:
        (frames, 2) bool: whether the upper and the lower body are exchanged; False where not seen.

    Raises:
        InputError: the shape does not fit the layout.
    """
    check_array("keypoints_px", keypoints_px, ("frames", len(layout), 3))
    frames = len(keypoints_px)
    if frames < 3:
        return np.zeros((frames, 2), dtype=bool)
    pairs = _Pairs.of(keypoints_px, layout)
    pairs = pairs.without_torn(round(numbers.torn_s * fps), numbers.torn)
    counts = np.asarray(pairs.sureness.any(axis=-1))
    backward = _backward_costs(keypoints_px, layout, fps, numbers)
    steps = np.full((frames, 2, 2, 2, 2), np.nan)
    for half in (0, 1):
        at = np.flatnonzero(counts[:, half])
        steps[at, half] = pairs.at(at).motion_costs(half, at / fps, numbers)
        steps[at, half] += _step_cost(numbers, fps)
        steps[at[:1], half] = 0.0
        steps[at, half] += backward[at, half, None, None]
    costs = np.zeros((2, 2, 2, 2))
    split_cost = _split_cost(numbers, fps)
    best: list[list[np.ndarray | None]] = []
    for frame in range(frames):
        chosen: list[np.ndarray | None] = [None, None]
        for half in (0, 1):
            if counts[frame, half]:
                costs, chosen[half] = _advanced(costs, half, steps[frame, half])
        if counts[frame].any():
            costs = costs + split_cost
        best.append(chosen)
    state = list(np.unravel_index(costs.argmin(), costs.shape))
    halves = np.zeros((frames, 2), dtype=bool)
    for frame in reversed(range(frames)):
        halves[frame] = state[1], state[3]
        for half in (1, 0):
            before = best[frame][half]
            if before is not None:
                last = 2 * half
                state[last : last + 2] = before[tuple(state)], state[last]
    seen = np.asarray(np.isfinite(keypoints_px[..., 0]).any(axis=1))
    return halves & seen[:, None]


def with_sides_exchanged(
    keypoints_px: np.ndarray, layout: KeypointLayout, halves: np.ndarray
) -> np.ndarray:
    """Keypoints (..., K, 3) with left for right where `halves` (..., 2), upper and lower, says."""
    lower = np.array([side_and_part(name)[1] in LOWER_PARTS for name in layout.names])
    exchanged = np.where(lower, halves[..., 1:], halves[..., :1])
    return np.where(exchanged[..., None], keypoints_px[..., layout.mirror, :], keypoints_px)


class SideKeeper:
    """Puts one person's sides back as the frames come, by what was seen until then.

    Args:
        layout: of the keypoints.
        fps: frames a second.
        numbers: what decides.
    """

    def __init__(self, layout: KeypointLayout, fps: float, numbers: SideNumbers = LIVE) -> None:
        self._layout = layout
        self._fps = fps
        self._numbers = numbers
        self._recent: list[tuple[float, _Pairs]] = []
        self._counting: list[list[tuple[float, _Pairs]]] = [[], []]
        self._costs = np.zeros((2, 2, 2, 2))

    def __call__(self, keypoints_px: np.ndarray, time_s: float) -> np.ndarray:
        """Keypoints (K, 3) of the next frame in which the person is seen, NaN where missing, with
        left for right where they are likely to be exchanged."""
        numbers = self._numbers
        self._recent = [each for each in self._recent if each[0] >= time_s - numbers.torn_s]
        self._recent.append((time_s, _Pairs.of(keypoints_px[None], self._layout)))
        pairs = _joined(self._recent)
        if len(self._recent) > 2:
            pairs = pairs.without_torn(len(self._recent) - 1, numbers.torn)
        pairs = pairs.at(slice(-1, None))
        for half in (0, 1):
            if not pairs.sureness[0, half].any():
                continue
            last = self._counting[half] = [*self._counting[half][-2:], (time_s, pairs)]
            times_s = np.array([time for time, _ in last])
            step = _joined(last).motion_costs(half, times_s, numbers)[-1]
            step = step + _step_cost(numbers, self._fps) if len(last) > 1 else step
            self._costs, _ = _advanced(self._costs, half, step)
        self._costs = self._costs + _split_cost(numbers, self._fps)
        self._costs -= self._costs.min()
        upper, lower = self._costs.min(axis=(0, 2, 3)), self._costs.min(axis=(0, 1, 2))
        halves = np.array([given > turned + numbers.margin for given, turned in (upper, lower)])
        return with_sides_exchanged(keypoints_px, self._layout, halves)


def _size(keypoints_px: np.ndarray) -> np.ndarray:
    """(F,) half the diagonal of the box around keypoints (F, K, 3); NaN where there are none."""
    points = keypoints_px[..., :2].astype(np.float64)
    there = np.asarray(np.isfinite(points).all(axis=-1))
    high = np.where(there[..., None], points, -np.inf).max(axis=1, initial=-np.inf)
    low = np.where(there[..., None], points, np.inf).min(axis=1, initial=np.inf)
    some = np.asarray(there.any(axis=1))[:, None]
    return np.linalg.norm(np.where(some, high, np.nan) - np.where(some, low, 0.0), axis=-1) / 2


def _joined(frames: list[tuple[float, _Pairs]]) -> _Pairs:
    return _Pairs(
        np.concatenate([pairs.across for _, pairs in frames]),
        np.concatenate([pairs.sureness for _, pairs in frames]),
    )


def _split_cost(numbers: SideNumbers, fps: float) -> np.ndarray:
    """(2, 1, 2) cost of a frame whose halves are in these states."""
    return numbers.split / fps * (1 - np.eye(2))[:, None]


def _step_cost(numbers: SideNumbers, fps: float) -> np.ndarray:
    """(2, 2) cost of a state after a state, whatever the motion."""
    exchanged = numbers.exchanged / fps * np.array([0.0, 1.0])
    return numbers.change * (1 - np.eye(2)) + exchanged


def _backward_costs(
    keypoints_px: np.ndarray, layout: KeypointLayout, fps: float, numbers: SideNumbers
) -> np.ndarray:
    """(F, 2, 2) cost of each half as given and exchanged, for it goes backwards then."""
    costs = np.zeros((len(keypoints_px), 2, 2))
    names = [f"{side}_{part}" for part in ("shoulder", "hip") for side in ("left", "right")]
    rows = [row for row in map(layout.find, names) if row is not None]
    if len(rows) < len(names):
        return costs
    ends = keypoints_px[:, rows, :2].astype(np.float64).reshape(-1, 2, 2, 2)
    trunk = np.diff(ends.mean(axis=2), axis=1)[:, 0]
    length = np.linalg.norm(trunk, axis=-1)
    size = np.maximum(_size(keypoints_px), 1.0)
    rates = [_growth(values, round(numbers.going_s * fps)) * fps for values in (length, size)]
    agree = np.sign(rates[0]) == np.sign(rates[1])
    comes = np.where(agree, np.sign(rates[0]) * np.abs(rates).min(axis=0), 0.0)
    down = trunk / np.maximum(length, 1e-9)[:, None]
    across = (ends[:, :, 0] - ends[:, :, 1]) / size[:, None, None]
    faces = across[..., 0] * down[:, None, 1] - across[..., 1] * down[:, None, 0]
    ahead = np.nan_to_num(
        np.clip(comes / numbers.going, -1, 1)[:, None] * np.clip(faces / numbers.facing, -1, 1)
    )
    costs[..., 0], costs[..., 1] = np.maximum(-ahead, 0.0), np.maximum(ahead, 0.0)
    return numbers.backward / fps * costs


def _growth(sizes: np.ndarray, reach: int) -> np.ndarray:
    """(F,) by which share sizes (F,), NaN where missing, grow a frame, over as many frames before
    and after; 0 where too few are there."""
    there = np.isfinite(sizes)
    logs = np.log(np.maximum(sizes, 1.0), where=there, out=np.zeros(len(sizes)))
    logs = np.where(there, logs - logs.sum() / max(there.sum(), 1), 0.0)
    offsets = np.arange(-reach, reach + 1.0)

    def around(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return np.correlate(np.pad(values.astype(np.float64), reach), weights, mode="valid")

    count = around(there, np.ones_like(offsets))
    mean = around(there, offsets) / np.maximum(count, 1)
    square = around(there, offsets**2) - count * mean**2
    slope = around(logs, offsets) - mean * around(logs, np.ones_like(offsets))
    return np.where(count > reach / 2, slope / np.maximum(square, 1e-9), 0.0)


def _advanced(costs: np.ndarray, half: int, step_cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Go on by a frame in which a half of the body counts.

    Args:
        costs: (2, 2, 2, 2) of the best course to the states of the upper body in the last frame but
            one and the last in which it counts, and of the lower in its own.
        half: 0 for the upper body, 1 for the lower.
        step_cost: (2, 2, 2) for the half's states in these and in the new frame.

    Returns:
        the costs with that, and the best states of the half before those.
    """
    if half == 0:
        wider, axis = costs[:, :, None] + step_cost[..., None, None], 0
    else:
        wider, axis = costs[..., None] + step_cost, 2
    return wider.min(axis=axis), wider.argmin(axis=axis)
