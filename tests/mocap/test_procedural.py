"""Procedural motion: made up, but of human build, inside the joint limits and on the ground."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from overpose.mocap.joints17 import joints17_world_mm
from overpose.mocap.procedural import PROCEDURAL_ACTIONS, procedural_motion
from overpose.mocap.procedural_body import (
    CONE_LIMITS,
    HINGE_AXES,
    HINGE_LIMITS_DEG,
    SOLE_MM,
    TURN_LIMITS_DEG,
    procedural_skeleton,
)
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError

actions = st.sampled_from(PROCEDURAL_ACTIONS)
seeds = st.integers(0, 2**31)


def hinge_degrees(motion, bone):
    """How far a bone turns about its hinge axis, and how far about anything else, degrees."""
    side = 1 if bone[0] == "l" else -1
    axis = np.array(HINGE_AXES[bone[1:]]) * (1, side, side)
    vectors = Rotation.from_matrix(motion.rotations[:, motion.skeleton.index(bone)]).as_rotvec()
    about = vectors @ (axis / np.linalg.norm(axis))
    rest = np.linalg.norm(vectors - about[:, None] * axis, axis=-1)
    return np.rad2deg(about), np.rad2deg(rest)


@settings(max_examples=40, deadline=None)
@given(actions, st.integers(0, 1000), seeds)
def test_knees_and_elbows_bend_only_the_right_way_and_only_so_far(action, subject, seed):
    motion = procedural_motion(action, subject, seed, 60)
    for bone in ("lradius", "rradius", "ltibia", "rtibia"):
        bend, rest = hinge_degrees(motion, bone)
        low, high = HINGE_LIMITS_DEG[bone[1:]]
        assert low - 1e-3 <= bend.min() <= bend.max() <= high + 1e-3
        assert rest.max() < 1e-3


@settings(max_examples=40, deadline=None)
@given(actions, st.integers(0, 1000), seeds)
def test_all_other_joints_stay_inside_their_limits(action, subject, seed):
    motion = procedural_motion(action, subject, seed, 60)
    skeleton = motion.skeleton
    for name, bone in ((n, i) for i, n in enumerate(skeleton.names) if i > 0):
        local = motion.rotations[:, bone]
        kind = name if name in TURN_LIMITS_DEG else name[1:]
        if kind in CONE_LIMITS:
            centre, widest = CONE_LIMITS[kind]
            centre = np.array(centre) * (1 if name[0] == "l" else -1, 1, 1)
            towards = local @ (skeleton.offsets_mm[bone] / skeleton.lengths_mm[bone])
            cosine = towards @ centre / np.linalg.norm(centre)
            assert np.rad2deg(np.arccos(np.clip(cosine, -1, 1))).max() <= widest + 1e-3
        elif kind not in HINGE_LIMITS_DEG:
            limit = TURN_LIMITS_DEG.get(kind, 0.0)
            assert np.rad2deg(Rotation.from_matrix(local).magnitude()).max() <= limit + 1e-3


@settings(max_examples=30, deadline=None)
@given(actions, st.integers(0, 1000), seeds)
def test_knees_point_forward(action, subject, seed):
    """Geometry alone: the knee is before the line from hip to ankle, seen from the pelvis."""
    motion = procedural_motion(action, subject, seed, 50)
    joints = joints17_world_mm(motion)
    pelvis = motion.global_rotations()[:, 0]
    for side in ("left", "right"):
        hip, knee, ankle = (
            joints[:, HUMAN36M.index(f"{side}_{n}")] for n in ("hip", "knee", "ankle")
        )
        leg = (ankle - hip) / np.linalg.norm(ankle - hip, axis=-1, keepdims=True)
        away = knee - hip
        away -= (away * leg).sum(-1, keepdims=True) * leg
        forward = np.cross(leg, pelvis[:, :, 0])
        bent = np.linalg.norm(away, axis=-1) > 30
        assert ((away * forward).sum(-1)[bent] > 0).all()


@settings(max_examples=30, deadline=None)
@given(actions, st.integers(0, 1000), seeds)
def test_the_lowest_foot_stands_on_the_ground(action, subject, seed):
    ends = procedural_motion(action, subject, seed, 50).positions_mm()
    assert ends[..., 2].min() == pytest.approx(SOLE_MM, abs=1e-6)


@pytest.mark.parametrize("action", ["walking", "dance", "punching", "gesturing", "exercise"])
def test_somebody_always_has_a_foot_near_the_ground_unless_running_or_jumping(action):
    for seed in range(4):
        motion = procedural_motion(action, seed, seed, 100)
        feet = [motion.skeleton.index(s + b) for s in "lr" for b in ("foot", "toes")]
        lowest = motion.positions_mm()[:, feet, 2].min(axis=1)
        assert lowest.max() < (160 if action == "exercise" else 75)


def test_a_walker_stands_still_with_one_foot_while_the_body_goes_on():
    motion = procedural_motion("walking", 3, 1, 100)
    feet = [motion.skeleton.index(n) for n in ("lfoot", "rfoot")]
    ends = motion.positions_mm()
    slow = np.linalg.norm(np.diff(ends[:, feet], axis=0), axis=-1).min(axis=1) * motion.fps
    going = np.linalg.norm(np.diff(ends[:, 0], axis=0), axis=-1) * motion.fps
    assert 800 < going.mean() < 2200
    assert np.median(slow) < 0.15 * going.mean()


def test_a_walker_goes_where_the_toes_point():
    motion = procedural_motion("walking", 3, 1, 100)
    ends = motion.positions_mm()
    way = np.diff(ends[:, 0], axis=0)
    for side in "lr":
        ball, heel = (ends[:-1, motion.skeleton.index(side + b)] for b in ("foot", "tibia"))
        toes = (ball - heel)[:, :2]
        assert np.mean((toes * way[:, :2]).sum(-1) > 0) > 0.9


def test_a_runner_flies_between_steps_and_is_faster_than_a_walker():
    for seed in range(3):
        runner = procedural_motion("running", 2, seed, 100).positions_mm()
        walker = procedural_motion("walking", 2, seed, 100).positions_mm()
        assert (runner[..., 2].min(axis=1) > SOLE_MM + 15).mean() > 0.1
        length = [np.linalg.norm(np.diff(p[:, 0], axis=0), axis=-1).sum() for p in (walker, runner)]
        assert length[1] > 1.4 * length[0]


@pytest.mark.parametrize("action", PROCEDURAL_ACTIONS)
def test_the_body_moves_and_never_jumps(action):
    for seed in range(4):
        motion = procedural_motion(action, seed, seed, 150)
        joints = joints17_world_mm(motion)
        joints -= joints[:, :1]
        speed = np.linalg.norm(np.diff(joints, axis=0), axis=-1) * motion.fps / 1000
        assert speed.max() < 10
        assert joints.std(axis=0).max() > 40


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_bodies_are_of_human_size_and_alike_on_both_sides(subject):
    skeleton = procedural_skeleton(subject)
    length = dict(zip(skeleton.names, skeleton.lengths_mm, strict=True))
    leg = length["lfemur"] + length["ltibia"]
    back = length["lowerback"] + length["upperback"] + length["thorax"]
    neck = length["lowerneck"] + length["upperneck"] + length["head"]
    assert 1300 < leg + back + neck + 160 < 2050
    for name, offset in zip(skeleton.names, skeleton.offsets_mm, strict=True):
        if name[0] == "l" and name not in ("lowerback", "lowerneck"):
            other = skeleton.offsets_mm[skeleton.index("r" + name[1:])]
            np.testing.assert_allclose(other, offset * (-1, 1, 1))


def test_the_skeleton_has_the_bones_the_tree_and_the_rest_pose_of_cmus(cmu):
    real, made = cmu.motion("02_01", fps=1).skeleton, procedural_skeleton(1)
    assert made.names == real.names
    assert made.parents == real.parents
    cosine = (made.offsets_mm * real.offsets_mm).sum(-1)[1:]
    cosine /= (made.lengths_mm * real.lengths_mm)[1:]
    assert np.rad2deg(np.arccos(np.clip(cosine, -1, 1))).max() < 15
    for bone in ("lfemur", "rtibia", "lhumerus", "rradius", "rthumb"):
        assert cosine[made.index(bone) - 1] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("action", PROCEDURAL_ACTIONS)
def test_the_same_arguments_give_the_same_motion_and_others_another(action):
    first = procedural_motion(action, 1, 7, 40)
    np.testing.assert_array_equal(
        first.positions_mm(), procedural_motion(action, 1, 7, 40).positions_mm()
    )
    assert np.abs(first.rotations - procedural_motion(action, 1, 8, 40).rotations).max() > 0.05
    assert np.abs(first.rotations - procedural_motion(action, 2, 7, 40).rotations).max() > 0.05


def test_a_subject_has_the_same_body_in_every_motion():
    one = procedural_motion("walking", 4, 1, 5).skeleton
    two = procedural_motion("dance", 4, 2, 5).skeleton
    np.testing.assert_array_equal(one.offsets_mm, two.offsets_mm)
    assert np.abs(procedural_skeleton(5).offsets_mm - one.offsets_mm).max() > 1


@pytest.mark.parametrize("action", PROCEDURAL_ACTIONS)
def test_a_single_frame_is_a_motion_too(action):
    motion = procedural_motion(action, "anybody", 0, 1)
    assert (len(motion), motion.action, motion.subject) == (1, action, "anybody")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"action": "flying"}, "action: got 'flying', expected one of walking"),
        ({"frames": 0}, "frames: got 0"),
        ({"fps": 0.0}, "fps: got 0"),
        ({"fps": float("nan")}, "fps: got nan"),
    ],
)
def test_impossible_requests_are_refused(change, message):
    arguments = {"action": "walking", "subject": 1, "seed": 0, "frames": 5, "fps": 25.0}
    with pytest.raises(InputError, match=message):
        procedural_motion(**{**arguments, **change})
