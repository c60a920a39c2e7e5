"""Training batches of the lifter: windows of keypoints as detectors give them, with their poses.

Some come from the pool of clips, seen by random cameras through the detector's model; some are what
the detector really said of rendered clips.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from overpose.layouts import BLAZEPOSE_33, BODY_25, COCO_17, HUMAN36M_17, KeypointLayout
from overpose.networks.keypoint_windows import INPUT_NAMES, INPUTS, make_windows
from overpose.skeleton import HUMAN36M, side_and_part
from overpose.support.errors import InputError
from overpose.synthetic.detections import IMAGE_SIZE, Detections
from overpose.synthetic.detector import DetectorModel
from overpose.synthetic.landmarks import FEET_POINTS
from overpose.synthetic.lenses import FRAME_MM, Shots
from overpose.synthetic.pool import STEP_MM, ClipPool
from overpose.training.samples import Drawn, fingerprint

ASSUMED_MM = 0.8 * max(FRAME_MM)
"""What `video` assumes of a camera that it does not know (`video.focal.default_focal`)."""
JOINTS = len(HUMAN36M)
LANDMARKS = len(BLAZEPOSE_33)
_EXTRA = HUMAN36M.indices(INPUT_NAMES[LANDMARKS:])
_PELVIS = HUMAN36M.index("pelvis")


@dataclass(frozen=True)
class BatchConfig:
    """How training windows are drawn.

    Attributes:
        detected: share of a batch that comes from real runs of the detector on renders.
        generic: share that looks like another detector's output: fewer points.
        shots: how people are filmed: lenses, distances.
        elevation_degrees: mean and standard deviation of the camera's angle above the horizon.
        roll_degrees: standard deviation of the camera's roll; a tenth get three times as much.
        shift: standard deviation of constant offsets of each keypoint, in sizes of the person:
            detectors and skeletons do not mean the same points.
        generic_noise: standard deviation of the generic detector's errors, in sizes of the person.
        drop: probability that a point is missing throughout a window.
        drop_part: probability that all points of the face are, of the hands, of the feet.
        drop_frame: probability that a frame is missing.
        swap: probability that left and right are swapped in a stretch of a window.
        assumed: share of windows whose focal length is not known: `ASSUMED_MM` is taken for it.
        focal_error: standard deviation of the logarithm of the error of the focal length in the
            others.
        quiet: share of the windows of the pool whose keypoints err less, by a random factor from 0
            to 1, with scores as much nearer to 1: so that the network learns what good keypoints
            look like, and may trust them.
        alike: of so many errors of the detector drawn for a window of the pool, the one is taken
            that was made on the pose most like it.
    """

    detected: float = 0.3
    generic: float = 0.15
    shots: Shots = field(default_factory=Shots)
    elevation_degrees: tuple[float, float] = (13.0, 20.0)
    roll_degrees: float = 14.0
    shift: float = 0.03
    generic_noise: float = 0.025
    drop: float = 0.02
    drop_part: float = 0.06
    drop_frame: float = 0.03
    swap: float = 0.01
    assumed: float = 0.5
    focal_error: float = 0.05
    quiet: float = 0.0
    alike: int = 1


class BatchSource:
    """Draws batches.

    Args:
        pool: that is renewed, or one that is not: (clips, F, 50, 3) int16, see `pool.ClipPool.at`.
        detector: errors of the detector.
        detections: real runs; None leaves them out.
        offsets: frames of a window relative to the one predicted.
        config: shares and noise.
    """

    def __init__(
        self,
        pool: np.ndarray | ClipPool,
        detector: DetectorModel,
        detections: Detections | None,
        offsets: tuple[int, ...],
        config: BatchConfig | None = None,
    ) -> None:
        self.renewed = pool if isinstance(pool, ClipPool) else None
        self.pool = pool.at(0) if isinstance(pool, ClipPool) else pool
        self.detector = detector
        self.detections = detections
        self.offsets = np.array(offsets)
        self._middle = offsets.index(0)
        self.config = config or BatchConfig()
        if detections is not None:
            self._found = np.argwhere(np.isfinite(detections.keypoints_px[..., 0, 0]))
            if not len(self._found):
                raise InputError("detections: the detector found nobody; expected somebody")

    def draw(self, count: int, rng: np.random.Generator) -> Drawn:
        """A batch of `count` windows, in the axes of each one's virtual camera."""
        config = self.config
        real = 0 if self.detections is None else round(config.detected * count)
        generic = round(config.generic * count)
        noise = np.ones(count)
        if config.quiet > 0:
            quiet = rng.random(count - real) < config.quiet
            noise[: count - real][quiet] = rng.random(int(quiet.sum()))
        pool = count - real - generic
        parts = [
            self._from_pool(noise[:pool], rng), self._generic(noise[pool : pool + generic], rng)
        ]  # fmt: skip
        if self.detections is not None:
            parts.append(self._detected(real, rng))
        rays, scores, points, focal_mm = (np.concatenate(each) for each in zip(*parts, strict=True))
        rays = self._spoil(rays, noise, rng) * self._focal_errors(focal_mm, rng)
        windows = make_windows(rays, scores, self._middle)
        points = points @ windows.to_camera
        points = (points - points[:, _PELVIS, None]).astype(np.float32)
        return Drawn(windows.features, points[:, :JOINTS], points[:, FEET_POINTS])

    def seek(self, step: int) -> None:
        """Draw from now on from the clips of a step of training."""
        if self.renewed is not None:
            self.pool = self.renewed.at(step)

    def fingerprint(self) -> str:
        """A short hash of all that the batches depend on, but for the random stream."""
        self.seek(0)
        arrays = [self.pool, self.detector.weights, self.detector.residuals, self.offsets]
        if self.detections is not None:
            arrays += [self.detections.keypoints_px, self.detections.points_mm]
        renewal = None if self.renewed is None else self.renewed.config
        return fingerprint(*arrays, repr((self.config, renewal)))

    def poses(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """(count, 17, 3) float32 poses alone, seen by random cameras, relative to the root, mm."""
        points = self._seen(count, rng, np.zeros(1, np.int64))[0][:, 0, :JOINTS]
        rays = points[..., :2] / points[..., 2:]
        everything = np.full((count, 1, len(INPUTS), 2), np.nan)
        for place, name in enumerate(INPUT_NAMES):
            if name in HUMAN36M.layout:
                everything[:, 0, place] = rays[:, HUMAN36M.index(name)]
        turn = make_windows(everything, np.ones(everything.shape[:3]), 0).to_camera
        poses = points @ turn
        return (poses - poses[:, _PELVIS, None]).astype(np.float32)

    def _from_pool(self, noise: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """As many windows as `noise` (n,) has factors on their errors."""
        size = len(noise)
        points, focal_mm = self._seen(size, rng, self.offsets)
        landmarks, scores = self.detector.draw(
            points[:, :, JOINTS:], self.offsets, rng, choices=self.config.alike
        )
        scores = 1 - (1 - scores) * noise[:, None, None]
        exact = points[:, :, JOINTS:, :2] / points[:, :, JOINTS:, 2:]
        landmarks = exact + (landmarks - exact) * noise[:, None, None, None]
        shape = (size, len(self.offsets), len(INPUTS))
        rays = np.full((*shape, 2), np.nan)
        rays[:, :, :LANDMARKS] = landmarks
        full = np.zeros(shape)
        full[:, :, :LANDMARKS] = scores
        return rays, full, points[:, self._middle], focal_mm

    def _generic(self, noise: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """As another detector sees it: points of COCO, BODY_25 or Human3.6M, errors of its own."""
        size = len(noise)
        points, focal_mm = self._seen(size, rng, self.offsets)
        rays = np.concatenate([points[:, :, JOINTS:], points[:, :, _EXTRA, :]], axis=2)
        rays = rays[..., :2] / rays[..., 2:]
        spread = _size(rays)
        count = rays.shape[1:3]
        strength = self.config.generic_noise * np.exp(rng.normal(-0.7, 0.7, (size, 1, 1, 1)))
        slow = _slow_noise(rng, size, self.offsets, count[1])
        fast = rng.normal(0.0, 0.3, (size, *count, 2))
        fast *= np.exp(rng.normal(0.0, 0.5, (size, 1, count[1], 1)))
        rays = rays + (slow + fast) * strength * spread * noise[:, None, None, None]
        kept = np.stack([_layout_mask(layout) for layout in (COCO_17, BODY_25, HUMAN36M_17)])
        mask = kept[rng.integers(len(kept), size=size)]
        rays = np.where(mask[:, None, :, None], rays, np.nan)
        scores = np.clip(rng.normal(0.8, 0.15, (size, *count)), 0.05, 1.0)
        return rays, 1 - (1 - scores) * noise[:, None, None], points[:, self._middle], focal_mm

    def _detected(self, size: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """What the detector said of rendered clips about somebody it found, mirrored and rolled at
        random."""
        found = self.detections
        assert found is not None
        length = found.points_mm.shape[1]
        clip, start, which = self._found[rng.integers(len(self._found), size=size)].T
        clip, which = clip[:, None], which[:, None]
        places = np.clip(start[:, None] + self.offsets, 0, length - 1)
        keypoints = found.keypoints_px[clip, places, which].astype(np.float64)
        points = found.points_mm[clip[:, 0], start].astype(np.float64)
        rays = (keypoints[..., :2] - IMAGE_SIZE / 2) / found.focal_px[clip][..., None, None]
        mirrored = rng.random(size) < 0.5
        rays[mirrored] = BLAZEPOSE_33.mirrored(rays[mirrored])
        keypoints[mirrored] = BLAZEPOSE_33.mirrored(keypoints[mirrored])
        points[mirrored] = _mirror_points(points[mirrored])
        turn = _rolls(rng.normal(0.0, np.deg2rad(self.config.roll_degrees), size))
        rays = rays @ turn[:, None, :2, :2]
        points = points @ turn
        shape = (size, len(self.offsets), len(INPUTS))
        everything, scores = np.full((*shape, 2), np.nan), np.zeros(shape)
        everything[:, :, :LANDMARKS] = rays
        scores[:, :, :LANDMARKS] = np.nan_to_num(keypoints[..., 2])
        return everything, scores, points, self.config.shots.draw(size, rng)[0]

    def _seen(
        self, size: int, rng: np.random.Generator, offsets: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(size, T, 50, 3) windows of the pool in the axes of random cameras that look at them, and
        the focal lengths of these (size,), in 35 mm terms."""
        clips, length = self.pool.shape[:2]
        clip = rng.integers(clips, size=size)
        start = rng.integers(length, size=size)
        places = np.clip(start[:, None] + offsets, 0, length - 1)
        points = self.pool[clip[:, None], places].astype(np.float32) * np.float32(STEP_MM)
        mirrored = rng.random(size) < 0.5
        points[mirrored] = _mirror_points(points[mirrored])
        points *= np.exp(rng.normal(0.0, 0.03, (size, 1, 1, 1))).astype(np.float32)
        middle = points[:, int(np.flatnonzero(offsets == 0)[0]), :, :].mean(axis=1)
        config = self.config
        azimuth = rng.uniform(0.0, 2 * math.pi, size)
        mean, sigma = config.elevation_degrees
        elevation = np.deg2rad(np.clip(rng.normal(mean, sigma, size), -25.0, 70.0))
        roll = np.deg2rad(rng.normal(0.0, config.roll_degrees, size))
        roll *= np.where(rng.random(size) < 0.1, 3.0, 1.0)
        focal_mm, distance = config.shots.draw(size, rng)
        turned = (points - middle[:, None, None]) @ _views(azimuth, elevation, roll)[
            :, None
        ].astype(np.float32)
        aim = rng.normal(0.0, 60.0, (size, 2))
        turned[..., 0] += aim[:, None, None, 0]
        turned[..., 1] += aim[:, None, None, 1]
        turned[..., 2] += distance[:, None, None]
        turned[..., 2] = np.maximum(turned[..., 2], 300.0)
        return turned, focal_mm

    def _spoil(self, rays: np.ndarray, noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Rays with what every detector does: offsets, gaps, sides swapped."""
        config = self.config
        size, frames, count = rays.shape[:3]
        shift = rng.normal(0.0, config.shift, (size, 1, count, 2))
        rays = rays + shift * _size(rays) * noise[:, None, None, None]
        swapped = rng.random(size) < config.swap * frames**0.5
        first = rng.integers(frames, size=size)
        last = first + rng.integers(1, frames + 1, size=size)
        time = np.arange(frames)
        stretch = swapped[:, None] & (time >= first[:, None]) & (time < last[:, None])
        rays = np.where(stretch[..., None, None], rays[:, :, INPUTS.mirror], rays)
        lost = rng.random((size, 1, count)) < config.drop
        for part in _PARTS:
            lost |= (rng.random((size, 1, 1)) < config.drop_part) & part
        if frames > 1:
            lost = lost | (rng.random((size, frames, 1)) < config.drop_frame)
        return np.where(lost[..., None], np.nan, rays)

    def _focal_errors(self, focal_mm: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(size, 1, 1, 1) factors on rays: true focal lengths to those that are taken for them."""
        size = len(focal_mm)
        error = np.exp(rng.normal(0.0, self.config.focal_error, size))
        unknown = rng.random(size) < self.config.assumed
        return np.where(unknown, focal_mm / ASSUMED_MM, error)[:, None, None, None]


_PARTS = np.array(
    [
        [side_and_part(name)[1].startswith(part) for name in INPUT_NAMES]
        for part in (("nose", "eye", "ear", "mouth"), ("pinky", "index", "thumb"), ("heel", "foot"))
    ]
)
"""(3, 37) bool: points of face, hands and feet."""


def _layout_mask(layout: KeypointLayout) -> np.ndarray:
    """(37,) bool: which of the lifter's keypoints a layout has."""
    return np.array([layout.find(name) is not None for name in INPUT_NAMES])


def _size(rays: np.ndarray) -> np.ndarray:
    """(batch, 1, 1, 1): the spread of what is seen in windows (batch, T, K, 2)."""
    seen = np.isfinite(rays)
    filled = np.where(seen, rays, 0.0)
    count = np.maximum(np.einsum("btkc->bc", seen.astype(np.float64)), 1)
    mean = np.einsum("btkc->bc", filled) / count
    square = np.einsum("btkc,btkc->bc", filled, filled) / count - np.square(mean)
    return np.sqrt(np.maximum(square, 0.0).sum(axis=-1))[:, None, None, None]


def _slow_noise(rng: np.random.Generator, size: int, offsets: np.ndarray, count: int) -> np.ndarray:
    """(size, T, count, 2) noise of unit spread: a constant and a wave of a random frequency."""
    constant = rng.normal(0.0, 0.8, (size, 1, count, 2))
    phase = rng.uniform(0.0, 2 * math.pi, (size, 1, count, 2))
    pace = rng.uniform(0.05, 0.6, (size, 1, count, 1))
    wave = np.sin(phase + pace * offsets[:, None, None])
    return constant + 0.85 * wave


def _views(azimuth: np.ndarray, elevation: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """(n, 3, 3): world points (rows, z up) times these are in camera axes."""
    sin_a, cos_a, sin_e, cos_e = (
        np.sin(azimuth), np.cos(azimuth), np.sin(elevation), np.cos(elevation)
    )  # fmt: skip
    zero = np.zeros_like(azimuth)
    right = np.stack([-sin_a, cos_a, zero], axis=-1)
    forward = np.stack([-cos_a * cos_e, -sin_a * cos_e, -sin_e], axis=-1)
    down = np.cross(forward, right)
    return np.stack([right, down, forward], axis=-1) @ _rolls(roll)


def _rolls(angles: np.ndarray) -> np.ndarray:
    """(n, 3, 3) rotations about the viewing axis."""
    turn = np.zeros((len(angles), 3, 3))
    turn[:, 0, 0] = turn[:, 1, 1] = np.cos(angles)
    turn[:, 0, 1], turn[:, 1, 0] = -np.sin(angles), np.sin(angles)
    turn[:, 2, 2] = 1.0
    return turn


def _mirror_points(points: np.ndarray) -> np.ndarray:
    """Joints and landmarks (..., 50, 3) of the person mirrored about the plane x = 0."""
    joints, landmarks = points[..., :JOINTS, :], points[..., JOINTS:, :]
    return np.concatenate(
        [HUMAN36M.layout.mirrored(joints), BLAZEPOSE_33.mirrored(landmarks)], axis=-2
    )
