"""The people of a video, frame by frame: 2D keypoints with one number for each person.

How keypoints are found belongs to `blazepose` and the engines, who is who to
`tracking`; what becomes of the keypoints, to `estimator`.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol, runtime_checkable

import numpy as np

from overpose.boxes import beyond_border
from overpose.keypoints.appearance import appearance
from overpose.keypoints.blazepose import BlazePose, Landmarks, Picture, Region, region_of_keypoints
from overpose.keypoints.likeness import suppress_duplicates
from overpose.keypoints.selection import Presence
from overpose.keypoints.tracking import NOBODY, Tracker
from overpose.layouts import BLAZEPOSE_33, KeypointLayout

PRESENT = 0.5
"""Probability of a person below which a region counts as empty."""
OUTSIDE_SCORE = 0.05
"""What keypoints beyond the border of the picture have at most: they are guessed, not seen."""
_NEVER = -1_000_000
_DETECT_EVERY_S = 0.4
_TILES_EVERY_S = 2.0
_SMALL_EVERY_S = (2.0, 32.0)
"""How often people are looked for who are smaller still; each time in vain half as often."""
_SMALL = 0.35
"""They are looked for where nobody is found, or somebody whose region is smaller than this share of
the picture's shorter side: as of people who stand far away, or in a crowd. Elsewhere more lamps and
machines than people would be found."""
_LOST_EVERY_S = 0.1
_FOLLOWED_S = 0.3
"""For how long somebody lost is looked for where expected."""
_COVERED = 0.2
"""A detection whose middle is nearer than this part of its size to a known person is that one."""


@dataclass(frozen=True, eq=False)
class Person:
    """One person in one frame.

    Attributes:
        number: from 1 on, the same through the video.
        keypoints_px: (K, 3) float32 x, y px and score; NaN x, y = missing.
    """

    number: int
    keypoints_px: np.ndarray

    def scaled(self, factor: float) -> "Person":
        """The same person in a picture of `factor` times the size."""
        return replace(
            self, keypoints_px=self.keypoints_px * np.array([factor, factor, 1], np.float32)
        )


def unsure_outside(keypoints_px: np.ndarray, width: int, height: int) -> np.ndarray:
    """Keypoints of whose place beyond the border of the picture nobody is sure.

    Args:
        keypoints_px: (..., K, 3) x, y px, score; NaN x, y = missing.
        width, height: of the picture, pixels.

    Returns:
        the same with scores of at most `OUTSIDE_SCORE` beyond the border.
    """
    outside = beyond_border(keypoints_px[..., :2], width, height)
    unsure = keypoints_px.copy()
    unsure[outside, 2] = np.minimum(unsure[outside, 2], OUTSIDE_SCORE)
    return unsure


@runtime_checkable
class PeopleFinder(Protocol):
    """Finds the people of a video's frames, which are given one after the other."""

    layout: KeypointLayout

    @property
    def presences(self) -> list[Presence]:
        """Everybody there ever was."""
        ...

    def begin(self, image: Picture, frame: int) -> Callable[[], list[Person]]:
        """Begin to look at an image, the next frame of the video; `numpy.asarray` makes it RGB.

        Returns:
            what gives the people in it. They are the same whether or not the people of the frames
            before have been asked for.
        """
        ...

    def find(self, image: Picture, frame: int) -> list[Person]:
        """The people in such an image, at once."""
        ...


class BlazePoseFinder:
    """Follows each person's region from frame to frame and looks for new people now and then.

    The detector looks at the whole image 2.5 times a second, at parts of it (for people small in
    the image) every 2 s, and more often while somebody is lost or nobody is there. Still smaller
    parts, for crowds, are looked at where others are small, or nobody is there, and less often if
    that is in vain.

    Args:
        engine: the networks.
        fps: frames a second.
    """

    layout = BLAZEPOSE_33

    def __init__(self, engine: BlazePose, fps: float) -> None:
        self._engine = engine
        self._fps = fps
        self._tracker = Tracker(fps)
        self._regions: dict[int, Region] = {}
        self._last_seen: dict[int, int] = {}
        self._last_detection = self._last_tiles = self._last_small = _NEVER
        self._last_begun = _NEVER
        self._small_every_s = _SMALL_EVERY_S[0]
        self._frame = -1
        self._begun: deque[_Look] = deque()

    @property
    def presences(self) -> list[Presence]:
        """Everybody there ever was."""
        return self._tracker.presences

    def begin(self, image: Picture, frame: int) -> Callable[[], list[Person]]:
        """Begin to look at an image, the next frame of the video.

        Where there are threads for it, they look for landmarks already where those found in the
        frame before are likely to be expected. Those who are not are left out; those who are,
        besides, are looked for in their turn.
        """
        look = _Look(image, frame)
        if self._begun:
            look.begun = [
                self._begun_after(each.landmarks, image) for each in self._begun[-1].begun
            ]
        else:
            self._look_at_expected(look)
        self._begin_detection(look)
        self._begun.append(look)
        return partial(self._people, look)

    def find(self, image: Picture, frame: int) -> list[Person]:
        """The people in such an image, at once."""
        return self.begin(image, frame)()

    def _people(self, look: "_Look") -> list[Person]:
        while look.people is None:
            first = self._begun.popleft()
            first.people = self._settled(first)
            if self._begun:
                self._look_at_expected(self._begun[0])
        return look.people

    def _begun_after(self, before: Future[Landmarks], image: Picture) -> "_Begun":
        """What looks for somebody where the frame before says; it waits for that."""

        def landmarks() -> Landmarks:
            found = before.result()
            if found.presence < PRESENT:
                return found
            return self._engine.landmarks(image, found.region)

        return _Begun(self._engine.begin(landmarks), after=before)

    def _look_at_expected(self, look: "_Look") -> None:
        """Begin with all who are expected in a frame, all before which are settled, and forget who
        is not."""
        if self._engine.has_threads:
            look.begun = self._at(look, self._expected(look.frame))

    def _at(self, look: "_Look", regions: Sequence[Region]) -> list["_Begun"]:
        """What looks at these regions; what has been begun is not begun again."""
        begun = {each.where(): each for each in look.begun}
        return [begun.get(region) or self._begin(look.image, region) for region in regions]

    def _begin(self, image: Picture, region: Region) -> "_Begun":
        landmarks = self._engine.begin(partial(self._engine.landmarks, image, region))
        return _Begun(landmarks, region)

    def _landmarks(self, look: "_Look", regions: Sequence[Region]) -> list[Landmarks]:
        """Who is present in these regions."""
        found = [each.landmarks.result() for each in self._at(look, regions)]
        return [each for each in found if each.presence >= PRESENT]

    def _settled(self, look: "_Look") -> list[Person]:
        """The people of a frame, all before which are settled."""
        image, self._frame = look.image, look.frame
        expected = self._expected(look.frame)
        found = self._landmarks(look, expected)
        known = [each.region for each in found]
        detected = self._detected(look, lost=len(expected) > len(self._regions))
        new = [each for each in detected if not _covered(each, known)]
        found += self._landmarks(look, new)
        found = [found[i] for i in suppress_duplicates([each.keypoints_px for each in found])]
        looks = [appearance(image, each.keypoints_px) for each in found]
        numbers = self._tracker.update(look.frame, [each.keypoints_px for each in found], looks)
        people = [
            Person(number, each.keypoints_px)
            for number, each in zip(numbers, found, strict=True)
            if number != NOBODY
        ]
        self._regions = {
            number: each.region
            for number, each in zip(numbers, found, strict=True)
            if number != NOBODY
        }
        self._last_seen |= dict.fromkeys(self._regions, look.frame)
        return people

    def _expected(self, frame: int) -> list[Region]:
        """Where to look: at those seen in the last frame, and at those lost a moment ago."""
        regions = list(self._regions.values())
        for number in self._tracker.people:
            away_s = (frame - self._last_seen[number]) / self._fps
            if number not in self._regions and away_s <= _FOLLOWED_S:
                region = region_of_keypoints(self._tracker.predicted(number, frame))
                if region is not None:
                    regions.append(region)
        return regions

    def _begin_detection(self, look: "_Look") -> None:
        """Begin to look for new people where that is due whoever is there."""
        since_s = (look.frame - max(self._last_detection, self._last_begun)) / self._fps
        if self._engine.has_threads and since_s >= _DETECT_EVERY_S:
            self._last_begun = look.frame
            tiles = self._are_tiles_due(look.frame)
            look.detected[tiles] = self._engine.begin_detect(look.image, tiles=tiles)

    def _are_tiles_due(self, frame: int) -> bool:
        return (frame - self._last_tiles) / self._fps >= _TILES_EVERY_S

    def _detected(self, look: "_Look", *, lost: bool) -> list[Region]:
        """What the detector finds, if it is its turn."""
        since_s = (self._frame - self._last_detection) / self._fps
        if self._regions and since_s < (_LOST_EVERY_S if lost else _DETECT_EVERY_S):
            return []
        tiles = self._are_tiles_due(self._frame)
        self._last_detection = self._frame
        if tiles:
            self._last_tiles = self._frame
        begun = look.detected.get(tiles) or self._engine.begin_detect(look.image, tiles=tiles)
        found = begun()
        known = [*self._regions.values(), *found]
        if tiles and self._may_hold_small(look.image, known):
            found += self._small(look.image, found, known)
        return found

    def _may_hold_small(self, image: Picture, known: Sequence[Region]) -> bool:
        """Whether it is worth the time to look for people who are very small."""
        if (self._frame - self._last_small) / self._fps < self._small_every_s:
            return False
        least = min([each.size for each in known], default=0.0)
        return least < _SMALL * min(image.shape[:2])

    def _small(
        self, image: Picture, found: Sequence[Region], known: Sequence[Region]
    ) -> list[Region]:
        """People who are very small, but for the known ones."""
        self._last_small = self._frame
        small = self._engine.detect_small(image, found)
        shortest, longest = _SMALL_EVERY_S
        self._small_every_s = shortest if small else min(2 * self._small_every_s, longest)
        return [each for each in small if not any(other.surrounds(each) for other in known)]


class DetectionFinder:
    """Takes everybody that a detector of 2D keypoints finds in each frame by itself.

    Args:
        detect: from an RGB image to the keypoints (K, 3) of its people.
        layout: of these keypoints.
        fps: frames a second.
    """

    def __init__(
        self,
        detect: Callable[[np.ndarray], list[np.ndarray]],
        layout: KeypointLayout,
        fps: float,
    ) -> None:
        self.layout = layout
        self._detect = detect
        self._tracker = Tracker(fps)

    @property
    def presences(self) -> list[Presence]:
        """Everybody there ever was."""
        return self._tracker.presences

    def begin(self, image: Picture, frame: int) -> Callable[[], list[Person]]:
        """What looks at an image, the next frame of the video."""
        return partial(self.find, image, frame)

    def find(self, image: Picture, frame: int) -> list[Person]:
        """The people in such an image."""
        found = self._detect(np.asarray(image))
        found = [found[i] for i in suppress_duplicates(found)]
        looks = [appearance(image, keypoints, self.layout) for keypoints in found]
        numbers = self._tracker.update(frame, found, looks)
        return [
            Person(number, keypoints)
            for number, keypoints in zip(numbers, found, strict=True)
            if number != NOBODY
        ]


@dataclass(frozen=True, eq=False)
class _Begun:
    """A place that is looked at.

    Attributes:
        landmarks: what is found there.
        region: the place; None: where `after`, the same person in the frame before, says.
    """

    landmarks: Future[Landmarks]
    region: Region | None = None
    after: Future[Landmarks] | None = None

    def where(self) -> Region | None:
        """The place; None where nobody was there any more in the frame before, which is waited
        for."""
        if self.after is None:
            return self.region
        before = self.after.result()
        return before.region if before.presence >= PRESENT else None


@dataclass(eq=False)
class _Look:
    """A frame that is looked at.

    Attributes:
        image, frame: the frame and its number.
        begun: the places.
        detected: what gives new people, by whether parts of the image are looked at too.
        people: once it is settled.
    """

    image: Picture
    frame: int
    begun: list[_Begun] = field(default_factory=list)
    detected: dict[bool, Callable[[], list[Region]]] = field(default_factory=dict)
    people: list[Person] | None = None


def _covered(region: Region, known: Sequence[Region]) -> bool:
    return any(
        np.hypot(region.x - other.x, region.y - other.y) < _COVERED * min(region.size, other.size)
        for other in known
    )
