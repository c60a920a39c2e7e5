"""Level: how a camera hangs above the floor, and the matrix from its coordinates to the world's."""

import math
from dataclasses import dataclass

import numpy as np

from overpose.skeleton import HUMAN36M

STEEPEST = math.radians(75.0)
"""A camera that looks down or up more steeply has no heading on the floor."""


@dataclass(frozen=True, eq=False)
class Level:
    """Gravity and floor as a camera has them.

    Attributes:
        up: (3,) unit vector, camera axes.
        height_mm: of the camera above the floor.
        up_std_deg, height_std_mm: standard deviations of these; 0 where they were given.
    """

    up: np.ndarray
    height_mm: float
    up_std_deg: float = 0.0
    height_std_mm: float = 0.0

    @property
    def tilt(self) -> float:
        """How far the camera looks down, radians."""
        return math.asin(max(-1.0, min(1.0, -float(self.up[2]))))

    @property
    def roll(self) -> float:
        """By how much it is turned about its axis, radians: positive where what is upright leans to
        the right in the picture."""
        return math.atan2(float(self.up[0]), -float(self.up[1]))

    def heights_mm(self, points_mm: np.ndarray) -> np.ndarray:
        """(...) heights above the floor of points (..., 3) in camera coordinates."""
        return points_mm @ self.up + self.height_mm

    def camera_to_world(self) -> np.ndarray:
        """(4, 4) float64 as in `PoseTrack`."""
        back = -np.array([0.0, 0.0, 1.0]) + self.up[2] * self.up  # along the floor
        back = back / np.linalg.norm(back)
        result = np.eye(4)
        result[:3, :3] = np.stack([np.cross(self.up, back), self.up, back])
        result[1, 3] = self.height_mm
        return result


def up_of(tilt: float, roll: float) -> np.ndarray:
    """(3,) the unit vector up of a camera that looks down and is rolled by these, radians."""
    level = math.cos(tilt)
    return np.array([math.sin(roll) * level, -math.cos(roll) * level, -math.sin(tilt)])


def body_axes(joints_mm: np.ndarray) -> np.ndarray:
    """(frames, 3) unit vectors from the middle of the ankles to the neck; NaN where not seen."""
    ankles = joints_mm[:, HUMAN36M.indices(("left_ankle", "right_ankle"))].mean(axis=1)
    axes = joints_mm[:, HUMAN36M.index("neck")] - ankles
    return axes / np.maximum(np.linalg.norm(axes, axis=-1, keepdims=True), 1e-9)
