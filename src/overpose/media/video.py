"""Photos and videos as frames: upright, RGB, at a constant rate, a few at a time.

What is seen in them belongs to the keypoint engines; writing videos to `writer`.
"""

import queue
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from overpose.media.photo import is_photo, read_photo
from overpose.support.errors import InputError
from overpose.support.progress import say

AHEAD = 4
"""Frames decoded ahead of the one in use."""
DEFAULT_FPS = 25.0
_IRREGULAR = 0.5
"""Frames further than this part of a frame's time from the constant rate count as irregular."""


@dataclass(frozen=True)
class MediaInfo:
    """What is known before the frames are read.

    Attributes:
        name: file name without its ending: that of the outputs.
        path: the file.
        width: of the upright frames, pixels.
        height: likewise.
        fps: frames per second, of a video with a variable rate their average; 1 for a photo.
        frames: how many, as far as the file says; an estimate.
        is_photo: whether it is a single picture.
        focal_px: focal length, pixels, where the photo says it.
    """

    name: str
    path: Path
    width: int
    height: int
    fps: float
    frames: int | None
    is_photo: bool
    focal_px: float | None = None


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture.

    Attributes:
        index: from 0.
        time_s: index / fps.
        image: (height, width, 3) uint8 RGB.
        repeated: whether it is the frame before once more, to keep a constant rate.
    """

    index: int
    time_s: float
    image: np.ndarray
    repeated: bool = False


class Media:
    """An opened photo or video; iterate once over its frames, close it or use it in a `with`.

    Frames are decoded ahead by a thread; closing stops it.

    Args:
        info: what is known of them.
        frames: the frames; a generator is closed at the end.
        ahead: how many frames may wait.
    """

    def __init__(self, info: MediaInfo, frames: Iterator[Frame], *, ahead: int = AHEAD) -> None:
        self.info = info
        self._frames = frames
        self._waiting: queue.Queue[Frame | BaseException | None] = queue.Queue(ahead)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Media":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        if self._thread is not None or self._stopped.is_set():
            raise InputError(f"{self.info.path}: read already; open it again")
        self._thread = threading.Thread(target=self._decode, name="overpose-decode", daemon=True)
        self._thread.start()
        while not self._stopped.is_set():
            try:
                item = self._waiting.get(timeout=0.1)
            except queue.Empty:
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def close(self) -> None:
        """Stop decoding and close the file."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
        elif isinstance(self._frames, Generator):
            self._frames.close()

    def _decode(self) -> None:
        end: BaseException | None = None
        try:
            for frame in self._frames:
                if not self._put(frame):
                    break
        except BaseException as error:
            end = error
        finally:
            if isinstance(self._frames, Generator):
                self._frames.close()
            self._put(end)

    def _put(self, item: Frame | BaseException | None) -> bool:
        while not self._stopped.is_set():
            try:
                self._waiting.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False


def open_media(source: Path | str) -> Media:
    """Open a photo or a video.

    Videos come upright (rotation of phones applied), with square pixels, and at a constant rate:
    where the file's is variable, frames are repeated or left out, with one notice.

    Raises:
        InputError: there is no such file, or it is neither a picture nor a video with frames.
    """
    path = Path(source)
    if path.is_dir():
        raise InputError(f"{path}: got a directory, expected a photo or a video")
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a photo or a video")
    if is_photo(path):
        image, focal_px = read_photo(path)
        height, width = image.shape[:2]
        info = MediaInfo(path.stem, path, width, height, 1.0, 1, True, focal_px)
        return Media(info, iter([Frame(0, 0.0, image)]))
    return _open_video(path)


def _open_video(path: Path) -> Media:
    import av  # photos do without
    from av.error import FFmpegError

    try:
        container: Any = av.open(str(path))
    except (FFmpegError, ValueError) as error:
        raise InputError(
            f"{path}: neither a photo nor a video that can be read ({_reason(error)})"
        ) from None
    try:
        if not container.streams.video:
            raise InputError(f"{path}: no video in it; expected a photo or a video")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        rate = stream.average_rate or stream.guessed_rate
        fps = float(rate) if rate and 0 < rate <= 1000 else DEFAULT_FPS
        decoded = _decoded(container, stream, path)
        first = next(decoded, None)
        if first is None:
            raise InputError(f"{path}: no frame in it can be read; is the file whole?")
    except BaseException:
        container.close()
        raise
    height, width = upright(first).shape[:2]
    frames = stream.frames or None
    if frames is None and container.duration:
        frames = max(1, round(container.duration / av.time_base * fps))
    info = MediaInfo(path.stem, path, width, height, fps, frames, False)
    return Media(info, _constant_rate(container, first, decoded, info))


def _decoded(container: Any, stream: Any, path: Path) -> Iterator[Any]:
    """Frames as they come; damage at the end is said once and ends them."""
    from av.error import FFmpegError

    count = 0
    try:
        for frame in container.decode(stream):
            count += 1
            yield frame
    except (FFmpegError, ValueError) as error:
        if count:
            say(f"{path}: damaged or cut short after {count} frames ({_reason(error)})")
        return
    expected = stream.frames
    if expected and count < expected - 1:
        say(f"{path}: cut short: {count} of {expected} frames can be read")


def _constant_rate(
    container: Any, first: Any, decoded: Iterator[Any], info: MediaInfo
) -> Iterator[Frame]:
    """Upright frames, frame i the one shown at time i / fps."""
    try:
        start = first.time if first.time is not None else 0.0
        image = upright(first)
        index, told = 0, False
        frame: Any = first
        while frame is not None:
            following = next(decoded, None)
            if following is None:
                yield Frame(index, index / info.fps, image)
                return
            # Shown until the next one; by its number where the file has no times.
            place = float(index + 1)
            if following.time is not None:
                place = (following.time - start) * info.fps
            last = max(index, round(place)) if abs(place - index - 1) > _IRREGULAR else index + 1
            if not told and last != index + 1:
                told = True
                say(f"{info.path}: variable frame rate; taken at {info.fps:.4g} frames/s")
            for repeat in range(index, last):
                yield Frame(repeat, repeat / info.fps, image, repeat > index)
            index = last
            frame = following
            image = upright(frame, (info.width, info.height))
    finally:
        container.close()


def upright(frame: Any, size: tuple[int, int] | None = None) -> np.ndarray:
    """RGB image (height, width, 3) uint8 of a decoded frame as it is meant to be seen.

    Args:
        frame: PyAV's.
        size: (width, height) to give it, where a video changes its size in the middle.
    """
    image = frame.to_ndarray(format="rgb24")
    aspect = getattr(frame, "sample_aspect_ratio", None) or Fraction(1)
    if aspect > 0 and aspect != 1:
        wide = max(1, round(image.shape[1] * float(aspect)))
        image = cv2.resize(image, (wide, image.shape[0]), interpolation=cv2.INTER_AREA)
    turns = round((getattr(frame, "rotation", 0) or 0) / 90) % 4
    if turns:
        image = np.rot90(image, turns)
    if size is not None and image.shape[1::-1] != size:
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(image)


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error).splitlines()[0]
