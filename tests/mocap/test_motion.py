"""Bones, forward kinematics, resampling."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation, Slerp

from overpose.mocap.motion import BoneSkeleton, Motion
from overpose.support.errors import InputError


def random_motion(seed: int, bones: int = 7, frames: int = 5, fps: float = 30.0) -> Motion:
    rng = np.random.default_rng(seed)
    parents = (-1, *(int(rng.integers(bone)) for bone in range(1, bones)))
    offsets = rng.normal(0, 200, (bones, 3))
    offsets[0] = 0
    skeleton = BoneSkeleton(tuple(f"bone{i}" for i in range(bones)), parents, offsets)
    turns = Rotation.random(frames * bones, rng=rng).as_matrix().reshape(frames, bones, 3, 3)
    return Motion(skeleton, turns, rng.normal(0, 1000, (frames, 3)), fps)


def reference_end(motion: Motion, frame: int, bone: int) -> tuple[np.ndarray, Rotation]:
    """End and orientation of one bone in one frame, by recursion from the bone to the root."""
    turn = Rotation.from_matrix(motion.rotations[frame, bone])
    parent = motion.skeleton.parents[bone]
    if parent < 0:
        return motion.root_mm[frame], turn
    start, above = reference_end(motion, frame, parent)
    turn = above * turn
    return start + turn.apply(motion.skeleton.offsets_mm[bone]), turn


def chain(angles_deg: list[float]) -> Motion:
    """A root and bones of 100 mm along x, each turned about z."""
    count = len(angles_deg) + 1
    offsets = np.tile([100.0, 0, 0], (count, 1))
    offsets[0] = 0
    skeleton = BoneSkeleton(tuple("abcdefgh"[:count]), tuple(range(-1, count - 1)), offsets)
    turns = Rotation.from_euler("z", np.array([[0, *angles_deg]]).T, degrees=True).as_matrix()[None]
    return Motion(skeleton, turns, np.zeros((1, 3)), 25.0)


def test_a_chain_of_right_angles_ends_where_computed_by_hand():
    expected = [[0, 0, 0], [0, 100, 0], [-100, 100, 0], [-100, 0, 0]]
    np.testing.assert_allclose(chain([90, 90, 90]).positions_mm()[0], expected, atol=1e-9)


def test_a_bone_turns_its_own_offset():
    np.testing.assert_allclose(chain([90]).positions_mm()[0, 1], [0, 100, 0], atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 4))
def test_forward_kinematics_equals_recursion_bone_by_bone(seed, bones, frames):
    motion = random_motion(seed, bones, frames)
    positions, turns = motion.positions_mm(), motion.global_rotations()
    for frame in range(frames):
        for bone in range(bones):
            end, turn = reference_end(motion, frame, bone)
            np.testing.assert_allclose(positions[frame, bone], end, atol=1e-8)
            np.testing.assert_allclose(turns[frame, bone], turn.as_matrix(), atol=1e-12)


def test_bones_keep_their_lengths():
    motion = random_motion(1)
    ends = motion.positions_mm()
    parents = list(motion.skeleton.parents[1:])
    lengths = np.linalg.norm(ends[:, 1:] - ends[:, parents], axis=-1)
    np.testing.assert_allclose(lengths, np.tile(motion.skeleton.lengths_mm[1:], (5, 1)))


@pytest.mark.parametrize("ratio", [1, 2, 3, 5])
def test_resampling_by_an_integer_ratio_takes_every_nth_frame(ratio):
    motion = random_motion(2, frames=17, fps=120.0)
    slower = motion.resample(120.0 / ratio)
    np.testing.assert_array_equal(slower.rotations, motion.rotations[::ratio])
    np.testing.assert_array_equal(slower.root_mm, motion.root_mm[::ratio])
    assert slower.fps == 120.0 / ratio


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(7, 300))
def test_resampling_equals_scipys_slerp(seed, fps):
    motion = random_motion(seed, bones=3, frames=6, fps=30.0)
    result = motion.resample(fps)
    times = np.arange(len(result)) / fps
    assert times[-1] <= 5 / 30 + 1e-9
    assert times[-1] + 1 / fps > 5 / 30 - 1e-9
    times = np.minimum(times, 5 / 30)
    for bone in range(3):
        slerp = Slerp(np.arange(6) / 30, Rotation.from_matrix(motion.rotations[:, bone]))
        expected = slerp(times).as_matrix()
        np.testing.assert_allclose(result.rotations[:, bone], expected, atol=1e-6)
    for axis in range(3):
        expected = np.interp(times, np.arange(6) / 30, motion.root_mm[:, axis])
        np.testing.assert_allclose(result.root_mm[:, axis], expected, atol=1e-5)


def test_resampling_up_and_down_again_changes_nothing():
    motion = random_motion(3, frames=9)
    back = motion.resample(90.0).resample(30.0)
    np.testing.assert_allclose(back.positions_mm(), motion.positions_mm(), atol=1e-7)


def test_a_slice_holds_the_frames_asked_for():
    motion = random_motion(4, frames=9)
    np.testing.assert_allclose(motion.slice(2, 5).positions_mm(), motion.positions_mm()[2:5])


def test_an_empty_slice_is_refused():
    with pytest.raises(InputError, match="no frames"):
        random_motion(4).slice(3, 3)


@pytest.mark.parametrize("fps", [0.0, -1.0, np.nan, np.inf, 1e9])
def test_an_absurd_frame_rate_is_refused(fps):
    with pytest.raises(InputError, match="fps"):
        random_motion(5).resample(fps)


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("root_mm", np.nan, "NaN or infinity"),
        ("root_mm", 2e5, "200 m from the origin"),
        ("rotations", np.nan, "not a rotation"),
        ("rotations", 3.0, "not a rotation"),
    ],
)
def test_values_that_cannot_be_are_refused(part, value, message):
    motion = random_motion(6)
    values = {"rotations": motion.rotations.copy(), "root_mm": motion.root_mm.copy()}
    values[part].flat[-1] = value
    with pytest.raises(InputError, match=re.escape(message)):
        Motion(motion.skeleton, fps=30.0, **values)


def test_a_mirror_image_is_not_a_rotation():
    motion = random_motion(6)
    with pytest.raises(InputError, match="not a rotation"):
        Motion(motion.skeleton, -motion.rotations, motion.root_mm, 30.0)


def test_wrong_shapes_are_refused():
    motion = random_motion(6)
    with pytest.raises(InputError, match="root_mm: got shape"):
        Motion(motion.skeleton, motion.rotations, motion.root_mm[:-1], 30.0)
    with pytest.raises(InputError, match="rotations: got shape"):
        Motion(motion.skeleton, motion.rotations[:, :-1], motion.root_mm, 30.0)


@pytest.mark.parametrize(
    ("names", "parents", "offset", "message"),
    [
        (("a", "b"), (-1, 0), 4000.0, "4 m long"),
        (("a", "b"), (-1, 1), 10.0, "earlier bone"),
        (("a", "b"), (0, 0), 10.0, "expected -1"),
        (("a", "a"), (-1, 0), 10.0, "names repeat"),
        (("a", "b"), (-1, 0), np.nan, "NaN"),
        (("a", "b"), (-1,), 10.0, "1 parents"),
    ],
)
def test_bones_that_do_not_fit_together_are_refused(names, parents, offset, message):
    offsets = np.zeros((2, 3))
    offsets[1, 0] = offset
    with pytest.raises(InputError, match=message):
        BoneSkeleton(names, parents, offsets)


def test_an_unknown_bone_is_named_with_those_there_are():
    with pytest.raises(InputError, match="no 'tail'; it has a, b"):
        chain([0]).skeleton.index("tail")
