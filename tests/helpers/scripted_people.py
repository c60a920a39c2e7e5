"""A stand-in for BlazePose that finds people drawn as discs of one colour each; for tests."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from overpose.keypoints.blazepose import BlazePose, Landmarks, Region
from overpose.layouts import BLAZEPOSE_33
from overpose.media.writer import writing_video

COLOURS = {"red": (230, 30, 30), "green": (30, 230, 30)}
WIDTH, HEIGHT, FPS = 320, 240, 25.0
RADIUS = 14
_PLACES = {
    "nose": (0, -62), "eye": (4, -66), "ear": (8, -64), "mouth": (3, -58), "shoulder": (16, -48),
    "elbow": (22, -24), "wrist": (24, -2), "pinky": (25, 4), "index": (24, 6), "thumb": (22, 4),
    "hip": (9, 0), "knee": (10, 38), "ankle": (10, 74), "heel": (9, 78), "foot_index": (13, 82),
}  # fmt: skip


def standing_px(hips_x: float = 0.0, hips_y: float = 0.0) -> np.ndarray:
    """(33, 2) landmarks of somebody who faces the camera, by the middle of the hips."""
    points = np.zeros((33, 2))
    for place, name in enumerate(BLAZEPOSE_33.names):
        part = next(p for p in sorted(_PLACES, key=len, reverse=True) if p in name)
        side = 1 if "left" in name else -1 if "right" in name else 0
        x, y = _PLACES[part]
        points[place] = (hips_x + side * x, hips_y + y)
    return points


class ScriptedEngines(BlazePose):
    """Finds coloured discs: the detector all of them, the landmark model the one in its region.

    Args:
        threads: for what is begun beside the caller; 1: nothing.
    """

    def __init__(self, threads: int = 1) -> None:
        if threads > 1:
            self._workers = ThreadPoolExecutor(threads)
        self.detections = 0
        self.tiled = 0
        self.small = 0
        self.landmark_calls = 0

    def detect(self, image: np.ndarray, *, tiles: bool = False) -> list[Region]:
        self.detections += 1
        self.tiled += tiles
        return [Region(x, y, 200.0, 0.0, 0.9) for x, y in _discs(image)]

    def begin_detect(self, image: np.ndarray, *, tiles: bool = False) -> Callable[[], list[Region]]:
        return partial(self.detect, image, tiles=tiles)

    def detect_small(self, image: np.ndarray, known: Sequence[Region]) -> list[Region]:
        self.small += 1
        return []

    def landmarks(self, image: np.ndarray, region: Region) -> Landmarks:
        self.landmark_calls += 1
        near = [p for p in _discs(image) if np.hypot(p[0] - region.x, p[1] - region.y) < 60]
        x, y = min(near or [(0.0, 0.0)], key=lambda p: np.hypot(p[0] - region.x, p[1] - region.y))
        keypoints = np.full((33, 3), 0.9, np.float32)
        keypoints[:, :2] = standing_px(x, y)
        presence = 0.95 if near else 0.05
        following = Region(x, y, 200.0, 0.0, presence)
        return Landmarks(keypoints, np.zeros((33, 3), np.float32), presence, following)


def _discs(image: np.ndarray) -> list[tuple[float, float]]:
    found = []
    for colour in COLOURS.values():
        near = np.abs(np.asarray(image).astype(int) - colour).max(axis=-1) < 70
        if near.sum() > 60:
            rows, columns = np.nonzero(near)
            found.append((float(columns.mean() + 0.5), float(rows.mean() + 0.5)))
    return found


def draw(places: dict[str, tuple[float, float] | None]) -> np.ndarray:
    """A grey picture with a disc for each person who is there."""
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    for name, place in places.items():
        if place is not None:
            middle = round(place[0]), round(place[1])
            cv2.circle(image, middle, RADIUS, COLOURS[name], -1)
    return image


def write_clip(path: Path, frames: list[dict[str, tuple[float, float] | None]]) -> None:
    """A video of such pictures."""
    with writing_video(path, FPS, WIDTH, HEIGHT) as video:
        for places in frames:
            video.write(draw(places))
