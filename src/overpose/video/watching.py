"""Looking at a video frame by frame: who is in it, kept in a `Recording`."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from overpose.keypoints.pace import Pace, error_between_px
from overpose.keypoints.people import PeopleFinder, Person
from overpose.media.video import Frame, Media, MediaInfo
from overpose.support.progress import say
from overpose.video.image_poses import ImageModel, poses_from_image
from overpose.video.recording import PersonRecord, Recording
from overpose.video.world.background import Background

AHEAD = 1
"""Frames in which people are looked for already while who is who is settled in the one before."""
LONGEST_LOOK_S = 0.25
"""For how long, at most, people count as seen by a single frame that stays."""


def watch(
    media: Media,
    finder: PeopleFinder,
    recording: Recording,
    *,
    pace: Pace,
    poses_by: ImageModel | None,
    advance: Callable[[int], None],
) -> None:
    """Record the people of all frames.

    Args:
        media: opened, not read yet.
        finder: of this video alone.
        recording: filled; what is in it at an interruption is whole.
        pace: which frames are looked at.
        poses_by: the model that makes poses of the images; None where keypoints are enough.
        advance: told of every frame.
    """
    watching = _Watching(media.info, recording, pace, poses_by)
    waiting: deque[_Waiting] = deque()
    looks = 0

    def settle() -> int:
        """Whether the first that waits was looked at."""
        first = waiting.popleft()
        watching.settle(first)
        advance(1)
        return first.people is not None

    try:
        for frame in media:
            passed = not frame.repeated and not pace.is_due(frame.index)
            look = not frame.repeated and not passed
            people = finder.begin(frame.pixels, frame.index) if look else None
            waiting.append(_Waiting(frame, people, passed))
            looks += look
            while looks > AHEAD:
                looks -= settle()
    except KeyboardInterrupt:
        while waiting and waiting[0].frame.index == recording.frames:  # else one before is lost
            settle()
        raise
    while waiting:
        settle()
    recording.camera_is_static = watching.background.is_static


@dataclass(frozen=True, eq=False)
class _Waiting:
    """A frame that is not recorded yet.

    Attributes:
        frame: the frame.
        people: what gives those in it; None where it is not looked at.
        passed: whether that is because of the pace.
    """

    frame: Frame
    people: Callable[[], list[Person]] | None
    passed: bool


class _Watching:
    """Records frame after frame.

    Args:
        info: of the video.
        recording: filled.
        pace: told who was found.
        poses_by: as in `watch`.
    """

    def __init__(
        self, info: MediaInfo, recording: Recording, pace: Pace, poses_by: ImageModel | None
    ) -> None:
        self.background = Background(info.fps, recording.sightings)
        self._info, self._recording, self._pace = info, recording, pace
        self._poses_by = poses_by
        self._people: list[Person] = []
        self._poses: np.ndarray | None = None
        self._since = 0

    def settle(self, waiting: _Waiting) -> None:
        """Record a frame."""
        frame = waiting.frame
        if waiting.people is not None:
            people = waiting.people()
            self._pace.saw(frame.index, people)
            self._since = frame.index
            self.background.look(frame.pixels, people, frame.index)
            if self._poses_by is not None:
                self._poses = poses_from_image(self._poses_by, frame.image, people)
            self._people = _in_original_px(people, frame, self._info)
        elif frame.repeated:
            self.background.repeat(frame.index)
        held_s = (frame.index - self._since) / self._info.fps
        held = 0 < held_s < LONGEST_LOOK_S
        self._recording.add(self._people, self._poses, held=held, passed=waiting.passed)


def say_what_was_passed(name: str, recording: Recording, records: list[PersonRecord]) -> None:
    """One line on the frames that were not looked at, and how far their keypoints are off."""
    passed = recording.passed
    if not passed.any():
        return
    errors = [error_between_px(record.keypoints_px, passed) for record in records]
    known = [error for error in errors if np.isfinite(error)]
    off = f", off by about {max(known):.1f} px" if known else ""
    looks = recording.frames - int(passed.sum())
    say(f"{name}: looked at {looks} of {recording.frames} frames; the others are interpolated{off}")


def px_size(frame: Frame, info: MediaInfo) -> float:
    """Pixels of the original for each of the frame's image."""
    return info.width / frame.pixels.shape[1]


def _in_original_px(people: list[Person], frame: Frame, info: MediaInfo) -> list[Person]:
    size = px_size(frame, info)
    return people if size == 1.0 else [person.scaled(size) for person in people]
