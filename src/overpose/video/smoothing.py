"""Smoothing over time: causal for live use, zero-phase for recordings, and bridging of short gaps.

Values are any array with time first; where a pose belongs in space is for `placement`.
"""

import math

import numpy as np

from overpose.support.blas import one_blas_thread
from overpose.support.checks import check_array
from overpose.support.errors import InputError
from overpose.support.stretches import stretches


class OneEuro:
    """The 1€ filter (Casiez, Roussel, Vogel: "1€ Filter", CHI 2012), one frame at a time.

    A first-order low-pass whose cutoff rises with speed: `min_cutoff_hz + beta * speed`, with the
    speed that of the whole point (the norm over the last axis), so that the result does not depend
    on the choice of axes. A value per point of shape (..., 1) gives the filter of the paper.

    Args:
        fps: frames a second.
        min_cutoff_hz: cutoff at rest; lower is smoother and slower.
        beta: Hz per unit of speed (values' unit a second); higher follows fast movement sooner.
        derivative_cutoff_hz: cutoff of the speed's own low-pass.
        max_gap_s: a point missing longer than this starts afresh when it comes back.

    Raises:
        InputError: a rate or cutoff is not positive, or `beta` or `max_gap_s` is negative.
    """

    def __init__(
        self,
        fps: float,
        *,
        min_cutoff_hz: float = 1.0,
        beta: float = 0.005,
        derivative_cutoff_hz: float = 1.0,
        max_gap_s: float = 0.5,
    ) -> None:
        _require_positive("fps", fps)
        _require_positive("min_cutoff_hz", min_cutoff_hz)
        _require_positive("derivative_cutoff_hz", derivative_cutoff_hz)
        for name, value in (("beta", beta), ("max_gap_s", max_gap_s)):
            if not (np.isfinite(value) and value >= 0):
                raise InputError(f"{name}: got {value}, expected zero or a positive number")
        self._fps = fps
        self._min_cutoff_hz = min_cutoff_hz
        self._beta = beta
        self._derivative_cutoff_hz = derivative_cutoff_hz
        self._max_gap_s = max_gap_s
        self.reset()

    def reset(self) -> None:
        """Forget everything; the next values start afresh."""
        self._filtered: np.ndarray | None = None
        self._speed = np.empty(0)
        self._frames_since = np.empty(0)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """The filtered values of the next frame.

        Args:
            values: (..., coordinates) floats; a point with a NaN coordinate is missing.

        Returns:
            The same shape and dtype; NaN where a point is missing.

        Raises:
            InputError: the shape is not that of the frame before.
        """
        check_array("values", values, ("...", "coordinates"))
        raw = values.astype(np.float64)
        if self._filtered is None:
            self._filtered = np.full(raw.shape, np.nan)
            self._speed = np.zeros(raw.shape)
            self._frames_since = np.ones(raw.shape[:-1])
        if raw.shape != self._filtered.shape:
            raise InputError(
                f"values: got shape {raw.shape}, expected {self._filtered.shape} as in the frame "
                "before; reset the filter for another shape"
            )
        elapsed_s = self._frames_since[..., None] / self._fps
        seen = np.asarray(np.isfinite(raw).all(axis=-1, keepdims=True))
        known = np.isfinite(self._filtered).all(axis=-1, keepdims=True)
        follows = seen & known & (elapsed_s <= self._max_gap_s + 1.5 / self._fps)

        slope = (raw - self._filtered) / elapsed_s
        weight = _one_euro_weight(self._derivative_cutoff_hz, elapsed_s)
        speed = weight * slope + (1 - weight) * self._speed
        cutoff = self._min_cutoff_hz + self._beta * np.linalg.norm(speed, axis=-1, keepdims=True)
        weight = _one_euro_weight(cutoff, elapsed_s)
        moved = weight * raw + (1 - weight) * self._filtered

        self._speed = np.where(follows, speed, np.where(seen, 0.0, self._speed))
        self._filtered = np.where(follows, moved, np.where(seen, raw, self._filtered))
        self._frames_since = np.where(seen[..., 0], 1.0, self._frames_since + 1.0)
        return np.where(seen, self._filtered, np.nan).astype(values.dtype)


def one_euro(values: np.ndarray, fps: float, **settings: float) -> np.ndarray:
    """`OneEuro` run over (frames, ..., coordinates) from the first frame to the last."""
    smooth = OneEuro(fps, **settings)
    result = np.empty_like(values)
    for frame, value in enumerate(values):
        result[frame] = smooth(value)
    return result


def smooth_zero_phase(values: np.ndarray, fps: float, cutoff_hz: float) -> np.ndarray:
    """Low-pass without delay: a second-order Butterworth forwards, then backwards.

    The cutoff of each pass is raised so that both together pass half the power at `cutoff_hz`
    (Winter, "Biomechanics and Motor Control of Human Movement", 2009, section 3.4.4.2). Each
    stretch between gaps is filtered by itself: nothing leaks over a gap, and gaps stay.

    Args:
        values: (frames, ...) floats; NaN where missing.
        fps: frames a second.
        cutoff_hz: at half the frame rate and above nothing is changed.

    Returns:
        The same shape and dtype; NaN exactly where `values` is.

    Raises:
        InputError: `values` has no time axis, or `fps` or `cutoff_hz` is not positive.
    """
    _require_time("values", values)
    _require_positive("fps", fps)
    _require_positive("cutoff_hz", cutoff_hz)
    columns = _columns(values).astype(np.float64)
    per_pass = np.tan(np.pi * min(cutoff_hz / fps, 0.5)) / (np.sqrt(2) - 1) ** 0.25
    per_pass_hz = np.arctan(per_pass) / np.pi * fps
    if len(columns) < 3 or columns.shape[1] == 0 or cutoff_hz >= 0.5 * fps:
        return values.copy()
    from scipy.signal import butter, detrend, sosfiltfilt  # a third of a second to import

    sections = butter(2, per_pass_hz, fs=fps, output="sos")
    padding = int(np.ceil(2 * fps / cutoff_hz))
    patterns, group = np.unique(np.isfinite(columns), axis=1, return_inverse=True)
    for number, pattern in enumerate(patterns.T):
        same = np.flatnonzero(group.reshape(-1) == number)
        for start, stop in stretches(pattern):
            if stop - start >= 3:
                stretch = columns[start:stop, same]
                with one_blas_thread():
                    around = detrend(stretch, axis=0)  # ends and short stretches keep a slope
                columns[start:stop, same] += (
                    sosfiltfilt(sections, around, axis=0, padlen=min(padding, len(around) - 1))
                    - around
                )
    return columns.reshape(values.shape).astype(values.dtype)


def bridge_gaps(values: np.ndarray, max_frames: int) -> np.ndarray:
    """Fill gaps of at most `max_frames` frames by a straight line between their two ends.

    Args:
        values: (frames, ...) floats; NaN where missing. Each element is taken by itself.
        max_frames: longest gap to fill; longer ones, and those at either end, stay.

    Returns:
        The same shape and dtype; what was not missing is unchanged.

    Raises:
        InputError: `values` has no time axis, or `max_frames` is negative.
    """
    _require_time("values", values)
    if max_frames < 0:
        raise InputError(f"max_frames: got {max_frames}, expected zero or more frames")
    columns = _columns(values)
    frames = np.arange(len(columns))[:, None]
    seen = np.isfinite(columns)
    before = np.maximum.accumulate(np.where(seen, frames, -1), axis=0)
    after = np.minimum.accumulate(np.where(seen, frames, len(columns))[::-1], axis=0)[::-1]
    inside = ~seen & (before >= 0) & (after < len(columns))
    frame, column = np.nonzero(inside & (after - before - 1 <= max_frames))
    first, last = before[frame, column], after[frame, column]
    share = (frame - first) / (last - first)
    result = columns.copy()
    result[frame, column] = (1 - share) * columns[first, column] + share * columns[last, column]
    return result.reshape(values.shape)


def _one_euro_weight(cutoff_hz: float | np.ndarray, elapsed_s: np.ndarray) -> np.ndarray:
    time_constant_s = 1 / (2 * np.pi * cutoff_hz)
    return 1 / (1 + time_constant_s / elapsed_s)


def _columns(values: np.ndarray) -> np.ndarray:
    """(frames, ...) -> (frames, everything else)."""
    return values.reshape(len(values), math.prod(values.shape[1:]))


def _require_time(name: str, values: np.ndarray) -> None:
    if not isinstance(values, np.ndarray) or values.ndim < 1:
        raise InputError(f"{name}: got {type(values).__name__}, expected an array (frames, ...)")
    if not np.issubdtype(values.dtype, np.floating):
        raise InputError(f"{name}: got dtype {values.dtype}, expected floating")


def _require_positive(name: str, value: float) -> None:
    if not (np.isfinite(value) and value > 0):
        raise InputError(f"{name}: got {value}, expected a positive number")
