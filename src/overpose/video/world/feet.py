"""Heels and toes in camera coordinates: what the lifter knows of them, or else where the keypoints
of the feet would be at the distance of their ankle."""

from dataclasses import dataclass

import numpy as np

from overpose.boxes import beyond_border
from overpose.layouts import FOOT_KEYPOINTS, KeypointLayout
from overpose.skeleton import FEET, FOOT_ANKLES, HUMAN36M
from overpose.video.posing import View

ANKLE_ABOVE_SOLE_MM = 70.0
SURE = 0.3
"""Score from which on a keypoint counts as seen."""


@dataclass(frozen=True, eq=False)
class Feet:
    """The feet of one person.

    Attributes:
        points_mm: (frames, 4, 3) points of `FEET`, camera coordinates; NaN where not known.
        seen: (frames, 4) bool, whether each is seen in the picture, not only inferred.
    """

    points_mm: np.ndarray
    seen: np.ndarray


def feet_of(
    joints_mm: np.ndarray,
    feet_mm: np.ndarray | None,
    keypoints_px: np.ndarray,
    layout: KeypointLayout,
    view: View,
) -> Feet:
    """The feet of one person.

    Args:
        joints_mm: (frames, 17, 3) in camera coordinates.
        feet_mm: (frames, 4, 3) in camera coordinates as the lifter knows them; None if it does not.
        keypoints_px: (frames, K, 3) straightened.
        layout: of the K keypoints.
        view: the camera.

    Where there are no keypoints of heels and toes, both are the ankle's, lower by the height of an
    ankle above the sole along the shank.
    """
    frames = len(joints_mm)
    points = np.full((frames, len(FEET), 3), np.nan)
    seen = np.zeros((frames, len(FEET)), bool)
    ankles = joints_mm[:, FOOT_ANKLES]
    for place, name in enumerate(FEET.names):
        row = layout.find(FOOT_KEYPOINTS[place])
        if row is None:
            side = name.split("_")[0]
            row = layout.find(f"{side}_ankle")
            knee, ankle = joints_mm[
                :, HUMAN36M.indices((f"{side}_knee", f"{side}_ankle"))
            ].swapaxes(0, 1)
            shank = ankle - knee
            shank = shank / np.maximum(np.linalg.norm(shank, axis=-1, keepdims=True), 1e-9)
            points[:, place] = ankle + ANKLE_ABOVE_SOLE_MM * shank
        if row is None:
            continue
        keypoint = keypoints_px[:, row].astype(np.float64)
        where, score = keypoint[:, :2], keypoint[:, 2]
        inside = np.isfinite(where).all(axis=-1) & ~beyond_border(where, view.width, view.height)
        seen[:, place] = inside & (np.nan_to_num(score) >= SURE)
        if np.isnan(points[:, place]).all():
            rays = (where - view.center_px) / view.focal_px
            depth = ankles[:, place, 2:]
            points[:, place] = np.concatenate([rays * depth, depth], axis=-1)
    if feet_mm is not None:
        points = np.where(np.isfinite(feet_mm), feet_mm, points)
    return Feet(points, seen & np.isfinite(points).all(axis=-1))
