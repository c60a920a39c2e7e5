"""Joint angles: bones turn as anatomists mean, and motion between key poses keeps the ranges.

Angles are measured here from where joints lie, which the code under test never looks at.
"""

import numpy as np
import pytest

from overpose.mocap.joint_angles import ANGLES, RANGES, bone_turns, within_ranges
from overpose.mocap.joints17 import joints17_world_mm
from overpose.mocap.key_poses import KINDS, PoseKind
from overpose.mocap.motion import Motion
from overpose.mocap.posed_motion import posed_motion
from overpose.mocap.procedural_body import average_skeleton
from overpose.skeleton import HUMAN36M

SKELETON = average_skeleton()
FPS = 25.0


def joints(**degrees: float) -> dict[str, np.ndarray]:
    """Where the joints of a body are with these angles, about the pelvis, mm."""
    angles = np.array([[degrees.get(name, 0.0) for name in ANGLES]])
    turns = bone_turns(SKELETON, angles, np.eye(3)[None])
    places = joints17_world_mm(Motion(SKELETON, turns, np.zeros((1, 3)), FPS))[0]
    return dict(zip(HUMAN36M.joint_names, places, strict=True))


def between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(...) degrees between vectors (..., 3)."""
    lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    return np.degrees(np.arccos(np.clip((first * second).sum(axis=-1) / lengths, -1, 1)))


def test_the_anatomical_position_is_upright_with_arms_and_legs_straight_down() -> None:
    at = joints()
    for side in ("left", "right"):
        for above, below in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow")):
            limb = at[f"{side}_{below}"] - at[f"{side}_{above}"]
            assert between(limb, np.array([0, 0, -1.0])) < 0.1
    assert at["head_top"][2] > at["neck"][2] > at["left_hip"][2]


@pytest.mark.parametrize(
    ("angle", "joint", "axis", "sign"),
    [
        ("l_hip_flexion", "left_knee", 1, -1),  # forward is -y
        ("r_hip_abduction", "right_knee", 0, -1),  # outward, to the right, is -x
        ("l_hip_abduction", "left_knee", 0, 1),
        ("l_knee_flexion", "left_ankle", 1, 1),
        ("r_shoulder_forward", "right_elbow", 1, -1),
        ("l_shoulder_side", "left_elbow", 0, 1),
        ("r_elbow_flexion", "right_wrist", 1, -1),
        ("trunk_flexion", "neck", 1, -1),
        ("trunk_bend", "neck", 0, 1),  # to the left
        ("neck_flexion", "head_top", 1, -1),
        ("trunk_turn", "right_shoulder", 1, -1),  # to the left: the right one comes forward
    ],
)
def test_angles_turn_the_way_they_are_named(angle: str, joint: str, axis: int, sign: int) -> None:
    moved = joints(**{angle: 40.0})[joint] - joints()[joint]
    assert sign * moved[axis] > 0.4 * np.linalg.norm(moved) > 0


def test_turning_a_hip_outward_carries_a_bent_shank_inward() -> None:
    for side, out in (("l", 1), ("r", -1)):
        turned = joints(**{f"{side}_knee_flexion": 90, f"{side}_hip_turn": 30})
        name = {"l": "left", "r": "right"}[side]
        assert out * (turned[f"{name}_ankle"] - turned[f"{name}_knee"])[0] < -50


def measured(motion: Motion) -> dict[str, np.ndarray]:
    """Angles of motion (frames,), degrees, from positions alone."""
    places = joints17_world_mm(motion)
    at = {name: places[:, row] for row, name in enumerate(HUMAN36M.joint_names)}
    ends = motion.positions_mm()
    turned = motion.global_rotations()
    found = {}
    down = np.array([0.0, 0.0, -1.0])
    for side, letter in (("left", "l"), ("right", "r")):
        thigh, shank = (
            at[f"{side}_knee"] - at[f"{side}_hip"],
            at[f"{side}_ankle"] - at[f"{side}_knee"],
        )
        arm = at[f"{side}_elbow"] - at[f"{side}_shoulder"]
        forearm = at[f"{side}_wrist"] - at[f"{side}_elbow"]
        thorax = turned[:, SKELETON.index("thorax")] @ down
        found[f"{letter}_knee_flexion"] = between(thigh, shank)
        found[f"{letter}_elbow_flexion"] = between(arm, forearm)
        found[f"{letter}_hip"] = between(thigh, turned[:, 0] @ down)
        found[f"{letter}_shoulder"] = between(arm, thorax)
        # A knee bends backward only: the shank is on the back of the plane of thigh and hips.
        back = turned[:, SKELETON.index(f"{letter}femur")] @ np.array([0.0, 1.0, 0.0])
        found[f"{letter}_knee_backward"] = (shank * back).sum(axis=-1)
        foot = ends[:, SKELETON.index(f"{letter}foot")] - ends[:, SKELETON.index(f"{letter}tibia")]
        found[f"{letter}_ankle"] = between(foot, -shank)
    return found


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_motion_between_key_poses_keeps_the_published_ranges(kind: PoseKind) -> None:
    motion = posed_motion(SKELETON, np.random.default_rng(3), 60, FPS, (kind,))
    found = measured(motion)
    slack = 0.5
    for side in "lr":
        for name in ("knee_flexion", "elbow_flexion"):
            low, high = RANGES[f"{side}_{name}"]
            assert low - slack <= found[f"{side}_{name}"].min()
            assert found[f"{side}_{name}"].max() <= high + slack
        # Swing of a joint of two angles: at most both at their ends.
        assert found[f"{side}_hip"].max() <= np.hypot(120, 45) + slack
        assert found[f"{side}_shoulder"].max() <= 170 + slack
        assert found[f"{side}_knee_backward"].min() >= -1.0
        rest = found[f"{side}_ankle"]
        assert rest.max() - rest.min() <= 80 + slack


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_motion_between_key_poses_is_smooth(kind: PoseKind) -> None:
    """No joint moves faster than the fastest of people, 12 m/s about the pelvis."""
    motion = posed_motion(SKELETON, np.random.default_rng(4), 60, FPS, (kind,))
    places = joints17_world_mm(motion)
    places = places - places[:, :1]
    assert np.abs(np.diff(places, axis=0)).max() * FPS < 12_000
    turn = np.linalg.det(motion.rotations)
    assert np.allclose(turn, 1.0)


def test_every_kind_stays_inside_the_ranges_it_is_drawn_from() -> None:
    for kind in KINDS:
        for drawn in (kind.legs, kind.other_leg, kind.trunk):
            for name, (low, high) in drawn.items():
                least, most = RANGES.get(name) or RANGES[f"l_{name}"]
                assert least <= low <= high <= most, (kind.name, name)


def test_angles_out_of_range_come_to_its_border() -> None:
    rng = np.random.default_rng(0)
    held = within_ranges(rng.normal(0, 200, (500, len(ANGLES))))
    for column, (low, high) in enumerate(RANGES.values()):
        assert low - 1e-9 <= held[:, column].min()
        assert held[:, column].max() <= high + 1e-9
    assert np.allclose(within_ranges(held), held)
    forward, side = (held[:, ANGLES.index(f"l_shoulder_{name}")] for name in ("forward", "side"))
    assert np.hypot(forward, side).max() <= 170 + 1e-9
    assert (side >= -0.5 * np.maximum(forward, 0) - 1e-9).all()


def test_bodies_lie_and_stand_as_their_kind_says() -> None:
    """The pelvis is near the floor and level when lying, high when standing."""
    heights = {}
    for kind in KINDS:
        motion = posed_motion(SKELETON, np.random.default_rng(1), 30, FPS, (kind,))
        at = joints17_world_mm(motion)
        heights[kind.name] = float(at[:, 0, 2].mean())
        assert motion.positions_mm()[..., 2].min() > 0
    assert heights["standing"] > 750
    for name in ("lying on the back", "lying on the front", "sitting on the floor"):
        assert heights[name] < 400
    assert heights["squatting"] < heights["standing"]
    assert heights["sitting on heels"] < heights["kneeling"] < heights["standing"]
