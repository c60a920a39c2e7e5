"""Writing videos: frames to an MP4 that appears whole or not at all.

Reading them belongs to `media`, what is drawn on the frames to `viewer.overlay`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError

from overpose.media.container import local_url
from overpose.support.checks import check_array
from overpose.support.errors import InputError
from overpose.support.files import require_writable, writing_file

_CODECS = (("libx264", {"preset": "veryfast", "crf": "21"}), ("mpeg4", {"qscale": "3"}))
_MOST_FPS = 1000


class VideoWriter:
    """Takes frames one after the other; from `writing_video`."""

    def __init__(self, container: Any, stream: Any) -> None:
        self._container = container
        self._stream = stream

    def write(self, image: np.ndarray) -> None:
        """Add a frame: (height, width, 3) uint8 RGB of the video's size, or larger by one pixel
        where that is odd: codecs want even sizes, and the last row or column is left out."""
        height, width = self._stream.height, self._stream.width
        check_array("image", image, ("height", "width", 3), dtype=np.uint8)
        if not (0 <= image.shape[0] - height <= 1 and 0 <= image.shape[1] - width <= 1):
            raise InputError(
                f"image: got {image.shape[1]} x {image.shape[0]}, expected {width} x {height}"
            )
        pixels = np.ascontiguousarray(image[:height, :width])
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        self._container.mux(self._stream.encode(frame))


@contextmanager
def writing_video(
    path: Path, fps: float, width: int, height: int, *, overwrite: bool = False
) -> Iterator[VideoWriter]:
    """Write an MP4 (H.264 where FFmpeg has it, else MPEG-4): give what takes the frames.

    On any exception, an interrupt included, nothing is left at `path`.

    Args:
        path: where to, `.mp4`.
        fps: frames a second.
        width: of the frames, pixels; odd sizes lose their last column or row.
        height: likewise.
        overwrite: whether an existing file may be replaced.

    Raises:
        InputError: the file exists, size or rate make no video, or it cannot be written.
    """
    require_writable(path, overwrite=overwrite)
    if width < 2 or height < 2 or not 0 < fps <= _MOST_FPS:
        raise InputError(
            f"{path}: got {width} x {height} at {fps} frames/s, expected at least 2 x 2 and more "
            f"than 0, at most {_MOST_FPS}"
        )
    with writing_file(path) as temporary:
        try:
            with av.open(local_url(temporary), "w", format="mp4", options=_FAST_START) as container:
                stream = _stream(container, fps, width - width % 2, height - height % 2)
                yield VideoWriter(container, stream)
                container.mux(stream.encode(None))
        except FFmpegError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror or error})") from None


_FAST_START = {"movflags": "+faststart"}
"""The index comes first, so that a browser plays the file while it loads."""


def _stream(container: Any, fps: float, width: int, height: int) -> Any:
    name, options = next(
        (name, options) for name, options in _CODECS if name in av.codecs_available
    )
    stream = container.add_stream(name, rate=Fraction(fps).limit_denominator(1001))
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.options = options
    stream.thread_type = "FRAME"  # with a slice for each thread, x264 writes other bytes every time
    return stream
