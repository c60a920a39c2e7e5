"""Joint angles that the positions of 17 joints and of the feet show, as clinicians count them.

What positions cannot show, how a thigh, an upper arm or a forearm turns about its own length, is
not here. Writing them belongs to `formats`; `mocap.joint_angles` turns angles into motion.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from overpose.skeleton import FEET, HUMAN36M
from overpose.support.checks import check_array

UNCLEAR_DEG = 15.0
"""An angle seen from one side is left out where its segment points to the viewer as nearly."""
Y_UP = np.diag([1.0, -1.0, -1.0])
"""Camera axes (x right, y down, z forward) to y up, for a camera that is held level."""


@dataclass(frozen=True)
class Angle:
    """What an angle is, for tables and readers of files.

    Attributes:
        positive: which way is positive.
        zero: where it is 0.
        source: what it is measured from.
    """

    positive: str
    zero: str
    source: str


_FROM_SIDE, _FROM_FRONT = "seen from the side", "seen from the front"
_TRUNK = "middle of the hips to neck"
_MIDDLE = {
    "pelvis_rotation": Angle(
        "to the person's left", "the person looks along the world's x", "hips from above"
    ),
    "pelvis_list": Angle("right hip lower", "hips level", "hips against the horizontal"),
    "pelvis_tilt": Angle(
        "forward", "pelvis to spine upright", f"pelvis to spine against the vertical, {_FROM_SIDE}",
    ),
    "trunk_lean": Angle("forward", "upright", f"{_TRUNK}, {_FROM_SIDE}"),
    "trunk_lean_right": Angle("to the right", "upright", f"{_TRUNK}, {_FROM_FRONT}"),
    "lumbar_flexion": Angle("forward", "chest straight on the pelvis", "chest against pelvis"),
    "lumbar_bending": Angle("to the right", "chest straight on the pelvis", "chest against pelvis"),
    "lumbar_rotation": Angle("to the left", "shoulders along hips", "chest against pelvis"),
}  # fmt: skip
_SIDE = {
    "hip_flexion": Angle("thigh forward", "thigh straight below", "thigh against pelvis"),
    "hip_adduction": Angle("thigh inward", "thigh straight below", "thigh against pelvis"),
    "knee_flexion": Angle("bent, either way", "straight", "thigh and shank"),
    "ankle_dorsiflexion": Angle(
        "toes up", "heel to toe square to the shank", "shank, and from heel to toe"
    ),
    "shoulder_flexion": Angle(
        "arm forward", "arm straight below", f"upper arm against chest, {_FROM_SIDE}"
    ),
    "shoulder_abduction": Angle(
        "arm outward", "arm straight below", f"upper arm against chest, {_FROM_FRONT}"
    ),
    "shoulder_elevation": Angle(
        "arm up, whichever way", "arm straight below", "upper arm against chest"
    ),
    "elbow_flexion": Angle("bent", "straight", "upper arm and forearm"),
}
SIDES = ("left", "right")
ANGLES: Mapping[str, Angle] = MappingProxyType(
    _MIDDLE | {f"{side}_{name}": angle for side in SIDES for name, angle in _SIDE.items()}
)
"""Every angle, degrees, by name, in the order of files."""
OF_FEET = tuple(f"{side}_ankle_dorsiflexion" for side in SIDES)
"""Those that need the feet."""


@dataclass(frozen=True, eq=False)
class BodyAxes:
    """Axes of pelvis and chest, and directions of limbs, y up.

    Attributes:
        pelvis, chest: (..., 3, 3); columns forward, up, to the person's right. The pelvis' right is
            exactly along the hips, the chest's up exactly from spine to neck.
        limbs: unit vectors (..., 3) by the two joints they lead from and to.
    """

    pelvis: np.ndarray
    chest: np.ndarray
    limbs: Mapping[tuple[str, str], np.ndarray]

    @property
    def chest_on_pelvis(self) -> np.ndarray:
        """(..., 3, 3) the chest's axes along those of the pelvis."""
        return self.pelvis.swapaxes(-1, -2) @ self.chest


def body_axes(poses_mm: np.ndarray, to_y_up: np.ndarray = Y_UP) -> BodyAxes:
    """Axes of poses (n, ..., 17, 3), NaN where a pose is not whole; `to_y_up` as in
    `joint_angles`."""
    joints = poses_mm.astype(np.float64) @ to_y_up.T

    def at(name: str) -> np.ndarray:
        return joints[..., HUMAN36M.index(name), :]

    middle = (at("left_hip") + at("right_hip")) / 2
    limbs = {("hips", "neck"): _unit(at("neck") - middle)}
    for side in SIDES:
        for start, end in (
            ("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"),
        ):  # fmt: skip
            names = f"{side}_{start}", f"{side}_{end}"
            limbs[names] = _unit(at(names[1]) - at(names[0]))
    right = _unit(at("right_hip") - at("left_hip"))
    up = _unit(_across(at("spine") - at("pelvis"), right))
    pelvis = np.stack([np.cross(up, right), up, right], axis=-1)
    up = _unit(at("neck") - at("spine"))
    right = _unit(_across(at("right_shoulder") - at("left_shoulder"), up))
    chest = np.stack([np.cross(up, right), up, right], axis=-1)
    return BodyAxes(pelvis, chest, limbs)


def joint_angles(
    poses_mm: np.ndarray, feet_mm: np.ndarray | None = None, to_y_up: np.ndarray = Y_UP
) -> dict[str, np.ndarray]:
    """The angles of poses.

    Args:
        poses_mm: (..., 17, 3) joints of `HUMAN36M`, relative to anything.
        feet_mm: (..., 4, 3) points of `FEET`, relative to the same; None where not known.
        to_y_up: (3, 3) rotation of these coordinates into ones with y up; the default takes camera
            axes of a camera that is held level.

    Returns:
        for every name of `ANGLES`, but the ankles' without feet, (...) float64 degrees: NaN where a
        pose is not whole or the angle is unclear.

    Raises:
        InputError: wrong shapes.
    """
    leading = poses_mm.shape[:-2]
    check_array("poses_mm", poses_mm, (*leading, len(HUMAN36M), 3))
    axes = body_axes(poses_mm[None], to_y_up)
    result = _of_trunk(axes)
    for side in SIDES:
        result |= {f"{side}_{name}": value for name, value in _of_limbs(axes, side).items()}
    if feet_mm is not None:
        check_array("feet_mm", feet_mm, (*leading, len(FEET), 3))
        feet = feet_mm[None].astype(np.float64) @ to_y_up.T
        for side in SIDES:
            heel, toe = (feet[..., FEET.index(f"{side}_{part}"), :] for part in ("heel", "toe"))
            shank = axes.limbs[f"{side}_knee", f"{side}_ankle"]
            result[f"{side}_ankle_dorsiflexion"] = 90 - _between(-shank, _unit(toe - heel))
    return {name: np.asarray(result[name][0]) for name in ANGLES if name in result}


def turns_zxy(rotations: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Degrees about z, then the new x, then the new y, that make rotations (..., 3, 3): the order
    of OpenSim's pelvis and back."""
    about_z = np.arctan2(-rotations[..., 0, 1], rotations[..., 1, 1])
    about_x = np.arcsin(np.clip(rotations[..., 2, 1], -1, 1))
    about_y = np.arctan2(-rotations[..., 2, 0], rotations[..., 2, 2])
    return np.degrees(about_z), np.degrees(about_x), np.degrees(about_y)


def thigh_turns(axes: BodyAxes, side: str) -> tuple[np.ndarray, np.ndarray]:
    """Flexion and adduction, degrees: the turns about the pelvis' right and then the thigh's own
    forward that bring it from straight below to where it is."""
    forward, up, right = np.moveaxis(
        _within(axes.pelvis, axes.limbs[f"{side}_hip", f"{side}_knee"]), -1, 0
    )
    inward = -right if side == "right" else right
    return np.degrees(np.arctan2(forward, -up)), np.degrees(np.arcsin(np.clip(inward, -1, 1)))


def knee_flexion(axes: BodyAxes, side: str) -> np.ndarray:
    """Degrees between thigh and shank; 0 is straight."""
    return _between(*(axes.limbs[f"{side}_{a}", f"{side}_{b}"] for a, b in _LEG))


_LEG = (("hip", "knee"), ("knee", "ankle"))


def _of_trunk(axes: BodyAxes) -> dict[str, np.ndarray]:
    forward, up, right = np.moveaxis(axes.pelvis, -1, 0)
    turned = np.degrees(np.arctan2(right[..., 0], right[..., 2]))
    tilted = -np.degrees(np.arctan2(forward[..., 1], up[..., 1]))
    level_right = _unit(right * (1.0, 0.0, 1.0))
    ahead = np.cross((0.0, 1.0, 0.0), level_right)
    trunk = axes.limbs["hips", "neck"]
    # Hips one above the other do not say where the person looks.
    upright = np.hypot(right[..., 0], right[..., 2]) >= _LEAST
    seen_ahead, seen_right = (trunk * ahead).sum(-1), (trunk * level_right).sum(-1)
    extended, bent, twisted = turns_zxy(axes.chest_on_pelvis)
    return {
        "pelvis_rotation": np.where(upright, turned, np.nan),
        "pelvis_list": -np.degrees(np.arcsin(np.clip(right[..., 1], -1, 1))),
        "pelvis_tilt": np.where(upright, tilted, np.nan),
        "trunk_lean": np.where(upright, _seen(seen_ahead, trunk[..., 1]), np.nan),
        "trunk_lean_right": np.where(upright, _seen(seen_right, trunk[..., 1]), np.nan),
        "lumbar_flexion": -extended,
        "lumbar_bending": bent,
        "lumbar_rotation": twisted,
    }


def _of_limbs(axes: BodyAxes, side: str) -> dict[str, np.ndarray]:
    flexion, adduction = thigh_turns(axes, side)
    clear = np.cos(np.radians(adduction)) >= _LEAST
    arm = axes.limbs[f"{side}_shoulder", f"{side}_elbow"]
    forward, up, right = np.moveaxis(_within(axes.chest, arm), -1, 0)
    outward = right if side == "right" else -right
    return {
        "hip_flexion": np.where(clear, flexion, np.nan),
        "hip_adduction": adduction,
        "knee_flexion": knee_flexion(axes, side),
        "shoulder_flexion": _seen(forward, -up),
        "shoulder_abduction": _seen(outward, -up),
        "shoulder_elevation": _between(arm, -axes.chest[..., 1]),
        "elbow_flexion": _between(arm, axes.limbs[f"{side}_elbow", f"{side}_wrist"]),
    }


_LEAST = np.sin(np.radians(UNCLEAR_DEG))


def _seen(sideways: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Degrees of a unit vector from the second direction to the first, as seen from one side."""
    angle = np.degrees(np.arctan2(sideways, along))
    return np.where(np.hypot(sideways, along) >= _LEAST, angle, np.nan)


def _between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Degrees between unit vectors (..., 3), 0 to 180, exact for small ones too."""
    across = np.linalg.norm(np.cross(first, second), axis=-1)
    return np.degrees(np.arctan2(across, (first * second).sum(axis=-1)))


def _within(axes: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., 3) along axes (..., 3, 3) in columns."""
    return np.einsum("...ij,...i->...j", axes, vectors)


def _across(vectors: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """The part of vectors (..., 3) square to unit vectors."""
    return vectors - (vectors * unit).sum(axis=-1, keepdims=True) * unit


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., 3) of length 1; NaN where they have none."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths > 1e-6, lengths, np.nan)
