"""The body that procedural motion moves: random proportions, joint limits, and a solver for limbs.

This is made up, not recorded. What the body does is decided in `procedural_moves`.

Conventions: at rest the body faces -y, its left is +x, up is +z. Turns are (yaw, pitch, roll) in
radians: yaw to the left, pitch forward, roll to the left. Arms are planned with x outward for both
sides, relative to the shoulder, in the frame of the thorax, as shares of the length of the arm.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from overpose.mocap.motion import BoneSkeleton
from overpose.support.seeding import random_stream

SIDES = ("l", "r")
SOLE_MM = 30.0
"""Height above the floor of the bones of a flat foot, about CMU's."""

# Middle bones, then those of the left side: parent, length in mm, rest direction (z up). The
# directions are those of CMU's skeletons (the arms straight out, the legs 20 degrees apart).
_MIDDLE = {
    "lowerback": ("root", 116.0, (0.0, 0.04, 1.0)),
    "upperback": ("lowerback", 117.0, (0.0, 0.02, 1.0)),
    "thorax": ("upperback", 117.0, (0.0, 0.0, 1.0)),
    "lowerneck": ("thorax", 92.0, (0.0, -0.05, 1.0)),
    "upperneck": ("lowerneck", 88.0, (0.0, 0.0, 1.0)),
    "head": ("upperneck", 94.0, (0.0, 0.0, 1.0)),
}
_LEFT = {
    "hipjoint": ("root", 141.0, (0.64, -0.28, -0.72)),
    "femur": ("hipjoint", 428.0, (0.34202, 0.0, -0.939693)),
    "tibia": ("femur", 415.0, (0.34202, 0.0, -0.939693)),
    "foot": ("tibia", 128.0, (0.08, -0.97, -0.23)),
    "toes": ("foot", 64.0, (0.0, -1.0, 0.0)),
    "clavicle": ("thorax", 198.0, (0.95, 0.03, 0.31)),
    "humerus": ("clavicle", 284.0, (1.0, 0.0, 0.0)),
    "radius": ("humerus", 182.0, (1.0, 0.0, 0.0)),
    "wrist": ("radius", 91.0, (1.0, 0.0, 0.0)),
    "hand": ("wrist", 42.0, (1.0, 0.0, 0.0)),
    "fingers": ("hand", 34.0, (1.0, 0.0, 0.0)),
    "thumb": ("wrist", 48.0, (0.707107, -0.707107, 0.0)),
}
_ORDER = (
    *(f"l{b}" for b in ("hipjoint", "femur", "tibia", "foot", "toes")),
    *(f"r{b}" for b in ("hipjoint", "femur", "tibia", "foot", "toes")),
    *_MIDDLE,
    *(f"l{b}" for b in ("clavicle", "humerus", "radius", "wrist", "hand", "fingers", "thumb")),
    *(f"r{b}" for b in ("clavicle", "humerus", "radius", "wrist", "hand", "fingers", "thumb")),
)

HINGE_LIMITS_DEG = {"radius": (0.0, 150.0), "tibia": (0.0, 150.0)}
"""Elbow and knee: how far they bend, and only this way (forearm forward, shin backward)."""

HINGE_AXES = {"radius": (0.0, -0.5, -0.866025), "tibia": (0.939693, 0.0, 0.34202)}
"""Left side, at rest: what a positive bend turns about (CMU's rx); the right one mirrors it."""

CONE_LIMITS = {
    "humerus": ((0.70, -0.60, -0.40), 115.0),
    "femur": ((0.20, -0.69, -0.69), 82.0),
}
"""Left side: middle of the directions allowed, in the parent's frame, and how far from it, deg."""

TURN_LIMITS_DEG = {
    "lowerback": 26.0, "upperback": 26.0, "thorax": 26.0,
    "lowerneck": 25.0, "upperneck": 25.0, "head": 25.0,
    "clavicle": 25.0, "foot": 60.0, "toes": 50.0, "wrist": 90.0, "hand": 60.0,
}  # fmt: skip
"""For the other joints that move: the largest turn from rest, in degrees."""


def procedural_skeleton(subject: int | str) -> BoneSkeleton:
    """The made-up body of a subject: CMU's bone names, random but plausible proportions.

    The same subject always has the same body; left and right are alike.
    """
    rng = random_stream(0, "procedural body", subject)
    size = float(np.clip(rng.normal(1.0, 0.05), 0.88, 1.13))
    return average_skeleton(
        {name: size * float(np.clip(rng.normal(1, 0.035), 0.92, 1.08)) for name in _PARTS}
    )


_PARTS = ("leg", "shin", "foot", "hips", "back", "neck", "shoulders", "arm", "forearm", "hand")


def average_skeleton(parts: Mapping[str, float] = MappingProxyType({})) -> BoneSkeleton:
    """A made-up body of CMU's bone names and rest pose; left and right are alike.

    Args:
        parts: factors on the lengths of some of its parts.
    """
    parts = dict.fromkeys(_PARTS, 1.0) | dict(parts)
    part_of = {
        "hipjoint": "hips", "femur": "leg", "tibia": "shin", "foot": "foot", "toes": "foot",
        "clavicle": "shoulders", "humerus": "arm", "radius": "forearm", "wrist": "forearm",
        "hand": "hand", "fingers": "hand", "thumb": "hand", "lowerback": "back",
        "upperback": "back", "thorax": "back", "lowerneck": "neck", "upperneck": "neck",
        "head": "neck",
    }  # fmt: skip
    names, parents, offsets = ["root"], [-1], [np.zeros(3)]
    for name in _ORDER:
        side = 0.0 if name in _MIDDLE else 1.0 if name[0] == "l" else -1.0
        bone = name if side == 0 else name[1:]
        parent, length, direction = _MIDDLE[name] if side == 0 else _LEFT[bone]
        if side != 0 and parent not in ("root", "thorax"):
            parent = name[0] + parent
        vector = np.array(direction) / np.linalg.norm(direction) * length * parts[part_of[bone]]
        names.append(name)
        parents.append(names.index(parent))
        offsets.append(vector * (side or 1.0, 1.0, 1.0))
    return BoneSkeleton(tuple(names), tuple(parents), np.array(offsets))


@dataclass(frozen=True)
class Body:
    """A skeleton with the lengths that plans are made from, mm."""

    skeleton: BoneSkeleton
    leg_mm: float
    arm_mm: float
    hip_width_mm: float
    hip_drop_mm: float
    ankle_mm: float

    @property
    def standing_mm(self) -> float:
        """Height of the root when the legs are almost straight."""
        return 0.985 * self.leg_mm + self.ankle_mm + self.hip_drop_mm


def body_of(skeleton: BoneSkeleton) -> Body:
    """Lengths of a procedural skeleton."""
    length = {name: float(skeleton.lengths_mm[skeleton.index(name)]) for name in skeleton.names}
    hip = skeleton.offsets_mm[skeleton.index("lhipjoint")]
    return Body(
        skeleton=skeleton,
        leg_mm=length["lfemur"] + length["ltibia"],
        arm_mm=length["lhumerus"] + length["lradius"] + length["lwrist"],
        hip_width_mm=2 * float(hip[0]),
        hip_drop_mm=-float(hip[2]),
        ankle_mm=SOLE_MM - float(skeleton.offsets_mm[skeleton.index("lfoot")][2]),
    )


@dataclass(frozen=True)
class Plan:
    """What a body is to do in each frame; arrays (frames, …), two sides: left, right.

    Attributes:
        pelvis_mm: (frames, 3) where the middle of the hips is to be, and the height of the root;
            lowered where the legs would not reach.
        pelvis_turn: (frames, 3) yaw, pitch, roll.
        spine_turn: (frames, 3) of the thorax relative to the pelvis.
        head_turn: (frames, 3) of the head relative to the thorax.
        feet_mm: (frames, 2, 3) point below the ankle of the flat foot; z is how high it is lifted.
        foot_yaw: (frames, 2).
        foot_pitch: (frames, 2) positive with the heel up.
        hands: (frames, 2, 3) wrists, relative to the shoulder (see the module).
        elbows: (frames, 2, 3) direction in which the elbow points.
    """

    pelvis_mm: np.ndarray
    pelvis_turn: np.ndarray
    spine_turn: np.ndarray
    head_turn: np.ndarray
    feet_mm: np.ndarray
    foot_yaw: np.ndarray
    foot_pitch: np.ndarray
    hands: np.ndarray
    elbows: np.ndarray


def mix(first: Plan, second: Plan, weight: np.ndarray) -> Plan:
    """From `first` (weight 0) to `second` (weight 1); weight is (frames,)."""
    values = {}
    for field in fields(Plan):
        a, b = getattr(first, field.name), getattr(second, field.name)
        share = weight.reshape(-1, *(1,) * (a.ndim - 1))
        values[field.name] = (1 - share) * a + share * b
    return Plan(**values)


def turn(angles: np.ndarray) -> np.ndarray:
    """Matrices (…, 3, 3) of (…, 3) yaw, pitch, roll."""
    matrices = Rotation.from_euler("ZXY", angles.reshape(-1, 3)).as_matrix()
    return matrices.reshape(*angles.shape[:-1], 3, 3)


def solve(body: Body, plan: Plan, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Turn a plan into local rotations (frames, bones, 3, 3) and root positions (frames, 3), mm.

    Knees and elbows follow from where ankles and wrists are to be; then everything is kept inside
    the joint limits; at last the whole is moved so that the lowest foot stands on the floor.
    """
    skeleton = body.skeleton
    frames = len(plan.pelvis_mm)
    turned = np.tile(np.eye(3), (frames, len(skeleton), 1, 1))
    ends = np.zeros((frames, len(skeleton), 3))

    def place(name: str, rotation: np.ndarray) -> None:
        bone = skeleton.index(name)
        turned[:, bone] = rotation
        parent = skeleton.parents[bone]
        ends[:, bone] = ends[:, parent] + rotation @ skeleton.offsets_mm[bone]

    def parent_turn(name: str) -> np.ndarray:
        return turned[:, skeleton.parents[skeleton.index(name)]]

    turned[:, 0] = turn(plan.pelvis_turn)
    ankles, feet = _ankles(body, plan)
    # The plan is for the middle of the hips, which lies a little in front of the root.
    middle = skeleton.offsets_mm[skeleton.index("lhipjoint")] * (0.0, 1.0, 0.0)
    ends[:, 0] = plan.pelvis_mm - (turned[:, 0] @ middle) * (1.0, 1.0, 0.0)
    ends[:, 0, 2] = _reachable_height(body, ends[:, 0], ankles, turned[:, 0], fps)
    for name in _MIDDLE:
        share = plan.head_turn if name in ("lowerneck", "upperneck", "head") else plan.spine_turn
        local = _limit_turn(turn(share / 3), TURN_LIMITS_DEG[name])
        place(name, parent_turn(name) @ local)
    for side, letter in enumerate(SIDES):
        sign = 1.0 if letter == "l" else -1.0
        place(f"{letter}hipjoint", turned[:, 0])
        middle = turn(np.stack([
            (plan.pelvis_turn[:, 0] + plan.foot_yaw[:, side]) / 2, *np.zeros((2, frames))
        ], axis=-1))  # fmt: skip
        hip = ends[:, skeleton.index(f"{letter}hipjoint")]
        target = ankles[:, side] - hip
        pole = np.cross(target, middle[:, :, 0])
        _limb(body, place, parent_turn, (f"{letter}femur", f"{letter}tibia"), target, pole, sign)
        foot = f"{letter}foot"
        local = parent_turn(foot).swapaxes(-1, -2) @ feet[:, side]
        place(foot, parent_turn(foot) @ _limit_turn(local, TURN_LIMITS_DEG["foot"]))
        bend = np.zeros((frames, 3))
        bend[:, 1] = -np.clip(plan.foot_pitch[:, side], 0, np.deg2rad(TURN_LIMITS_DEG["toes"]))
        lifted = np.clip(plan.feet_mm[:, side, 2] / 40, 0, 1)
        bend[:, 1] *= 1 - lifted
        place(f"{letter}toes", parent_turn(f"{letter}toes") @ turn(bend))

        raised = np.clip(plan.hands[:, side, 2] + 0.3, 0, 1) * np.deg2rad(20)
        shrug = np.zeros((frames, 3))
        shrug[:, 2] = -sign * raised
        place(f"{letter}clavicle", parent_turn(f"{letter}clavicle") @ turn(shrug))
        thorax = parent_turn(f"{letter}clavicle")
        outward = np.array([sign, 1.0, 1.0])
        target = np.einsum("fij,fj->fi", thorax, plan.hands[:, side] * outward) * body.arm_mm
        pole = np.einsum("fij,fj->fi", thorax, plan.elbows[:, side] * outward)
        names = (f"{letter}humerus", f"{letter}radius")
        _limb(body, place, parent_turn, names, target, pole, sign)
        for name in ("wrist", "hand", "fingers", "thumb"):
            place(letter + name, parent_turn(letter + name))
    lowest = [skeleton.index(s + b) for s in SIDES for b in ("foot", "toes")]
    ends[:, 0, 2] += SOLE_MM - ends[:, lowest, 2].min()
    local = turned.copy()
    for bone, parent in enumerate(skeleton.parents):
        if parent >= 0:
            local[:, bone] = turned[:, parent].swapaxes(-1, -2) @ turned[:, bone]
    return local, ends[:, 0]


def _ankles(body: Body, plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """Ankles (frames, 2, 3) and foot rotations (frames, 2, 3, 3): feet tip over ball or heel."""
    frames = len(plan.foot_yaw)
    skeleton = body.skeleton
    ankles = np.empty((frames, 2, 3))
    feet = np.empty((frames, 2, 3, 3))
    for side, letter in enumerate(SIDES):
        ball = skeleton.offsets_mm[skeleton.index(f"{letter}foot")]
        heel = np.array([0.0, 45.0, ball[2]])
        pitch, yaw = plan.foot_pitch[:, side], plan.foot_yaw[:, side]
        flat = turn(np.stack([yaw, np.zeros(frames), np.zeros(frames)], axis=-1))
        feet[:, side] = turn(np.stack([yaw, pitch, np.zeros(frames)], axis=-1))
        pivot = np.where((pitch > 0)[:, None], ball, heel)
        above = plan.feet_mm[:, side] + (0.0, 0.0, body.ankle_mm)
        ankles[:, side] = above + np.einsum("fij,fj->fi", flat - feet[:, side], pivot)
    return ankles, feet


def _reachable_height(
    body: Body, root_mm: np.ndarray, ankles: np.ndarray, pelvis: np.ndarray, fps: float
) -> np.ndarray:
    """Root heights (frames,) as planned, but so low that both legs reach their ankles."""
    reach = 0.985 * body.leg_mm
    height = root_mm[:, 2].copy()
    for side, letter in enumerate(SIDES):
        hip = pelvis @ body.skeleton.offsets_mm[body.skeleton.index(f"{letter}hipjoint")]
        across = ankles[:, side, :2] - root_mm[:, :2] - hip[:, :2]
        down = np.sqrt(np.maximum(reach**2 - (across**2).sum(axis=-1), (0.4 * reach) ** 2))
        height = np.minimum(height, ankles[:, side, 2] + down - hip[:, 2])
    return gaussian_filter1d(height, 0.05 * fps, mode="nearest")


def _limb(
    body: Body,
    place: Callable[[str, np.ndarray], None],
    parent_turn: Callable[[str], np.ndarray],
    names: tuple[str, str],
    target: np.ndarray,
    pole: np.ndarray,
    sign: float,
) -> None:
    """Place the two bones of a limb (thigh and shin, upper arm and forearm) to reach a target."""
    skeleton = body.skeleton
    upper, lower = names
    rest = skeleton.offsets_mm[skeleton.index(upper)]
    first = float(np.linalg.norm(rest))
    second = float(np.linalg.norm(skeleton.offsets_mm[skeleton.index(lower)]))
    if lower[1:] == "radius":
        second += float(skeleton.lengths_mm[skeleton.index(lower[0] + "wrist")])
    bend_limit = np.deg2rad(HINGE_LIMITS_DEG[lower[1:]][1] - 1)
    shortest = np.sqrt(first**2 + second**2 + 2 * first * second * np.cos(bend_limit))
    distance = np.linalg.norm(target, axis=-1)
    along = target / np.maximum(distance, 1e-9)[:, None]
    distance = np.clip(distance, shortest, 0.998 * (first + second))
    axis = _unit(np.cross(along, -pole))
    cosine = (first**2 + distance**2 - second**2) / (2 * first * distance)
    opening = np.arccos(np.clip(cosine, -1, 1))
    bend = np.arccos(np.clip((distance**2 - first**2 - second**2) / (2 * first * second), -1, 1))
    upward = _rotate(along, axis, -opening)
    centre, widest = CONE_LIMITS[upper[1:]]
    mirror = np.array([sign, 1.0, 1.0])
    centre = _unit(parent_turn(upper) @ (np.array(centre) * mirror))
    upward = _into_cone(upward, centre, np.deg2rad(widest))
    axis = _unit(axis - (axis * upward).sum(-1, keepdims=True) * upward)
    # A mirror image turns the other way round: the axis's x stays and the rest changes sign.
    rest_axis = np.array(HINGE_AXES[lower[1:]]) * (1.0, sign, sign)
    along_rest = rest / first
    rest_axis = _unit(rest_axis - (rest_axis @ along_rest) * along_rest)
    rest_frame = np.stack([along_rest, rest_axis, np.cross(along_rest, rest_axis)], axis=-1)
    frame = np.stack([upward, axis, np.cross(upward, axis)], axis=-1)
    rotation = frame @ rest_frame.T
    place(upper, rotation)
    place(lower, Rotation.from_rotvec(axis * bend[:, None]).as_matrix() @ rotation)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def _rotate(vectors: np.ndarray, axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    return Rotation.from_rotvec(axis * angle[:, None]).apply(vectors)


def _into_cone(vectors: np.ndarray, centre: np.ndarray, widest: float) -> np.ndarray:
    """Unit vectors, those outside the cone brought to its rim by the shortest way."""
    cosine = np.clip((vectors * centre).sum(axis=-1), -1, 1)
    excess = np.maximum(np.arccos(cosine) - widest, 0)
    axis = _unit(np.cross(vectors, centre))
    return _rotate(vectors, axis, excess)


def _limit_turn(rotations: np.ndarray, degrees: float) -> np.ndarray:
    vectors = Rotation.from_matrix(rotations).as_rotvec()
    size = np.linalg.norm(vectors, axis=-1, keepdims=True)
    share = np.minimum(1, np.deg2rad(degrees) / np.maximum(size, 1e-9))
    return Rotation.from_rotvec(vectors * share).as_matrix()
