"""Constant limb lengths."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overpose.metrics import limb_length_std, limb_lengths
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.video.proportions import (
    LimbKeeper,
    constant_limbs,
    nearest_of_length,
    typical_lengths,
)


def random_poses(seed: int, frames: int = 20) -> np.ndarray:
    poses = np.random.default_rng(seed).normal(0, 300, (frames, 17, 3))
    return poses - poses[:, :1]


@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_lengths_become_one_and_the_root_stays(seed):
    found = constant_limbs(random_poses(seed))
    assert limb_length_std(found) == pytest.approx(0, abs=1e-6)
    assert (found[:, 0] == 0).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(50, 600))
def test_no_vector_of_the_length_is_nearer_depth_counting_a_tenth(seed, length):
    rng = np.random.default_rng(seed)
    wanted = rng.normal(0, 300, (4, 3))
    found = nearest_of_length(wanted, length)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), length)
    others = rng.normal(size=(2000, 1, 3))
    others *= length / np.linalg.norm(others, axis=-1, keepdims=True)
    weights = (1, 1, 0.1)

    def distance(vectors):
        return (weights * np.square(vectors - wanted)).sum(axis=-1)

    assert (distance(found) <= distance(others).min(axis=0) + 1e-6).all()


def test_a_vector_without_a_direction_gets_one():
    found = nearest_of_length(np.zeros((1, 3)), 100.0)
    assert np.linalg.norm(found) == pytest.approx(100)


def test_left_and_right_become_equal():
    found = limb_lengths(constant_limbs(random_poses(1)))
    mirrored = limb_lengths(constant_limbs(random_poses(1))[:, HUMAN36M.mirror])
    np.testing.assert_allclose(found, mirrored)


def test_constant_poses_come_back_unchanged():
    poses = constant_limbs(random_poses(2))
    np.testing.assert_allclose(constant_limbs(poses), poses, atol=1e-9)


def test_a_few_wild_frames_do_not_change_the_lengths():
    poses = np.repeat(constant_limbs(random_poses(3, 1)), 30, axis=0)
    wild = poses.copy()
    wild[:5] *= 4
    np.testing.assert_allclose(typical_lengths(wild), typical_lengths(poses))


def test_given_lengths_are_used():
    lengths = np.linspace(100, 400, 16)
    found = limb_lengths(constant_limbs(random_poses(4), lengths))
    np.testing.assert_allclose(found, np.broadcast_to(lengths, found.shape))


def test_frames_not_seen_stay_so_and_count_for_nothing():
    poses = random_poses(5).astype(np.float32)
    gaps = poses.copy()
    gaps[[3, 7]] = np.nan
    found = constant_limbs(gaps)
    assert np.isnan(found[[3, 7]]).all()
    others = np.setdiff1d(np.arange(20), [3, 7])
    np.testing.assert_array_equal(found[others], constant_limbs(poses[others]))
    assert found.dtype == np.float32


def test_a_missing_joint_takes_only_what_hangs_from_it():
    poses = random_poses(6)
    poses[4, HUMAN36M.index("left_elbow")] = np.nan
    missing = np.isnan(constant_limbs(poses)[4]).all(axis=-1)
    assert set(np.flatnonzero(missing)) == set(HUMAN36M.indices(["left_elbow", "left_wrist"]))


@pytest.mark.parametrize("frames", [0, 3])
def test_nobody_at_all_passes_through(frames):
    poses = np.full((frames, 17, 3), np.nan)
    np.testing.assert_array_equal(constant_limbs(poses), poses)


def test_wrong_lengths_and_shapes_are_refused():
    with pytest.raises(InputError, match="expected positive lengths"):
        constant_limbs(random_poses(7), np.zeros(16))
    with pytest.raises(InputError, match="lengths: got shape"):
        constant_limbs(random_poses(7), np.ones(17))
    with pytest.raises(InputError, match="poses_mm: got shape"):
        constant_limbs(random_poses(7)[:, :16])


def test_the_keeper_gives_what_the_whole_recording_so_far_gives():
    poses = random_poses(8, 12)
    keeper = LimbKeeper()
    for frame, pose in enumerate(poses):
        expected = constant_limbs(poses[: frame + 1])[frame]
        np.testing.assert_allclose(keeper(pose), expected, atol=1e-9)


def test_the_keeper_passes_frames_not_seen_through_from_the_start():
    keeper = LimbKeeper()
    assert np.isnan(keeper(np.full((17, 3), np.nan))).all()
    pose = random_poses(9, 1)[0]
    found = keeper(pose)
    assert np.isfinite(found).all()
    assert np.isnan(keeper(np.full((17, 3), np.nan))).all()
    np.testing.assert_allclose(keeper(pose), found)


def test_the_keeper_hardly_changes_lengths_once_it_has_settled():
    rng = np.random.default_rng(10)
    pose = constant_limbs(random_poses(11, 1))
    poses = pose * rng.normal(1, 0.05, (400, 1, 1))
    keeper = LimbKeeper(settle_frames=50)
    found = np.stack([keeper(each) for each in poses])
    assert limb_length_std(found[100:]) < 0.2 * limb_length_std(poses[100:])


def test_the_keeper_refuses_no_memory():
    with pytest.raises(InputError, match="memory_frames: got 0"):
        LimbKeeper(memory_frames=0)
