"""Impossible poses are impossible as they say, and the measures see what is done to them."""

import numpy as np
import pytest

from overpose.measure.reconstruction import (
    evaluate_reconstruction,
    nearest_pose_distance,
    noisy_poses,
    random_limb_lengths,
    reconstruction_table,
    swapped_legs,
)
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError


def limb_vectors(poses_mm):
    return poses_mm[:, HUMAN36M.limbs[:, 1]] - poses_mm[:, HUMAN36M.limbs[:, 0]]


def test_random_limb_lengths_keep_every_direction(bodies):
    poses_mm = bodies(20)
    changed = limb_vectors(random_limb_lengths(poses_mm, np.random.default_rng(0)))
    original = limb_vectors(poses_mm)
    cosine = (changed * original).sum(-1) / (
        np.linalg.norm(changed, axis=-1) * np.linalg.norm(original, axis=-1)
    )
    np.testing.assert_allclose(cosine, 1.0, atol=1e-5)


def test_random_limb_lengths_lie_between_half_and_double(bodies):
    poses_mm = bodies(200)
    changed = random_limb_lengths(poses_mm, np.random.default_rng(0))
    factors = np.linalg.norm(limb_vectors(changed), axis=-1) / np.linalg.norm(
        limb_vectors(poses_mm), axis=-1
    )
    assert factors.min() >= 0.499
    assert factors.max() <= 2.001
    assert factors.std() > 0.3


def test_swapping_the_legs_twice_gives_the_pose_back(bodies):
    poses_mm = bodies(5)
    once = swapped_legs(poses_mm)
    np.testing.assert_array_equal(swapped_legs(once), poses_mm)
    left, right = HUMAN36M.index("left_knee"), HUMAN36M.index("right_knee")
    np.testing.assert_array_equal(once[:, left], poses_mm[:, right])
    arms = HUMAN36M.indices(["left_wrist", "right_wrist"])
    np.testing.assert_array_equal(once[:, arms], poses_mm[:, arms])


def test_noise_has_the_asked_size_and_leaves_the_root(bodies):
    poses_mm = bodies(500)
    added = noisy_poses(poses_mm, 40.0, np.random.default_rng(0)) - poses_mm
    assert added[:, 1:].std() == pytest.approx(40.0, rel=0.02)
    assert np.abs(added[:, 0]).max() == 0.0


def test_nearest_distance_equals_a_search_one_by_one(bodies):
    poses_mm, references_mm = bodies(6, 1), bodies(150, 2)
    expected = [
        min(np.linalg.norm(pose_mm - other_mm, axis=1).mean() for other_mm in references_mm)
        for pose_mm in poses_mm
    ]
    np.testing.assert_allclose(nearest_pose_distance(poses_mm, references_mm), expected, rtol=1e-4)


def test_an_autoencoder_that_changes_nothing_has_equal_errors_before_and_after(bodies):
    results = evaluate_reconstruction(
        lambda x: x, bodies(30, 1), train_poses_mm=bodies(60, 2), seed=0
    )
    for measured in results.values():
        for name, value in measured.items():
            assert value == measured[name.replace("before", "after")]
    assert results["clean"]["mpjpe_before_mm"] == 0.0
    assert results["random_limb_lengths"]["limb_ratio_full_before"] > 10.0
    assert results["swapped_legs"]["mpjpe_before_mm"] > 50.0


def test_projecting_on_training_poses_brings_impossible_poses_to_bodies(bodies):
    train_mm = bodies(300, 2)

    def nearest(poses_mm):
        distances = np.linalg.norm(poses_mm[:, None] - train_mm, axis=-1).mean(-1)
        return train_mm[distances.argmin(axis=1)]

    results = evaluate_reconstruction(nearest, bodies(30, 1), train_poses_mm=train_mm, seed=0)
    impossible = results["random_limb_lengths"]
    assert impossible["limb_ratio_full_after"] < 0.2 * impossible["limb_ratio_full_before"]
    assert impossible["nearest_after_mm"] == 0.0


def test_the_same_seed_measures_the_same(bodies):
    arguments = {"train_poses_mm": bodies(20, 2), "max_poses": 10}
    first, second, other = (
        evaluate_reconstruction(lambda x: x, bodies(30, 1), seed=s, **arguments) for s in (0, 0, 1)
    )
    assert first == second
    assert first != other


def test_poses_of_another_shape_are_refused(bodies):
    with pytest.raises(InputError, match="expected"):
        evaluate_reconstruction(lambda x: x, bodies(3)[:, :16], train_poses_mm=bodies(3), seed=0)


def test_the_table_merges_seeds(bodies):
    one = evaluate_reconstruction(lambda x: x, bodies(5), train_poses_mm=bodies(5), seed=0)
    table = reconstruction_table([one, one])
    noisy = dict(zip(table.header, table.rows[1], strict=True))
    value = f"{one['noisy']['mpjpe_before_mm']:.1f} ± 0.0"
    assert noisy["MPJPE, mm"] == f"{value} → {value}"
