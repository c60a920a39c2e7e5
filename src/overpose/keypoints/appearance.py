"""What a person looks like: a small histogram of the colours of trunk and legs.

Enough to tell people of one scene apart for a few seconds; it is not a means to recognise anyone.
"""

from itertools import pairwise

import numpy as np

from overpose.layouts import BLAZEPOSE_33, KeypointLayout
from overpose.media.planes import PlanarImage

_LEVELS = 4
_TRUNK = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
_LEG = ("hip", "knee", "ankle")
_BIN_STEPS = np.array([_LEVELS**2, _LEVELS, 1])
_CORNERS = np.tensordot(_BIN_STEPS, np.indices((2, 2, 2)), 1)
_ACROSS, _DOWN = 8, 10
_LEAST_SAMPLES = 20


def appearance(
    image: np.ndarray | PlanarImage, keypoints: np.ndarray, layout: KeypointLayout = BLAZEPOSE_33
) -> np.ndarray | None:
    """Histograms of the colours sampled on the trunk and along the legs.

    80 points on the quadrilateral of shoulders and hips, 80 along thighs and shanks; each counts in
    a 4 x 4 x 4 histogram of red, green and blue, shared between neighbouring bins, so that slight
    changes of light change little.

    Args:
        image: RGB (height, width, 3) uint8, or as it is stored.
        keypoints: (K, 3) x, y px and score; NaN x, y = missing.
        layout: of the keypoints; it needs shoulders and hips, and knees and ankles for the legs.

    Returns:
        (128,) float32: 64 bins of the trunk that sum to 1, 64 of the legs that sum to 1, or to 0
        where they are not to be seen; None where the trunk is not to be seen.
    """
    if any(name not in layout for name in _TRUNK):
        return None
    corners = keypoints[layout.indices(_TRUNK), :2].astype(np.float64).reshape(2, 2, 2)
    across = (np.arange(_ACROSS) + 0.5)[None, :, None] / _ACROSS
    down = (np.arange(_DOWN) + 0.5)[:, None, None] / _DOWN
    top, bottom = corners
    rows = (1 - down) * top[:, None, None] + down * bottom[:, None, None]  # (side, down, 1, 2)
    trunk = _histogram(image, ((1 - across) * rows[0] + across * rows[1]).reshape(-1, 2))
    if trunk is None:
        return None
    legs = _histogram(image, _leg_points(keypoints, layout))
    return np.concatenate([trunk, np.zeros_like(trunk) if legs is None else legs])


def appearance_similarity(first: np.ndarray, second: np.ndarray) -> float:
    """Bhattacharyya coefficient of two appearances, 0 to 1, over the parts that both show.

    Args:
        first: (128,) from `appearance`, or an average of several.
        second: (128,).
    """
    one, other = first.reshape(2, -1), second.reshape(2, -1)
    common = np.sqrt(np.maximum(one, 0) * np.maximum(other, 0)).sum(axis=-1)
    mass = np.sqrt(one.sum(axis=-1) * other.sum(axis=-1))
    return float(common.sum() / mass.sum()) if mass.sum() > 0 else 0.0


def _leg_points(keypoints: np.ndarray, layout: KeypointLayout) -> np.ndarray:
    share = (np.arange(2 * _DOWN) + 0.5)[:, None] / (2 * _DOWN)
    points = [np.empty((0, 2))]
    for side in ("left", "right"):
        for above, below in pairwise(_LEG):
            names = [f"{side}_{above}", f"{side}_{below}"]
            if all(name in layout for name in names):
                start, end = keypoints[layout.indices(names), :2].astype(np.float64)
                points.append((1 - share) * start + share * end)
    return np.concatenate(points)


def _histogram(image: np.ndarray | PlanarImage, points: np.ndarray) -> np.ndarray | None:
    """(64,) float32 that sums to 1; None where too few of the points lie in the image."""
    height, width = image.shape[:2]
    with np.errstate(invalid="ignore"):
        inside = ((points >= 0) & (points < (width, height))).all(axis=-1)
    if inside.sum() < _LEAST_SAMPLES:
        return None
    columns, rows = np.floor(points[inside]).astype(np.int64).T
    planar = isinstance(image, PlanarImage)
    colours = image.colours(columns, rows) if planar else image[rows, columns]
    place = np.clip(colours / 256.0 * _LEVELS - 0.5, 0, _LEVELS - 1)
    low = np.minimum(np.floor(place).astype(np.int64), _LEVELS - 2)
    part = place - low
    red, green, blue = np.stack([1 - part, part]).transpose(2, 0, 1)  # (2, n): both neighbours
    weight = red[:, None, None] * green[None, :, None] * blue  # (2, 2, 2, n)
    bins = (low * _BIN_STEPS).sum(axis=-1) + _CORNERS[..., None]
    counts = np.bincount(bins.ravel(), weight.ravel(), minlength=_LEVELS**3)
    return (counts / counts.sum()).astype(np.float32)
