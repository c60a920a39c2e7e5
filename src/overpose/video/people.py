"""The people of a video, frame by frame: 2D keypoints with one number for each person.

How keypoints are found belongs to the engines (`blazepose`, `rtmlib_engine`), who is who to
`tracking`; what becomes of the keypoints, to `estimator`.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from types import TracebackType
from typing import Protocol, Self, TypeVar

import numpy as np

from overpose.video.appearance import appearance
from overpose.video.blazepose import (
    BlazePose,
    Complexity,
    Landmarks,
    Region,
    region_of_keypoints,
)
from overpose.video.layouts import BLAZEPOSE_33, KeypointLayout
from overpose.video.selection import Presence
from overpose.video.tracking import NOBODY, Tracker, suppress_duplicates

Result = TypeVar("Result")

PRESENT = 0.5
"""Probability of a person below which a region counts as empty."""
_DETECT_EVERY_S = 0.4
_TILES_EVERY_S = 1.2
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


class PeopleFinder(Protocol):
    """Finds the people of a video's frames, which are given one after the other."""

    layout: KeypointLayout

    @property
    def presences(self) -> list[Presence]:
        """Everybody there ever was."""
        ...

    def find(self, image: np.ndarray, frame: int) -> list[Person]:
        """The people in an RGB image (height, width, 3) uint8, the next frame of the video."""
        ...

    def close(self) -> None:
        """Stop what runs in the background."""
        ...


class BlazePoseEngines:
    """BlazePose ready for use by several threads: what `BlazePoseFinder` runs on.

    Args:
        complexity: of the landmark model.
        threads: how many people are looked at side by side.
    """

    def __init__(self, complexity: Complexity = "full", *, threads: int = 2) -> None:
        self.complexity = complexity
        self.threads = threads
        self._free: SimpleQueue[BlazePose] = SimpleQueue()
        self._all = [BlazePose.from_assets(complexity, threads=1) for _ in range(threads)]
        for engine in self._all:
            self._free.put(engine)

    def detect(self, image: np.ndarray, *, tiles: bool) -> list[Region]:
        """See `BlazePose.detect`."""
        return self._with_one(lambda engine: engine.detect(image, tiles=tiles))

    def landmarks(self, image: np.ndarray, region: Region) -> Landmarks:
        """See `BlazePose.landmarks`."""
        return self._with_one(lambda engine: engine.landmarks(image, region))

    def _with_one(self, work: Callable[[BlazePose], Result]) -> Result:
        engine = self._free.get()
        try:
            return work(engine)
        finally:
            self._free.put(engine)


class BlazePoseFinder:
    """Follows each person's region from frame to frame and looks for new people now and then.

    The detector looks at the whole image 2.5 times a second, at parts of it (for people small in
    the image) every 1.2 s, and more often while somebody is lost or nobody is there.

    Args:
        engines: the networks.
        fps: frames a second.
    """

    layout = BLAZEPOSE_33

    def __init__(self, engines: BlazePoseEngines, fps: float) -> None:
        self._engines = engines
        self._fps = fps
        self._tracker = Tracker(fps)
        self._threads = ThreadPoolExecutor(engines.threads, "overpose-people")
        self._regions: dict[int, Region] = {}
        self._last_seen: dict[int, int] = {}
        self._last_detection = self._last_tiles = -1_000_000
        self._frame = -1

    @property
    def presences(self) -> list[Presence]:
        """Everybody there ever was."""
        return self._tracker.presences

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown()

    def find(self, image: np.ndarray, frame: int) -> list[Person]:
        """The people in an RGB image (height, width, 3) uint8, the next frame of the video."""
        self._frame = frame
        expected = self._expected()
        detection = self._begin_detection(image, lost=len(expected) > len(self._regions))
        found = self._landmarks(image, expected)
        if detection is not None:
            known = [each.region for each in found]
            new = [region for region in detection.result() if not _covered(region, known)]
            found += self._landmarks(image, new)
        found = [found[i] for i in suppress_duplicates([each.keypoints_px for each in found])]
        looks = [appearance(image, each.keypoints_px) for each in found]
        numbers = self._tracker.update(frame, [each.keypoints_px for each in found], looks)
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
        self._last_seen |= dict.fromkeys(self._regions, frame)
        return people

    def _expected(self) -> list[Region]:
        """Where to look: at those seen in the last frame, and at those lost a moment ago."""
        regions = list(self._regions.values())
        for number in self._tracker.people:
            away_s = (self._frame - self._last_seen[number]) / self._fps
            if number not in self._regions and away_s <= _FOLLOWED_S:
                region = region_of_keypoints(self._tracker.predicted(number))
                if region is not None:
                    regions.append(region)
        return regions

    def _begin_detection(self, image: np.ndarray, *, lost: bool) -> Future[list[Region]] | None:
        """Let the detector run beside the landmark model, if it is time."""
        since_s = (self._frame - self._last_detection) / self._fps
        if self._regions and since_s < (_LOST_EVERY_S if lost else _DETECT_EVERY_S):
            return None
        tiles = (self._frame - self._last_tiles) / self._fps >= _TILES_EVERY_S
        self._last_detection = self._frame
        if tiles:
            self._last_tiles = self._frame
        return self._threads.submit(self._engines.detect, image, tiles=tiles)

    def _landmarks(self, image: np.ndarray, regions: Sequence[Region]) -> list[Landmarks]:
        if len(regions) == 1:  # not worth a thread
            found = [self._engines.landmarks(image, regions[0])]
        else:
            found = list(self._threads.map(lambda r: self._engines.landmarks(image, r), regions))
        return [each for each in found if each.presence >= PRESENT]


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

    def close(self) -> None:
        """Nothing runs in the background."""

    def find(self, image: np.ndarray, frame: int) -> list[Person]:
        """The people in an RGB image (height, width, 3) uint8, the next frame of the video."""
        found = self._detect(image)
        found = [found[i] for i in suppress_duplicates(found)]
        looks = [appearance(image, keypoints, self.layout) for keypoints in found]
        numbers = self._tracker.update(frame, found, looks)
        return [
            Person(number, keypoints)
            for number, keypoints in zip(numbers, found, strict=True)
            if number != NOBODY
        ]


def _covered(region: Region, known: Sequence[Region]) -> bool:
    return any(
        np.hypot(region.x - other.x, region.y - other.y) < _COVERED * min(region.size, other.size)
        for other in known
    )
