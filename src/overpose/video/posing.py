"""From one person's keypoints over time to poses in space: lifted, bridged, smoothed, of constant
proportions, placed before the camera.

Finding keypoints belongs to `people`, going over a video to `estimator`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from overpose.errors import InputError
from overpose.video.layouts import KeypointLayout, house_keypoints
from overpose.video.lifting import Lifter, lift
from overpose.video.placement import default_focal, focal_from_fov, place_root, scale_to_height
from overpose.video.proportions import constant_limbs
from overpose.video.smoothing import bridge_gaps, one_euro, smooth_zero_phase

SMOOTHINGS = ("zero-phase", "one-euro", "none")
POSE_CUTOFF_HZ = 6.0
ROOT_CUTOFF_HZ = 4.0
"""The root's distance is the noisiest number of all, and people do not move to and fro quickly."""
FARTHEST_MM = 100_000.0
"""Roots further away are mistakes: nobody is to be recognised from there."""
ONE_EURO = {"min_cutoff_hz": 1.5, "beta": 0.005}


@dataclass(frozen=True)
class PredictOptions:
    """What a user can choose about the poses of a photo or video.

    Attributes:
        people: how many people to keep at most, the most present ones; None: all.
        track: number of the only one to keep.
        focal_px: focal length of the camera, pixels.
        fov_deg: its angle of view across the longer side instead.
        height_m: standing height of the people, metres: sets the scale.
        smooth: "zero-phase": low-pass without delay; "one-euro": as in live use; "none".
        bridge_s: longest gap in a person's track that is filled by a straight line, seconds.
        constant_limbs: whether a person's limbs have the same lengths in all frames.

    Raises:
        InputError: a value is out of its range, or two exclude each other.
    """

    people: int | None = None
    track: int | None = None
    focal_px: float | None = None
    fov_deg: float | None = None
    height_m: float | None = None
    smooth: Literal["zero-phase", "one-euro", "none"] = "zero-phase"
    bridge_s: float = 0.25
    constant_limbs: bool = True

    def __post_init__(self) -> None:
        for name in ("people", "track"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name}: got {value}, expected at least 1")
        if self.focal_px is not None and self.fov_deg is not None:
            raise InputError("got focal_px and fov_deg, expected one of them or none")
        if self.focal_px is not None and not (math.isfinite(self.focal_px) and self.focal_px > 0):
            raise InputError(f"focal_px: got {self.focal_px}, expected a positive number of pixels")
        if self.fov_deg is not None:
            focal_from_fov(self.fov_deg, 1, 1)  # refuses what is no angle
        if self.height_m is not None and not 0.3 <= self.height_m <= 2.8:
            raise InputError(f"height_m: got {self.height_m}, expected 0.3 to 2.8 metres")
        if self.smooth not in SMOOTHINGS:
            raise InputError(
                f"smooth: got {self.smooth!r}, expected one of {', '.join(SMOOTHINGS)}"
            )
        if not (math.isfinite(self.bridge_s) and self.bridge_s >= 0):
            raise InputError(f"bridge_s: got {self.bridge_s}, expected zero or more seconds")

    def focal(self, width: int, height: int, known_px: float | None = None) -> tuple[float, bool]:
        """Focal length, pixels, and whether it is a mere assumption.

        Args:
            width, height: of the image, pixels.
            known_px: what the file itself says.
        """
        if self.focal_px is not None:
            return self.focal_px, False
        if self.fov_deg is not None:
            return focal_from_fov(self.fov_deg, width, height), False
        if known_px is not None:
            return known_px, False
        return default_focal(width, height), True


@dataclass(frozen=True)
class View:
    """The camera and the clock of a video.

    Attributes:
        width, height: of the image, pixels; the principal point is its middle.
        fps: frames a second.
        focal_px: focal length, pixels.
    """

    width: int
    height: int
    fps: float
    focal_px: float

    @property
    def center_px(self) -> tuple[float, float]:
        """The principal point."""
        return self.width / 2, self.height / 2


def lifted(
    lifters: Sequence[Lifter],
    keypoints_px: np.ndarray,
    layout: KeypointLayout,
    view: View,
) -> np.ndarray:
    """The mean of what several lifters make of a person's keypoints; see `lifting.lift`."""
    poses = [
        lift(
            lifter,
            keypoints_px,
            layout,
            focal_px=view.focal_px,
            center_px=view.center_px,
            fps=view.fps,
        )
        for lifter in lifters
    ]
    return np.mean(poses, axis=0)


def finished_poses(
    poses_mm: np.ndarray,
    keypoints_px: np.ndarray,
    layout: KeypointLayout,
    view: View,
    options: PredictOptions,
) -> tuple[np.ndarray, np.ndarray]:
    """What becomes of one person's raw poses.

    Args:
        poses_mm: (frames, 17, 3) root-relative; NaN where not seen.
        keypoints_px: (frames, K, 3) what they were made from.
        layout: names of the K keypoints.
        view: camera and clock.
        options: smoothing, bridging, proportions, height.

    Returns:
        poses (frames, 17, 3) float32 and roots (frames, 3) float32, mm; NaN where not seen.
    """
    gap = round(options.bridge_s * view.fps)
    poses = bridge_gaps(poses_mm, gap)
    poses = _smoothed(poses, view.fps, POSE_CUTOFF_HZ, options.smooth)
    if options.constant_limbs and np.isfinite(poses).any():
        poses = constant_limbs(poses)
    joints_px = house_keypoints(keypoints_px, layout)
    roots = place_root(poses, joints_px, view.focal_px, view.width, view.height)
    roots[np.linalg.norm(roots, axis=-1) > FARTHEST_MM] = np.nan
    seen = np.asarray(np.isfinite(poses).all(axis=(1, 2)))
    roots = _smoothed(bridge_gaps(roots, gap), view.fps, ROOT_CUTOFF_HZ, options.smooth)
    roots = np.where(seen[:, None], roots, np.nan)
    if options.height_m is not None and seen.any():
        poses, roots = scale_to_height(poses, roots, options.height_m)
    return poses.astype(np.float32), roots.astype(np.float32)


def _smoothed(values: np.ndarray, fps: float, cutoff_hz: float, how: str) -> np.ndarray:
    if how == "zero-phase":
        return smooth_zero_phase(values, fps, cutoff_hz)
    if how == "one-euro":
        return one_euro(values, fps, **ONE_EURO)
    return values
