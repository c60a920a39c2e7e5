"""The pictures of a clip for the viewers: read once in order, made small, kept as JPEG.

Opening photos and videos belongs to `video.media`.
"""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from overpose.media.video import open_media
from overpose.support.errors import InputError
from overpose.support.progress import say
from overpose.viewer.shown import Show, frame_at

MAX_LIVE_BYTES = 256_000_000
"""Of pictures kept in memory for the live viewer, whatever the length of the clip."""

_LEVELS = (
    (1.0, 85), (1.0, 78), (1.0, 70), (1.0, 60), (1.0, 50), (1.0, 40), (1.0, 30), (1.0, 22),
    (0.7, 30), (0.5, 30), (0.35, 25),
)  # fmt: skip
"""Scale and JPEG quality, from good to small."""
_GOOD_BYTES, _GOOD_SIDE = 20_000, 640
"""A frame of a real video of that longer side takes about that many bytes at middling quality."""


@dataclass(frozen=True)
class ClipPlan:
    """How a clip is to be kept.

    Attributes:
        fps: frames per second of the clip.
        step: every how many frames a picture is kept.
        width: of the pictures, px; difficult ones may become smaller.
        height: of the pictures, px.
        bytes_each: how many bytes a picture may take, on average.
        frames: how many frames of the clip are looked at, at most.
    """

    fps: float
    step: int
    width: int
    height: int
    bytes_each: int
    frames: int


def plan_clip(
    width: int, height: int, fps: float, frames: int, *, max_bytes: int, max_images: int
) -> ClipPlan:
    """Choose size and number of the pictures of a clip so that they fit into `max_bytes`.

    Args:
        width: of the frames of the clip, px.
        height: of the frames of the clip, px.
        fps: frames per second of the clip.
        frames: how many frames of it are to be shown.
        max_bytes: for all pictures together.
        max_images: how many pictures at most.
    """
    step = -(-frames // max_images)
    each = max_bytes // -(-frames // step)
    side = float(np.clip(_GOOD_SIDE * (each / _GOOD_BYTES) ** 0.5, 160, 1280))
    scale = min(1.0, side / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return ClipPlan(fps, step, *size, each, frames)


def encode_frames(images: Iterable[np.ndarray], plan: ClipPlan) -> Iterator[bytes]:
    """JPEG files of the frames that the plan keeps, one by one.

    Quality, and in need size, follow the budget: what simple pictures leave is there for later
    ones.

    Args:
        images: (height, width, 3) uint8 RGB, every frame of the clip in order.
        plan: of `plan_clip`.
    """
    level, saved = 1, 0
    for index, image in enumerate(images):
        if index >= plan.frames:
            return
        if index % plan.step:
            continue
        allowed = plan.bytes_each + min(saved, 4 * plan.bytes_each)
        jpeg = _jpeg(image, plan, level)
        while len(jpeg) > allowed and level < len(_LEVELS) - 1:
            level += 1
            jpeg = _jpeg(image, plan, level)
        saved += plan.bytes_each - len(jpeg)
        if len(jpeg) < 0.7 * plan.bytes_each and level > 0:
            level -= 1
        yield jpeg


def read_clip(
    path: Path,
    length_s: float,
    *,
    max_bytes: int,
    max_images: int,
    shape: tuple[int, int],
    fps: float | None = None,
    on_plan: Callable[[ClipPlan], None],
) -> Generator[bytes, None, None]:
    """JPEG files of the pictures of a photo or video, as `plan_clip` plans them.

    Args:
        path: photo, video or folder of frames.
        length_s: how much of it is to be shown, seconds.
        max_bytes: for all pictures together.
        max_images: how many at most.
        shape: width and height of the clip the poses are of, px: another proportion is told.
        fps: frames a second of the poses, and so of a folder.
        on_plan: called with the plan before the first picture.

    Raises:
        InputError: the clip cannot be read.
    """
    with open_media(path, fps=fps if path.is_dir() else None) as media:
        info = media.info
        if abs(info.width / info.height / (shape[0] / shape[1]) - 1) > 0.02:
            say(
                f"{path}: its frames are {info.width}x{info.height}, those of the poses "
                f"{shape[0]}x{shape[1]}; is it the clip the poses were found in?"
            )
        frames = 1 if info.is_photo else max(1, round(length_s * info.fps))
        there = min(frames, info.frames or frames)  # an estimate: all that come are read
        plan = plan_clip(
            info.width, info.height, info.fps, there, max_bytes=max_bytes, max_images=max_images
        )
        plan = replace(plan, frames=frames)
        on_plan(plan)
        found = False
        for jpeg in encode_frames((frame.image for frame in media), plan):
            found = True
            yield jpeg
    if not found:
        raise InputError(f"{path}: no frames in it; expected a photo or a video")


class Pictures:
    """The pictures of a clip, read in the background while the viewer is up already.

    Args:
        video: photo or video.
        show: what is shown with it.

    Raises:
        InputError: the video cannot be read.
    """

    def __init__(self, video: Path, show: Show) -> None:
        self._jpegs: list[bytes] = []
        self._plans: list[ClipPlan] = []
        self._reader = read_clip(
            video,
            show.frames / show.fps,
            max_bytes=MAX_LIVE_BYTES,
            max_images=20_000,
            shape=(show.width, show.height),
            fps=show.fps,
            on_plan=self._plans.append,
        )
        self._closing = threading.Event()
        self._jpegs.append(next(self._reader))
        self._thread = threading.Thread(target=self._read, daemon=True, name="overpose clip")
        self._thread.start()

    def number_at(self, time_s: float) -> int:
        """Number of the picture to show at a time: its own, or the last there is so far."""
        plan = self._plans[0]
        return min(frame_at(time_s, plan.fps) // plan.step, len(self._jpegs) - 1)

    def picture(self, number: int) -> np.ndarray:
        """(height, width, 3) uint8 RGB."""
        return decode_jpeg(self._jpegs[number])

    def close(self) -> None:
        """Stop reading."""
        self._closing.set()
        self._thread.join()
        self._reader.close()

    def _read(self) -> None:
        try:
            for jpeg in self._reader:
                self._jpegs.append(jpeg)
                if self._closing.is_set():
                    return
        except InputError as error:
            say(f"the rest of the video is not shown: {error}")


def decode_jpeg(jpeg: bytes) -> np.ndarray:
    """(height, width, 3) uint8 RGB of a JPEG file that `encode_frames` made."""
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _jpeg(image: np.ndarray, plan: ClipPlan, level: int) -> bytes:
    scale, quality = _LEVELS[level]
    size = max(1, round(plan.width * scale)), max(1, round(plan.height * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    small = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
