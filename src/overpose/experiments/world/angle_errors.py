"""How far off joint angles are in tracks of renders, and which way."""

from collections.abc import Sequence

import numpy as np

from overpose.angles import joint_angles
from overpose.experiments.world.clips import WorldClip
from overpose.formats.points import track_angles
from overpose.poses import PoseTrack

OF_MIDDLE = ("trunk_lean", "pelvis_tilt", "lumbar_flexion")
OF_SIDES = ("knee_flexion", "hip_flexion", "hip_adduction", "elbow_flexion", "shoulder_elevation")
"""Angles that are told; left and right together."""
FIFTH = 0.2
Pairs = dict[str, np.ndarray]
"""By angle, (n, 2) degrees in truth and in the track."""


def angle_pairs(track: PoseTrack, clip: WorldClip) -> Pairs:
    """Angles of a clip's person where both are known."""
    true = joint_angles(clip.joints_mm, clip.feet_mm, clip.camera_to_world[:3, :3])
    found = {name: values[0] for name, values in track_angles(track).items()}
    names = {name: (name,) for name in OF_MIDDLE}
    names |= {name: (f"left_{name}", f"right_{name}") for name in OF_SIDES}
    pairs = {}
    for name, each in names.items():
        both = np.concatenate([np.stack([true[one], found[one]], axis=-1) for one in each])
        pairs[name] = both[np.isfinite(both).all(axis=-1)]
    return pairs


def angle_rows(found: Sequence[Pairs]) -> list[dict[str, float | str]]:
    """Of all clips, by angle: degrees off on average, the bias, and the bias where the angle is in
    its lowest and its highest fifth: by truth, and by the track."""
    rows: list[dict[str, float | str]] = []
    for name in (*OF_SIDES, *OF_MIDDLE):
        pairs = np.concatenate([np.empty((0, 2)), *(each[name] for each in found)])
        if not len(pairs):
            continue
        off = pairs[:, 1] - pairs[:, 0]
        row: dict[str, float | str] = {
            "angle": name, "error_deg": float(np.abs(off).mean()),
            "median_deg": float(np.median(np.abs(off))), "bias_deg": float(off.mean()),
        }  # fmt: skip
        for of, values in zip(("true", "found"), pairs.T, strict=True):
            low, high = np.quantile(values, (FIFTH, 1 - FIFTH))
            row[f"low_by_{of}_deg"] = float(off[values <= low].mean())
            row[f"high_by_{of}_deg"] = float(off[values >= high].mean())
        rows.append(row)
    return rows
