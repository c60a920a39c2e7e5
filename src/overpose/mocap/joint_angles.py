"""Joint angles as anatomists count them, their published ranges, and the bones that turn by them.

Angles are in degrees from the anatomical position: upright, arms hanging, palms to the thighs.
Which of them make a pose that people take belongs to `key_poses`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy.spatial.transform import Rotation

from overpose.mocap.motion import BoneSkeleton

SIDES = ("l", "r")
_MIDDLE_RANGES = {
    "trunk_flexion": (-25.0, 80.0), "trunk_bend": (-35.0, 35.0), "trunk_turn": (-45.0, 45.0),
    "neck_flexion": (-45.0, 45.0), "neck_bend": (-45.0, 45.0), "neck_turn": (-60.0, 60.0),
}  # fmt: skip
_SIDE_RANGES = {
    "hip_flexion": (-30.0, 120.0), "hip_abduction": (-30.0, 45.0), "hip_turn": (-45.0, 45.0),
    "knee_flexion": (0.0, 150.0), "ankle_dorsiflexion": (-50.0, 30.0),
    "shoulder_forward": (-60.0, 170.0), "shoulder_side": (-60.0, 170.0),
    "shoulder_turn": (-70.0, 90.0),
    "elbow_flexion": (0.0, 150.0), "forearm_turn": (-80.0, 80.0), "wrist_flexion": (-70.0, 80.0),
}  # fmt: skip
RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    _MIDDLE_RANGES
    | {f"{side}_{name}": limits for side in SIDES for name, limits in _SIDE_RANGES.items()}
)
"""Least and largest value of every angle.

American Academy of Orthopaedic Surgeons, Joint Motion: Method of Measuring and Recording (1965);
knees to 150 and ankles to 30 degrees under the body's weight, as people kneel and squat (Hemmerich
et al. 2006, J. Orthop. Res. 24:770-781). Bends and turns of the trunk and neck are positive to the
left, turns of hips, shoulders and forearms outward.
"""
SHOULDER_REACH = 170.0
"""How far an arm is raised at most, whichever way: what is over it shares the range of 180 degrees
with the trunk."""
ACROSS = 0.5
"""The trunk is in an arm's way: it goes past the middle by this share of how far it is forward."""
CLAVICLE_SHARE, CLAVICLE_FROM = 0.2, 30.0
"""Clavicles rise by a fifth of what an arm is raised beyond 30 degrees (Inman et al. 1944)."""

ANGLES = tuple(RANGES)
_LOW, _HIGH = np.array(list(RANGES.values())).T
_HINGE_TURN = 30.0
"""Elbows of CMU's skeletons bend about an axis this far from where a hanging arm's is."""

Axes = Mapping[str, tuple[float, float, float]]


@dataclass(frozen=True)
class _Turn:
    """How a bone turns against another: about these axes by these angles, at once.

    Attributes:
        bone: which; named twice, it turns twice, first as the first says.
        parent: against which.
        axes: for each angle what it turns about; the axes of the anatomical position, which are the
            world's: x to the left, y to the back, z up.
    """

    bone: str
    parent: str
    axes: Axes


def _turns() -> tuple[_Turn, ...]:
    """All turns, parents first."""
    third = 1.0 / 3.0
    result, parent = [], "root"
    for part, bones in (
        ("trunk", ("lowerback", "upperback", "thorax")),
        ("neck", ("lowerneck", "upperneck", "head")),
    ):
        axes: Axes = {
            f"{part}_flexion": (third, 0, 0),
            f"{part}_bend": (0, third, 0),
            f"{part}_turn": (0, 0, third),
        }
        for bone in bones:
            result.append(_Turn(bone, parent, axes))
            parent = bone
    for side, out in zip(SIDES, (1.0, -1.0), strict=True):
        rows: tuple[tuple[str, str, Axes], ...] = (
            ("hipjoint", "", {}),
            ("femur", "", {"hip_flexion": (-1, 0, 0), "hip_abduction": (0, -out, 0)}),
            ("femur", "femur", {"hip_turn": (0, 0, out)}),
            ("tibia", "femur", {"knee_flexion": (1, 0, 0)}),
            ("foot", "tibia", {"ankle_dorsiflexion": (-1, 0, 0)}),
            ("toes", "foot", {}),
            ("humerus", "", {"shoulder_forward": (-1, 0, 0), "shoulder_side": (0, -out, 0)}),
            ("humerus", "humerus", {"shoulder_turn": (0, 0, out)}),
            ("radius", "humerus", {"elbow_flexion": (-1, 0, 0)}),
            ("wrist", "radius", {"forearm_turn": (0, 0, out)}),
            ("hand", "wrist", {"wrist_flexion": (0.5, 0.866 * out, 0)}),
            ("fingers", "hand", {}),
            ("thumb", "wrist", {}),
        )
        for bone, above, axes in rows:
            root = "thorax" if bone == "humerus" else "root"
            named = {f"{side}_{name}": axis for name, axis in axes.items()}
            result.append(_Turn(side + bone, side + above if above else root, named))
    return tuple(result)


_TURNS = _turns()
_AXES = np.array(
    [[turn.axes.get(angle, (0.0, 0.0, 0.0)) for angle in ANGLES] for turn in _TURNS], dtype=float
)
"""(turns, 28, 3)."""


def within_ranges(angles: np.ndarray) -> np.ndarray:
    """Angles (..., 28), those out of range brought to its border.

    Each is held in `RANGES`; arms are raised by `SHOULDER_REACH` at most and kept out of the trunk.
    """
    result = np.clip(angles, _LOW, _HIGH)
    for side in SIDES:
        forward, sideways = (
            ANGLES.index(f"{side}_shoulder_{name}") for name in ("forward", "side")
        )
        least = -ACROSS * np.maximum(result[..., forward], 0.0)
        result[..., sideways] = np.maximum(result[..., sideways], least)
        raised = np.hypot(result[..., forward], result[..., sideways])
        share = np.minimum(1.0, SHOULDER_REACH / np.maximum(raised, 1e-9))
        result[..., forward] *= share
        result[..., sideways] *= share
    return result


def bone_turns(skeleton: BoneSkeleton, angles: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Local rotations of CMU's bones, as `Motion` holds them, for joint angles.

    The clavicles rise with the arms, whose angles are against the thorax.

    Args:
        skeleton: with CMU's bone names and rest pose.
        angles: (frames, 28) degrees, see `ANGLES`.
        root: (frames, 3, 3) orientation of the pelvis in the world.

    Returns:
        (frames, bones, 3, 3) float64.
    """
    index = skeleton.index
    turned = np.empty((len(angles), len(skeleton), 3, 3))
    turned[:, 0] = root
    vectors = np.einsum("fa,tac->tfc", angles, _AXES)
    matrices = Rotation.from_rotvec(vectors.reshape(-1, 3), degrees=True).as_matrix()
    for turn, matrix in zip(_TURNS, matrices.reshape(*vectors.shape[:2], 3, 3), strict=True):
        turned[:, index(turn.bone)] = turned[:, index(turn.parent)] @ matrix
    thorax = turned[:, index("thorax")]
    neutral = np.tile(np.eye(3), (len(skeleton), 1, 1))
    for side, out in zip(SIDES, (1.0, -1.0), strict=True):
        arm = [ANGLES.index(f"{side}_shoulder_{name}") for name in ("forward", "side")]
        raised = np.hypot(*angles[:, arm].T)
        lift = np.zeros((len(angles), 3))
        lift[:, 1] = -out * CLAVICLE_SHARE * np.maximum(raised - CLAVICLE_FROM, 0.0)
        turn = Rotation.from_rotvec(lift, degrees=True).as_matrix()
        turned[:, index(f"{side}clavicle")] = thorax @ turn
        neutral[index(f"{side}femur")] = _downward(skeleton, f"{side}femur")
        for bone in ("tibia", "foot", "toes"):
            neutral[index(side + bone)] = _downward(skeleton, f"{side}tibia")
        hinge = Rotation.from_rotvec((0.0, 0.0, -out * _HINGE_TURN), degrees=True).as_matrix()
        for bone in ("humerus", "radius", "wrist", "hand", "fingers", "thumb"):
            neutral[index(side + bone)] = hinge @ _downward(skeleton, f"{side}humerus")
    turned = turned @ neutral
    local = turned.copy()
    for bone, parent in enumerate(skeleton.parents):
        if parent >= 0:
            local[:, bone] = turned[:, parent].swapaxes(-1, -2) @ turned[:, bone]
    return local


def _downward(skeleton: BoneSkeleton, bone: str) -> np.ndarray:
    """(3, 3): from a bone's rest direction to straight down, about the y axis as far as can be: the
    bones of CMU's limbs lie in the frontal plane at rest."""
    x, y, z = skeleton.offsets_mm[skeleton.index(bone)]
    level = np.hypot(x, z)
    first, second = np.arctan2(x, -z), np.arctan2(-y, level)
    vectors = np.array([[0.0, first, 0.0], [second, 0.0, 0.0]])
    about_y, about_x = Rotation.from_rotvec(vectors).as_matrix()
    return about_x @ about_y
