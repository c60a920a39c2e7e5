"""What files say of their lens: focal lengths in 35 mm terms, as pixels of the picture.

Where no file says it belongs to `video.focal`.
"""

import math
from collections.abc import Iterable, Mapping

FILM_DIAGONAL_MM = 43.27
"""Diagonal of 35 mm film, 36 x 24 mm."""
LEAST_35MM, MOST_35MM = 6.0, 2000.0
"""Focal lengths in 35 mm terms outside are taken for nonsense; 0 means that it is not known."""
_SAME_SHAPE = 0.02


def focal_px_of_35mm(focal_35mm: object, width: int, height: int) -> float | None:
    """Focal length in pixels from that in 35 mm terms: the ratio of the diagonals, as CIPA DC-008
    (Exif) means it, digital zoom included. None if it makes no sense.

    Args:
        focal_35mm: what the file says, mm.
        width, height: of the picture, pixels.
    """
    try:
        value = float(focal_35mm)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    if not LEAST_35MM <= value <= MOST_35MM:
        return None
    return value * math.hypot(width, height) / FILM_DIAGONAL_MM


def is_of_this_picture(said: tuple[object, object], width: int, height: int) -> bool:
    """Whether a picture has the shape that its EXIF data say the camera took, either way up; one
    that was cut out of it has another angle of view. What is not said, or nonsense, is believed."""
    try:
        sides = [float(side) for side in said]  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return True
    if not all(math.isfinite(side) and side > 0 for side in sides):
        return True
    shape, own = max(sides) / min(sides), max(width, height) / min(width, height)
    return abs(math.log(shape / own)) <= _SAME_SHAPE


def focal_35mm_of_video(metadata: Iterable[Mapping[str, str]]) -> str | None:
    """What the metadata of a video file, or of one of its tracks, say: Apple's
    `com.apple.quicktime.camera.focal_length.35mm_equivalent`, and what others call like it."""
    for tags in metadata:
        for key, value in tags.items():
            name = key.lower()
            if "focal" in name and "35mm" in name:
                return value
    return None
