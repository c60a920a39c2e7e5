"""From positions of the 17 joints to bones that turn: what BVH files and riggers need.

Every limb is a bone of constant length whose direction is exactly that of the pose; its twist,
which positions do not tell, is chosen here. Writing the motion belongs to `bvh`.
"""

from dataclasses import dataclass, replace

import numpy as np

from overpose.mocap.motion import BoneSkeleton, Motion
from overpose.skeleton import FEET, HUMAN36M
from overpose.support.checks import check_array
from overpose.support.errors import InputError

_LEFT, _UP, _DOWN = np.array([1.0, 0, 0]), np.array([0, 0, 1.0]), np.array([0, 0, -1.0])
TOE_DIRECTION = np.array([0.0, -0.9, -(0.19**0.5)])
"""Where toes lie from their ankle at rest: ahead and below."""
_STRAIGHT = 0.25
"""Weight of the twist carried over from the parent bone against the sine of the bent joint."""


@dataclass(frozen=True)
class _Bone:
    """A limb as a bone.

    Attributes:
        joint: the joint of `HUMAN36M` it ends in; it starts in that joint's parent.
        name: its name, that of the BVH joint it becomes: the joint it starts in.
        parent: name of the bone it hangs on.
        rest: unit vector of its rest direction: T-pose, facing -y, z up.
        side: unit vector at rest that fixes the twist, about across `rest`.
        source: where the pose shows `side`: "bend" of this bone and the next one, "parent" (carried
            along with the parent bone), or two joints, from the first to the second.
        bend_sign: sign that turns the bend's axis into `side`.
        next_joint: the joint the next bone of a "bend" ends in.
    """

    joint: str
    name: str
    parent: str
    rest: tuple[float, float, float]
    side: np.ndarray
    source: str | tuple[str, str]
    bend_sign: int = 1
    next_joint: str = ""


def _limb_bones() -> tuple[_Bone, ...]:
    """The sixteen limbs, parents first."""
    hips, chest = ("right_hip", "left_hip"), ("right_shoulder", "left_shoulder")
    back, breast = ("pelvis", "spine"), ("spine", "neck")
    left, right, up, down = (1.0, 0, 0), (-1.0, 0, 0), (0, 0, 1.0), (0, 0, -1.0)
    bones = [
        _Bone("spine", "pelvis_to_spine", "pelvis", up, _LEFT, hips),
        _Bone("neck", "spine", "pelvis_to_spine", up, _LEFT, chest),
        # The nose lies in front: neck and head bend about the axis to the right.
        _Bone("nose", "neck", "spine", (0, -0.6, 0.8), _LEFT, "bend", -1, "head_top"),
        _Bone("head_top", "nose", "neck", (0, 0.6, 0.8), _LEFT, "parent"),
    ]
    for side, out, elbow_axis in (("right", right, _UP), ("left", left, _DOWN)):
        hip, knee, ankle = (f"{side}_{part}" for part in ("hip", "knee", "ankle"))
        shoulder, elbow, wrist = (f"{side}_{part}" for part in ("shoulder", "elbow", "wrist"))
        bones += [
            _Bone(hip, f"pelvis_to_{hip}", "pelvis", out, _UP, back),
            _Bone(knee, hip, f"pelvis_to_{hip}", down, _LEFT, "bend", 1, ankle),
            _Bone(ankle, knee, hip, down, _LEFT, "parent"),
            _Bone(shoulder, f"neck_to_{shoulder}", "spine", out, _UP, breast),
            _Bone(elbow, shoulder, f"neck_to_{shoulder}", out, elbow_axis, "bend", 1, wrist),
            _Bone(wrist, elbow, shoulder, out, elbow_axis, "parent"),
        ]
    return tuple(bones)


_BONES = _limb_bones()
BONE_NAMES = (HUMAN36M.joint_names[0], *(bone.name for bone in _BONES))
"""Names of the bones of `pose_motion`: each that of the joint where it starts; where a joint holds
several bones, JOINT_to_CHILD, as in `bvh`. Ankles, wrists and head_top only end bones."""
END_JOINTS = (HUMAN36M.joint_names[0], *(bone.joint for bone in _BONES))
"""For every bone, the joint of `HUMAN36M` it ends in: what `Motion.positions_mm` gives."""


def pose_motion(
    poses_mm: np.ndarray, root_mm: np.ndarray, lengths_mm: np.ndarray, fps: float, *, name: str = ""
) -> Motion:
    """Joint positions of one person as a skeleton of bones in motion.

    Directions of the limbs are exactly those of the poses. Twist: the pelvis turns with the hips
    and the spine, the chest with the shoulders, the head with the plane of neck, nose and top;
    upper arms and thighs so that elbow and knee are hinges, and where these are nearly straight, as
    the bone they hang on; forearms and shins follow. Frames in which the person is not seen hold
    the frame before (the first ones, the first seen); so does a root that is not known, alone.

    Args:
        poses_mm: (frames, 17, 3), mm, root-relative, camera axes; a frame with NaN is not seen.
        root_mm: (frames, 3), mm, camera axes; NaN where not known; all NaN: the root stays at the
            origin.
        lengths_mm: (16,) mm, constant lengths of the limbs in the order of `HUMAN36M.limbs`.
        fps: frames per second.
        name: what to call the motion (its `trial`).

    Returns:
        The motion, with the bones `BONE_NAMES`; world axes z up: x right, y forward from the
        camera, the camera at the origin.

    Raises:
        InputError: wrong shapes, the person is never seen, or lengths or places are absurd.
    """
    check_array("poses_mm", poses_mm, ("frames", len(HUMAN36M), 3))
    check_array("root_mm", root_mm, (len(poses_mm), 3))
    check_array("lengths_mm", lengths_mm, (len(HUMAN36M.limbs),), finite=True)
    seen = np.asarray(np.isfinite(poses_mm).all(axis=(1, 2)))
    if not seen.any():
        raise InputError("poses_mm: the person is seen in no frame, expected one at least")
    # What does not move is held after the rotations are known: less to compute, same result.
    joints = _world(poses_mm[seen].astype(np.float64))
    turns = _global_rotations(joints)
    parents = [-1, *(BONE_NAMES.index(bone.parent) for bone in _BONES)]
    local = turns.copy()
    local[:, 1:] = turns[:, parents[1:]].swapaxes(-1, -2) @ turns[:, 1:]
    offsets = np.zeros((len(BONE_NAMES), 3))
    for row, bone in enumerate(_BONES, 1):
        limb = HUMAN36M.index(bone.joint) - 1  # limb i ends in joint i + 1
        offsets[row] = np.array(bone.rest) * lengths_mm[limb]
    root = _world(root_mm.astype(np.float64))
    placed = np.asarray(np.isfinite(root).all(axis=1))
    root = root[placed][_held(placed)] if placed.any() else np.zeros_like(root)
    skeleton = BoneSkeleton(BONE_NAMES, tuple(parents), offsets)
    return Motion(skeleton, local[_held(seen)], root, fps, trial=name)


def with_feet(motion: Motion, hanging_mm: np.ndarray) -> Motion:
    """A motion of `pose_motion` whose shins end in feet, from ankle to toe.

    Directions are exactly those of the toes; the twist is that of the plane of heel, ankle and toe.

    Args:
        motion: of the person.
        hanging_mm: (frames, 4, 3), mm, points of `FEET` from their ankle, camera axes; a frame with
            NaN holds the one before.

    Returns:
        The same with the bones `left_ankle` and `right_ankle`, of constant length; as it is if the
        feet are never seen.
    """
    check_array("hanging_mm", hanging_mm, (len(motion), len(FEET), 3))
    seen = np.asarray(np.isfinite(hanging_mm).all(axis=(1, 2)))
    if not seen.any():
        return motion
    points = _world(hanging_mm[seen].astype(np.float64))
    turns, skeleton = motion.global_rotations(), motion.skeleton
    rotations, offsets = [motion.rotations], [skeleton.offsets_mm]
    names, parents = skeleton.names, skeleton.parents
    for side in ("left", "right"):
        heel, toe = (points[:, FEET.index(f"{side}_{part}")] for part in ("heel", "toe"))
        length = np.median(np.linalg.norm(toe, axis=-1))
        across = np.cross(toe, heel)[_held(seen)]
        shin = skeleton.index(f"{side}_knee")
        carried = turns[:, shin]
        along = _unit(toe[_held(seen)], carried @ TOE_DIRECTION)
        foot = _frame(along, _unit(across, carried @ _LEFT)) @ _frame(TOE_DIRECTION, _LEFT).T
        rotations.append((carried.swapaxes(-1, -2) @ foot)[:, None])
        offsets.append(length * TOE_DIRECTION[None])
        names, parents = (*names, f"{side}_ankle"), (*parents, shin)
    whole = BoneSkeleton(names, parents, np.concatenate(offsets))
    return replace(motion, skeleton=whole, rotations=np.concatenate(rotations, axis=1))


def _world(vectors: np.ndarray) -> np.ndarray:
    """Camera axes (x right, y down, z forward) to the world's: (x, z, -y), z up."""
    return np.stack([vectors[..., 0], vectors[..., 2], -vectors[..., 1]], axis=-1)


def _held(known: np.ndarray) -> np.ndarray:
    """For every frame, which of the known frames it shows: the latest, else the first."""
    return np.maximum(np.cumsum(known) - 1, 0)


def _global_rotations(joints: np.ndarray) -> np.ndarray:
    """Rotations (frames, bones, 3, 3) from the rest pose, of joints (frames, 17, 3), z up."""

    def between(start: str, end: str) -> np.ndarray:
        return joints[:, HUMAN36M.index(end)] - joints[:, HUMAN36M.index(start)]

    turns = np.empty((len(joints), len(BONE_NAMES), 3, 3))
    across = _unit(between("right_hip", "left_hip"), _LEFT)
    turns[:, 0] = _frame(across, between("pelvis", "spine")) @ _frame(_LEFT, _UP).T
    for row, bone in enumerate(_BONES, 1):
        carried = turns[:, BONE_NAMES.index(bone.parent)]
        rest = np.array(bone.rest)
        start = HUMAN36M.joint_names[HUMAN36M.parents[HUMAN36M.index(bone.joint)]]
        along = _unit(between(start, bone.joint), carried @ rest)
        swung = _swing(carried @ rest, along, carried @ bone.side)
        if bone.source == "bend":
            following = _unit(between(bone.joint, bone.next_joint), along)
            hint = bone.bend_sign * np.cross(along, following) + _STRAIGHT * swung
        elif bone.source == "parent":
            hint = swung
        else:
            hint = _unit(between(*bone.source), swung)
        turns[:, row] = _frame(along, hint) @ _frame(rest, bone.side).T
    return turns


def _unit(vectors: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """Vectors (frames, 3) of length 1; `otherwise` where they have none."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(lengths > 1e-6, vectors / np.maximum(lengths, 1e-6), otherwise)


def _frame(along: np.ndarray, hint: np.ndarray) -> np.ndarray:
    """Rotations (…, 3, 3) with columns `along`, the part of `hint` across it, and their product."""
    across = hint - (hint * along).sum(axis=-1, keepdims=True) * along
    least = np.eye(3)[np.abs(along).argmin(axis=-1)]  # for a hint that lies along the bone
    spare = least - (least * along).sum(axis=-1, keepdims=True) * along
    lengths = np.linalg.norm(across, axis=-1, keepdims=True)
    across = np.where(lengths > 1e-6, across, spare)
    across = across / np.linalg.norm(across, axis=-1, keepdims=True)
    return np.stack([along, across, np.cross(along, across)], axis=-1)


def _swing(start: np.ndarray, end: np.ndarray, carried: np.ndarray) -> np.ndarray:
    """`carried` (frames, 3) turned by the shortest rotation from unit `start` to unit `end`.

    Rodrigues' formula without angles: R v = c v + a x v + a (a . v) / (1 + c), a = start x end.
    """
    axis = np.cross(start, end)
    cosine = (start * end).sum(axis=-1, keepdims=True)
    dot = (axis * carried).sum(axis=-1, keepdims=True)
    part = axis * dot / np.maximum(1 + cosine, 1e-9)
    return cosine * carried + np.cross(axis, carried) + part
