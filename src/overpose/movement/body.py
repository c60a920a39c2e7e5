"""What the measures of movement need of a body: its legs and its pelvis."""

import numpy as np

from overpose.angles import SIDES
from overpose.skeleton import HUMAN36M


def joint(joints_mm: np.ndarray, name: str) -> np.ndarray:
    """(..., 3) one joint of joints (..., 17, 3)."""
    return joints_mm[..., HUMAN36M.index(name), :]


def leg_mm(joints_mm: np.ndarray) -> float:
    """Length of thigh and shank together, the mean of both legs and the median over frames, of
    joints (frames, 17, 3); NaN where nobody is seen."""
    bones = [
        joint(joints_mm, f"{side}_{end}") - joint(joints_mm, f"{side}_{start}")
        for side in SIDES for start, end in (("hip", "knee"), ("knee", "ankle"))
    ]  # fmt: skip
    lengths = np.linalg.norm(bones, axis=-1).sum(axis=0) / 2
    seen = np.isfinite(lengths)
    return float(np.median(lengths[seen])) if seen.any() else float("nan")


def height_of_pelvis_mm(joints_mm: np.ndarray) -> np.ndarray:
    """(frames,) how high the middle of the hips is above the middle of the ankles, y up."""
    hips, ankles = (
        (joint(joints_mm, f"left_{part}") + joint(joints_mm, f"right_{part}"))[:, 1] / 2
        for part in ("hip", "ankle")
    )
    return hips - ankles
