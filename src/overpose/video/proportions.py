"""Constant proportions: one set of limb lengths for a person, whatever each frame says.

Lengths come from the poses themselves; absolute scale belongs to `placement`.
"""

from collections import deque

import numpy as np

from overpose.metrics import limb_lengths
from overpose.skeleton import FEET, HUMAN36M
from overpose.support.checks import check_array
from overpose.support.errors import InputError

_SHORTEST_MM = 1e-3
_DEPTH_WEIGHT = 0.1
"""Squared ratio of a joint's error across the line of sight to that along it, about 1 to 3."""
_BISECTIONS = 40


def typical_lengths(poses_mm: np.ndarray) -> np.ndarray:
    """Limb lengths of one person: medians over the frames, left and right averaged.

    Args:
        poses_mm: (frames, 17, 3); frames or joints with NaN do not count.

    Returns:
        (16,) float64, mm, in the order of `HUMAN36M.limbs`; NaN for a limb that is never seen.

    Raises:
        InputError: wrong shape.
    """
    check_array("poses_mm", poses_mm, ("frames", len(HUMAN36M), 3))
    return _symmetric(_median(limb_lengths(poses_mm.astype(np.float64))))


def constant_limbs(poses_mm: np.ndarray, lengths: np.ndarray | None = None) -> np.ndarray:
    """Give every limb one length through all frames, moving joints as little as that takes.

    From the root outwards, each joint goes to the place at its limb's length from its parent that
    is nearest to where it was. Moves along the line of sight count a third: that is how much less
    is known of a joint's depth than of its place in the image.

    Args:
        poses_mm: (frames, 17, 3), mm, camera axes; NaN where not seen.
        lengths: (16,) mm in the order of `HUMAN36M.limbs`; `typical_lengths` when absent.

    Returns:
        (frames, 17, 3) of the dtype given, root-relative; NaN where a joint or one between it and
        the root is NaN.

    Raises:
        InputError: wrong shape, or a length that is not positive.
    """
    check_array("poses_mm", poses_mm, ("frames", len(HUMAN36M), 3))
    if lengths is None:
        lengths = typical_lengths(poses_mm)
    else:
        check_array("lengths", lengths, (len(HUMAN36M.limbs),), finite=True)
        if (lengths <= 0).any():
            raise InputError(f"lengths: got {lengths.min()} mm, expected positive lengths")
    poses = poses_mm.astype(np.float64)
    poses -= poses[:, :1]
    result = np.empty_like(poses)
    result[:, 0] = poses[:, 0]  # zero where the root is seen, NaN elsewhere
    for limb, (parent, joint) in enumerate(HUMAN36M.limbs):
        bone = nearest_of_length(poses[:, joint] - result[:, parent], float(lengths[limb]))
        result[:, joint] = result[:, parent] + bone
    return result.astype(poses_mm.dtype)


def constant_feet(hanging_mm: np.ndarray) -> np.ndarray:
    """Give heels and toes one distance from their ankle through all frames, left and right alike.

    Args:
        hanging_mm: (frames, 4, 3) points of `skeleton.FEET` from their ankle; NaN where not seen.

    Returns:
        the same shape; the nearest vectors of these lengths, as in `constant_limbs`.
    """
    lengths = _median(np.linalg.norm(hanging_mm.astype(np.float64), axis=-1))
    lengths = (lengths + lengths[FEET.mirror]) / 2
    if not np.isfinite(lengths).all():
        return hanging_mm
    points = [
        nearest_of_length(hanging_mm[:, point].astype(np.float64), max(float(length), _SHORTEST_MM))
        for point, length in enumerate(lengths)
    ]
    return np.stack(points, axis=1)


def nearest_of_length(vectors: np.ndarray, length: float) -> np.ndarray:
    """The vectors of a given length nearest to others, z counting by `_DEPTH_WEIGHT`.

    The nearest d to v has w v = (w + m) d for weights w and some m > -min(w); the length of d falls
    as m grows, so m is found by bisection.

    Args:
        vectors: (n, 3); NaN gives NaN.
        length: of the result.
    """
    weights = np.array([1.0, 1.0, _DEPTH_WEIGHT])
    along = np.where(np.abs(vectors) < _SHORTEST_MM, _SHORTEST_MM, vectors)  # never no direction
    least = np.full((len(vectors), 1), -_DEPTH_WEIGHT)
    most = np.maximum(np.linalg.norm(along, axis=-1, keepdims=True) / length, 1.0)
    for _ in range(_BISECTIONS):
        middle = (least + most) / 2
        found = weights * along / (weights + middle)
        is_long = np.linalg.norm(found, axis=-1, keepdims=True) > length
        least, most = np.where(is_long, middle, least), np.where(is_long, most, middle)
    found = weights * along / (weights + (least + most) / 2)
    return found / np.linalg.norm(found, axis=-1, keepdims=True) * length


class LimbKeeper:
    """`constant_limbs` for live use: lengths are the medians of the frames so far.

    Args:
        memory_frames: how many of the latest frames count.
        settle_frames: up to this many frames the medians follow each frame; later they are taken
            anew every tenth frame only.

    Raises:
        InputError: a count is not positive.
    """

    def __init__(self, *, memory_frames: int = 900, settle_frames: int = 90) -> None:
        for name, value in (("memory_frames", memory_frames), ("settle_frames", settle_frames)):
            if value < 1:
                raise InputError(f"{name}: got {value}, expected at least 1")
        self._seen: deque[np.ndarray] = deque(maxlen=memory_frames)
        self._settle_frames = settle_frames
        self._count = 0
        self._lengths = np.full(len(HUMAN36M.limbs), np.nan)

    @property
    def lengths(self) -> np.ndarray:
        """(16,) float64, mm: the lengths as known so far; NaN where a limb was never seen."""
        return self._lengths.copy()

    def __call__(self, pose_mm: np.ndarray) -> np.ndarray:
        """The next frame's pose with the lengths known so far, it included.

        Args:
            pose_mm: (17, 3), mm; NaN where not seen.

        Returns:
            (17, 3) of the dtype given, root-relative; NaN as in `constant_limbs`.

        Raises:
            InputError: wrong shape.
        """
        check_array("pose_mm", pose_mm, (len(HUMAN36M), 3))
        seen = limb_lengths(pose_mm.astype(np.float64))
        if np.isfinite(seen).any():
            self._seen.append(seen)
            self._count += 1
            if self._count <= self._settle_frames or self._count % 10 == 0:
                self._lengths = _symmetric(_median(np.stack(self._seen)))
        if np.isnan(self._lengths).all():
            return np.full_like(pose_mm, np.nan)
        known = np.where(np.isnan(self._lengths), 1.0, self._lengths)  # those joints are NaN anyway
        return constant_limbs(pose_mm[None], np.maximum(known, _SHORTEST_MM))[0]


def _median(lengths: np.ndarray) -> np.ndarray:
    """(frames, limbs) -> (limbs,): medians of what is seen, NaN where nothing is."""
    result = np.full(lengths.shape[1], np.nan)
    seen = np.isfinite(lengths).any(axis=0)
    result[seen] = np.nanmedian(lengths[:, seen], axis=0)
    return result


def _symmetric(lengths: np.ndarray) -> np.ndarray:
    """Averages of left and right limbs; where only one side is known, it serves for both."""
    other = lengths[HUMAN36M.mirror[HUMAN36M.limbs[:, 1]] - 1]  # limb i ends in joint i + 1
    both = np.where(np.isnan(other), lengths, np.where(np.isnan(lengths), other, lengths))
    return (both + np.where(np.isnan(other), both, other)) / 2
