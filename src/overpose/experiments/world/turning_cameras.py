"""Cameras that turn in their place, as on a stand or in a hand: for clips whose camera moves."""

import math
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from overpose.camera import Camera
from overpose.video.smoothing import smooth_zero_phase

FOLLOWING_HZ, TREMBLING_HZ = 0.6, 4.0
CAMERA_WAYS = ("follows", "sweeps", "trembles")
"""What turning cameras do: pan after the person; pan and tilt by themselves; tremble and drift in a
hand."""


def turning(
    camera: Camera, points_world_mm: np.ndarray, fps: float, way: str, rng: np.random.Generator
) -> list[Camera]:
    """A camera that turns about its centre, by frame.

    Args:
        camera: how it hangs at first.
        points_world_mm: (frames, points, 3) of the person.
        fps: frames a second.
        way: one of `CAMERA_WAYS`.
        rng: decides how far and how fast.
    """
    frames = len(points_world_mm)
    time_s = np.arange(frames) / fps
    middle = camera.to_camera_mm(points_world_mm.mean(axis=1))
    after = np.arctan2(middle[:, 0], middle[:, 2])
    after = smooth_zero_phase(after, fps, FOLLOWING_HZ)
    half = math.atan(camera.width / 2 / float(camera.focal_px[0]))
    share, pan, tilt, shake = {
        "follows": (rng.uniform(0.7, 1.1), rng.uniform(0.0, 0.1), rng.uniform(0.0, 1.0), 0.05),
        "sweeps": (rng.uniform(0.0, 0.3), rng.uniform(0.2, 0.45), rng.uniform(1.0, 4.0), 0.05),
        "trembles": (0.0, rng.uniform(0.03, 0.1), rng.uniform(0.5, 1.5), rng.uniform(0.15, 0.5)),
    }[way]
    turns = np.radians(shake) * _noise(frames, fps, rng)
    turns[:, 2] *= 0.7
    turns[:, 0] += share * after + pan * half * _wave(time_s, rng)
    turns[:, 1] += math.radians(tilt) * _wave(time_s, rng)
    axes = Rotation.from_euler("YXZ", turns).as_matrix()  # of each frame, in those of the camera
    return [_turned(camera, each.T) for each in axes]


def turns_between(cameras: list[Camera]) -> np.ndarray:
    """(frames, 3, 3) from the axes of each camera to those of the first."""
    return np.stack([cameras[0].rotation @ each.rotation.T for each in cameras])


def _turned(camera: Camera, turn: np.ndarray) -> Camera:
    rotation = turn @ camera.rotation
    return replace(camera, rotation=rotation, translation_mm=-rotation @ camera.position_mm)


def _wave(time_s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """To and fro between -1 and 1, once in 3 to 8 s."""
    return np.sin(2 * math.pi * (time_s / rng.uniform(3.0, 8.0) + rng.random()))


def _noise(frames: int, fps: float, rng: np.random.Generator) -> np.ndarray:
    """(frames, 3) of standard deviation 1, slow and fast."""
    drawn = smooth_zero_phase(rng.normal(size=(frames, 3)), fps, TREMBLING_HZ)
    return drawn / np.maximum(drawn.std(axis=0), 1e-9)
