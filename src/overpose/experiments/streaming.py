"""Sending people to other programs while they move: what `overpose predict --stream` does."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from overpose.formats.vmc import OscAddress, VmcSender, vmc_messages
from overpose.keypoints.engines import AUTO, Engine
from overpose.media.video import Frame, Media
from overpose.media.webcam import open_webcam
from overpose.support.progress import say
from overpose.video.estimator import PoseEstimator, TrackedFrame
from overpose.video.live import LivePerson
from overpose.video.options import PredictOptions

MOST_PEOPLE = 8
FORGOTTEN_S = 2.0
"""For how long the avatar of somebody out of sight waits for them to come back."""
LATE_FRAMES = 1
LONGEST_GAP_S = 0.2
"""A file is played on time: frames that come later than so many are left out, but for one each time
that so much was left out, where even decoding is late."""
_DOWN = np.diag([1.0, -1.0, -1.0, 1.0])
"""From the world to axes like a camera's, y down and z forward."""


def stream_people(
    device: int | Path,
    stream: str,
    options: PredictOptions,
    *,
    seconds: float | None = None,
    keypoints: Engine = AUTO,
    model: Path | None = None,
) -> None:
    """Send the people of a camera by VMC as they move, until Ctrl-C or for some seconds.

    Args:
        device: number of the camera, or a video file, which is played in real time.
        stream: `osc://HOST:PORT`. The first person goes to that port, the second to the next, …
        options: camera and smoothing; `people`: how many at most, `MOST_PEOPLE` if not given.
        seconds: how long at most.
        keypoints: an engine.
        model: directory of a model to take instead of the shipped ones.

    Raises:
        InputError: a bad address, no such camera or file, or bad options.
    """
    address = OscAddress.parse(stream)
    most = options.people or MOST_PEOPLE
    with (
        VmcSender(address, most) as sender,
        open_webcam(device, seconds=seconds) as media,
    ):
        estimator = PoseEstimator.from_pretrained(keypoints, model=model)
        say(f"{media.info.name}: streaming to {stream}; Ctrl-C ends it")
        source = OnTime(media) if isinstance(device, Path) else media
        places, sent, moves = Places(most), 0, False
        try:
            for frame in _changed(estimator.track(source, options)):
                _send(sender, frame, places)
                sent += 1
                if frame.camera_is_static is False and not moves:
                    moves = True
                    say(f"{media.info.name}: the camera moves: people are in its axes meanwhile")
        except KeyboardInterrupt:
            if sent == 0:
                raise
        say(f"{media.info.name}: {sent} frames streamed")


def _changed(frames: Iterator[TrackedFrame]) -> Iterator[TrackedFrame]:
    """The frames that were looked at: others show the people of the one before."""
    before = None
    for frame in frames:
        if frame.people is not before:
            yield frame
        before = frame.people


def _send(sender: VmcSender, frame: TrackedFrame, places: "Places") -> None:
    people = {person.number: person for person in frame.people}
    for place, number in places.at(list(people), frame.time_s).items():
        person = None if number is None else people.get(number)
        if person is None or not np.isfinite(person.pose_mm).all():
            sender.send(place, [("/VMC/Ext/OK", (0,))])
        else:
            pose, root = _on_floor(person, frame.camera_to_world)
            sender.send(place, vmc_messages(pose, root, frame.time_s))


def _on_floor(
    person: LivePerson, camera_to_world: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Pose (17, 3) and root (3,) in axes like a level camera's (x right, y down, z forward) on the
    floor below the camera; as they are where no floor is known."""
    if camera_to_world is None:
        return person.pose_mm, person.root_mm
    level = _DOWN @ camera_to_world
    turned = person.pose_mm @ level[:3, :3].T
    root = level[:3, :3] @ person.root_mm + level[:3, 3]
    return turned.astype(np.float32), root.astype(np.float32)


class Places:
    """Who moves which avatar: somebody new takes the first that is free.

    Args:
        most: how many avatars there are.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: dict[int, tuple[int, float]] = {}

    def at(self, numbers: list[int], time_s: float) -> dict[int, int | None]:
        """The person of every place at a time; None for the one whose person is given up now.

        Args:
            numbers: of the people who are seen, in order of age.
            time_s: since the beginning, growing.
        """
        result: dict[int, int | None] = {}
        for place, (number, last_s) in list(self._taken.items()):
            if number not in numbers and time_s - last_s > FORGOTTEN_S:
                del self._taken[place]
                result[place] = None
        seated = {number: place for place, (number, _) in self._taken.items()}
        free = (place for place in range(self._most) if place not in self._taken)
        for number in numbers:
            place = seated[number] if number in seated else next(free, None)
            if place is not None:
                self._taken[place] = (number, time_s)
        return result | {place: number for place, (number, _) in self._taken.items()}


class OnTime(Media):
    """The frames of a file at the times they are of, from when the first one was used: early ones
    wait, late ones are `repeated`, so that nobody looks at them.

    Args:
        media: the file, open.
    """

    def __init__(self, media: Media) -> None:
        self.info = media.info
        self._media = media

    def __iter__(self) -> Iterator[Frame]:
        began: float | None = None
        used_s = 0.0
        for frame in self._media:
            if began is None:
                yield frame
                began = time.monotonic() - frame.time_s  # what had to be loaded is loaded now
                continue
            ahead_s = frame.time_s - (time.monotonic() - began)
            if ahead_s > 0:
                time.sleep(ahead_s)
            late = -ahead_s * self.info.fps > LATE_FRAMES
            late = late and frame.time_s - used_s < LONGEST_GAP_S
            used_s = used_s if late else frame.time_s
            yield replace(frame, repeated=frame.repeated or late)

    def close(self) -> None:
        """Close the file."""
        self._media.close()
