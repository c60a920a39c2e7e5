"""Pictures of a far wall, as a camera sees it that turns in its place."""

import math

import cv2
import numpy as np
from made_up import FOCAL_PX, HEIGHT, WIDTH
from scipy.spatial.transform import Rotation

K = np.array([[FOCAL_PX, 0, WIDTH / 2 - 0.5], [0, FOCAL_PX, HEIGHT / 2 - 0.5], [0, 0, 1]])


def surroundings(seed: int = 0) -> np.ndarray:
    """A wall with things on it, twice as large as the picture each way."""
    rng = np.random.default_rng(seed)
    image = np.full((2 * HEIGHT, 3 * WIDTH, 3), 120, np.uint8)
    for _ in range(400):
        x, y = int(rng.integers(0, 3 * WIDTH)), int(rng.integers(0, 2 * HEIGHT))
        size = int(rng.integers(8, 50))
        cv2.rectangle(image, (x, y), (x + size, y + size), rng.integers(0, 255, 3).tolist(), -1)
    return cv2.GaussianBlur(image, (3, 3), 0.8)


def panning(degrees: float = 16.0, frames: int = 60) -> np.ndarray:
    """(frames, 3, 3) of a camera that pans to and fro, and tilts and rolls a little."""
    phase = np.linspace(0, 2 * math.pi, frames)
    angles = np.stack([degrees * np.sin(phase), 3 * np.sin(2 * phase), np.sin(3 * phase)], -1)
    return Rotation.from_euler("YXZ", angles, degrees=True).as_matrix()


def picture(scene: np.ndarray, turn: np.ndarray, zoom: float = 1.0) -> np.ndarray:
    """What a camera sees of a far wall when it is turned so."""
    wide = K.copy()
    wide[:2, 2] = scene.shape[1] / 2 - 0.5, scene.shape[0] / 2 - 0.5
    motion = wide @ turn @ np.linalg.inv(K @ np.diag([zoom, zoom, 1]))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpPerspective(scene, motion, (WIDTH, HEIGHT), flags=flags)
