"""Whether the camera stands still: what moves in the picture where nobody is."""

from collections.abc import Sequence

import cv2
import numpy as np

from overpose.keypoints.people import Person
from overpose.media.planes import PlanarImage
from overpose.video.world.sightings import LONGEST_GAP_S, Sightings, followed

LOOK_EVERY_S = 0.4
SIZE_PX = 320
"""Longer side of the pictures that are compared."""
FARTHEST_SHARE = 0.015
"""Of the longer side: by how much the background of a camera that stands still may seem to move.
About one degree: phones tremble by less when somebody tries to hold them still."""
MOVED_LOOKS = 0.1
"""Share of looks in which it moves farther, from which on the camera moves."""
STIRRED_SHARE = 0.003
"""Of the longer side: a camera that moves by more between looks is followed frame by frame."""
KEPT_A_SECOND, FOLLOWED_A_SECOND = 15.0, 30.0
"""How many frames a second are kept while it does not, and followed while it does."""
_POINTS, _LEAST_POINTS = 120, 10
_MARGIN = 0.12


class Background:
    """Looks at the frames of a video as they come, a few a second, at a small size.

    Corners of the background are followed from the first look; where too few of them are seen any
    more, from the one before.

    Args:
        fps: frames a second.
        sightings: filled, by up to 30 frames a second from where on the camera stirs, by a few
            before; None: nobody needs them.
    """

    def __init__(self, fps: float, sightings: Sightings | None = None) -> None:
        self._fps, self._sightings, self._stirs = fps, sightings, False
        self._waiting: list[tuple[int, tuple[np.ndarray, np.ndarray] | None]] = []
        self._step = max(1, round(LOOK_EVERY_S * fps))
        self._between = [max(1, round(fps / each)) for each in (KEPT_A_SECOND, FOLLOWED_A_SECOND)]
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

    def look(self, image: np.ndarray | PlanarImage, people: Sequence[Person], index: int) -> None:
        """The next frame.

        Args:
            image: RGB (height, width, 3) uint8, or as it is stored.
            people: who is in it, keypoints in pixels of that.
            index: of the frame.
        """
        due = index >= self._next
        if not due and (self._sightings is None or index % self._between[self._stirs]):
            return
        if not due and not self._stirs:  # looked at if the camera is found to have moved since
            self._waiting.append((index, small_picture(image, people, quickly=True)))
            return
        now = small_picture(image, people)
        if due:
            self._next = index + self._step
            self._compare(now)
        if self._sightings is not None:
            self._waiting.append((index, now))
            self._follow(self._waiting if self._stirs else self._waiting[-1:])
            self._waiting.clear()

    def repeat(self, index: int) -> None:
        """The next frame is the one before once more."""
        if self._sightings is not None:
            self._waiting.append((index, None))

    def _follow(self, frames: Sequence[tuple[int, tuple[np.ndarray, np.ndarray] | None]]) -> None:
        assert self._sightings is not None
        for index, picture in frames:
            if picture is None:
                self._sightings.repeat(index)
            else:
                self._sightings.look(*picture, index)
        found = self._sightings.found
        if found and frames[-1][0] - found[-1].frame > self._step + LONGEST_GAP_S * self._fps:
            self._sightings = None  # what comes is turned by nobody knows how much

    def _compare(self, now: tuple[np.ndarray, np.ndarray]) -> None:
        """One look in a while."""
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
            self._stirs |= cut
            if cut:
                self._far.append(True)
        else:
            place = self._moved_by + shift[0]
            since = np.linalg.norm(place - self._of_before)
            self._stirs |= bool(since > STIRRED_SHARE * SIZE_PX)
            self._of_before = place
            far = np.linalg.norm(self._moved_by) + shift[1]
            self._far.append(bool(far > FARTHEST_SHARE * SIZE_PX))
        self._before = now


def small_picture(
    image: np.ndarray | PlanarImage, people: Sequence[Person], *, quickly: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """What is looked at of a frame: it in grey, and 255 where nobody is, both (h, w) uint8.

    Args:
        image: RGB (height, width, 3) uint8, or as it is stored.
        people: who is in it, keypoints in pixels of that.
        quickly: whether some of its pixels will do.
    """
    scale = SIZE_PX / max(image.shape[:2])
    size = max(8, round(image.shape[1] * scale)), max(8, round(image.shape[0] * scale))
    means = cv2.INTER_LINEAR if quickly else cv2.INTER_AREA
    if isinstance(image, PlanarImage):
        grey = image.brightness(*size, means)
    else:
        grey = cv2.cvtColor(cv2.resize(image, size, interpolation=means), cv2.COLOR_RGB2GRAY)
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
    return np.empty((0, 2), np.float32) if found is None else found[:, 0]


def _shift(
    before: tuple[np.ndarray, np.ndarray], now: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, float] | None:
    """Median way (2,) of the background and how far it moved typically, px; None if not seen."""
    corners = _corners(before)
    if len(corners) < _LEAST_POINTS:
        return None
    there, good = followed(before[0], now[0], corners)
    places = np.clip(there.round().astype(int), 0, np.array(now[1].shape)[::-1] - 1)
    good &= now[1][places[:, 1], places[:, 0]] > 0
    if good.sum() < _LEAST_POINTS or good.mean() < 0.3:
        return None
    ways = (there - corners)[good].astype(np.float64)
    return np.median(ways, axis=0), float(np.median(np.linalg.norm(ways, axis=-1)))
