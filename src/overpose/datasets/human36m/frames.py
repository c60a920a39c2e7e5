"""How many frames a trial of Human3.6M has, and whether a copy has all of them.

Counts only; reading files belongs to `files`, finding them to `layout`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_FEW, _FEW_PART = 50, 20
"""Where metadata.xml does not say the counts: by how many frames, and by which part of a trial (one
of 20), a video of a whole copy may differ from the poses."""


def official_frames(videos: Sequence[int], raw: int) -> int:
    """The frames of a trial by the dataset's release code: min(min(videos), floor(raw / 4)).

    Args:
        videos: frames of the four videos, 50 a second.
        raw: frames of the motion capture, 200 a second.
    """
    return min(*videos, raw // 4)


@dataclass(frozen=True)
class TrialFrames:
    """What of a trial can be used.

    Attributes:
        expected: how many frames each camera should have.
        used: by camera, how many it has.
        gaps: by camera, what is missing, in words; only where something is.
        extra: by how many frames the longest video, or the poses, go on.
    """

    expected: int
    used: Mapping[int, int]
    gaps: Mapping[int, str]
    extra: int


def count_frames(poses: int, videos: Mapping[int, int], official: int | None) -> TrialFrames:
    """Count a trial's frames; what goes on beyond the official count is no gap.

    Without an official count a few frames more or less are taken for the dataset's own: then the
    shortest video counts for all cameras, as in the official rule, and only what is shorter by more
    is a gap.

    Args:
        poses: how many the file has.
        videos: by camera, the frames of its video; at least one.
        official: `official_frames` of metadata.xml; None where it does not say.
    """
    if official is not None:
        expected = official
        few = max(poses, *videos.values())
    else:
        few = min(_FEW, poses // _FEW_PART)
        expected = min([poses, *(n for n in videos.values() if n >= poses - few)])
    used = {camera: min(frames, poses, expected) for camera, frames in videos.items()}
    gaps = {}
    for camera, frames in videos.items():
        if used[camera] < expected or frames - poses > few:
            gaps[camera] = (
                f"{frames} frames in the video, {poses} poses"
                + (f", expected {expected}" if official is not None else "")
                + f"; the first {used[camera]} are used"
            )
    return TrialFrames(expected, used, gaps, max(poses, *videos.values()) - expected)
