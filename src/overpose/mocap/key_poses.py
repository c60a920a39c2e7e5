"""Poses that people take and recordings lack: on the floor, sitting, crawling, climbing, any.

Every kind is a range for each joint angle, inside the published ones of `joint_angles`, and what
the body rests on. Drawn key poses become motion in `posed_motion`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from overpose.mocap.joint_angles import ANGLES, RANGES, SIDES, bone_turns, within_ranges
from overpose.mocap.motion import BoneSkeleton, Motion

Ranges = Mapping[str, tuple[float, float]]
Rest = Literal["feet", "floor", "nothing"]


@dataclass(frozen=True)
class PoseKind:
    """A kind of key pose.

    Attributes:
        name: what it is called.
        legs: ranges of the angles of both legs, by name without the side; full where left out.
        other_leg: of one of the legs, drawn, where the two differ; a name here replaces that of
            `legs`.
        trunk: ranges of trunk and neck; small where left out.
        arms: names of `ARMS` to choose from.
        pitch: range of the pelvis' turn forward, degrees, before it is settled.
        roll: range of its turn to one side, either way.
        rest: "feet": the body is balanced above them and soles are flat as far as ankles bend;
            "floor": it lies, kneels or sits on the floor as it would come to rest; "nothing":
            something else holds it, a chair or a ladder, and the pelvis stays as drawn.
    """

    name: str
    legs: Ranges
    other_leg: Ranges = field(default_factory=dict)
    trunk: Ranges = field(default_factory=dict)
    arms: tuple[str, ...] = ("relaxed", "free", "forward", "free")
    pitch: tuple[float, float] = (0.0, 0.0)
    roll: tuple[float, float] = (0.0, 0.0)
    rest: Rest = "nothing"


ARMS: Mapping[str, Ranges] = {
    "relaxed": {"shoulder_forward": (-15, 35), "shoulder_side": (5, 25), "shoulder_turn": (-40, 10),
                "elbow_flexion": (5, 70)},
    "free": {},
    "forward": {"shoulder_forward": (30, 110), "shoulder_side": (-10, 40),
                "shoulder_turn": (-50, 20), "elbow_flexion": (10, 120)},
    "down": {"shoulder_forward": (40, 110), "shoulder_side": (0, 25), "shoulder_turn": (-30, 20),
             "elbow_flexion": (0, 40)},
    "propped": {"shoulder_forward": (70, 100), "shoulder_side": (0, 20), "shoulder_turn": (-20, 20),
                "elbow_flexion": (0, 20), "wrist_flexion": (-70, -50)},
    "behind": {"shoulder_forward": (-60, -25), "shoulder_side": (10, 40), "shoulder_turn": (0, 50),
               "elbow_flexion": (0, 25), "wrist_flexion": (-70, -40)},
    "up": {"shoulder_forward": (90, 165), "shoulder_side": (10, 60), "shoulder_turn": (-20, 60),
           "elbow_flexion": (0, 100)},
    "flat": {"shoulder_forward": (-10, 15), "shoulder_side": (10, 165), "shoulder_turn": (-60, 85),
             "elbow_flexion": (0, 130)},
    "folded": {"shoulder_forward": (10, 60), "shoulder_side": (0, 40), "shoulder_turn": (-60, 0),
               "elbow_flexion": (60, 140)},
    "out": {"shoulder_forward": (-10, 60), "shoulder_side": (50, 120), "shoulder_turn": (-30, 80),
            "elbow_flexion": (0, 110)},
}  # fmt: skip
"""What arms do, ranges without the side; full where left out."""

_UPRIGHT: Ranges = {
    "hip_flexion": (-10, 20), "hip_abduction": (0, 18), "hip_turn": (-5, 25),
    "knee_flexion": (0, 25),
}  # fmt: skip

KINDS = (
    PoseKind("standing", _UPRIGHT, trunk={"trunk_flexion": (-15, 30)}, rest="feet",
             arms=("free", "up", "out", "forward")),
    PoseKind("lunging", {**_UPRIGHT, "hip_flexion": (-25, 0), "knee_flexion": (10, 70)},
             {"hip_flexion": (50, 100), "knee_flexion": (60, 105)}, rest="feet"),
    PoseKind("squatting", {"hip_flexion": (70, 118), "hip_abduction": (5, 35), "hip_turn": (0, 35),
                           "knee_flexion": (80, 148)},
             trunk={"trunk_flexion": (0, 45)}, rest="feet",
             arms=("forward", "down", "free", "relaxed")),
    PoseKind("bending", {"hip_flexion": (45, 110), "hip_abduction": (0, 20), "hip_turn": (-5, 20),
                         "knee_flexion": (0, 45)},
             trunk={"trunk_flexion": (10, 65)}, rest="feet", arms=("down", "down", "free")),
    PoseKind("kneeling", {"hip_flexion": (-5, 25), "hip_abduction": (0, 20), "hip_turn": (-10, 10),
                          "knee_flexion": (80, 110), "ankle_dorsiflexion": (-50, -20)},
             rest="floor"),
    PoseKind("sitting on heels", {"hip_flexion": (75, 110), "hip_abduction": (0, 25),
                                  "hip_turn": (-15, 15), "knee_flexion": (130, 148),
                                  "ankle_dorsiflexion": (-50, -35)},
             trunk={"trunk_flexion": (0, 40)}, rest="floor", arms=("relaxed", "forward", "free")),
    PoseKind("kneeling on one knee",
             {"hip_flexion": (-10, 15), "hip_abduction": (0, 12), "hip_turn": (-10, 10),
              "knee_flexion": (70, 95), "ankle_dorsiflexion": (-30, 30)},
             {"hip_flexion": (75, 105), "hip_abduction": (0, 25), "hip_turn": (-5, 20),
              "knee_flexion": (70, 105), "ankle_dorsiflexion": (-10, 20)},
             pitch=(-5, 20), arms=("relaxed", "forward", "down", "free")),
    PoseKind("crawling", {"hip_flexion": (60, 110), "hip_abduction": (0, 20), "hip_turn": (-15, 15),
                          "knee_flexion": (70, 110), "ankle_dorsiflexion": (-50, -20)},
             trunk={"trunk_flexion": (-15, 25), "neck_flexion": (-45, 20)}, arms=("propped",),
             pitch=(80, 80), rest="floor"),
    PoseKind("propped on hands and toes",
             {"hip_flexion": (-10, 70), "hip_abduction": (0, 15), "hip_turn": (-10, 10),
              "knee_flexion": (0, 20), "ankle_dorsiflexion": (0, 30)},
             trunk={"trunk_flexion": (-15, 20), "neck_flexion": (-40, 20)}, arms=("propped",),
             pitch=(75, 75), rest="floor"),
    PoseKind("sitting", {"hip_flexion": (70, 105), "hip_abduction": (0, 25), "hip_turn": (-20, 25),
                         "knee_flexion": (55, 115), "ankle_dorsiflexion": (-20, 15)},
             trunk={"trunk_flexion": (-10, 45)}, pitch=(-25, 15),
             arms=("relaxed", "forward", "free", "down")),
    PoseKind("sitting with a leg across",
             {"hip_flexion": (75, 100), "hip_abduction": (0, 15), "hip_turn": (-10, 15),
              "knee_flexion": (65, 110)},
             {"hip_flexion": (85, 115), "hip_abduction": (5, 40), "hip_turn": (20, 45),
              "knee_flexion": (70, 120)},
             trunk={"trunk_flexion": (-5, 40)}, pitch=(-25, 10)),
    PoseKind("sitting on the floor",
             {"hip_flexion": (60, 118), "hip_abduction": (0, 35), "hip_turn": (-10, 30),
              "knee_flexion": (0, 145), "ankle_dorsiflexion": (-35, 15)},
             trunk={"trunk_flexion": (-5, 60)}, pitch=(-35, 0), rest="floor",
             arms=("behind", "forward", "relaxed", "free")),
    PoseKind("sitting cross-legged",
             {"hip_flexion": (90, 118), "hip_abduction": (30, 45), "hip_turn": (35, 45),
              "knee_flexion": (110, 145), "ankle_dorsiflexion": (-40, 0)},
             trunk={"trunk_flexion": (20, 65)}, pitch=(-40, -10), rest="floor",
             arms=("relaxed", "forward", "free")),
    PoseKind("lying on the back", {"hip_flexion": (-5, 75), "hip_abduction": (0, 35),
                                   "hip_turn": (-10, 40), "knee_flexion": (0, 120)},
             trunk={"trunk_flexion": (-10, 30)}, pitch=(-95, -80), roll=(-10, 10),
             arms=("flat", "relaxed", "folded", "flat"), rest="floor"),
    PoseKind("lying on the front", {"hip_flexion": (-15, 20), "hip_abduction": (0, 35),
                                    "hip_turn": (-20, 40), "knee_flexion": (0, 90),
                                    "ankle_dorsiflexion": (-50, 0)},
             trunk={"trunk_flexion": (-25, 10), "neck_flexion": (-45, 0), "neck_turn": (-60, 60)},
             pitch=(80, 95), roll=(-10, 10), arms=("flat", "relaxed"), rest="floor"),
    PoseKind("lying on a side", {"hip_flexion": (0, 110), "hip_abduction": (-5, 30),
                                 "hip_turn": (-20, 20), "knee_flexion": (5, 130)},
             trunk={"trunk_flexion": (-10, 45)}, pitch=(-20, 20), roll=(75, 105), rest="floor",
             arms=("folded", "forward", "relaxed", "free")),
    PoseKind("climbing", {"hip_flexion": (-10, 35), "hip_abduction": (0, 25), "hip_turn": (0, 30),
                          "knee_flexion": (5, 70)},
             {"hip_flexion": (50, 118), "hip_abduction": (5, 45), "knee_flexion": (50, 130)},
             trunk={"trunk_flexion": (-10, 30), "neck_flexion": (-45, 10)}, pitch=(-10, 30),
             roll=(-15, 15), arms=("up", "up", "forward")),
    PoseKind("any", {}, trunk={"trunk_flexion": (-20, 60), "trunk_bend": (-25, 25)},
             pitch=(-180, 180), roll=(-180, 180), arms=("free",)),
)  # fmt: skip

_SMALL: Ranges = {
    "trunk_flexion": (-5, 20), "trunk_bend": (-15, 15), "trunk_turn": (-25, 25),
    "neck_flexion": (-20, 30), "neck_bend": (-15, 15), "neck_turn": (-45, 45),
    "forearm_turn": (-60, 60), "wrist_flexion": (-30, 30), "ankle_dorsiflexion": (-30, 15),
}  # fmt: skip
"""Where a kind says nothing of trunk, neck, forearms, hands and feet."""

_SKIN_MM: Mapping[str, float] = {
    "root": 95.0, "upperback": 105.0, "thorax": 100.0, "upperneck": 85.0, "head": 40.0,
    "hipjoint": 95.0, "femur": 55.0, "tibia": 45.0, "foot": 25.0, "toes": 15.0,
    "clavicle": 60.0, "humerus": 40.0, "hand": 15.0, "fingers": 10.0,
}  # fmt: skip
"""How far the skin is from the ends of bones, of both sides, about."""

MASSES: Mapping[str, float] = {
    "upperback": 0.33, "thorax": 0.10, "head": 0.07, "hipjoint": 0.13, "femur": 0.19,
    "tibia": 0.10, "foot": 0.02, "humerus": 0.04, "hand": 0.02,
}  # fmt: skip
"""Roughly how heavy the body is about the ends of bones, after de Leva 1996 (both sides in one)."""

CANDIDATES, SETTLED = 16, 5
"""Poses drawn for one, and how many of them, those with the least overlap, are settled."""
MM_PER_DEGREE = 4.0
"""What counts as much when one is chosen: parts of the body this deep in each other, or a body that
falls by a degree until it rests."""
_SEGMENTS = (
    ("root", "lowerneck", 115.0), ("lowerneck", "head", 75.0),
    ("lhipjoint", "lfemur", 65.0), ("rhipjoint", "rfemur", 65.0),
    ("lfemur", "ltibia", 45.0), ("rfemur", "rtibia", 45.0),
    ("lhumerus", "lhand", 35.0), ("rhumerus", "rhand", 35.0),
)  # fmt: skip
"""Capsules of the body: from the end of one bone to that of another, and their radius, mm."""
_TOUCHING = {(0, 1), (0, 2), (0, 3), (2, 4), (3, 5), (2, 3)}
"""Neighbours among them, which always overlap."""


def draw_pose(
    skeleton: BoneSkeleton, kind: PoseKind, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A key pose of a kind: of some drawn, one that holds, and hardly runs into itself.

    Args:
        skeleton: with CMU's bone names.
        kind: which.
        rng: decides everything.

    Returns:
        angles (28,) in degrees, and the orientation (3, 3) of the pelvis, facing -y.
    """
    angles = _angles(kind, rng)
    pitch, roll = (rng.uniform(*limits, CANDIDATES) for limits in (kind.pitch, kind.roll))
    roll = roll * rng.choice([-1.0, 1.0])
    vectors = np.stack([pitch, np.zeros(CANDIDATES), np.zeros(CANDIDATES)], axis=-1)
    # Lying on a side is the body's own turn about its axis of the spine, then laid down.
    sideways = np.stack([np.zeros(CANDIDATES), roll, np.zeros(CANDIDATES)], axis=-1)
    roots = (
        Rotation.from_rotvec(vectors, degrees=True) * Rotation.from_rotvec(sideways, degrees=True)
    ).as_matrix()
    turns = bone_turns(skeleton, angles, roots)
    motion = Motion(skeleton, turns, np.zeros((CANDIDATES, 3)), 1.0)
    ends = motion.positions_mm()
    overlaps = _overlaps_mm(skeleton, ends)
    likely = overlaps.argsort()[:SETTLED]
    falls = [_settle(skeleton, ends[number], kind.rest) for number in likely]
    fallen = np.degrees([np.linalg.norm(fall.as_rotvec()) for fall in falls])
    best = int((overlaps[likely] + MM_PER_DEGREE * fallen).argmin())
    chosen, root = angles[likely[best]], falls[best].as_matrix() @ roots[likely[best]]
    if kind.rest == "feet":
        chosen = _flat_soles(skeleton, chosen, root)
    return chosen, root


def _angles(kind: PoseKind, rng: np.random.Generator) -> np.ndarray:
    """(CANDIDATES, 28) draws; both sides alike, more or less, half of the time."""
    shape = (CANDIDATES, len(ANGLES))
    arms = ARMS[kind.arms[rng.integers(len(kind.arms))]]
    other = SIDES[rng.integers(2)]
    low, high = np.array([_limits(kind, arms, name, other) for name in ANGLES]).T
    drawn = rng.uniform(low, high, shape)
    near = drawn[:, _LEFT] + 0.1 * (high - low)[_RIGHT] * rng.normal(size=(CANDIDATES, len(_LEFT)))
    same = (low[_LEFT] == low[_RIGHT]) & (rng.random((CANDIDATES, 1)) < 0.5)
    drawn[:, _RIGHT] = np.where(same, np.clip(near, low[_RIGHT], high[_RIGHT]), drawn[:, _RIGHT])
    return within_ranges(drawn)


def _limits(kind: PoseKind, arms: Ranges, name: str, other: str) -> tuple[float, float]:
    side, _, part = name.partition("_")
    known: Ranges = {**arms, **kind.legs, **(kind.other_leg if side == other else {})}
    if side not in SIDES:
        known, part = kind.trunk, name
    least, most = RANGES[name]
    usual = (least, most) if kind.name == "any" else _SMALL.get(part, (least, most))
    low, high = known.get(part, usual)
    return max(low, least), min(high, most)


_LEFT, _RIGHT = (
    np.array([row for row, name in enumerate(ANGLES) if name.startswith(f"{side}_")])
    for side in SIDES
)


def _overlaps_mm(skeleton: BoneSkeleton, ends: np.ndarray) -> np.ndarray:
    """(poses,) how deep capsules of the body lie in each other, all together."""
    along = np.linspace(0.0, 1.0, 7)[:, None]
    points = []
    for first, last, _ in _SEGMENTS:
        start, end = (ends[:, None, skeleton.index(name)] for name in (first, last))
        points.append(start + along * (end - start))
    total = np.zeros(len(ends))
    for one in range(len(_SEGMENTS)):
        for two in range(one + 1, len(_SEGMENTS)):
            if (one, two) not in _TOUCHING:
                gaps = np.linalg.norm(points[one][:, :, None] - points[two][:, None], axis=-1)
                radii = _SEGMENTS[one][2] + _SEGMENTS[two][2]
                total += np.maximum(radii - gaps.min(axis=(1, 2)), 0.0)
    return total


def _settle(skeleton: BoneSkeleton, ends: np.ndarray, rest: Rest) -> Rotation:
    """The turn of the whole that lets it rest on what it is to rest on."""
    if rest == "nothing":
        return Rotation.identity()
    total = sum(MASSES.values())
    parts = [ends[_both(skeleton, bone)].mean(axis=0) for bone in MASSES]
    centre = np.average(parts, axis=0, weights=[mass / total for mass in MASSES.values()])
    if rest == "feet":
        return _upward(
            centre - ends[_both(skeleton, "tibia") + _both(skeleton, "foot")].mean(axis=0)
        )
    return _upward(-_side_to_lie_on(skeleton, ends, centre))


def _side_to_lie_on(skeleton: BoneSkeleton, ends: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """(3,) which way is down when the body has come to rest: of the faces of its convex hull that
    its centre of mass is above, the one that looks down most."""
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    cloud = np.concatenate(
        [
            (ends[_both(skeleton, bone)][:, None] + radius * axes).reshape(-1, 3)
            for bone, radius in _SKIN_MM.items()
        ]
    )
    hull = ConvexHull(cloud)
    normals, corners = hull.equations[:, :3], cloud[hull.simplices]
    heights = -(centre @ normals.T + hull.equations[:, 3])
    foot = centre + heights[:, None] * normals
    edges = np.roll(corners, -1, axis=1) - corners
    inside = np.einsum("fei,fi->fe", np.cross(edges, foot[:, None] - corners), normals)
    stable = (inside >= 0).all(axis=1) | (inside <= 0).all(axis=1)
    if not stable.any():  # only by rounding: a body always comes to rest
        return np.array([0.0, 0.0, -1.0])
    return normals[stable][normals[stable][:, 2].argmin()]


def _both(skeleton: BoneSkeleton, bone: str) -> list[int]:
    names = [bone] if bone in skeleton.names else [side + bone for side in SIDES]
    return [skeleton.index(name) for name in names]


def _upward(vector: np.ndarray) -> Rotation:
    """The shortest turn that takes a vector to straight up."""
    up = np.array([0.0, 0.0, 1.0])
    unit = vector / np.linalg.norm(vector)
    axis = np.cross(unit, up)
    sine = float(np.linalg.norm(axis))
    angle = np.arctan2(sine, unit @ up)
    return Rotation.from_rotvec(axis / max(sine, 1e-9) * angle)


def _flat_soles(skeleton: BoneSkeleton, angles: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Angles (28,) with the ankles bent as far as they go towards soles that are level."""
    result = angles.copy()
    for side in SIDES:
        result[ANGLES.index(f"{side}_ankle_dorsiflexion")] = 0.0
    turned = Motion(
        skeleton, bone_turns(skeleton, result[None], root[None]), np.zeros((1, 3)), 1.0
    ).global_rotations()[0]
    for side in SIDES:
        shank = turned[skeleton.index(f"{side}tibia")]
        # In the anatomical position the shank's own axes are the world's.
        offset = skeleton.offsets_mm[skeleton.index(f"{side}tibia")]
        up = -shank @ offset / np.linalg.norm(offset)
        across = shank @ np.array([1.0, 0.0, 0.0])
        across = across - (across @ up) * up
        forward = np.cross(across / np.linalg.norm(across), up)
        bend = np.degrees(np.arctan2(-forward[2], up[2]))
        name = f"{side}_ankle_dorsiflexion"
        result[ANGLES.index(name)] = np.clip(bend, *RANGES[name])
    return result
