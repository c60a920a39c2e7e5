"""From one person's keypoints over time to poses in space: lifted, bridged, smoothed, of constant
proportions, placed before the camera.

Finding keypoints belongs to `people`, going over a video to `estimator`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from overpose.camera import Camera, turned
from overpose.layouts import KeypointLayout, house_keypoints
from overpose.networks.lifted import Lifted, ankles_mm, mean_of
from overpose.support.errors import InputError
from overpose.video.lifting import Lifter, lift
from overpose.video.options import PredictOptions
from overpose.video.placement import place_root, scale_to_height, stature_mm
from overpose.video.proportions import constant_feet, constant_limbs
from overpose.video.smoothing import bridge_gaps, one_euro, smooth_zero_phase

POSE_CUTOFF_HZ = 6.0
ROOT_CUTOFF_HZ = 4.0
"""The root's distance is the noisiest number of all, and people do not move to and fro quickly."""
FARTHEST_MM = 100_000.0
"""Roots further away are mistakes: nobody is to be recognised from there."""
WINDOW_COUNTS = 3
"""How many times a lifter that sees several frames counts in the mean of poses. Chosen on held-out
renders, where 2 to 5 hardly differ."""
ONE_EURO = {"min_cutoff_hz": 1.5, "beta": 0.005}


@dataclass(frozen=True)
class View:
    """The camera and the clock of a video.

    Attributes:
        width, height: of the image, pixels; the principal point is its middle.
        fps: frames a second.
        focal_px: focal length, pixels.
        focal_is_estimated: whether that is an estimate rather than given.
        focal_px_std: standard deviation of it; None where it was measured.
        lens: the measured camera; None where there is none.
        is_placed: whether the lens says how the camera stands in its world.
        is_metric: whether it says so in millimetres rather than in units that nobody knows.
        turns: (frames, 3, 3) of a camera that turns in its place, from the axes of each frame to
            those of the first; None of a camera that stands still, or does something else.

    Raises:
        InputError: the size is not positive, or the rate is no positive number.
    """

    width: int
    height: int
    fps: float
    focal_px: float
    focal_is_estimated: bool = False
    focal_px_std: float | None = None
    lens: Camera | None = None
    is_placed: bool = False
    is_metric: bool = False
    turns: np.ndarray | None = None

    def __post_init__(self) -> None:
        if not (self.width >= 1 and self.height >= 1):
            raise InputError(f"size: got {self.width}x{self.height} px, expected at least 1x1")
        if not 0 < self.fps < math.inf:
            raise InputError(f"fps: got {self.fps}, expected a positive number of frames/s")

    @property
    def center_px(self) -> tuple[float, float]:
        """The principal point of straightened keypoints."""
        return self.width / 2, self.height / 2

    def straight(self, keypoints_px: np.ndarray) -> np.ndarray:
        """Keypoints (..., K, 3) as a pinhole of this focal length with its principal point in the
        middle would see them; the same where there is no measured lens."""
        if self.lens is None:
            return keypoints_px
        rays = self.lens.unproject_camera(keypoints_px[..., :2], 1.0)[..., :2]
        result = keypoints_px.copy()
        result[..., :2] = rays * self.focal_px + self.center_px
        return result

    def steady(self, points: np.ndarray) -> np.ndarray:
        """Points or vectors (frames, …, 3) from the axes of each frame to those of the first."""
        return points if self.turns is None else turned(points, self.turns)

    def of_frames(self, points: np.ndarray) -> np.ndarray:
        """The inverse of `steady`."""
        return points if self.turns is None else turned(points, self.turns.swapaxes(1, 2))


def lifted(
    lifters: Sequence[Lifter],
    keypoints_px: np.ndarray,
    layout: KeypointLayout,
    view: View,
) -> Lifted:
    """The mean of what several lifters make of a person's keypoints (see `lifting.lift`), in which
    those that see several frames count `WINDOW_COUNTS` times."""
    found: list[Lifted] = []
    for lifter in lifters:
        one = lift(
            lifter,
            keypoints_px,
            layout,
            focal_px=view.focal_px,
            center_px=view.center_px,
            fps=view.fps,
            turns=view.turns,
        )
        found += [one] * (WINDOW_COUNTS if len(lifter.offsets) > 1 else 1)
    return mean_of(found)


def finished_poses(
    raw: Lifted,
    keypoints_px: np.ndarray,
    layout: KeypointLayout,
    view: View,
    options: PredictOptions,
) -> tuple[Lifted, np.ndarray]:
    """What becomes of one person's raw poses, and of feet and expected errors where there are any.

    Feet are smoothed and kept at one size as they lie to their ankles. Errors stay those of the raw
    poses: finishing makes them smaller, if anything. Where the camera turns, all is smoothed as it
    moves before one that does not.

    Args:
        raw: of all frames; NaN where not seen.
        keypoints_px: (frames, K, 3) what they were made from.
        layout: names of the K keypoints.
        view: camera and clock.
        options: smoothing, bridging, proportions, height.

    Returns:
        the same, finished, and roots (frames, 3) float32, mm; NaN where not seen.
    """
    gap = round(options.bridge_s * view.fps)
    given = view.steady(raw.poses_mm)
    poses = bridge_gaps(given, gap)
    poses = _smoothed(poses, view.fps, POSE_CUTOFF_HZ, options.smooth)
    known = np.isfinite(poses).any()
    if options.constant_limbs and known:
        poses = constant_limbs(poses)
    joints_px = house_keypoints(keypoints_px, layout)
    as_seen = view.of_frames(poses)
    roots = place_root(as_seen, joints_px, view.focal_px, view.width, view.height)
    roots[np.linalg.norm(roots, axis=-1) > FARTHEST_MM] = np.nan
    roots = view.steady(roots)
    seen = np.asarray(np.isfinite(poses).all(axis=(1, 2)))
    roots = _smoothed(bridge_gaps(roots, gap), view.fps, ROOT_CUTOFF_HZ, options.smooth)
    roots = np.where(seen[:, None], roots, np.nan)
    feet, errors = raw.feet_mm, raw.joint_error_mm
    if feet is not None:
        hanging = bridge_gaps(view.steady(feet) - ankles_mm(given), gap)
        hanging = _smoothed(hanging, view.fps, POSE_CUTOFF_HZ, options.smooth)
        if options.constant_limbs and known:
            hanging = constant_feet(hanging)
        feet = ankles_mm(poses) + hanging
    if errors is not None:
        errors = bridge_gaps(errors, gap)
    if options.height_m is not None and seen.any():
        scale = 1000 * options.height_m / stature_mm(poses)
        poses, roots = scale_to_height(poses, roots, options.height_m)
        feet = None if feet is None else feet * scale
        errors = None if errors is None else errors * scale
    poses, roots = view.of_frames(poses), view.of_frames(roots)
    feet = None if feet is None else view.of_frames(feet)
    done = Lifted(
        poses.astype(np.float32),
        None if feet is None else feet.astype(np.float32),
        None if errors is None else errors.astype(np.float32),
    )
    return done, roots.astype(np.float32)


def _smoothed(values: np.ndarray, fps: float, cutoff_hz: float, how: str) -> np.ndarray:
    if how == "zero-phase":
        return smooth_zero_phase(values, fps, cutoff_hz)
    if how == "one-euro":
        return one_euro(values, fps, **ONE_EURO)
    return values
