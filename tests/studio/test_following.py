"""Bodies that follow the poses of a track: where their joints come to be."""

import numpy as np
import pytest
from moving_person import moving_joints_mm

from overpose.mocap.pose_motion import END_JOINTS, pose_motion, with_feet
from overpose.skeleton import FEET, FOOT_ANKLES, HUMAN36M
from overpose.studio.body import BodyModel, make_shape, pose_joints, sole_ends_mm
from overpose.studio.following import body_of_lengths, follow
from overpose.video.proportions import typical_lengths


def to_camera(world: np.ndarray) -> np.ndarray:
    """Z up to camera axes."""
    return np.stack([world[..., 0], -world[..., 2], world[..., 1]], axis=-1)


def test_a_body_that_follows_itself_is_where_it_was(body: BodyModel) -> None:
    shape = make_shape(body, {"gender": 0.2, "height": 0.6})
    joints = to_camera(shape.joint_points_mm)[None]
    lengths = typical_lengths(joints.astype(np.float32))
    feet = to_camera(sole_ends_mm(body, shape))[None] - joints[:, FOOT_ANKLES]
    motion = pose_motion((joints - joints[:, :1]).astype(np.float32), joints[:, 0], lengths, 30.0)
    rotations, heads = follow(with_feet(motion, feet.astype(np.float32)), body, shape)
    # The straight knees of the body at rest do not bend about its axis to the left: thighs turn.
    whole = np.tile(np.eye(3), (len(body.bone_names), 1, 1))
    np.testing.assert_allclose(rotations[0], whole, atol=0.2)
    exact = [
        body.bone(name)
        for name in ("Neck", "Neck1", "Head", *(f"{s}{p}" for s in SIDES for p in ARM))
    ]
    np.testing.assert_allclose(rotations[0, exact], whole[exact], atol=0.06)
    np.testing.assert_allclose(heads[0], shape.bone_heads_mm, atol=12.0)


SIDES, ARM = ("Left", "Right"), ("Arm", "ForeArm")


def test_arms_and_legs_end_where_the_poses_do(body: BodyModel) -> None:
    joints = moving_joints_mm()
    poses = (joints - joints[:, :1]).astype(np.float32)
    lengths = typical_lengths(poses)
    motion = pose_motion(poses, joints[:, 0], lengths, 30.0)
    shape = body_of_lengths(body, lengths, "somebody")
    rotations, heads = follow(motion, body, shape)
    moves = heads - np.einsum("fbij,bj->fbi", rotations, shape.bone_heads_mm)
    found = pose_joints(body, shape, np.concatenate([rotations, moves[..., None]], axis=-1))
    meant = motion.positions_mm()[:, [END_JOINTS.index(name) for name in HUMAN36M.joint_names]]
    off = np.linalg.norm(found - meant, axis=-1).mean(axis=0)
    for part in ("knee", "ankle", "elbow", "wrist"):
        for side in ("left", "right"):
            assert off[HUMAN36M.index(f"{side}_{part}")] < 20.0
    middle = HUMAN36M.indices(("left_hip", "right_hip"))
    np.testing.assert_allclose(
        found[:, middle].mean(axis=1), meant[:, middle].mean(axis=1), atol=0.1
    )


@pytest.mark.parametrize("side", ["left", "right"])
def test_feet_point_where_the_toes_do(body: BodyModel, side: str) -> None:
    shape = make_shape(body, {})
    joints = np.repeat(to_camera(shape.joint_points_mm)[None], 2, axis=0)
    feet = np.repeat(to_camera(sole_ends_mm(body, shape))[None], 2, axis=0)
    hanging = feet - joints[:, FOOT_ANKLES]
    hanging[1] = hanging[1] * (1.0, 0.6, 1.0) - (0.0, 40.0, 0.0)  # toes up
    lengths = typical_lengths(joints.astype(np.float32))
    motion = pose_motion((joints - joints[:, :1]).astype(np.float32), joints[:, 0], lengths, 30.0)
    rotations, _ = follow(with_feet(motion, hanging), body, shape)
    ankle = shape.joint_points_mm[HUMAN36M.index(f"{side}_ankle")]
    toe = sole_ends_mm(body, shape)[FEET.index(f"{side}_toe")] - ankle
    turned = rotations[:, body.bone(f"{side.capitalize()}Foot")] @ toe
    for frame in (0, 1):
        wanted = hanging[frame, FEET.index(f"{side}_toe")]
        wanted = np.array([wanted[0], wanted[2], -wanted[1]])
        cosine = wanted @ turned[frame] / np.linalg.norm(wanted) / np.linalg.norm(turned[frame])
        assert cosine > 0.9999
