"""The door for photos and videos: upright RGB frames at a constant rate, a few at a time.

Reading each kind of file belongs to `photo`, `animation`, `folder` and `container`; writing videos
to `writer`.
"""

import queue
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from overpose.media.animation import open_animation
from overpose.media.clip import Clip, Picture
from overpose.media.clock import Clock
from overpose.media.folder import is_frame_folder, open_folder
from overpose.media.photo import is_moving, is_picture, read_photo
from overpose.media.planes import PlanarImage
from overpose.support.checks import check_array
from overpose.support.errors import InputError
from overpose.support.object_storage import path_of
from overpose.support.progress import say

AHEAD = 4
"""Frames decoded ahead of the one in use."""


@dataclass(frozen=True)
class MediaInfo:
    """What is known before the frames are read.

    Attributes:
        name: file name without its ending: that of the outputs.
        path: the file.
        width: of the upright frames, pixels.
        height: likewise.
        fps: frames per second, of a video with a variable rate that of most; 1 for a photo.
        frames: how many, as far as the file says; an estimate.
        is_photo: whether it is a single picture.
        focal_px: focal length, pixels, where the photo says it.

    Width, height and focal length are those of the original, also where the images of its frames
    are smaller because it is too large for memory.
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
        pixels: RGB, or as the file stores them.
        repeated: whether it is the frame before once more, to keep a constant rate.
        number: of the frame among those of the file that could be read, from 0.
    """

    index: int
    time_s: float
    pixels: np.ndarray | PlanarImage
    repeated: bool = False
    number: int = 0

    @property
    def image(self) -> np.ndarray:
        """(height, width, 3) uint8 RGB."""
        return np.asarray(self.pixels)


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
        if self._thread is not None and self._thread.ident is not None:  # it did start
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


def media_of_image(image: np.ndarray) -> Media:
    """A photo that is in memory already, RGB (height, width, 3) uint8.

    Raises:
        InputError: it is no such array.
    """
    check_array("image", image, ("height", "width", 3), dtype=np.uint8)
    height, width = image.shape[:2]
    if not (height and width):
        raise InputError(f"image: got shape {image.shape}, expected at least one pixel")
    info = MediaInfo("image", Path("image"), width, height, 1.0, 1, True)
    return Media(info, iter([Frame(0, 0.0, image)]))


def open_media(
    source: Path | str, *, fps: float | None = None, threads: int | None = None
) -> Media:
    """Open a photo, a video, an animated picture, or a folder of numbered frames.

    Videos come upright (turned and mirrored as the file says), with square pixels, and at a
    constant rate: where the file's is variable, frames are repeated or left out, with one notice.
    So is what is damaged or missing, and a clock that jumps.

    Args:
        source: a file or folder; as text, one that begins with s3:// or gs:// is read there.
        fps: frames a second of a folder; everything else says its own.
        threads: that decode a video of large frames; None: as for all cores.

    Raises:
        InputError: there is no such file, or it is neither a picture nor a video with frames.
    """
    path = path_of(source)
    if path.is_dir():
        if not is_frame_folder(path):
            raise InputError(
                f"{path}: got a directory without pictures, expected a photo, a video, or a folder "
                "of numbered frames"
            )
        return _played(path, open_folder(path, fps))
    if fps is not None:
        raise InputError(f"fps: got {fps} for {path}, expected it for a folder of frames alone")
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a photo or a video")
    if not is_picture(path):
        from overpose.media.container import open_container  # photos do without PyAV

        return _played(path, open_container(path, threads=threads))
    if is_moving(path):
        return _played(path, open_animation(path))
    photo = read_photo(path)
    info = MediaInfo(path.stem, path, photo.width, photo.height, 1.0, 1, True, photo.focal_px)
    return Media(info, iter([Frame(0, 0.0, photo.image)]))


def _played(path: Path, clip: Clip) -> Media:
    info = MediaInfo(
        path.stem, path, clip.width, clip.height, clip.fps, clip.frames, False, clip.focal_px
    )
    return Media(info, _constant_rate(path, clip))


def _constant_rate(path: Path, clip: Clip) -> Iterator[Frame]:
    """Frame i is what is shown at time i / fps; at the end it is said what that took."""
    clock = Clock(clip.fps)
    shown: Picture | None = None
    number = 0
    try:
        for number, picture in enumerate(clip.pictures):
            begun = clock.index
            clock.place(picture.stamp_s, lost=picture.lost)
            if shown is not None:
                yield from _repeated(shown, begun, clock.index, number - 1, clip.fps)
            shown = picture
        if shown is not None:
            yield from _repeated(shown, clock.index, clock.index + 1, number, clip.fps)
    finally:
        if isinstance(clip.pictures, Generator):
            clip.pictures.close()
    if clock.uneven:
        say(f"{path}: variable frame rate; taken at {clip.fps:.4g} frames/s")
    if clock.jumps:
        frames, by_s = clock.jumps[0]
        times = "once" if len(clock.jumps) == 1 else f"{len(clock.jumps)} times, first"
        say(
            f"{path}: its clock jumps {times} by {by_s:+.2f} s after {frames} frames; no time is "
            "taken to have passed there"
        )


def _repeated(picture: Picture, begin: int, end: int, number: int, fps: float) -> Iterator[Frame]:
    for index in range(begin, end):
        yield Frame(index, index / fps, picture.image, index > begin, number)
