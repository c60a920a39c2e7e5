"""BlazePose: finds people in an image and the 33 landmarks of each.

One image at a time. Who is who from frame to frame belongs to `tracking`, following people through
a video to `people`.

Source: Bazarevsky et al., BlazePose: On-device Real-time Body Pose Tracking, 2020, and the model
cards of MediaPipe's pose landmark models (Apache-2.0). The decoding is ours.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

import cv2
import numpy as np

from overpose import boxes
from overpose.keypoints.runtimes import Runtime, network
from overpose.layouts import BLAZEPOSE_33
from overpose.media.planes import PlanarImage

Complexity = Literal["full", "heavy"]
Picture = np.ndarray | PlanarImage
"""RGB (height, width, 3) uint8, or a frame of a video as it is stored."""
Found = TypeVar("Found")
DETECTOR_SIZE = 224
LANDMARK_SIZE = 256
LANDMARKS = len(BLAZEPOSE_33)
AT_ONCE = 2
"""How many networks work side by side, where there are so many threads: on two people, on two parts
of an image, or on two frames in a row. On two cores that is faster than one with two threads."""
MINIMUM_SCORE = 0.5
"""Detections below this score are dropped."""
_SUPPRESSION_OVERLAP = 0.3
_REGION_SCALE = 1.25
_TILES = (1.0, 0.6)
_SMALL_TILES = (0.4, 0.3)
"""Sides of the parts of an image that are looked at, in shares of its shorter side."""
_LEAST_SMALL_SCORE = 0.55
_STRIDES = (8, 16, 32, 32, 32)
_ANCHORS_PER_CELL = 2
_HEATMAP_RADIUS = 3
_HEATMAP_CONFIDENCE = 0.5


@dataclass(frozen=True)
class Region:
    """A square of the image that holds one person, turned so that the person stands upright in it.

    Attributes:
        x: centre, pixels.
        y: centre, pixels.
        size: side length, pixels.
        angle_rad: angle from the image's up to the person's, clockwise.
        score: how sure the finder was, 0 to 1.
    """

    x: float
    y: float
    size: float
    angle_rad: float
    score: float = 1.0

    def to_image(self) -> np.ndarray:
        """(2, 3) float64 affine map from the unit square to pixels."""
        cos, sin = np.cos(self.angle_rad) * self.size, np.sin(self.angle_rad) * self.size
        turn = np.array([[cos, -sin], [sin, cos]])
        corner = np.array([self.x, self.y]) - turn @ (0.5, 0.5)
        return np.column_stack([turn, corner])

    def surrounds(self, other: "Region") -> bool:
        """Whether the middle of another region is within the circle around this one's person."""
        reach = self.size / (2 * _REGION_SCALE)
        return bool(np.hypot(self.x - other.x, self.y - other.y) < reach)


@dataclass(frozen=True, eq=False)
class Landmarks:
    """What the landmark model says of one region.

    Attributes:
        keypoints_px: (33, 3) float32: x, y in pixels of the image, visibility 0 to 1.
        world_mm: (33, 3) float32, the model's own 3D guess: mm, camera axes, mid-hip at the origin.
        presence: probability that there is a person in the region.
        region: where to look in the next frame.
    """

    keypoints_px: np.ndarray
    world_mm: np.ndarray
    presence: float
    region: Region


class BlazePose:
    """The detector and one landmark model.

    Args:
        detector: file of the detector, `.tflite`.
        landmarks: file of the landmark model, `.tflite`.
        threads: in all, no more than there are cores. They change no result.
        runtime: what computes the networks; both in float32.
    """

    _workers: ThreadPoolExecutor | None = None

    def __init__(
        self, detector: Path, landmarks: Path, *, threads: int = 2, runtime: Runtime = "litert"
    ) -> None:
        at_once = min(threads, AT_ONCE)
        load = partial(network, threads=threads // at_once, copies=at_once, runtime=runtime)
        self._detect = load(detector, ("Identity", "Identity_1"))
        self._landmarks = load(landmarks, ("Identity", "Identity_1", "Identity_3", "Identity_4"))
        self._anchors = _anchors()
        if at_once > 1:
            self._workers = ThreadPoolExecutor(at_once, "overpose-keypoints")

    @classmethod
    def from_assets(
        cls, complexity: Complexity = "heavy", *, threads: int = 2, runtime: Runtime = "litert"
    ) -> "BlazePose":
        """The models from the cache, downloaded first if they are not there.

        Raises:
            ImportError: the runtime is not installed.
            InputError: they are not there and cannot be downloaded.
        """
        from overpose.support.assets import download_asset

        return cls(
            download_asset("pose_detection"),
            download_asset(f"pose_landmark_{complexity}"),
            threads=threads,
            runtime=runtime,
        )

    def detect(self, image: Picture, *, tiles: bool = False) -> list[Region]:
        """People in an image, the surest first.

        Args:
            image: the image.
            tiles: also look at overlapping parts of the image, for people small in it.
        """
        return self.begin_detect(image, tiles=tiles)()

    def begin_detect(self, image: Picture, *, tiles: bool = False) -> Callable[[], list[Region]]:
        """Begin with `detect`; what is given waits for it."""
        windows = [_whole(image)]
        if tiles:
            windows += _tiles(image.shape[0], image.shape[1], _TILES)
        return self._begin_windows(image, windows)

    def detect_small(self, image: Picture, known: Sequence[Region]) -> list[Region]:
        """People who are too small for `detect`, found in smaller parts of the image.

        These parts cut larger people and show things at the size of people, so more is asked of who
        is found: a higher score, a body that fits into such a part, and a place outside the circles
        around known people. Parts below `DETECTOR_SIZE` pixels show nothing more, so small images
        have none.

        Args:
            image: the image.
            known: those whom `detect` finds, and others.
        """
        height, width = image.shape[:2]
        windows = _tiles(height, width, _SMALL_TILES, DETECTOR_SIZE)
        found = self._begin_windows(image, windows)() if windows else []
        largest = _REGION_SCALE * max(_SMALL_TILES) * min(height, width)
        return [
            each
            for each in found
            if each.score >= _LEAST_SMALL_SCORE
            and each.size <= largest
            and not any(other.surrounds(each) for other in known)
        ]

    def _begin_windows(
        self, image: Picture, windows: Sequence[tuple[float, float, float]]
    ) -> Callable[[], list[Region]]:
        """Begin with square windows; what is given says who is in them, each once, the surest
        first."""
        begun = [self.begin(partial(self._detect_window, image, window)) for window in windows]

        def people() -> list[Region]:
            found = [each.result() for each in begun]
            boxes, points, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
            kept = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), 0.0, _SUPPRESSION_OVERLAP)
            return [_region_from_points(points[i, 0], points[i, 1], float(scores[i])) for i in kept]

        return people

    @property
    def has_threads(self) -> bool:
        """Whether what is begun goes on beside the caller."""
        return self._workers is not None

    def begin(self, work: Callable[[], Found]) -> Future[Found]:
        """Begin with work for the networks; without threads, do it.

        What was begun first has its turn first, so it may wait for what was begun before.
        """
        if self._workers is not None:
            return self._workers.submit(work)
        done: Future[Found] = Future()
        done.set_result(work())
        return done

    def landmarks(self, image: Picture, region: Region) -> Landmarks:
        """The landmarks of the person in a region of an image."""
        to_image = region.to_image()
        side = LANDMARK_SIZE
        crop = _warped(image, to_image / [[side, side, 1.0]], side)
        outputs = self._landmarks(np.divide(crop[None], np.float32(255), dtype=np.float32))
        raw = outputs["Identity"].reshape(39, 5).astype(np.float64)
        points = raw[:, :3] / side
        points[:LANDMARKS, :2] = _refine(
            points[:LANDMARKS, :2], outputs["Identity_3"][0, :, :, :LANDMARKS]
        )
        pixels = points[:, :2] @ to_image[:, :2].T + to_image[:, 2]
        world = outputs["Identity_4"].reshape(39, 3)[:LANDMARKS].astype(np.float64) * 1000.0
        cos, sin = np.cos(region.angle_rad), np.sin(region.angle_rad)
        world[:, :2] = world[:, :2] @ np.array([[cos, sin], [-sin, cos]])
        visibility = _sigmoid(raw[:LANDMARKS, 3])
        presence = float(outputs["Identity_1"].item())
        following = _region_from_points(pixels[LANDMARKS], pixels[LANDMARKS + 1], presence)
        keypoints = np.column_stack([pixels[:LANDMARKS], visibility])
        return Landmarks(
            keypoints.astype(np.float32), world.astype(np.float32), presence, following
        )

    def _detect_window(
        self, image: Picture, window: tuple[float, float, float]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What is found in a square window: boxes (n, 4) as left, top, width and height, points
        (n, 4, 2), all in pixels of the image, and scores (n,)."""
        x, y, size = window
        step = size / DETECTOR_SIZE
        to_image = np.array([[step, 0.0, x], [0.0, step, y]])
        crop = _warped(image, to_image, DETECTOR_SIZE)
        outputs = self._detect(crop[None].astype(np.float32) / 127.5 - 1.0)
        scores = _sigmoid(outputs["Identity_1"][0, :, 0].astype(np.float64))
        kept = np.flatnonzero(scores >= MINIMUM_SCORE)
        values = outputs["Identity"][0, kept].reshape(-1, 6, 2).astype(np.float64) / DETECTOR_SIZE
        centers = values[:, 0] + self._anchors[kept]
        points = (values[:, 2:] + self._anchors[kept, None]) * size + (x, y)
        low = (centers - values[:, 1] / 2) * size + (x, y)
        return np.concatenate([low, values[:, 1] * size], axis=1), points, scores[kept]


def region_of_keypoints(keypoints_px: np.ndarray) -> Region | None:
    """A region for a person whose keypoints are known roughly; None if too few are.

    Args:
        keypoints_px: (33, 3) x, y, score in the order of the landmarks; NaN where missing.
    """
    known = keypoints_px[:, :2].astype(np.float64)
    points = known[np.isfinite(known).all(axis=1)]
    hips = BLAZEPOSE_33.middle(known, "hip")
    shoulders = BLAZEPOSE_33.middle(known, "shoulder")
    if not np.isfinite(hips).all() or not np.isfinite(shoulders).all():
        return None
    reach = float(np.linalg.norm(points - hips, axis=1).max())
    up = shoulders - hips
    length = float(np.linalg.norm(up))
    if not reach > 0 or not length > 0:
        return None
    return _region_from_points(hips, hips + up / length * reach, 1.0)


def _region_from_points(hips: np.ndarray, circle: np.ndarray, score: float) -> Region:
    """The region from mid-hip and the point on the circle around the whole body, above the head."""
    x, y = circle - hips
    size = 2 * _REGION_SCALE * float(np.hypot(x, y))
    return Region(float(hips[0]), float(hips[1]), max(size, 1.0), float(np.arctan2(x, -y)), score)


def _warped(image: Picture, to_image: np.ndarray, size: int) -> np.ndarray:
    """(size, size, 3) uint8 RGB, as `boxes.warped`."""
    if isinstance(image, PlanarImage):
        return image.warped(to_image, size)
    return boxes.warped(image, to_image, size)


def _anchors() -> np.ndarray:
    """(2254, 2) centres of the detector's anchors in the unit square; all have size one."""
    parts = []
    index = 0
    while index < len(_STRIDES):
        layers = [stride for stride in _STRIDES[index:] if stride == _STRIDES[index]]
        cells = DETECTOR_SIZE // _STRIDES[index]
        middle = (np.arange(cells) + 0.5) / cells
        grid = np.stack(np.meshgrid(middle, middle), axis=-1).reshape(-1, 2)
        parts.append(np.repeat(grid, _ANCHORS_PER_CELL * len(layers), axis=0))
        index += len(layers)
    return np.concatenate(parts)


def _whole(image: Picture) -> tuple[float, float, float]:
    """The square around the whole image: corner x, y and side."""
    height, width = image.shape[:2]
    size = max(height, width)
    return (width - size) / 2, (height - size) / 2, float(size)


def _tiles(
    height: int, width: int, shares: Sequence[float], least: float = 0.0
) -> list[tuple[float, float, float]]:
    """Overlapping squares that cover the image, of these shares of its shorter side, but none
    smaller than `least` pixels."""
    windows = []
    for size in (share * min(height, width) for share in shares):
        columns = _starts(width, size)
        rows = _starts(height, size)
        if size >= least and len(columns) * len(rows) > 1:
            windows += [(x, y, size) for y in rows for x in columns]
    return windows


def _starts(length: int, size: float) -> list[float]:
    count = max(1, int(np.ceil((length - size) / (0.6 * size))) + 1)
    return [0.0] if count == 1 else np.linspace(0.0, length - size, count).tolist()


def _refine(points: np.ndarray, heatmaps: np.ndarray) -> np.ndarray:
    """Points (33, 2) in the unit square moved to the mass of their heatmap (64, 64, 33) nearby."""
    size = heatmaps.shape[0]
    offsets = np.arange(-_HEATMAP_RADIUS, _HEATMAP_RADIUS + 1)
    cells = np.floor(points * size).astype(np.int64)
    columns = cells[:, 0, None] + offsets  # (33, 7)
    rows = cells[:, 1, None] + offsets
    row_inside, column_inside = (rows >= 0) & (rows < size), (columns >= 0) & (columns < size)
    inside = row_inside[:, :, None] & column_inside[:, None]
    landmark = np.arange(len(points))[:, None, None]
    values = heatmaps[
        rows.clip(0, size - 1)[:, :, None], columns.clip(0, size - 1)[:, None], landmark
    ]
    weights = np.where(inside, _sigmoid(values.astype(np.float64)), 0.0)  # (33, 7, 7)
    total = weights.sum(axis=(1, 2))
    sure = (weights.max(axis=(1, 2)) >= _HEATMAP_CONFIDENCE) & ((cells >= 0) & (cells < size)).all(
        axis=1
    )
    x = (weights.sum(axis=1) * columns).sum(axis=1)
    y = (weights.sum(axis=2) * rows).sum(axis=1)
    refined = np.column_stack([x, y]) / np.maximum(total, 1e-9)[:, None] / size
    return np.where(sure[:, None], refined, points)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(logits, -60.0, 60.0)))
