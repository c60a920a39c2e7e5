"""Put the poses of a track on the body: its bones turned as the limbs between the joints are.

The counterpart of `retarget`, which follows a whole skeleton of CMU's; here there are 17 positions,
made bones by `pose_motion`. Frames and units as in `body`: world millimetres, z up.
"""

import numpy as np
from scipy.spatial.transform import Rotation

from overpose.mocap.motion import Motion
from overpose.mocap.pose_motion import END_JOINTS, TOE_DIRECTION
from overpose.skeleton import FEET, HUMAN36M
from overpose.studio.body import BodyModel, BodyShape, sole_ends_mm
from overpose.studio.fit import LIMBS, fit_limbs
from overpose.studio.retarget import align

_LEFT, _UP, _DOWN = np.array([1.0, 0, 0]), np.array([0, 0, 1.0]), np.array([0, 0, -1.0])


def body_of_lengths(model: BodyModel, lengths_mm: np.ndarray, where: str) -> BodyShape:
    """The body of somebody of whom nothing is known but limbs: neither man nor woman, neither thin
    nor fat, with limbs of these lengths as nearly as a body can have them.

    Args:
        lengths_mm: (16,) in the order of `HUMAN36M.limbs`.
        where: what an error calls the person.

    Raises:
        InputError: a limb is shorter than 3 cm.
    """
    targets = {name: float(lengths_mm[HUMAN36M.index(end) - 1]) for name, (_, end) in LIMBS.items()}
    return fit_limbs(model, targets, {}, where)


_AIMS = (
    ("LowerBack", ("Spine",), "spine"),
    ("Spine1", (), "neck"),
    *(
        (f"{big}{first}", more, f"{big.lower()}_{joint}")
        for big in ("Left", "Right")
        for first, more, joint in (
            ("UpLeg", (), "knee"), ("Leg", (), "ankle"), ("Shoulder", (), "shoulder"),
            ("Arm", (), "elbow"),
            ("ForeArm", (f"{big}Hand", f"{big}FingerBase", f"{big}HandFinger1", f"{big[0]}Thumb"),
             "wrist"),
        )
    ),
)  # fmt: skip
"""Bones that are turned a little further, to point to where their joint is on the track, those that
turn with them, and the joint; parents first."""


def follow(motion: Motion, model: BodyModel, shape: BodyShape) -> tuple[np.ndarray, np.ndarray]:
    """The body's bones following the bones of a pose track.

    Each turns with a bone of the track from its own rest direction: the pelvis with the hips, chest
    and clavicles with the shoulders, arms and legs with their limbs and hinges, hands with the
    forearms, feet with the feet or, where these are not known, with the shanks. The middle of the
    hips is where the track's is; bones from there on are aimed at the track's joints, so that what
    a body differs in does not add up.

    Args:
        motion: of `pose_motion`, with feet or without.

    Returns:
        rotations (frames, B, 3, 3) float64 from the rest pose to the world, and heads of the bones
        (frames, B, 3) float64, world mm.
    """
    turns = motion.global_rotations()
    rotations = np.empty((len(motion), len(model.bone_names), 3, 3))
    for name, (followed, alignment) in _sources(motion, model, shape).items():
        rotations[:, model.bone(name)] = turns[:, motion.skeleton.index(followed)] @ alignment
    ends = motion.positions_mm()
    wanted = {joint: ends[:, row] for row, joint in enumerate(END_JOINTS)}
    heads, hips = np.empty((*rotations.shape[:2], 3)), model.bone("Hips")
    middle = shape.joint_points_mm[HUMAN36M.indices(("left_hip", "right_hip"))].mean(axis=0)
    to_middle = rotations[:, hips] @ (middle - shape.bone_heads_mm[hips])
    heads[:, hips] = (wanted["left_hip"] + wanted["right_hip"]) / 2 - to_middle
    aims = {first: (more, joint) for first, more, joint in _AIMS}
    for bone, name in enumerate(model.bone_names):
        _hang(heads, rotations, model, shape, bone)
        if name in aims:
            more, joint = aims[name]
            to_joint = shape.joint_points_mm[HUMAN36M.index(joint)] - shape.bone_heads_mm[bone]
            further = _swing(rotations[:, bone] @ to_joint, wanted[joint] - heads[:, bone])
            for each in (name, *more):
                rotations[:, model.bone(each)] = further @ rotations[:, model.bone(each)]
    return rotations, heads


def _hang(
    heads: np.ndarray, rotations: np.ndarray, model: BodyModel, shape: BodyShape, bone: int
) -> None:
    """Put the head of a bone where its parent holds it."""
    parent, rest = int(model.bone_parents[bone]), shape.bone_heads_mm
    if parent >= 0:
        heads[:, bone] = heads[:, parent] + rotations[:, parent] @ (rest[bone] - rest[parent])


def _swing(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(frames, 3, 3): the shortest turns of vectors (frames, 3) to others."""
    axis = np.cross(start, end)
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    angle = np.arctan2(sine, (start * end).sum(axis=-1, keepdims=True))
    return Rotation.from_rotvec(axis / np.maximum(sine, 1e-9) * angle).as_matrix()


def _sources(
    motion: Motion, model: BodyModel, shape: BodyShape
) -> dict[str, tuple[str, np.ndarray]]:
    """For every bone of the body, the track's bone that it follows and the rotation (3, 3) from its
    rest pose to that one's."""

    def at(joint: str) -> np.ndarray:
        return shape.joint_points_mm[HUMAN36M.index(joint)]

    trunk = align(at("spine") - at("pelvis"), _LEFT, _UP, _LEFT)
    chest = align(at("neck") - at("spine"), _LEFT, _UP, _LEFT)
    rest = motion.skeleton.offsets_mm
    neck, head = (
        align(at(end) - at(start), _LEFT, rest[motion.skeleton.index(start)], _LEFT)
        for start, end in (("neck", "nose"), ("nose", "head_top"))
    )
    result = {
        "Hips": ("pelvis", trunk), "LowerBack": ("pelvis_to_spine", trunk),
        "Spine": ("pelvis_to_spine", trunk), "Spine1": ("spine", chest),
        "Neck": ("neck", neck), "Neck1": ("neck", neck), "Head": ("nose", head),
    }  # fmt: skip
    soles = sole_ends_mm(model, shape)
    for side, letter, out, hinge in (("left", "L", _LEFT, _DOWN), ("right", "R", -_LEFT, _UP)):
        big = side.capitalize()
        hip, knee, ankle = (at(f"{side}_{part}") for part in ("hip", "knee", "ankle"))
        shoulder, elbow, wrist = (at(f"{side}_{part}") for part in ("shoulder", "elbow", "wrist"))
        bent = np.cross(elbow - shoulder, wrist - elbow)
        forearm = align(wrist - elbow, bent, out, hinge)
        shank = align(ankle - knee, _LEFT, _DOWN, _LEFT)
        result |= {
            f"{letter}HipJoint": ("pelvis", trunk),
            f"{big}UpLeg": (f"{side}_hip", align(knee - hip, _LEFT, _DOWN, _LEFT)),
            f"{big}Leg": (f"{side}_knee", shank),
            f"{big}Shoulder": (
                f"neck_to_{side}_shoulder", align(shoulder - at("neck"), _UP, out, _UP),
            ),
            f"{big}Arm": (f"{side}_shoulder", align(elbow - shoulder, bent, out, hinge)),
        }  # fmt: skip
        hand = ("ForeArm", "Hand", "FingerBase", "HandFinger1")
        result |= {f"{big}{part}": (f"{side}_elbow", forearm) for part in hand}
        result[f"{letter}Thumb"] = (f"{side}_elbow", forearm)
        foot = (f"{side}_knee", shank)
        if f"{side}_ankle" in motion.skeleton.names:
            heel, toe = (soles[FEET.index(f"{side}_{part}")] - ankle for part in ("heel", "toe"))
            foot = (f"{side}_ankle", align(toe, np.cross(toe, heel), TOE_DIRECTION, _LEFT))
        result |= {f"{big}Foot": foot, f"{big}ToeBase": foot}
    assert len(result) == len(model.bone_names)
    return result
