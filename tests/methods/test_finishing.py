"""The common finishing: mirrored means and blended limbs."""

import numpy as np
import pytest

from overpose.methods.finishing import (
    CommonFinishing,
    blend_limbs,
    mean_limb_lengths,
    mirrored_mean,
)
from overpose.metrics import limb_lengths
from overpose.skeleton import HUMAN36M


@pytest.fixture
def poses(bodies):
    return bodies(6, seed=1)


def seen_poses(images):
    """A predictor whose left wrist is as far to the left as the image's left half is bright."""
    poses_mm = np.zeros((len(images), 17, 3))
    side = images.shape[2] // 2
    poses_mm[:, HUMAN36M.index("left_wrist"), 0] = images[:, :, :side].mean(axis=(1, 2, 3))
    return poses_mm


def test_the_mean_with_the_mirrored_image_is_the_same_for_the_mirrored_image():
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    found = mirrored_mean(seen_poses, images)
    assert np.abs(found).max() > 1
    again = mirrored_mean(seen_poses, images[:, :, ::-1])
    np.testing.assert_allclose(HUMAN36M.layout.mirrored(again), found)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_blending_moves_the_logarithm_of_lengths_by_the_share_and_keeps_directions(poses, share):
    wanted = np.linspace(50, 400, 16)
    blended = blend_limbs(poses, wanted, share)
    before, after = np.log(limb_lengths(poses)), np.log(limb_lengths(blended))
    np.testing.assert_allclose(after, before + share * (np.log(wanted) - before), atol=1e-4)
    parents, joints = HUMAN36M.limbs.T
    limbs = [each[:, joints] - each[:, parents] for each in (poses, blended)]
    turned = [limb / np.linalg.norm(limb, axis=-1, keepdims=True) for limb in limbs]
    np.testing.assert_allclose(turned[0], turned[1], atol=1e-4)


def test_a_limb_without_length_stays_finite(poses):
    poses[0, HUMAN36M.index("left_ankle")] = poses[0, HUMAN36M.index("left_knee")]
    assert np.isfinite(blend_limbs(poses, mean_limb_lengths(poses), 0.5)).all()


def test_mean_lengths_are_those_of_the_mean_logarithm():
    pose = np.arange(51, dtype=np.float32).reshape(1, 17, 3) ** 1.5
    lengths = mean_limb_lengths(np.concatenate([pose, 4 * pose]))
    np.testing.assert_allclose(lengths, 2 * limb_lengths(pose)[0], rtol=1e-5)


def test_finishing_is_the_mirrored_mean_with_blended_limbs(poses):
    images = np.zeros((6, 4, 4, 3), np.uint8)
    lengths = mean_limb_lengths(poses)
    found = CommonFinishing(lengths, 1.0).of(lambda images: poses)(images)
    np.testing.assert_allclose(limb_lengths(found), np.tile(lengths, (6, 1)), rtol=1e-4)
