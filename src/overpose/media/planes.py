"""Decoded frames as they are stored: brightness at full size, colour at half. Few of their pixels
are looked at, so only those are made RGB, unless all are asked for.
"""

from functools import cached_property
from typing import Any

import cv2
import numpy as np

from overpose.boxes import warped
from overpose.media.upright import Turn, at_size, turned

_FORMATS = {"yuv420p", "yuvj420p"}
_UNSPECIFIED = 2
_COLOUR_SPACES = {0, 1, _UNSPECIFIED, 4, 5, 6, 7, 8, 9}
"""Matrices of H.273 that FFmpeg converts; people look little different by others."""
_RED_BLUE = {
    1: (0.2126, 0.0722), _UNSPECIFIED: (0.299, 0.114), 4: (0.30, 0.11), 5: (0.299, 0.114),
    6: (0.299, 0.114), 7: (0.212, 0.087), 9: (0.2627, 0.0593),
}  # fmt: skip
"""Shares of red and blue in brightness, by the matrix of H.273."""
_FULL_RANGE = 2


class PlanarImage:
    """A frame of a video, upright. It can be used as an array, which converts all of it.

    Args:
        frame: PyAV's, of one of the formats that `planar_image` takes.
        turn: how it is turned to be upright.
    """

    def __init__(self, frame: Any, turn: Turn) -> None:
        self._frame = frame
        a, b, c, d = turn
        self._turn = turn
        self._to_stored = np.array([[a, b], [c, d]], np.float64)
        flipped = (self._to_stored < 0).any(axis=1)
        self._corner = np.where(flipped, (frame.width, frame.height), 0.0)
        width, height = np.abs(self._to_stored.T) @ (frame.width, frame.height)
        self.shape = (int(height), int(width), 3)
        full = frame.format.name == "yuvj420p" or frame.color_range == _FULL_RANGE
        self._to_rgb = _matrix(frame.colorspace, full_range=full)
        self._black = 0 if full else 16

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.rgb, dtype, copy=copy)

    @cached_property
    def rgb(self) -> np.ndarray:
        """(height, width, 3) uint8: the whole image."""
        return at_size(turned(rgb_of_frame(self._frame), self._turn), None)

    def warped(self, to_image: np.ndarray, size: int) -> np.ndarray:
        """(size, size, 3) uint8 RGB, as `boxes.warped`."""
        stored = self._to_stored @ to_image
        stored[:, 2] += self._corner
        brightness, *colours = self._planes
        parts = [warped(brightness, stored, size, border_value=self._black)]
        parts += [warped(colour, stored / 2, size, border_value=128) for colour in colours]
        return cv2.transform(cv2.merge(parts), self._to_rgb)

    def colours(self, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """(n, 3) uint8 RGB of pixels of the image."""
        seen = np.stack([columns, rows]) + 0.5
        x, y = np.floor(self._to_stored @ seen + self._corner[:, None]).astype(np.int64)
        brightness, blue, red = self._planes
        parts = [brightness[y, x], blue[y // 2, x // 2], red[y // 2, x // 2]]
        return cv2.transform(np.stack(parts, axis=-1)[None], self._to_rgb)[0]

    def brightness(self, width: int, height: int, interpolation: int) -> np.ndarray:
        """(height, width) uint8, 0 black and 255 white, of another size as by `cv2.resize`."""
        wide, high = np.abs(self._to_stored).astype(int) @ (width, height)
        small = cv2.resize(self._planes[0], (int(wide), int(high)), interpolation=interpolation)
        if self._black:
            small = cv2.convertScaleAbs(
                np.maximum(small, self._black) - self._black, alpha=255 / 219
            )
        return np.ascontiguousarray(turned(small, self._turn))

    @cached_property
    def _planes(self) -> list[np.ndarray]:
        """Brightness, and at half the size difference of blue and of red, in the frame's memory."""
        width, height = self._frame.width, self._frame.height
        half = (width + 1) // 2, (height + 1) // 2
        return [
            np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:high, :wide]
            for plane, (wide, high) in zip(
                self._frame.planes, ((width, height), half, half), strict=True
            )
        ]


def planar_image(frame: Any, turn: Turn) -> PlanarImage | None:
    """A frame as it is stored; None where that is not in three planes of 8 bits, colour at half the
    size, whose colours are known."""
    known = frame.format.name in _FORMATS and _known_space(frame) in _RED_BLUE
    return PlanarImage(frame, turn) if known else None


def rgb_of_frame(frame: Any, **size: int) -> np.ndarray:
    """(height, width, 3) uint8 RGB of PyAV's frame as it is stored, of another size if wanted."""
    _known_space(frame)
    return frame.to_ndarray(format="rgb24", **size)


def _known_space(frame: Any) -> int:
    """The matrix of a frame's colours, which is told to FFmpeg where it does not know it."""
    if frame.colorspace not in _COLOUR_SPACES:
        frame.colorspace = _UNSPECIFIED
    return int(frame.colorspace)


def _matrix(space: int, *, full_range: bool) -> np.ndarray:
    """(3, 4) float64: from brightness and differences of blue and red, 0 to 255, to RGB."""
    red, blue = _RED_BLUE[space]
    green = 1 - red - blue
    toward_red, toward_blue = 2 * (1 - red), 2 * (1 - blue)
    rgb = np.array(
        [
            [1, 0, toward_red],
            [1, -toward_blue * blue / green, -toward_red * red / green],
            [1, toward_blue, 0],
        ]
    )
    black = 0 if full_range else 16
    if not full_range:
        rgb *= 255 / np.array([219, 224, 224])
    return np.column_stack([rgb, -rgb @ (black, 128, 128)])
