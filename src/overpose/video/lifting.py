"""One person's keypoints over time to poses over time, by a trained lifter.

Where the keypoints come from belongs to the engines, smoothing and placing to the modules beside.
"""

from typing import Protocol, runtime_checkable

import numpy as np

from overpose.layouts import KeypointLayout
from overpose.networks.keypoint_windows import INPUTS, make_windows
from overpose.networks.lifted import Lifted, joined, mean_of
from overpose.support.checks import check_array

MODEL_FPS = 27.0
"""What the lifter's windows count frames at: it learned from 25, and most videos have 25 or 30."""
SLOWEST_FPS = 12.0
"""Below this rate the frames of a video are too far apart for the network that sees several."""
_WINDOWS_AT_ONCE = 256
_MIRRORED = np.outer((-1.0, 1.0, 1.0), (-1.0, 1.0, 1.0))
"""Factors of a rotation, as a mirror shows it."""


@runtime_checkable
class Lifter(Protocol):
    """What makes poses of windows of keypoints: `networks.numpy_lifter`, or torch."""

    @property
    def offsets(self) -> tuple[int, ...]:
        """Frames of a window, relative to the one predicted."""
        ...

    def predict(self, features: np.ndarray, /) -> np.ndarray:
        """Poses (N, 17, 3), mm, of windows (N, inputs) from `keypoint_windows.make_windows`."""
        ...


@runtime_checkable
class WholeLifter(Lifter, Protocol):
    """One that also may know feet and how far off its joints are."""

    def predict_all(self, features: np.ndarray, /) -> Lifted:
        """What it knows, of windows as in `predict`."""
        ...


def lift(
    lifter: Lifter,
    keypoints_px: np.ndarray,
    layout: KeypointLayout,
    *,
    focal_px: float,
    center_px: tuple[float, float],
    fps: float,
    turns: np.ndarray | None = None,
) -> Lifted:
    """Poses of a person, and what else the lifter knows of them: the mean of both ways of
    `lift_both_ways`, which is better than either and prefers no side."""
    both = lift_both_ways(
        lifter, keypoints_px, layout, focal_px=focal_px, center_px=center_px, fps=fps, turns=turns
    )
    return mean_of(both)


def lift_both_ways(
    lifter: Lifter,
    keypoints_px: np.ndarray,
    layout: KeypointLayout,
    *,
    focal_px: float,
    center_px: tuple[float, float],
    fps: float,
    frames: np.ndarray | None = None,
    turns: np.ndarray | None = None,
) -> list[Lifted]:
    """What a lifter says of a person, and of the same person seen in a mirror, mirrored back.

    Args:
        lifter: a single-frame or a temporal one.
        keypoints_px: (frames, K, 3) x, y, score; NaN where missing.
        layout: names of the K keypoints.
        focal_px: focal length, pixels.
        center_px: principal point, pixels.
        fps: frames per second of the video.
        frames: (n,) of which frames; of all if None.
        turns: (frames, 3, 3) from the camera axes of each frame to those of the first; None where
            the camera does not turn.

    Returns:
        two, of these frames, camera axes, relative to the root; NaN in frames without keypoints.

    Raises:
        InputError: wrong shapes.
    """
    check_array("keypoints_px", keypoints_px, ("frames", len(layout.names), 3))
    count = len(keypoints_px)
    wanted = np.arange(count) if frames is None else frames
    rays = np.full((count, len(INPUTS), 2), np.nan)
    scores = np.zeros((count, len(INPUTS)))
    for place, name in enumerate(INPUTS.names):
        row = layout.find(name)
        if row is not None:
            point = keypoints_px[:, row].astype(np.float64)
            rays[:, place] = (point[:, :2] - center_px) / focal_px
            scores[:, place] = np.nan_to_num(point[:, 2])
    offsets = np.array(lifter.offsets)
    stride = max(1, round(fps / MODEL_FPS))
    places = np.clip(wanted[:, None] + stride * offsets, 0, max(count - 1, 0))
    middle = int(np.flatnonzero(offsets == 0)[0])
    found = _predicted(lifter, rays, scores, places, middle, turns)
    if turns is not None:
        turns = turns * _MIRRORED
    mirrored = INPUTS.mirrored(rays), scores[:, INPUTS.mirror]
    other = _predicted(lifter, *mirrored, places, middle, turns)
    seen = np.asarray(np.isfinite(rays[wanted]).any(axis=(1, 2)))
    return [found.where(seen), other.mirrored().where(seen)]


def _predicted(
    lifter: Lifter,
    rays: np.ndarray,
    scores: np.ndarray,
    places: np.ndarray,
    middle: int,
    turns: np.ndarray | None,
) -> Lifted:
    """What the windows at `places` (frames, offsets) give, some at a time: they overlap, and all at
    once would take many times the memory of the video's keypoints."""
    parts = []
    for start in range(0, max(len(places), 1), _WINDOWS_AT_ONCE):
        some = slice(start, start + _WINDOWS_AT_ONCE)
        seen = rays[places[some]]
        if turns is not None:
            seen = _as_from(seen, turns[places[some]], middle)
        windows = make_windows(seen, scores[places[some]], middle)
        if isinstance(lifter, WholeLifter):
            found = lifter.predict_all(windows.features)
        else:
            found = Lifted(lifter.predict(windows.features))
        parts.append(found.turned(windows.to_camera))
    return joined(parts)


def _as_from(rays: np.ndarray, turns: np.ndarray, middle: int) -> np.ndarray:
    """Rays (windows, frames, n, 2) of a camera that turns, as it saw them had it stayed as it was
    in the middle frame; NaN behind it.

    Args:
        rays: x / z, y / z.
        turns: (windows, frames, 3, 3) from the axes of each frame to common ones.
        middle: index of the middle frame.
    """
    directions = np.concatenate([rays, np.ones((*rays.shape[:-1], 1))], axis=-1)
    directions = directions @ turns.swapaxes(-1, -2) @ turns[:, middle, None]
    depth = np.where(directions[..., 2:] > 0, directions[..., 2:], np.nan)
    return directions[..., :2] / depth
