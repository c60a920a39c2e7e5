"""Focal length where the camera has not been measured: from its angle of view, or assumed."""

import math

from overpose.support.errors import InputError

ASSUMED_DIAGONAL_FOV_DEG = 60.0


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
    """Focal length in pixels to assume when nothing is known: 60 degrees across the diagonal.

    That is 0.87 times the diagonal, a 37 mm lens in 35 mm terms. An assumption, not a measurement:
    it lies between the main cameras of phones and webcams (24-28 mm, 75-84 degrees) and the longer
    lenses of cameras (50 mm, 47 degrees). Distances come out wrong by the factor by which it is
    wrong; root-relative poses hardly depend on it.
    """
    return math.hypot(width, height) / (2 * math.tan(math.radians(ASSUMED_DIAGONAL_FOV_DEG) / 2))
