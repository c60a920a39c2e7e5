"""Looking at a video frame by frame: who is in it, kept in a `Recording`."""

from collections.abc import Callable

import numpy as np

from overpose.keypoints.pace import Pace, error_between_px
from overpose.keypoints.people import PeopleFinder, Person
from overpose.media.video import Frame, Media, MediaInfo
from overpose.support.progress import say
from overpose.video.image_poses import ImageModel, poses_from_image
from overpose.video.recording import PersonRecord, Recording
from overpose.video.world.background import Background

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
    people: list[Person] = []
    poses: np.ndarray | None = None
    since = 0
    background = Background(media.info.fps)
    for frame in media:
        passed = not frame.repeated and not pace.is_due(frame.index)
        if not frame.repeated and not passed:
            people = finder.find(frame.image, frame.index)
            pace.saw(frame.index, people)
            since = frame.index
            background.look(frame.image, people, frame.index)
            if poses_by is not None:
                poses = poses_from_image(poses_by, frame.image, people)
            people = _in_original_px(people, frame, media.info)
        held_s = (frame.index - since) / media.info.fps
        held = 0 < held_s < LONGEST_LOOK_S
        recording.add(people, poses, held=held, passed=passed)
        advance(1)
    recording.camera_is_static = background.is_static


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
    return info.width / frame.image.shape[1]


def _in_original_px(people: list[Person], frame: Frame, info: MediaInfo) -> list[Person]:
    size = px_size(frame, info)
    return people if size == 1.0 else [person.scaled(size) for person in people]
