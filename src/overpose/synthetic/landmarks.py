"""The 33 landmarks of BlazePose on the parametric body, beside its 17 joints.

Where a detector sees them differs by bias and noise; that belongs to `detector`.
"""

import numpy as np

from overpose.layouts import BLAZEPOSE_33, FOOT_KEYPOINTS
from overpose.skeleton import FEET, HUMAN36M
from overpose.studio.body import BodyModel, BodyShape, pose_joints, sole_ends_mm
from overpose.support.errors import InputError

POINTS = len(HUMAN36M) + len(BLAZEPOSE_33.names)
"""Joints, then landmarks."""
FEET_POINTS = len(HUMAN36M) + BLAZEPOSE_33.indices(FOOT_KEYPOINTS)
"""Heels and toes among these, in the order of `FEET`."""

_JOINTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_EYE_HALF_WIDTH_MM = 15.0
_SIDES = {"left": ("Left", "L", 1.0), "right": ("Right", "R", -1.0)}
"""Prefixes of the body's bones, and the sign of x at rest."""


def landmark_points(model: BodyModel, shape: BodyShape) -> tuple[np.ndarray, np.ndarray]:
    """Where the landmarks lie on a body at rest.

    Shoulders, elbows, wrists, hips, knees and ankles are the body's joints; the others are points
    of the skin: the tip of the nose, middles of eyeballs and ears, corners of the lips, the
    hindmost point of the sole, the foremost of the foot, the knuckles.

    Returns:
        (33, 3) float64 rest positions, mm, and (33,) int64, the bone each moves with.
    """
    rest = shape.rest_mm.astype(np.float64)
    found: dict[str, tuple[np.ndarray, int]] = {}
    head = model.bone("Head")
    found["nose"] = (rest[model.face_landmarks["nose"]], head)
    soles = sole_ends_mm(model, shape)
    lips = np.flatnonzero(model.lips > 0.5)
    for side, (prefix, letter, sign) in _SIDES.items():
        for joint in _JOINTS:
            index = HUMAN36M.index(f"{side}_{joint}")
            bone = int(model.joint_bones[index])
            found[f"{side}_{joint}"] = (shape.joint_points_mm[index], bone)
        eye = rest[np.unique(model.faces[model.group_faces(f"helper-{letter.lower()}-eye")])]
        middle = eye.mean(axis=0)
        outward = np.array([sign * _EYE_HALF_WIDTH_MM * shape.scale, 0.0, 0.0])
        found[f"{side}_eye"] = (middle, head)
        found[f"{side}_eye_outer"] = (middle + outward, head)
        found[f"{side}_eye_inner"] = (middle - outward, head)
        ear = np.flatnonzero((model.ears > 0.5) & (sign * rest[:, 0] > 0))
        found[f"{side}_ear"] = (rest[ear].mean(axis=0), head)
        corner = lips[(sign * rest[lips, 0]).argmax()]
        found[f"mouth_{side}"] = (rest[corner], head)
        for part, bone in (("heel", "Foot"), ("toe", "ToeBase")):
            end = soles[FEET.index(f"{side}_{part}")]
            name = part.replace("toe", "foot_index")
            found[f"{side}_{name}"] = (end, model.bone(f"{prefix}{bone}"))
        for name, point, bone in _hand(model, shape, prefix, letter):
            found[f"{side}_{name}"] = (point, bone)
    missing = set(BLAZEPOSE_33.names) - set(found)
    if missing:
        raise InputError(f"landmarks: no place on the body for {', '.join(sorted(missing))}")
    points = np.stack([found[name][0] for name in BLAZEPOSE_33.names])
    return points, np.array([found[name][1] for name in BLAZEPOSE_33.names], dtype=np.int64)


def _hand(
    model: BodyModel, shape: BodyShape, prefix: str, letter: str
) -> list[tuple[str, np.ndarray, int]]:
    """Knuckles of the index and the little finger and the joint of the thumb, with their bone."""
    hand = model.bone(f"{prefix}Hand")
    wrist = shape.bone_heads_mm[hand]
    knuckles = shape.bone_tails_mm[hand]
    thumb = shape.bone_tails_mm[model.bone(f"{letter}Thumb")]
    along = knuckles - wrist
    across = thumb - wrist
    across = across - along * (across @ along) / (along @ along)
    across *= 0.4 * np.linalg.norm(along) / np.linalg.norm(across)
    return [
        ("index", knuckles + across, hand),
        ("pinky", knuckles - across, hand),
        ("thumb", thumb, hand),
    ]


def body_points(model: BodyModel, shape: BodyShape, transforms: np.ndarray) -> np.ndarray:
    """Joints and landmarks of a posed body.

    Args:
        transforms: (..., B, 3, 4) rest to world of every bone, mm.

    Returns:
        (..., 50, 3) float32, world mm: the 17 joints of `HUMAN36M`, then the 33 landmarks.
    """
    rest, bones = landmark_points(model, shape)
    moved = transforms[..., bones, :, :].astype(np.float64)
    turned = np.einsum("...pij,pj->...pi", moved[..., :3], rest) + moved[..., 3]
    joints = pose_joints(model, shape, transforms)
    return np.concatenate([joints, turned.astype(np.float32)], axis=-2)
