"""Retargeting: limbs point where the mocap's do, and the body stays a body."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from overpose.mocap.motion import BoneSkeleton, Motion
from overpose.skeleton import HUMAN36M
from overpose.studio.body import BodyModel, BodyShape
from overpose.studio.retarget import BoneTransforms, retarget
from overpose.studio.skinning import pose_body
from overpose.support.errors import InputError


@pytest.fixture(scope="module")
def posed(body: BodyModel, person: BodyShape, movement: Motion) -> BoneTransforms:
    return retarget(movement, body, person)


def joint(posed: BoneTransforms, name: str) -> np.ndarray:
    return posed.joints_world_mm[:, HUMAN36M.index(name)].astype(np.float64)


@pytest.mark.parametrize(
    ("bone", "start", "end"),
    [
        ("femur", "hip", "knee"),
        ("tibia", "knee", "ankle"),
        ("humerus", "shoulder", "elbow"),
        ("radius", "elbow", "wrist"),
    ],
)
@pytest.mark.parametrize("side", ["left", "right"])
def test_limbs_point_where_the_mocap_bones_do(
    posed: BoneTransforms, movement: Motion, bone: str, start: str, end: str, side: str
) -> None:
    index = movement.skeleton.index(f"{side[0]}{bone}")
    wanted = movement.global_rotations()[:, index] @ movement.skeleton.offsets_mm[index]
    got = joint(posed, f"{side}_{end}") - joint(posed, f"{side}_{start}")
    cosine = (wanted * got).sum(1) / np.linalg.norm(wanted, axis=1) / np.linalg.norm(got, axis=1)
    np.testing.assert_allclose(cosine, 1.0, atol=1e-5)


def test_rigid_limbs_keep_their_lengths_over_the_frames(
    posed: BoneTransforms, person: BodyShape
) -> None:
    flexible = {"spine", "neck", "nose", "left_shoulder", "right_shoulder"}
    for parent, child in HUMAN36M.limbs:
        if HUMAN36M.joint_names[child] in flexible:
            continue
        rest = np.linalg.norm(person.joint_points_mm[child] - person.joint_points_mm[parent])
        limb = posed.joints_world_mm[:, child] - posed.joints_world_mm[:, parent]
        np.testing.assert_allclose(np.linalg.norm(limb, axis=1), rest, atol=0.05)


def test_bones_meet_where_they_are_joined(
    posed: BoneTransforms, body: BodyModel, person: BodyShape
) -> None:
    heads = np.concatenate([person.bone_heads_mm, np.ones((len(body.bone_names), 1))], axis=1)
    for bone, parent in enumerate(body.bone_parents):
        if parent >= 0:
            by_parent = posed.transforms[:, parent] @ heads[bone]
            by_bone = posed.transforms[:, bone] @ heads[bone]
            np.testing.assert_allclose(by_parent, by_bone, atol=0.05)


def test_transforms_are_rotations_and_shifts(posed: BoneTransforms) -> None:
    turns = posed.transforms[..., :3].astype(np.float64)
    gram = turns @ np.swapaxes(turns, -1, -2)
    np.testing.assert_allclose(gram, np.broadcast_to(np.eye(3), gram.shape), atol=1e-5)
    assert (np.linalg.det(turns) > 0).all()


def test_joints_are_those_of_the_posed_body(
    posed: BoneTransforms, body: BodyModel, person: BodyShape
) -> None:
    _, joints = pose_body(body, person, posed.transforms[3])
    np.testing.assert_allclose(joints, posed.joints_world_mm[3], atol=1e-3)


def test_nothing_is_far_under_the_ground_and_something_touches_it(
    posed: BoneTransforms, body: BodyModel, person: BodyShape
) -> None:
    skin = np.unique(body.faces[body.group_faces("body")])
    lowest = [pose_body(body, person, t)[0][skin, 2].min() for t in posed.transforms]
    assert min(lowest) > -25.0
    assert min(lowest) < 5.0


def test_a_jump_keeps_its_height_and_a_wandering_floor_is_made_even(
    body: BodyModel, person: BodyShape, mover: BoneSkeleton
) -> None:
    floor = np.array([0.0, 12.0, -9.0, 20.0, 5.0, 0.0, -14.0, 8.0])
    jump = np.array([0.0, 0.0, 0.0, 0.0, 400.0, 600.0, 0.0, 0.0])
    root = np.zeros((8, 3))
    root[:, 2] = 900.0 + floor + jump
    still = np.tile(np.eye(3), (8, len(mover), 1, 1))
    posed = retarget(Motion(mover, still, root, 25.0), body, person)
    pelvis = posed.joints_world_mm[:, 0, 2].astype(np.float64)
    standing = jump == 0
    assert np.ptp(pelvis[standing]) < 0.1
    np.testing.assert_allclose(pelvis[~standing] - pelvis[0], [400, 600], atol=40)


def test_turning_and_moving_the_motion_turns_and_moves_the_body(
    body: BodyModel, person: BodyShape, movement: Motion, posed: BoneTransforms
) -> None:
    turn = Rotation.from_euler("z", 0.7).as_matrix()
    rotations = movement.rotations.copy()
    rotations[:, 0] = turn @ rotations[:, 0]
    shift = np.array([500.0, -100.0, 0.0])
    moved = replace(movement, rotations=rotations, root_mm=movement.root_mm @ turn.T + shift)
    got = retarget(moved, body, person).joints_world_mm
    expected = posed.joints_world_mm @ turn.T
    offset = got[0, 0] - expected[0, 0]
    np.testing.assert_allclose(got, expected + offset, atol=0.1)
    assert offset[2] == pytest.approx(0.0, abs=0.1)


def test_a_mirrored_motion_makes_a_mirrored_body(
    body: BodyModel, person: BodyShape, movement: Motion, posed: BoneTransforms
) -> None:
    names = movement.skeleton.names
    swap = {"l": "r", "r": "l"}
    other = [
        f"{swap[name[0]]}{name[1:]}" if f"{swap.get(name[0], '')}{name[1:]}" in names else name
        for name in names
    ]
    flip = np.diag([-1.0, 1.0, 1.0])
    order = [names.index(name) for name in other]
    mirrored = replace(
        movement,
        rotations=flip @ movement.rotations[:, order] @ flip,
        root_mm=movement.root_mm @ flip,
    )
    got = retarget(mirrored, body, person).joints_world_mm
    expected = posed.joints_world_mm[:, HUMAN36M.mirror] @ flip
    np.testing.assert_allclose(got - got[:, :1], expected - expected[:, :1], atol=3.0)
    # The points that may touch the ground are a sample of the skin, not a symmetric one.
    np.testing.assert_allclose(got[:, 0], expected[:, 0], atol=15.0)


def test_frames_do_not_depend_on_each_other_but_for_the_ground(
    body: BodyModel, person: BodyShape, movement: Motion, posed: BoneTransforms
) -> None:
    # The elbow's hinge is taken from the whole motion: repeat it, so that it stays the same.
    twice = replace(
        movement,
        rotations=np.concatenate([movement.rotations] * 2),
        root_mm=np.concatenate([movement.root_mm] * 2),
    )
    got = retarget(twice, body, person).joints_world_mm[len(movement) :]
    relative = got - got[:, :1]
    expected = posed.joints_world_mm - posed.joints_world_mm[:, :1]
    np.testing.assert_allclose(relative, expected, atol=0.01)


def test_a_skeleton_that_lacks_bones_is_refused(body: BodyModel, person: BodyShape) -> None:
    skeleton = BoneSkeleton(("root", "head"), (-1, 0), np.array([[0.0, 0, 0], [0, 0, 500.0]]))
    motion = Motion(skeleton, np.tile(np.eye(3), (2, 2, 1, 1)), np.zeros((2, 3)), 25.0, trial="x_1")
    with pytest.raises(InputError, match=r"motion x_1: no bone .*lfemur"):
        retarget(motion, body, person)
