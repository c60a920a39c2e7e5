"""The 17 joints of a CMU skeleton."""

import numpy as np
import pytest

from overpose.mocap.joints17 import joints17_world_mm
from overpose.mocap.motion import BoneSkeleton, Motion
from overpose.mocap.procedural import procedural_motion
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError


def limb_lengths(joints):
    limbs = HUMAN36M.limbs
    return np.linalg.norm(joints[:, limbs[:, 1]] - joints[:, limbs[:, 0]], axis=-1)


def test_left_is_on_the_left_of_someone_who_looks_along_minus_y():
    motion = procedural_motion("gesturing", 1, 0, 1)
    rest = Motion(motion.skeleton, np.tile(np.eye(3), (1, 31, 1, 1)), np.zeros((1, 3)), 25.0)
    at = dict(zip(HUMAN36M.joint_names, joints17_world_mm(rest)[0], strict=True))
    for left, right in (("left_hip", "right_hip"), ("left_wrist", "right_wrist")):
        assert at[left][0] > 0 > at[right][0]
        np.testing.assert_allclose(at[left], at[right] * (-1, 1, 1))
    assert at["nose"][1] < at["neck"][1] - 50
    assert at["head_top"][2] > at["nose"][2] > at["neck"][2] > at["spine"][2] > 0
    assert 0 > at["left_hip"][2] > at["left_knee"][2] > at["left_ankle"][2]


def test_the_spine_is_half_way_between_pelvis_and_neck():
    motion = procedural_motion("gesturing", 1, 0, 1)
    joints = joints17_world_mm(motion)[0]
    pelvis, spine, neck = joints[HUMAN36M.indices(["pelvis", "spine", "neck"])]
    along = np.dot(spine - pelvis, neck - pelvis) / np.dot(neck - pelvis, neck - pelvis)
    assert 0.4 < along < 0.6


def test_joints_move_with_the_body():
    motion = procedural_motion("dance", 1, 0, 5)
    shift = np.array([100.0, 20, 3])
    moved = Motion(motion.skeleton, motion.rotations, motion.root_mm + shift, 25.0)
    difference = joints17_world_mm(moved) - joints17_world_mm(motion)
    np.testing.assert_allclose(difference, np.broadcast_to(shift, (5, 17, 3)), atol=1e-9)


def test_missing_bones_are_named():
    skeleton = BoneSkeleton(("root",), (-1,), np.zeros((1, 3)))
    motion = Motion(skeleton, np.eye(3)[None, None], np.zeros((1, 3)), 25.0)
    with pytest.raises(InputError, match="no bone head, lclavicle"):
        joints17_world_mm(motion)


@pytest.mark.parametrize("trial", ["02_01", "09_01", "49_02", "131_04"])
def test_limbs_of_real_people_are_constant_even_and_of_human_size(cmu, trial):
    lengths = limb_lengths(joints17_world_mm(cmu.motion(trial, fps=25)))
    limb = dict(zip(HUMAN36M.joint_names[1:], lengths.mean(axis=0), strict=True))
    # Between these the spine, the neck and the collar bones bend.
    soft = ("spine", "neck", "nose", "left_shoulder", "right_shoulder")
    stiff = [i for i, name in enumerate(HUMAN36M.joint_names[1:]) if name not in soft]
    assert lengths[:, stiff].std(axis=0).max() < 1e-6
    for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist"):
        assert limb[f"left_{part}"] == pytest.approx(limb[f"right_{part}"], rel=0.1)
    assert 370 < limb["left_knee"] < 480
    assert 370 < limb["left_ankle"] < 480
    assert 220 < limb["left_elbow"] < 345
    assert 230 < limb["left_wrist"] < 330
    assert 110 < limb["left_hip"] < 180
    assert 60 < limb["head_top"] < 150


def test_a_hand_on_the_floor_bends_at_the_wrist(cmu):
    """In a cartwheel the forearm stands upright on a hand that lies flat."""
    motion = cmu.motion("49_02", fps=120)
    joints = joints17_world_mm(motion)
    wrist = joints[:, HUMAN36M.index("left_wrist")]
    frame = int(wrist[:, 2].argmin())
    elbow = joints[frame, HUMAN36M.index("left_elbow")]
    fingers = motion.positions_mm()[frame, motion.skeleton.index("lfingers")]
    forearm, hand = elbow - wrist[frame], fingers - wrist[frame]
    assert forearm[2] / np.linalg.norm(forearm) > 0.8
    assert abs(hand[2]) / np.linalg.norm(hand) < 0.4
