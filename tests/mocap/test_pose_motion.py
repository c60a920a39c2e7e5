"""Bones from joint positions: exact directions, sensible twist, and BVH files that agree."""

import numpy as np
import pybvh
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moving_person import FPS, moving_joints_mm
from scipy.spatial.transform import Rotation

from overpose.mocap.bvh import read_bvh, write_bvh
from overpose.mocap.pose_motion import BONE_NAMES, END_JOINTS, pose_motion, with_feet
from overpose.mocap.procedural import PROCEDURAL_ACTIONS
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.video.proportions import constant_limbs, typical_lengths

ENDS = HUMAN36M.indices(END_JOINTS)


def split(joints_mm):
    """Poses (frames, 17, 3) and roots (frames, 3) of joints in camera axes."""
    root = joints_mm[:, HUMAN36M.index("pelvis")]
    return joints_mm - root[:, None], root


def y_up_cm(joints_mm):
    return np.stack([joints_mm[..., 0], -joints_mm[..., 1], -joints_mm[..., 2]], axis=-1) / 10


def world(joints_mm):
    """Camera axes to the world's: x right, y away from the camera, z up."""
    return np.stack([joints_mm[..., 0], joints_mm[..., 2], -joints_mm[..., 1]], axis=-1)


def motion_of(joints_mm):
    poses, root = split(joints_mm)
    return pose_motion(poses, root, typical_lengths(poses), FPS)


def turned(motion, name):
    return motion.global_rotations()[:, motion.skeleton.index(name)]


def steps_deg(rotations):
    change = rotations[:-1].swapaxes(-1, -2) @ rotations[1:]
    return np.rad2deg(Rotation.from_matrix(change).magnitude())


def test_every_joint_ends_one_bone():
    assert sorted(ENDS) == list(range(len(HUMAN36M)))
    assert len(set(BONE_NAMES)) == len(BONE_NAMES)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_whatever_the_pose_joints_lie_where_constant_limbs_put_them(seed, frames):
    rng = np.random.default_rng(seed)
    joints = rng.normal(0, 400, (frames, 17, 3))
    poses, root = split(joints)
    expected = constant_limbs(poses) + root[:, None]
    got = motion_of(expected).positions_mm()
    np.testing.assert_allclose(got, world(expected)[:, ENDS], atol=1e-6)


@pytest.mark.parametrize("action", PROCEDURAL_ACTIONS)
def test_a_persons_motion_turns_without_jumps(action):
    motion = motion_of(moving_joints_mm(action, frames=60))
    truth = np.linalg.norm(np.diff(motion.positions_mm(), axis=0), axis=-1).max()
    for name in BONE_NAMES:
        # A hand moves at most `truth` mm in a frame about an elbow some 250 mm away.
        assert steps_deg(turned(motion, name)).max() < np.rad2deg(truth / 250) + 25, name


def test_elbows_and_knees_only_bend_as_hinges():
    joints = moving_joints_mm("walking", frames=60)
    motion = motion_of(joints)
    for side in ("left", "right"):
        for upper, middle, lower in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")):
            u, f = (
                joints[:, HUMAN36M.index(f"{side}_{end}")]
                - joints[:, HUMAN36M.index(f"{side}_{start}")]
                for start, end in ((upper, middle), (middle, lower))
            )
            cosine = (u * f).sum(-1) / np.linalg.norm(u, axis=-1) / np.linalg.norm(f, axis=-1)
            local = motion.rotations[:, motion.skeleton.index(f"{side}_{middle}")]
            angle = Rotation.from_matrix(local).magnitude()
            np.testing.assert_allclose(angle, np.arccos(cosine), atol=1e-3)


def test_knees_bend_backwards_about_the_axis_to_the_left():
    motion = motion_of(moving_joints_mm("walking", frames=60))
    for side in ("left", "right"):
        local = motion.rotations[:, motion.skeleton.index(f"{side}_knee")]
        vectors = Rotation.from_matrix(local).as_rotvec()
        bent = np.linalg.norm(vectors, axis=-1) > np.deg2rad(30)
        axes = vectors[bent] / np.linalg.norm(vectors[bent], axis=-1, keepdims=True)
        assert bent.any()
        assert axes[:, 0].min() > 0.95  # x is left in the rest pose, which faces -y


def test_who_faces_the_camera_is_turned_to_the_rest_pose():
    joints = moving_joints_mm("walking", frames=1)
    left, right = (joints[0, HUMAN36M.index(f"{side}_hip")] for side in ("left", "right"))
    across = left - right
    # About y, so that the person's left is the picture's right.
    turn = Rotation.from_euler("y", np.arctan2(across[2], across[0])).as_matrix()
    motion = motion_of(joints @ turn.T)
    for name in ("pelvis", "pelvis_to_spine", "spine"):
        assert np.rad2deg(Rotation.from_matrix(turned(motion, name)[0]).magnitude()) < 50


def test_the_rest_pose_itself_needs_no_rotation():
    poses, root = split(moving_joints_mm(frames=1))
    skeleton = pose_motion(poses, root, typical_lengths(poses), FPS).skeleton
    rest = np.zeros((17, 3))
    for row, parent in enumerate(skeleton.parents):
        if parent >= 0:
            rest[ENDS[row]] = rest[ENDS[parent]] + skeleton.offsets_mm[row]
    camera = np.stack([rest[:, 0], -rest[:, 2], rest[:, 1]], axis=-1)[None]
    motion = motion_of(camera)
    np.testing.assert_allclose(
        motion.rotations, np.broadcast_to(np.eye(3), motion.rotations.shape), atol=1e-9
    )


def test_turning_the_person_turns_the_bones_with_it():
    joints = moving_joints_mm(frames=5)
    turn = Rotation.from_euler("y", 130, degrees=True).as_matrix()  # y: down in camera axes
    in_world = Rotation.from_euler("z", -130, degrees=True).as_matrix()
    plain, other = motion_of(joints), motion_of(joints @ turn.T)
    np.testing.assert_allclose(
        other.global_rotations(), in_world @ plain.global_rotations(), atol=1e-9
    )
    np.testing.assert_allclose(other.rotations[:, 1:], plain.rotations[:, 1:], atol=1e-9)


def test_frames_in_which_the_person_is_not_seen_hold_the_last_one():
    poses, root = split(moving_joints_mm(frames=8))
    whole = pose_motion(poses, root, typical_lengths(poses), FPS)
    cut_poses, cut_root = poses.copy(), root.copy()
    cut_poses[[0, 1, 4, 5]], cut_root[[0, 1, 4]] = np.nan, np.nan
    held = pose_motion(cut_poses, cut_root, typical_lengths(poses), FPS)
    np.testing.assert_array_equal(held.rotations, whole.rotations[[2, 2, 2, 3, 3, 3, 6, 7]])
    np.testing.assert_array_equal(held.root_mm, whole.root_mm[[2, 2, 2, 3, 3, 5, 6, 7]])


def test_a_root_that_is_never_known_stays_at_the_origin():
    poses, root = split(moving_joints_mm(frames=3))
    motion = pose_motion(poses, np.full_like(root, np.nan), typical_lengths(poses), FPS)
    assert not motion.root_mm.any()


def test_joints_that_coincide_make_no_nan():
    motion = pose_motion(np.zeros((2, 17, 3)), np.zeros((2, 3)), np.full(16, 100.0), FPS)
    assert np.isfinite(motion.rotations).all()


def test_a_person_who_is_never_seen_is_refused():
    with pytest.raises(InputError, match="seen in no frame"):
        pose_motion(np.full((2, 17, 3), np.nan), np.zeros((2, 3)), np.ones(16), FPS)


def test_another_reader_and_ours_find_the_joints_in_the_bvh_within_a_millimetre(tmp_path):
    joints = moving_joints_mm("walking", frames=30)
    poses, root = split(joints)
    expected = constant_limbs(poses) + root[:, None]
    write_bvh(motion_of(expected), tmp_path / "walk.bvh")

    ours = read_bvh(tmp_path / "walk.bvh")
    rows = [ours.skeleton.index(name) for name in BONE_NAMES]
    np.testing.assert_allclose(ours.positions_mm()[:, rows], world(expected)[:, ENDS], atol=0.01)

    other = pybvh.read_bvh_file(tmp_path / "walk.bvh", world_up="+y")
    assert other.frame_count == 30
    assert other.fps == pytest.approx(FPS)
    places = other.node_positions()
    for name in BONE_NAMES:  # a BVH joint stands where its bone starts
        joint = name.split("_to_")[0]
        got = places[:, other.node_index[name]]
        want = y_up_cm(expected[:, HUMAN36M.index(joint)])
        np.testing.assert_allclose(got, want, atol=0.001)
    tips = {node.parent.name: i for i, node in enumerate(other.nodes) if node.is_end_site()}
    ends = dict(zip(BONE_NAMES, END_JOINTS, strict=True))
    assert len(tips) == 5
    for bone, node in tips.items():
        want = y_up_cm(expected[:, HUMAN36M.index(ends[bone])])
        np.testing.assert_allclose(places[:, node], want, atol=0.001)


def test_feet_point_as_their_toes_do_and_are_held_where_they_are_not_seen():
    poses, root = split(moving_joints_mm("walking"))
    frames = len(poses)
    rng = np.random.default_rng(5)
    hanging = np.float32([[0, 50, 60], [0, 60, -150], [0, 50, 60], [0, 60, -150]])
    turn = Rotation.from_rotvec(rng.normal(0, 0.5, (frames, 3))).as_matrix()
    hanging = np.einsum("fij,pj->fpi", turn, hanging)
    lost = hanging.copy()
    lost[3] = np.nan
    body = pose_motion(poses, root, typical_lengths(poses), FPS)
    motion = with_feet(body, lost)
    names = motion.skeleton.names
    assert names == (*BONE_NAMES, "left_ankle", "right_ankle")
    np.testing.assert_array_equal(motion.rotations[:, : len(BONE_NAMES)], body.rotations)
    hanging[3] = hanging[2]
    ends = motion.positions_mm()
    for side, toe in (("left", 1), ("right", 3)):
        foot = ends[:, names.index(f"{side}_ankle")] - ends[:, names.index(f"{side}_knee")]
        wanted = np.stack([hanging[:, toe, 0], hanging[:, toe, 2], -hanging[:, toe, 1]], axis=-1)
        np.testing.assert_allclose(foot, wanted, atol=0.01)
    assert with_feet(body, np.full_like(lost, np.nan)) is body
