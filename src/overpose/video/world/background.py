"""Whether the camera stands still: what moves in the picture where nobody is."""

from collections.abc import Sequence

import cv2
import numpy as np

from overpose.keypoints.people import Person

LOOK_EVERY_S = 0.4
SIZE_PX = 320
"""Longer side of the pictures that are compared."""
FARTHEST_SHARE = 0.015
"""Of the longer side: by how much the background of a camera that stands still may seem to move.
About one degree: phones tremble by less when somebody tries to hold them still."""
MOVED_LOOKS = 0.1
"""Share of looks in which it moves farther, from which on the camera moves."""
_POINTS, _LEAST_POINTS = 120, 10
_MARGIN = 0.12
_AGREED_PX = 1.0


class Background:
    """Looks at the frames of a video as they come, a few a second, at a small size.

    Corners of the background are followed from the first look; where too few of them are seen any
    more, from the one before.

    Args:
        fps: frames a second.
    """

    def __init__(self, fps: float) -> None:
        self._step = max(1, round(LOOK_EVERY_S * fps))
        self._next = 0
        self._first: tuple[np.ndarray, np.ndarray] | None = None
        self._before: tuple[np.ndarray, np.ndarray] | None = None
        self._moved_by = np.zeros(2)
        self._of_before = np.zeros(2)
        self._far: list[bool] = []

    @property
    def is_static(self) -> bool | None:
        """Whether the camera stood still in all frames so far; None where nothing tells."""
        if not self._far:
            return None
        return float(np.mean(self._far)) <= MOVED_LOOKS

    def look(self, image: np.ndarray, people: Sequence[Person], index: int) -> None:
        """The next frame.

        Args:
            image: (height, width, 3) uint8 RGB.
            people: who is in it, keypoints in pixels of that.
            index: of the frame.
        """
        if index < self._next:
            return
        self._next = index + self._step
        now = _small(image, people)
        if self._first is None:
            self._first = self._before = now
            return
        assert self._before is not None
        shift = _shift(self._first, now)
        if shift is None:
            shift = _shift(self._before, now)
            self._first, self._moved_by = self._before, self._of_before
        if shift is None:
            self._first, cut = now, _has_corners(self._before) and _has_corners(now)
            if cut:
                self._far.append(True)
        else:
            self._of_before = self._moved_by + shift[0]
            far = np.linalg.norm(self._moved_by) + shift[1]
            self._far.append(bool(far > FARTHEST_SHARE * SIZE_PX))
        self._before = now


def _small(image: np.ndarray, people: Sequence[Person]) -> tuple[np.ndarray, np.ndarray]:
    """Grey, and 255 where nobody is, both (h, w) uint8."""
    scale = SIZE_PX / max(image.shape[:2])
    size = max(8, round(image.shape[1] * scale)), max(8, round(image.shape[0] * scale))
    grey = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    free = np.full(grey.shape, 255, np.uint8)
    for person in people:
        points = person.keypoints_px[:, :2]
        points = points[np.isfinite(points).all(axis=-1)] * scale
        if len(points):
            low, high = points.min(axis=0), points.max(axis=0)
            margin = _MARGIN * float((high - low).max()) + 4
            left, top = np.maximum(low - margin, 0).astype(int)
            right, bottom = np.maximum(high + margin, 0).astype(int)
            free[top:bottom, left:right] = 0
    return grey, free


def _has_corners(picture: tuple[np.ndarray, np.ndarray]) -> bool:
    return len(_corners(picture)) >= _LEAST_POINTS


def _corners(picture: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    grey, free = picture
    found = cv2.goodFeaturesToTrack(grey, _POINTS, 0.02, 7, mask=free)
    return np.empty((0, 1, 2), np.float32) if found is None else found


def _shift(
    before: tuple[np.ndarray, np.ndarray], now: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, float] | None:
    """Median way (2,) of the background and how far it moved typically, px; None if not seen."""
    corners = _corners(before)
    if len(corners) < _LEAST_POINTS:
        return None
    there, found, _ = cv2.calcOpticalFlowPyrLK(before[0], now[0], corners, None)  # type: ignore
    back, again, _ = cv2.calcOpticalFlowPyrLK(now[0], before[0], there, None)  # type: ignore
    same = np.linalg.norm((back - corners)[:, 0], axis=-1) < _AGREED_PX
    places = np.clip(there[:, 0].round().astype(int), 0, np.array(now[1].shape)[::-1] - 1)
    good = (found & again)[:, 0].astype(bool) & same & (now[1][places[:, 1], places[:, 0]] > 0)
    if good.sum() < _LEAST_POINTS or good.mean() < 0.3:
        return None
    ways = (there - corners)[good, 0].astype(np.float64)
    return np.median(ways, axis=0), float(np.median(np.linalg.norm(ways, axis=-1)))
