"""PHOG: a pyramid of histograms of a person's edge directions (Bosch et al. 2007).

The image descriptor of LinKDE and KDE (Ionescu et al. 2014). What is regressed from it belongs to
the modules beside.
"""

import cv2
import numpy as np

from overpose.support.checks import check_array

BINS = 9
LEVELS = 4
FEATURES = BINS * sum(4**level for level in range(LEVELS))
"""765 = 9 (1 + 4 + 16 + 64)."""

_CELLS = 2 ** (LEVELS - 1)
_EDGES = (0.01, 0.2)
_SMOOTHING_PX = 1.4142
_LARGEST_GRADIENT = 16_000.0
_PERSON_PX = 400.0
"""Side of a person's box in the videos that the two lengths below are stated for, our estimate."""
_DILATION_PX, _MARGIN_PX = 3.0, 10.0
_LEAST_SIDE = 128
"""The published crops'. Smaller images are enlarged to it: in them the smoothing, which is in
pixels, would wipe out the edges of arms and legs."""


def phog(images: np.ndarray, *, blackened: bool = False) -> np.ndarray:
    """Descriptors of masked images.

    Gradients at Canny's edges (thresholds 0.01 and 0.2 of the largest gradient) are taken of the
    whole picture, background included, so that the mask draws no silhouette. Those inside the
    mask's largest component, dilated by 3 px where a person measures 400 px and in proportion here,
    count with their length in 9 directions over 180 degrees, in the cells of a pyramid of 1, 4, 16
    and 64 over the component's box with a margin (10 px of 400).

    Args:
        images: (N, S, S, 4) uint8: RGB, and the mask of the person, 0 or 255. An image without any
            mask counts as a whole.
        blackened: take the edges of the picture with black outside the dilated mask, which has the
            person's silhouette among them: so it was up to 0.1.0.

    Returns:
        (N, 765) float32, not negative, summing to 1; all zero for a person without edges. Coarse
        levels first; within a level cell by cell, row by row.

    Raises:
        InputError: not such an array.
    """
    side = images.shape[1] if images.ndim == 4 else "S"
    check_array("images", images, ("N", side, side, 4), dtype=np.uint8)
    found = np.empty((len(images), FEATURES), np.float32)
    for descriptor, image in zip(found, images, strict=True):
        descriptor[:] = _descriptor(image, blackened=blackened)
    return found


def _descriptor(image: np.ndarray, *, blackened: bool) -> np.ndarray:
    if len(image) < _LEAST_SIDE:
        image = cv2.resize(image, (_LEAST_SIDE, _LEAST_SIDE), interpolation=cv2.INTER_LINEAR)
    side = len(image)
    person = _person(image[..., 3])
    grey = cv2.cvtColor(np.ascontiguousarray(image[..., :3]), cv2.COLOR_RGB2GRAY)
    if blackened:
        grey = np.where(person, grey, 0)
    grey = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), _SMOOTHING_PX)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    length = np.hypot(across, down)
    largest = float(length.max())
    if largest <= 0:
        return np.zeros(FEATURES)
    scale = _LARGEST_GRADIENT / largest
    edges = cv2.Canny(
        np.round(across * scale).astype(np.int16),
        np.round(down * scale).astype(np.int16),
        _EDGES[0] * _LARGEST_GRADIENT,
        _EDGES[1] * _LARGEST_GRADIENT,
        L2gradient=True,
    )
    rows, columns = np.nonzero((edges > 0) & (person | blackened))
    top, left, height, width = _box(person, _MARGIN_PX * side / _PERSON_PX)
    row = np.floor((rows + 0.5 - top) / height * _CELLS)
    column = np.floor((columns + 0.5 - left) / width * _CELLS)
    angle = np.arctan2(down[rows, columns], across[rows, columns]) % np.pi
    direction = np.minimum(np.floor(angle / np.pi * BINS), BINS - 1)
    inside = (row >= 0) & (row < _CELLS) & (column >= 0) & (column < _CELLS)
    place = ((row * _CELLS + column) * BINS + direction)[inside].astype(np.int64)
    counts = np.bincount(place, length[rows, columns][inside], _CELLS * _CELLS * BINS)
    cells = counts.reshape(_CELLS, _CELLS, BINS)
    levels = []
    for level in range(LEVELS):
        number = 2**level
        step = _CELLS // number
        levels.append(cells.reshape(number, step, number, step, BINS).sum(axis=(1, 3)).ravel())
    whole = np.concatenate(levels)
    return whole / max(float(whole.sum()), 1e-12)


def dilation_px(side: int) -> int:
    """How far the masks of images of that side are dilated, pixels: 3 where a person measures 400,
    as in the original."""
    return max(1, round(_DILATION_PX * side / _PERSON_PX))


def dilated(mask: np.ndarray) -> np.ndarray:
    """A mask (side, side) bool, larger by `dilation_px` all around."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * dilation_px(len(mask)) + 1,) * 2)
    return cv2.dilate(mask.astype(np.uint8), disc) > 0


def _person(mask: np.ndarray) -> np.ndarray:
    """The largest component, dilated; everything where there is none."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((mask > 127).astype(np.uint8))
    if count < 2:
        return np.ones(mask.shape, bool)
    return dilated(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])))


def _box(person: np.ndarray, margin: float) -> tuple[float, float, float, float]:
    """Top, left, height and width with a margin, within the image, in pixels."""
    rows, columns = np.flatnonzero(person.any(axis=1)), np.flatnonzero(person.any(axis=0))
    top, left = max(0.0, rows[0] - margin), max(0.0, columns[0] - margin)
    bottom = min(float(person.shape[0]), rows[-1] + 1 + margin)
    right = min(float(person.shape[1]), columns[-1] + 1 + margin)
    return top, left, bottom - top, right - left
