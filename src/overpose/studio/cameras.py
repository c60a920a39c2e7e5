"""Where cameras stand: a rig like Human3.6M's around the place where something happens.

What a camera does with points belongs to `overpose.camera`.
"""

from collections.abc import Sequence

import numpy as np

from overpose.camera import Camera
from overpose.support.errors import InputError

WIDTH_PX = HEIGHT_PX = 1000
FOCAL_PX = (1143.0, 1151.0)
"""Human3.6M's four cameras have 1143 to 1150 px on images of about 1000 x 1000 px."""
DISTANCE_MM = (4000.0, 6000.0)
HEIGHT_MM = (1400.0, 1600.0)
TARGET_HEIGHT_MM = (850.0, 1000.0)
TARGET_JITTER_MM = 100.0
TILT = 0.01
"""Standard deviation of the sideways lean of a camera, radians."""
QUADRANT_PART = 0.6
"""How much of its sector a camera may stand in: the middle 60 %, so that no two come close."""


def place_cameras(
    rng: np.random.Generator, center_mm: Sequence[float] | np.ndarray, count: int = 4
) -> tuple[Camera, ...]:
    """Cameras around a place, one in each sector (quadrant, if there are four).

    Each stands 4 to 6 m from the centre, measured along the ground, about 1.5 m high, and looks at
    a point near the centre at the height of a waist. The whole rig is turned by a random angle.

    Args:
        rng: decides everything; the same state gives the same rig.
        center_mm: (2,) or (3,) world, mm; a third number is the height of the ground there.
        count: how many cameras.

    Returns:
        `count` pinhole cameras of 1000 x 1000 px, counter-clockwise seen from above.

    Raises:
        InputError: `count` is not at least 1.
    """
    if count < 1:
        raise InputError(f"cameras: got {count}, expected at least 1")
    x, y = float(center_mm[0]), float(center_mm[1])
    ground = float(center_mm[2]) if len(center_mm) > 2 else 0.0
    turn = rng.uniform(0.0, 2.0 * np.pi)
    cameras = []
    for number in range(count):
        within = 0.5 + QUADRANT_PART * rng.uniform(-0.5, 0.5)
        azimuth = turn + 2.0 * np.pi * (number + within) / count
        distance = rng.uniform(*DISTANCE_MM)
        position = (
            x + distance * np.cos(azimuth),
            y + distance * np.sin(azimuth),
            ground + rng.uniform(*HEIGHT_MM),
        )
        jitter_x, jitter_y = rng.uniform(-TARGET_JITTER_MM, TARGET_JITTER_MM, 2)
        target = (x + jitter_x, y + jitter_y, ground + rng.uniform(*TARGET_HEIGHT_MM))
        up = (*rng.normal(0.0, TILT, 2), 1.0)
        focal = rng.uniform(*FOCAL_PX)
        cameras.append(Camera.look_at(position, target, focal, WIDTH_PX, HEIGHT_PX, up=up))
    return tuple(cameras)
