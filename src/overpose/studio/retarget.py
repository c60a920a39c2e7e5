"""Put a motion of CMU's skeleton on the body: its bones turned alike, its feet on the floor.

Frames and units as in `body`: world millimetres, z up.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from overpose.mocap.motion import BoneSkeleton, Motion
from overpose.studio.body import BodyModel, BodyShape, pose_joints
from overpose.support.errors import InputError

SOURCES = {
    "Hips": "root",
    "LHipJoint": "root", "LeftUpLeg": "lfemur", "LeftLeg": "ltibia",
    "LeftFoot": "lfoot", "LeftToeBase": "ltoes",
    "RHipJoint": "root", "RightUpLeg": "rfemur", "RightLeg": "rtibia",
    "RightFoot": "rfoot", "RightToeBase": "rtoes",
    "LowerBack": "lowerback", "Spine": "upperback", "Spine1": "thorax",
    "Neck": "lowerneck", "Neck1": "upperneck", "Head": "head",
    "LeftShoulder": "lclavicle", "LeftArm": "lhumerus", "LeftForeArm": "lradius",
    "LeftHand": "lhand", "LeftFingerBase": "lhand", "LeftHandFinger1": "lhand", "LThumb": "lhand",
    "RightShoulder": "rclavicle", "RightArm": "rhumerus", "RightForeArm": "rradius",
    "RightHand": "rhand", "RightFingerBase": "rhand", "RightHandFinger1": "rhand",
    "RThumb": "rhand",
}  # fmt: skip
"""The CMU bone that each bone of the body follows."""

DEFAULT_ELBOW_AXIS = {"l": np.array([0.0, -0.5, -0.866]), "r": np.array([0.0, 0.5, 0.866])}
"""Elbow hinges of CMU's skeletons at rest; used where a motion never bends the elbow."""

TRUNK = ("LowerBack", "Spine", "Spine1")
TRUNK_SHARE = 0.5
"""CMU's skeletons at rest lean back by about 8 degrees against the body; taken over whole, people
walk leaning back, left out, they stoop."""

LEVEL_QUANTILE = 0.25
CONTACT_MM, FLIGHT_MM = 40.0, 120.0
"""The floor of a motion is where its lowest point is a quarter of the time. A body within the first
distance above it (or anywhere below it) stands on the floor, farther than the second it flies as
high as it does in the motion."""

GROUND_POINTS = 400


@dataclass(frozen=True, eq=False)
class BoneTransforms:
    """A body's bones in every frame.

    Attributes:
        transforms: (frames, B, 3, 4) float32, rest to world, mm.
        joints_world_mm: (frames, 17, 3) float32 joints of the body.
    """

    transforms: np.ndarray
    joints_world_mm: np.ndarray

    def __len__(self) -> int:
        return len(self.transforms)


def retarget(motion: Motion, model: BodyModel, shape: BodyShape) -> BoneTransforms:
    """Bones of the body following a motion.

    Every bone takes the world rotation of its CMU bone times a constant that aligns their rest
    directions: arms and forearms by direction and elbow hinge, hands by direction and thumb, legs
    by direction, feet by the shank's, the trunk by half of its lean; head and clavicles need none.
    Half of the wrist's twist goes into the forearm. The root moves as in the motion, scaled by the
    ratio of leg lengths; then each frame is shifted up or down so that the body's lowest point is
    on the ground, except where the motion leaves its floor (see `FLIGHT_MM`): the floor of mocap
    wanders by several cm.

    Args:
        motion: motion of a skeleton with CMU's bone names, at any frame rate.

    Raises:
        InputError: the skeleton lacks a bone of CMU's.
    """
    needed = {*SOURCES.values(), "lwrist", "rwrist"}
    missing = sorted(needed - set(motion.skeleton.names))
    if missing:
        raise InputError(
            f"motion {motion.trial}: no bone {', '.join(missing)}; expected CMU's bone names, got "
            f"{', '.join(motion.skeleton.names)}"
        )
    rotations = _bone_rotations(motion, model, shape)
    ratio = _leg_length_body(model, shape) / _leg_length_skeleton(motion.skeleton)
    heads = np.empty((*rotations.shape[:2], 3))
    rest = shape.bone_heads_mm
    hips = model.bone("Hips")
    to_pelvis = shape.joint_points_mm[0] - rest[hips]
    heads[:, hips] = ratio * motion.root_mm - rotations[:, hips] @ to_pelvis
    for bone, parent in enumerate(model.bone_parents):
        if parent >= 0:
            offset = rest[bone] - rest[parent]
            heads[:, bone] = heads[:, parent] + rotations[:, parent] @ offset
    transforms = np.empty((*rotations.shape[:2], 3, 4), np.float32)
    transforms[..., :3] = rotations
    transforms[..., 3] = heads - np.einsum("fbij,bj->fbi", rotations, rest)
    transforms[..., 2, 3] -= _lowest_mm(model, shape, transforms)[:, None]
    return BoneTransforms(transforms, pose_joints(model, shape, transforms))


def _bone_rotations(motion: Motion, model: BodyModel, shape: BodyShape) -> np.ndarray:
    """(frames, B, 3, 3) float64: rotation of every bone of the body from its rest pose."""
    source = motion.global_rotations()
    index = motion.skeleton.index
    alignments = _alignments(motion, source, model, shape)
    rotations = np.empty((len(motion), len(model.bone_names), 3, 3))
    for bone, name in enumerate(model.bone_names):
        followed = source[:, index(SOURCES[name])]
        if name.endswith("ForeArm"):
            side = name[0].lower()
            twist = np.swapaxes(followed, -1, -2) @ source[:, index(f"{side}wrist")]
            axis = _unit(motion.skeleton.offsets_mm[index(f"{side}radius")])
            followed = followed @ _about(axis, _twist_angle(twist, axis) / 2)
        rotations[:, bone] = followed @ alignments[name] if name in alignments else followed
    return rotations


def _alignments(
    motion: Motion, source: np.ndarray, model: BodyModel, shape: BodyShape
) -> dict[str, np.ndarray]:
    """Rotations (3, 3) from the rest pose of the body to that of the skeleton, by body bone."""
    offsets, index = motion.skeleton.offsets_mm, motion.skeleton.index
    heads, tails = shape.bone_heads_mm, shape.bone_tails_mm

    def head(name: str) -> np.ndarray:
        return heads[model.bone(name)]

    def direction(name: str) -> np.ndarray:
        return tails[model.bone(name)] - head(name)

    across, up = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
    shoulders = (head("LeftArm") + head("RightArm") - head("LeftUpLeg") - head("RightUpLeg")) / 2
    trunk = Rotation.from_matrix(align(across, shoulders, across, _trunk(motion.skeleton)))
    half = Rotation.from_rotvec(trunk.as_rotvec() * TRUNK_SHARE).as_matrix()
    result: dict[str, np.ndarray] = {bone: half for bone in TRUNK}  # noqa: C420, keys stay str
    for side, letter in (("Left", "l"), ("Right", "r")):
        for bone, followed in (
            (f"{side}UpLeg", f"{letter}femur"),
            (f"{side}Leg", f"{letter}tibia"),
        ):
            result[bone] = align(direction(bone), across, offsets[index(followed)], across)
        shank = -offsets[index(f"{letter}tibia")]
        foot = align(up, direction(f"{side}Foot"), shank, offsets[index(f"{letter}foot")])
        result[f"{side}Foot"] = result[f"{side}ToeBase"] = foot
        arm, forearm = direction(f"{side}Arm"), direction(f"{side}ForeArm")
        hinge = np.cross(arm, forearm)
        axis = _elbow_axis(motion, source, letter)
        result[f"{side}Arm"] = align(arm, hinge, offsets[index(f"{letter}humerus")], axis)
        result[f"{side}ForeArm"] = align(forearm, hinge, offsets[index(f"{letter}radius")], axis)
        knuckles = tails[model.bone(f"{side}FingerBase")] - head(f"{side}Hand")
        thumb = head(f"{side[0]}Thumb") - head(f"{side}Hand")
        hand = align(knuckles, thumb, offsets[index(f"{letter}hand")], -np.eye(3)[1])
        for bone in ("Hand", "FingerBase", "HandFinger1"):
            result[f"{side}{bone}"] = hand
        result[f"{side[0]}Thumb"] = hand
    return result


def _trunk(skeleton: BoneSkeleton) -> np.ndarray:
    """From the middle of the hips to the middle of the shoulders at rest, mm."""

    def offset(bone: str) -> np.ndarray:
        return skeleton.offsets_mm[skeleton.index(bone)]

    spine = offset("lowerback") + offset("upperback") + offset("thorax")
    sides = [offset(f"{side}clavicle") - offset(f"{side}hipjoint") for side in "lr"]
    return spine + np.mean(sides, axis=0)


def _elbow_axis(motion: Motion, source: np.ndarray, letter: str) -> np.ndarray:
    """The axis the elbow flexes about at rest, from the motion itself."""
    upper = source[:, motion.skeleton.index(f"{letter}humerus")]
    lower = source[:, motion.skeleton.index(f"{letter}radius")]
    turns = Rotation.from_matrix(np.swapaxes(upper, -1, -2) @ lower).as_rotvec()
    mean = turns.mean(axis=0)
    return mean if np.linalg.norm(mean) > 0.05 else DEFAULT_ELBOW_AXIS[letter]


def align(
    primary: np.ndarray, secondary: np.ndarray, to_primary: np.ndarray, to_secondary: np.ndarray
) -> np.ndarray:
    """Rotation (3, 3) taking `primary` to `to_primary` and `secondary` as near as can be."""
    return _frame(to_primary, to_secondary) @ _frame(primary, secondary).T


def _frame(primary: np.ndarray, secondary: np.ndarray) -> np.ndarray:
    """Orthonormal axes as columns: the primary direction, and the secondary made normal to it."""
    first = _unit(primary)
    second = _unit(secondary - (secondary @ first) * first)
    return np.stack([first, second, np.cross(first, second)], axis=1)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def _twist_angle(rotations: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """(frames,) angle of the part of rotations (frames, 3, 3) that turns about `axis`, radians."""
    quaternion = Rotation.from_matrix(rotations).as_quat()
    angle = 2 * np.arctan2(quaternion[:, :3] @ axis, quaternion[:, 3])
    return (angle + np.pi) % (2 * np.pi) - np.pi


def _about(axis: np.ndarray, angles: np.ndarray) -> np.ndarray:
    return Rotation.from_rotvec(angles[:, None] * axis).as_matrix()


def _leg_length_body(model: BodyModel, shape: BodyShape) -> float:
    bones = [model.bone(name) for name in ("LeftUpLeg", "LeftLeg", "RightUpLeg", "RightLeg")]
    ends = shape.bone_tails_mm[bones] - shape.bone_heads_mm[bones]
    return float(np.linalg.norm(ends, axis=-1).sum())


def _leg_length_skeleton(skeleton: BoneSkeleton) -> float:
    return float(
        sum(
            skeleton.lengths_mm[skeleton.index(n)] for n in ("lfemur", "ltibia", "rfemur", "rtibia")
        )
    )


def _lowest_mm(model: BodyModel, shape: BodyShape, transforms: np.ndarray) -> np.ndarray:
    """(frames,) how far to lower each frame for its lowest point to be where it should."""
    body = np.unique(model.faces[model.group_faces("body")])
    feet = [
        model.bone(f"{side}{part}") for side in ("Left", "Right") for part in ("Foot", "ToeBase")
    ]
    on_foot = np.isin(model.weight_indices[body, 0], feet)
    soles = body[on_foot & (shape.rest_mm[body, 2] < 25.0)]
    rest_of_body = body[~on_foot]
    points = np.concatenate(
        [
            soles[:: max(1, len(soles) // 100)],
            rest_of_body[:: max(1, len(rest_of_body) // GROUND_POINTS)],
        ]
    )
    heights = np.zeros((len(transforms), len(points)))
    rest = np.concatenate([shape.rest_mm[points], np.ones((len(points), 1))], axis=1)
    for k in range(model.weights.shape[1]):
        rows = transforms[:, model.weight_indices[points, k], 2]
        heights += model.weights[points, k] * np.einsum("fpk,pk->fp", rows, rest)
    lowest = heights.min(axis=1)
    height = lowest - np.quantile(lowest, LEVEL_QUANTILE)
    flight = np.interp(height, [CONTACT_MM, FLIGHT_MM], [0.0, FLIGHT_MM])
    return lowest - np.where(height > FLIGHT_MM, height, flight)
