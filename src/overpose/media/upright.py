"""Stored pictures the way they are meant to be seen: turned, mirrored, at one size.

What says how to turn them (a display matrix, EXIF) is read by `container` and `photo`.
"""

import cv2
import numpy as np

Turn = tuple[int, int, int, int]
"""(a, b, c, d): the stored pixel (x, y) is seen at (a x + c y, b x + d y), moved into the picture;
each is 0, 1 or -1, and the eight turns are the four quarter turns and their mirror images."""
AS_STORED: Turn = (1, 0, 0, 1)
_BY_EXIF: dict[object, Turn] = {
    1: (1, 0, 0, 1), 2: (-1, 0, 0, 1), 3: (-1, 0, 0, -1), 4: (1, 0, 0, -1),
    5: (0, 1, 1, 0), 6: (0, 1, -1, 0), 7: (0, -1, -1, 0), 8: (0, -1, 1, 0),
}  # fmt: skip


def turn_of_exif(orientation: object) -> Turn:
    """The turn that EXIF's tag Orientation, 1 to 8, means; none for anything else."""
    return _BY_EXIF.get(orientation, AS_STORED) if isinstance(orientation, int) else AS_STORED


def turn_of_matrix(matrix: bytes) -> Turn:
    """The turn nearest to a display matrix of MP4 and FFmpeg: nine native int32, row by row."""
    a, b, _, c, d = np.frombuffer(matrix, np.int32, 5).tolist()
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return (-1 if a < 0 else 1, 0, 0, -1 if d < 0 else 1)
    return (0, -1 if b < 0 else 1, -1 if c < 0 else 1, 0)


def turned(image: np.ndarray, turn: Turn) -> np.ndarray:
    """(height, width, ...) as it is seen: a view, whose sides a quarter turn exchanges."""
    a, b, c, d = turn
    if a == 0:
        image, a, d = np.swapaxes(image, 0, 1), c, b
    return image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]


def at_size(image: np.ndarray, size: tuple[int, ...] | None) -> np.ndarray:
    """The image in memory of its own, with the given width and height, pixels, if any."""
    if size is not None and image.shape[1::-1] != size:
        return cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(image)
