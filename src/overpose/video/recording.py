"""What was found in the frames of a video, kept by person: small, whatever the size of the images.

Finding belongs to `people`, making poses of it to `posing`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from overpose.keypoints.pace import between_looks
from overpose.keypoints.people import Person
from overpose.keypoints.selection import Presence
from overpose.keypoints.sides import sides_exchanged, with_sides_exchanged
from overpose.layouts import KeypointLayout
from overpose.video.world.sightings import Sightings


@dataclass(frozen=True, eq=False)
class PersonRecord:
    """One person through the frames of a video.

    Attributes:
        keypoints_px: (frames, K, 3) float32; NaN where not seen.
        poses_mm: (frames, 17, 3) float32 from the images; None where poses come from keypoints.
        exchanged: (frames, 2) bool, of which frames the upper and the lower body of `keypoints_px`
            had left for right before that was put back; `with_sides` decides it.
    """

    keypoints_px: np.ndarray
    poses_mm: np.ndarray | None = None
    exchanged: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), dtype=bool))

    def with_sides(self, layout: KeypointLayout, fps: float) -> "PersonRecord":
        """The person with left and right put back where the keypoints have them exchanged."""
        halves = sides_exchanged(self.keypoints_px, layout, fps)
        kept = with_sides_exchanged(self.keypoints_px, layout, halves)
        return replace(self, keypoints_px=kept, exchanged=halves)


@dataclass(eq=False)
class Recording:
    """Collects people frame by frame.

    Attributes:
        layout: of their keypoints.
        frames: how many frames there were.
        camera_is_static: whether the camera stood still; None where nobody could see.
        sightings: of the background, from where on the camera stirred.
    """

    layout: KeypointLayout
    frames: int = 0
    camera_is_static: bool | None = None
    sightings: Sightings = field(default_factory=Sightings)
    _passed: list[bool] = field(default_factory=list)
    _held: dict[int, int] = field(default_factory=dict)
    _seen: dict[int, list[tuple[int, Person, np.ndarray | None]]] = field(default_factory=dict)

    def add(
        self,
        people: Sequence[Person],
        poses_mm: np.ndarray | None = None,
        *,
        held: bool = False,
        passed: bool = False,
    ) -> None:
        """The people of the next frame.

        Args:
            people: who is in it.
            poses_mm: their poses (people, 17, 3) if they are known.
            held: whether they are those of the frame before and count as seen in this one.
            passed: whether this frame was not looked at; they are put between the looks around it.
        """
        self._passed.append(passed)
        for place, person in enumerate(people):
            pose = None if poses_mm is None else poses_mm[place]
            self._seen.setdefault(person.number, []).append((self.frames, person, pose))
            self._held[person.number] = self._held.get(person.number, 0) + held
        self.frames += 1

    @property
    def passed(self) -> np.ndarray:
        """(frames,) bool: which frames were not looked at."""
        return np.array(self._passed, dtype=bool)

    def timed(self, presence: Presence) -> Presence:
        """A presence by what the finder saw, with the time for which each frame was held."""
        times = 1 + self._held.get(presence.person, 0) / max(1, presence.frames)
        return replace(
            presence,
            frames=round(presence.frames * times),
            area_px=presence.area_px * times,
            doubled=round(presence.doubled * times),
        )

    def person(self, number: int) -> PersonRecord:
        """Everything about one person."""
        entries = self._seen.get(number, [])
        keypoints = np.full((self.frames, len(self.layout), 3), np.nan, np.float32)
        poses = None
        if any(pose is not None for _, _, pose in entries):
            poses = np.full((self.frames, 17, 3), np.nan, np.float32)
        for frame, person, pose in entries:
            keypoints[frame] = person.keypoints_px
            if poses is not None and pose is not None:
                poses[frame] = pose
        passed = self.passed
        if passed.any():
            keypoints = between_looks(keypoints, passed)
            poses = None if poses is None else between_looks(poses, passed)
        return PersonRecord(keypoints, poses)


def stacked(arrays: Sequence[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """Arrays of this shape of everybody, also where there is nobody."""
    return np.stack(arrays) if arrays else np.empty((0, *shape), np.float32)


def known_of(arrays: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """What the lifters know of everybody; None where they do not, or there is nobody."""
    there = [array for array in arrays if array is not None]
    return np.stack(there) if there else None
