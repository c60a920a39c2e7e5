"""Where points of the background are seen again from frame to frame of a camera that moves.

What follows of how it turns belongs to `turns`; whether it moves at all to `background`.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

CORNERS, LEAST_SEEN = 120, 8
KEPT = 24
"""Points of a frame that are kept: enough for how the camera turned, however long the video is."""
LEAST_OVERLAP = 0.55
"""Share of the corners of a key picture that must be seen again; else the frame becomes one."""
LEAST_AGREED = 0.5
"""Share of points seen again that must move alike."""
BETTER = 0.2
"""Another key picture is taken if that much more of it is in sight than of the one in use."""
LONGEST_GAP_S = 0.5
"""For how long the background may be out of sight."""
MOST_KEYS = 32
"""Key pictures that are kept, those used last. A camera that turns comes back to its old ones; one
that travels takes ever new ones, and would take ever more time and memory."""
_AGREED_PX = 1.0
_QUALITY, _APART_PX = 0.005, 7
_EDGE = 4


@dataclass(frozen=True, eq=False)
class Sighting:
    """Points of a key picture seen in a frame, pixels of small pictures.

    Attributes:
        frame: where they are seen.
        key: the frame of the key picture; the same as `frame` for the first one.
        there, here: (n, 2) float32, places in the key picture and in the frame.
        agreed: share of the points followed that moved as the others did.
    """

    frame: int
    key: int
    there: np.ndarray
    here: np.ndarray
    agreed: float


@dataclass(frozen=True, eq=False)
class _Key:
    """A picture that others are compared with; `place` takes pixels of the first to its own."""

    frame: int
    grey: np.ndarray
    corners: np.ndarray
    place: np.ndarray


class Sightings:
    """Follows the background through frames in order.

    Every frame is compared with a key picture, the first one as long as enough of it is in sight;
    frames in which it is not become key pictures. One that is back in sight is taken again, so that
    errors do not add up where a camera goes to and fro.

    Attributes:
        found: of the frames so far in which enough was seen.
        size: width and height of the small pictures.
    """

    def __init__(self) -> None:
        self.found: list[Sighting] = []
        self.size = (0, 0)
        self._keys: list[_Key] = []
        self._used: dict[int, int] = {}
        self._place = np.eye(3)
        self._last: tuple[int, np.ndarray, np.ndarray] | None = None

    def look(self, grey: np.ndarray, free: np.ndarray, frame: int) -> None:
        """The next frame.

        Args:
            grey: (h, w) uint8 small picture.
            free: (h, w) uint8, 255 where nobody is.
            frame: its index.
        """
        self.size = (grey.shape[1], grey.shape[0])
        if not self._keys:
            self._begin(frame, grey, free)
            return
        for key in self._in_sight():
            if self._compare(key, grey, free, frame):
                break
        else:
            if len(self.found) == 1:  # a first picture in which nothing is seen again
                self._keys, self.found = [], []
                self._begin(frame, grey, free)
                return
            if self._last is None or self._last[0] == self._keys[-1].frame:
                return
            if not self._add_key(*self._last, self._place):
                return
            if not self._compare(self._keys[-1], grey, free, frame):
                self._keys.pop()
                return
        self._last = (frame, grey, free)

    def repeat(self, frame: int) -> None:
        """The next frame is the one before once more."""
        last = self.found[-1] if self.found else None
        if last is not None and last.frame == frame - 1 and len(last.here):
            self.found.append(replace(last, frame=frame))

    def _begin(self, frame: int, grey: np.ndarray, free: np.ndarray) -> None:
        if self._add_key(frame, grey, free, np.eye(3)):
            none = np.empty((0, 2), np.float32)
            self.found.append(Sighting(frame, frame, none, none, 1.0))
            self._last = (frame, grey, free)

    def _in_sight(self) -> list[_Key]:
        """Key pictures to compare with, the one to try first in front."""
        shares = [self._share_in_sight(key) for key in self._keys]
        current = next(
            (n for n, key in enumerate(self._keys) if key.frame == self._current),
            len(self._keys) - 1,
        )
        best = max(range(len(shares)), key=lambda n: (round(shares[n], 1), -n))
        order = [current, best] if shares[best] < shares[current] + BETTER else [best, current]
        order = list(dict.fromkeys([*order, len(self._keys) - 1]))
        return [self._keys[n] for n in order if shares[n] > 0]

    @property
    def _current(self) -> int:
        return self.found[-1].key if len(self.found) > 1 else self._keys[0].frame

    def _share_in_sight(self, key: _Key) -> float:
        places, before = _mapped(key.corners, self._place @ np.linalg.inv(key.place))
        return float((before & _inside(places, self.size)).mean())

    def _add_key(self, frame: int, grey: np.ndarray, free: np.ndarray, place: np.ndarray) -> bool:
        corners = cv2.goodFeaturesToTrack(grey, CORNERS, _QUALITY, _APART_PX, mask=free)
        if corners is None or len(corners) < LEAST_SEEN:
            return False
        self._keys.append(_Key(frame, grey, corners[:, 0].astype(np.float32), place))
        self._used[frame] = frame
        if len(self._keys) > MOST_KEYS:
            idle = min(self._keys, key=lambda key: self._used[key.frame])
            self._keys.remove(idle)
            del self._used[idle.frame]
        return True

    def _compare(self, key: _Key, grey: np.ndarray, free: np.ndarray, frame: int) -> bool:
        """Whether enough of a key picture is seen in a frame; it is noted then."""
        expected = self._place @ np.linalg.inv(key.place)
        expected /= expected[2, 2]
        places, before = _mapped(key.corners, expected)
        start = key.corners[before & _inside(places, self.size)]
        if len(start) < LEAST_SEEN:
            return False
        # seen as from the key picture, so that little is left to look for
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        turned = cv2.warpPerspective(grey, expected, self.size, flags=flags)
        ends, good = followed(key.grey, turned, start)
        here, before = _mapped(ends, expected)
        good &= before & _inside(here, self.size)
        spots = np.clip(here.round().astype(int), 0, np.array(self.size) - 1)
        good &= free[spots[:, 1], spots[:, 0]] > 0
        if good.sum() < LEAST_SEEN:
            return False
        there, here = start[good], here[good].astype(np.float32)
        motion, alike = cv2.findHomography(there, here, cv2.RANSAC, _AGREED_PX)
        if motion is None:
            return False
        alike = alike[:, 0].astype(bool)
        agreed = float(alike.mean())
        if alike.sum() < LEAST_SEEN or agreed < LEAST_AGREED:
            return False
        kept = np.flatnonzero(alike)
        kept = kept[np.linspace(0, len(kept) - 1, min(KEPT, len(kept))).astype(int)]
        self.found.append(Sighting(frame, key.frame, there[kept], here[kept], agreed))
        self._used[key.frame] = frame
        place = motion @ key.place
        self._place = place / np.cbrt(np.linalg.det(place))
        if alike.sum() < LEAST_OVERLAP * len(key.corners) and not self._others_in_sight(key):
            self._add_key(frame, grey, free, self._place)
        return True

    def _others_in_sight(self, key: _Key) -> bool:
        others = (each for each in self._keys if each is not key)
        return any(self._share_in_sight(each) > LEAST_OVERLAP + 0.1 for each in others)


def followed(
    before: np.ndarray, now: np.ndarray, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where points are in another picture.

    Args:
        before, now: (h, w) uint8.
        points: (n, 2) float32, n > 0, pixels of the first.

    Returns:
        (n, 2) float32 places, and (n,) bool whether the way back leads to where each came from.
    """
    starts = points[:, None]
    ends, found, _ = cv2.calcOpticalFlowPyrLK(before, now, starts, None)  # type: ignore
    back, again, _ = cv2.calcOpticalFlowPyrLK(now, before, ends, None)  # type: ignore
    same = np.linalg.norm((back - starts)[:, 0], axis=-1) < _AGREED_PX
    return ends[:, 0], (found & again)[:, 0].astype(bool) & same


def _mapped(points: np.ndarray, motion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) where a homography takes points, and (n,) whether they are before the camera there."""
    ends = points @ motion[:, :2].T + motion[:, 2]
    sign = np.sign(np.linalg.det(motion)) or 1.0
    depth = ends[:, 2] * sign
    before = depth > 1e-6
    return ends[:, :2] * sign / np.where(before, depth, 1.0)[:, None], before


def _inside(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(((points > _EDGE) & (points < np.array(size) - 1 - _EDGE)).all(axis=-1))
