"""What is true of a keypoint file as a whole: its frame numbers, its scores, its unit of length.

Reading belongs to the modules `keypoint_*`; this is done once, on everything that they found.
"""

from dataclasses import replace

import numpy as np

from overpose.keypoints.keypoint_parts import MAX_FRAMES, FoundKeypoints
from overpose.support.errors import InputError
from overpose.support.progress import say

_SLACK = 2
"""Frames that detectors may have read beyond those that a video gives here."""


def in_place(found: FoundKeypoints, where: str, video_frames: int | None) -> FoundKeypoints:
    """With frames from 0, as many as the video has.

    Args:
        found: of a file; numbers of frames as it has them.
        where: the file, for messages.
        video_frames: how many frames the video has, if it is known.

    Raises:
        InputError: there are more than the video has, numbers below 0, or too many.
    """
    frames, first = found.frames, 0
    if found.numbered:
        numbers = found.numbers()
        lowest, highest = min(numbers, default=0), max(numbers, default=-1)
        first = _first_number(lowest, highest, video_frames, found, where)
        if lowest < 0 or highest - first >= MAX_FRAMES:
            raise InputError(
                f"{where}: got frame numbers {lowest} to {highest}, expected 0 to {MAX_FRAMES - 1}"
            )
        frames = highest - first + 1
    if video_frames is not None:
        if frames > video_frames + _SLACK:
            raise InputError(
                f"{where}: got keypoints of {frames} frames for a video of {video_frames}; are "
                "they of this video?"
            )
        if frames > video_frames:
            say(f"{where}: keypoints of {frames} frames for a video of {video_frames}; cut there")
        frames = video_frames
    if found.people is not None:
        people = {
            name: {at - first: points for at, points in track.items() if at - first < frames}
            for name, track in found.people.items()
        }
        return replace(found, people=people, frames=frames)
    crowd = {at - first: each for at, each in (found.crowd or {}).items() if at - first < frames}
    return replace(found, crowd=crowd, frames=frames)


def _first_number(
    lowest: int, highest: int, total: int | None, found: FoundKeypoints, where: str
) -> int:
    """The number of a video's first frame, which may have nobody in it and so be left out."""
    if lowest <= 0:
        return 0
    if total is None:
        return 1 if found.from_one or (found.from_one is None and lowest == 1) else 0
    if highest < total:
        return 1 if found.from_one else 0
    if highest == total:
        return 1
    if highest - lowest < total:
        say(
            f"{where}: frame numbers {lowest} to {highest} for a video of {total} frames; "
            f"the first frame is taken for number {lowest}"
        )
        return lowest
    raise InputError(
        f"{where}: got frame numbers {lowest} to {highest} for a video of {total} frames, expected "
        f"0 to {total - 1} or 1 to {total}; are they of this video?"
    )


def scale_scores(found: FoundKeypoints, where: str) -> None:
    """Bring scores within 0 to 1, in place; those that go beyond are divided by the highest.

    Flags of visibility, 0, 1 and 2, count as 0 and 1.

    Raises:
        InputError: few scores go beyond 1, and those far: they are no scores.
    """
    highest, above, count, flags = 0.0, 0, 0, True
    for points in found.everybody():
        scores = points[np.isfinite(points[:, 0]), 2]
        highest = max(highest, float(scores.max(initial=0.0)))
        above += int((scores > 1).sum())
        count += len(scores)
        flags &= bool(np.isin(scores, (0.0, 1.0, 2.0)).all())
    if highest > 2 and above < 0.1 * count:
        raise InputError(f"{where}: got a score of {highest:g}, expected 0 to 1 as the others")
    divisor = 1.0
    if highest > 1.001 and not flags:
        divisor = highest
        say(f"{where}: scores go up to {highest:.4g}; all are divided by that")
    for points in found.everybody():
        points[:, 2] = np.minimum(points[:, 2] / divisor, 1.0)


def scale_to_pixels(found: FoundKeypoints, where: str) -> None:
    """Turn coordinates that are shares of the image (0 to 1, or -1 to 1) into pixels, in place.

    Raises:
        InputError: they are, and the size of the image is not known.
    """
    count, small, negative = 0, 0, 0
    for points in found.everybody():
        values = points[np.isfinite(points[:, 0]), :2]
        count += values.size
        small += int((np.abs(values) < 2).sum())
        negative += int((values < 0).sum())
    if small * 2 <= count:
        return
    about_middle = negative > 0.2 * count
    if found.width is None or found.height is None:
        shares = "-1 to 1" if about_middle else "0 to 1"
        raise InputError(
            f"{where}: coordinates are shares of the image ({shares}), and its size is not known; "
            "give width and height in the file, or the video"
        )
    if about_middle:
        say(f"{where}: coordinates are taken for -1 to 1 from edge to edge of the image")
    size = np.array([found.width, found.height], dtype=np.float64)
    for points in found.everybody():
        shares = (points[:, :2] + 1) / 2 if about_middle else points[:, :2]
        points[:, :2] = shares * size
