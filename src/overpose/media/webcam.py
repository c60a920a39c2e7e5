"""A camera as a source of frames: the newest one whenever one is asked for.

Files are read by `media`.
"""

import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from overpose.media.clock import DEFAULT_FPS
from overpose.media.video import Frame, Media, MediaInfo, open_media
from overpose.support.errors import InputError

_LONGEST_WAIT_S = 5.0


def open_webcam(device: int | Path, *, seconds: float | None = None) -> Media:
    """Open a camera; iterate over its frames, close it or use it in a `with`.

    Frames come as fast as they are used: those in between are skipped, and frame i is the one at
    time i / fps, the one before once more where the camera or the user of the frames was late.

    Args:
        device: number of the camera, 0 for the first; or a video in its place, whose frames all
            come.
        seconds: how long to go on; None: until closed.

    Raises:
        InputError: there is no such camera, or `seconds` is not positive.
    """
    if seconds is not None and not seconds > 0:
        raise InputError(f"seconds: got {seconds}, expected a positive number")
    if isinstance(device, Path):
        media = open_media(device)
        last = None if seconds is None else max(1, round(seconds * media.info.fps))
        return Media(media.info, _first(media, last))
    logging: Any = cv2.utils.logging
    level = logging.setLogLevel(logging.LOG_LEVEL_SILENT)  # its complaints say less than ours
    try:
        capture = cv2.VideoCapture(device)
        opened, first = capture.read() if capture.isOpened() else (False, None)
    finally:
        logging.setLogLevel(level)
    if not opened or first is None:
        capture.release()
        raise InputError(
            f"webcam: got {device}, but no pictures come from it; give the number of a connected "
            "camera (the first one is 0) that no other program uses"
        )
    fps = float(capture.get(cv2.CAP_PROP_FPS))
    fps = fps if 1.0 <= fps <= 1000.0 else DEFAULT_FPS
    height, width = first.shape[:2]
    name = f"webcam{device}"
    info = MediaInfo(name, Path(name), width, height, fps, None, False)
    last = None if seconds is None else max(1, round(seconds * fps))
    return Media(info, _newest(capture, first, fps, last), ahead=1)


def _first(media: Media, count: int | None) -> Iterator[Frame]:
    with media:
        yield from islice(media, count)


def _newest(capture: Any, first: np.ndarray, fps: float, count: int | None) -> Iterator[Frame]:
    """Frames by the clock. A thread empties the camera's buffer, so that none is old."""
    latest = _Latest(capture, first)
    began = time.monotonic()
    try:
        index, image, number = 0, _rgb(first), 1
        yield Frame(0, 0.0, image)
        while count is None or index + 1 < count:
            taken = latest.after(number)
            if taken is None:
                return
            number, picture = taken
            image = _rgb(picture)
            now = max(index + 1, round((time.monotonic() - began) * fps))
            now = now if count is None else min(now, count - 1)
            for late in range(index + 1, now):
                yield Frame(late, late / fps, image, True)
            index = now
            yield Frame(index, index / fps, image)
    finally:
        latest.stop()
        capture.release()


class _Latest:
    """The camera's newest picture, read by a thread."""

    def __init__(self, capture: Any, first: np.ndarray) -> None:
        self._capture = capture
        self._image: np.ndarray | None = first
        self._number = 1
        self._arrived = threading.Condition()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, name="overpose-webcam", daemon=True)
        self._thread.start()

    def after(self, number: int) -> tuple[int, np.ndarray] | None:
        """The newest picture once there is one after the given number; None at the end."""
        with self._arrived:
            self._arrived.wait_for(
                lambda: self._number > number or self._image is None, _LONGEST_WAIT_S
            )
            if self._image is None or self._number <= number:
                return None
            return self._number, self._image

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._thread.join(_LONGEST_WAIT_S)

    def _read(self) -> None:
        while not self._stopped.is_set():
            done, image = self._capture.read()
            with self._arrived:
                self._image = image if done else None
                self._number += 1
                self._arrived.notify_all()
            if not done:
                return


def _rgb(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
