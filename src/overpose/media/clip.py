"""What every way of reading gives the door in `video`: pictures with their times, as they come."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from overpose.media.planes import PlanarImage


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture of a file.

    Attributes:
        image: (height, width, 3) uint8 RGB, upright, square pixels, or as it is stored.
        stamp_s: its time as the file says it, seconds; None where it does not.
        lost: how many pictures between it and the one before could not be read.
    """

    image: np.ndarray | PlanarImage
    stamp_s: float | None
    lost: int = 0


@dataclass(frozen=True, eq=False)
class Clip:
    """A file with several pictures.

    Attributes:
        width: of the pictures, pixels.
        height: likewise.
        fps: frames per second of the constant rate they are to be shown at.
        frames: how many they are at that rate, as far as the file says.
        pictures: all of them, in order; a generator is closed at the end.
        focal_px: focal length, pixels, where the file says it.

    Width, height and focal length are of the original where the pictures themselves are smaller.
    """

    width: int
    height: int
    fps: float
    frames: int
    pictures: Iterator[Picture]
    focal_px: float | None = None
