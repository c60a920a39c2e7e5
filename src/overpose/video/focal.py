"""Focal length where the camera has not been measured: from its angle of view, or assumed."""

import math

from overpose.support.errors import InputError

TYPICAL_SHARE = 0.8
"""Focal length in shares of the picture's longer side to assume when nothing is known: 28.8 mm in
35 mm terms. Phones, which most people film with, have 25 to 31 mm: 0.70 to 0.88."""
TYPICAL_SPREAD = 0.2
"""Standard deviation of the logarithm of the focal lengths that people film with: webcams have 22
to 38 mm, the longer lenses of cameras 50 mm and more."""
FILED_SPREAD = 0.05
"""The same of what files say: rounded to whole millimetres, of the whole sensor, before videos are
cropped to hold them steady."""


def focal_from_fov(fov_deg: float, width: int, height: int) -> float:
    """Focal length in pixels from the angle of view across the longer side of the image.

    The longer side, so that a phone has one number whichever way it is held; for a usual
    landscape video it is the horizontal angle.

    Raises:
        InputError: the angle is not between 1 and 179 degrees.
    """
    if not 1 <= fov_deg <= 179:
        raise InputError(f"field of view: got {fov_deg} degrees, expected 1 to 179")
    return max(width, height) / (2 * math.tan(math.radians(fov_deg) / 2))


def default_focal(width: int, height: int) -> float:
    """Focal length in pixels to assume when nothing is known: 0.8 of the longer side.

    That is 28.8 mm in 35 mm terms, 64 degrees across the longer side. An assumption, not a
    measurement: distances come out wrong by the factor by which it is wrong; root-relative poses
    hardly depend on it.
    """
    return TYPICAL_SHARE * max(width, height)
