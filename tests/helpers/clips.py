"""Small videos with a known picture in each frame, of any container and codec; for tests."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

CORNERS = ((220, 40, 40), (40, 200, 40), (40, 40, 220), (220, 220, 220))
"""Red, green, blue and white: top left, top right, bottom left, bottom right."""


def corners(width: int = 96, height: int = 64) -> np.ndarray:
    """A picture of four colours, none of whose turns and mirror images is another."""
    image = np.empty((height, width, 3), np.uint8)
    for place, colour in enumerate(CORNERS):
        rows = slice(0, height // 2) if place < 2 else slice(height // 2, None)
        columns = slice(0, width // 2) if place % 2 == 0 else slice(width // 2, None)
        image[rows, columns] = colour
    return image


def level(number: int, width: int = 64, height: int = 48) -> np.ndarray:
    """A grey picture that tells its number, 0 to 29."""
    return np.full((height, width, 3), 6 + 8 * number, np.uint8)


def number_of(image: np.ndarray) -> int:
    """The number that `level` was given."""
    return round((float(image.mean()) - 6) / 8)


def write_frames(
    path: Path,
    images: Sequence[np.ndarray],
    times_s: Iterable[float],
    *,
    codec: str = "mpeg4",
    pixels: str = "yuv420p",
    ticks: int = 1000,
    options: dict[str, str] | None = None,
    **stream_attributes: Any,
) -> None:
    """Write pictures at given times.

    Args:
        ticks: of the clock, a second.
        options: of the codec.
        stream_attributes: `sample_aspect_ratio` goes to the codec; `matrix` is the display matrix.
    """
    height, width = images[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        stream.codec_context.bit_rate = 8_000_000
        stream.codec_context.time_base = Fraction(1, ticks)
        if "matrix" in stream_attributes:
            stream.set_display_matrix(stream_attributes["matrix"])
        if "sample_aspect_ratio" in stream_attributes:
            stream.codec_context.sample_aspect_ratio = stream_attributes["sample_aspect_ratio"]
        for image, time_s in zip(images, times_s, strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = round(time_s * ticks), Fraction(1, ticks)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def packets_of(path: Path) -> list[tuple[int, int]]:
    """Place and size in the file of every packet of its video."""
    raw = path.read_bytes()
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    return [(raw.index(packet), len(packet)) for packet in packets]


def destroy(path: Path, number: int) -> None:
    """Overwrite one packet of a video with ones."""
    start, size = packets_of(path)[number]
    raw = bytearray(path.read_bytes())
    raw[start : start + size] = b"\xff" * size
    path.write_bytes(raw)
