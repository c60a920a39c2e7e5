"""LinKDE, KDE and the nearest pose, on images whose content decides the pose."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from numpy.linalg import lstsq
from threadpoolctl import threadpool_limits

from overpose.baselines.kde import KDE, KDEConfig, fit_kde
from overpose.baselines.kernels import chi2_distance
from overpose.baselines.linkde import LinKDE, LinKDEConfig, fit_linkde, poses_of
from overpose.baselines.nearest import fit_nearest_pose
from overpose.baselines.phog import phog
from overpose.metrics import mpjpe
from overpose.support.errors import InputError

SMALL = LinKDEConfig(input_features=800, output_features=600)


def bars(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images of a bar with its mask, and poses that follow its angle."""
    rng = np.random.default_rng(seed)
    angles = rng.uniform(0, np.pi, count)
    images = np.full((count, 48, 48, 4), 40, np.uint8)
    images[..., 3] = 0
    for image, angle in zip(images, angles, strict=True):
        reach = 16 * np.array([np.cos(angle), np.sin(angle)])
        ends = [tuple(np.round(24 + s * reach).astype(int).tolist()) for s in (-1, 1)]
        drawn = cv2.line(np.ascontiguousarray(image[..., :3]), *ends, (220, 220, 220), 5)
        image[..., :3] = drawn
        image[..., 3] = cv2.line(np.ascontiguousarray(image[..., 3]), *ends, 255, 20)
    joints = np.linspace(0, 1, 17)[None, :, None]
    turned = np.stack([np.cos(2 * angles), np.sin(2 * angles), 0.3 * np.cos(4 * angles)], axis=-1)
    return images, (400 * joints * turned[:, None]).astype(np.float32)


@pytest.fixture(scope="module")
def fitted() -> LinKDE:
    images, poses = bars(300)
    return fit_linkde([(images[i : i + 100], poses[i : i + 100]) for i in (0, 100, 200)], SMALL)


def test_linkde_learns_poses_from_images(fitted):
    images, poses = bars(60, seed=1)
    mean = np.broadcast_to(bars(300)[1].mean(axis=0), poses.shape)
    found = fitted.predict(images)
    assert mpjpe(found, poses) < 0.35 * mpjpe(mean, poses)
    assert (found[:, 0] == 0).all()


def test_kde_is_fitted_to_the_same_bits_with_any_number_of_threads() -> None:
    images, poses = bars(400)
    images = images + np.random.default_rng(0).integers(0, 30, images.shape, dtype=np.uint8)
    fits = []
    for threads in (1, 2, 2):
        with threadpool_limits(threads):
            fits.append(fit_kde(images, poses, KDEConfig(samples=400, components=64)))
    for name, tensor in fits[0].state_dict().items():
        for other in fits[1:]:
            assert torch.equal(tensor, other.state_dict()[name])


def test_products_of_image_features_are_the_kernel_of_phog():
    images = np.concatenate([bars(12)[0], bars(12, seed=9)[0][:, ::-1, ::2].repeat(2, axis=2)])
    empty = LinKDE(LinKDEConfig(input_features=6000, output_features=1))
    waves = empty.image_features(images)[:, :-1]
    descriptors = phog(images)
    exact = np.exp(-1.7 * chi2_distance(descriptors, descriptors))
    apart = ~np.eye(len(images), dtype=bool)
    assert 0.1 < exact[apart].mean() < 0.9
    off = (waves @ waves.T - exact)[apart]
    assert abs(off.mean()) < 0.04  # the map of chi2 has 5 terms
    assert np.abs(off).mean() < 0.06


def test_products_of_pose_features_are_the_kernel_of_poses():
    poses = bars(20)[1]
    empty = LinKDE(LinKDEConfig(input_features=1, output_features=20_000))
    waves = empty.pose_features(poses)
    distance = np.square(poses.reshape(20, 1, 51) - poses.reshape(20, 51)).sum(axis=-1)
    exact = np.exp(-1e-6 * distance)
    assert exact.min() < 0.6
    np.testing.assert_allclose(waves @ waves.T, exact, atol=0.04)


def test_summing_by_blocks_gives_the_weights_of_one_block(fitted):
    whole = fit_linkde([bars(300)], SMALL)
    test = fitted.image_features(bars(20, seed=2)[0])
    by_blocks, at_once = (test @ model.feature_weights.numpy() for model in (fitted, whole))
    np.testing.assert_allclose(by_blocks, at_once, atol=2e-3)


def test_the_weights_are_those_of_a_direct_solve(fitted):
    images, poses = bars(300)
    features = fitted.image_features(images).astype(np.float64)
    targets = fitted.pose_features(poses).astype(np.float64)
    fitted = fit_linkde([(images, poses)], replace(SMALL, ridge=3.0))
    penalty = np.sqrt(3.0) * np.eye(features.shape[1])
    stacked = np.concatenate([features, penalty]), np.concatenate([targets, 0 * penalty[:, :600]])
    expected = lstsq(*stacked, rcond=None)[0]
    test = fitted.image_features(bars(20, seed=2)[0])
    got = test @ fitted.feature_weights.numpy()
    np.testing.assert_allclose(got, test @ expected, atol=1e-4)
    kernel = features @ features.T + SMALL.start_ridge * np.eye(300)
    dual = features.T @ np.linalg.solve(kernel, poses.reshape(300, 51) / 1000.0)
    np.testing.assert_allclose(fitted.pose_weights.numpy(), dual, atol=1e-4)


def test_the_gradient_of_the_pre_image_is_that_of_its_value(fitted, monkeypatch):
    kept = {}

    def keep(objective, start, **settings):
        kept["objective"] = objective
        return start

    monkeypatch.setattr("overpose.baselines.linkde.minimize_batch", keep)
    images, _ = bars(4, seed=3)
    wanted = fitted.image_features(images) @ fitted.feature_weights.numpy()
    points = np.random.default_rng(0).normal(size=(4, 51)) / 3
    fitted.pre_images(wanted, points)
    check_gradient(kept["objective"], points)


def check_gradient(objective, points):
    which = np.arange(len(points))
    _, gradient = objective(points, which)
    direction = np.random.default_rng(1).normal(size=points.shape)
    direction /= np.linalg.norm(direction)
    step = 1e-2
    ahead, back = (objective(points + s * step * direction, which)[0] for s in (1, -1))
    expected = (ahead - back) / (2 * step)
    np.testing.assert_allclose((gradient * direction).sum(axis=1), expected, rtol=0.02, atol=2e-4)


def test_the_features_of_a_pose_lead_back_to_it():
    empty = LinKDE(LinKDEConfig(input_features=1, output_features=8000))
    poses = bars(10, seed=4)[1]
    metres = poses.reshape(10, 51) / 1000.0
    noisy = metres + np.random.default_rng(0).normal(0, 0.05, metres.shape)
    found = empty.pre_images(empty.pose_features(poses), noisy)
    assert mpjpe(poses_of(found), poses) < 0.4 * mpjpe(poses_of(noisy), poses)


def test_batches_do_not_change_the_prediction(fitted):
    images, _ = bars(7, seed=5)
    whole = fitted.predict(images)
    np.testing.assert_allclose(fitted.predict(images, batch_size=3), whole, atol=1.0)
    assert fitted.predict(images[:0]).shape == (0, 17, 3)


def test_nothing_to_learn_from_and_unequal_blocks_are_refused():
    images, poses = bars(4)
    with pytest.raises(InputError, match="blocks: got no samples"):
        fit_linkde([], SMALL)
    with pytest.raises(InputError, match="got 4 and 3"):
        fit_linkde([(images, poses[:3])], SMALL)
    with pytest.raises(InputError, match="ridge: got 0"):
        LinKDEConfig(ridge=0)


def test_kde_learns_poses_from_images_and_beats_the_nearest_pose():
    images, poses = bars(150)
    test_images, test_poses = bars(60, seed=1)
    kde = fit_kde(images, poses, KDEConfig(samples=150, components=60))
    nearest = fit_nearest_pose(images, poses)
    error = mpjpe(kde.predict(test_images), test_poses)
    assert error < mpjpe(nearest.predict(test_images), test_poses)
    assert error < 0.35 * mpjpe(np.broadcast_to(poses.mean(axis=0), test_poses.shape), test_poses)


def test_with_all_components_kde_weighs_by_the_centred_regression():
    images, poses = bars(40)
    kde = fit_kde(images, poses, KDEConfig(samples=40, components=39))
    descriptors = phog(images)
    kernel = np.exp(-1.7 * chi2_distance(descriptors, descriptors).astype(np.float64))
    centring = np.eye(40) - 1 / 40
    expected = np.linalg.solve(kernel + 1e-4 * np.eye(40), centring)
    got = kde.weights.numpy()
    outputs = np.exp(
        -np.square(poses.reshape(40, 1, 51) - poses.reshape(40, 51)).sum(axis=-1) / 1e6
    )
    np.testing.assert_allclose(kernel @ got @ outputs, kernel @ expected @ outputs, atol=5e-3)


def test_the_gradient_of_kde_is_that_of_its_value(monkeypatch):
    images, poses = bars(40)
    kde = fit_kde(images, poses, KDEConfig(samples=40, components=20))
    kept = {}

    def keep(objective, start, **settings):
        kept["objective"] = objective
        return start

    monkeypatch.setattr("overpose.baselines.kde.minimize_batch", keep)
    shares = np.random.default_rng(0).normal(size=(4, 40)).astype(np.float32)
    kde.pre_images(shares)
    check_gradient(kept["objective"], np.random.default_rng(2).normal(size=(4, 51)) / 3)


def test_kde_refuses_more_components_than_samples_and_another_number_of_samples():
    with pytest.raises(InputError, match="components: got 40"):
        KDEConfig(samples=40, components=40)
    with pytest.raises(InputError, match="images: got shape"):
        fit_kde(*bars(30), KDEConfig(samples=40, components=20))
    assert not KDE(KDEConfig(samples=3, components=2)).weights.any()


def test_the_nearest_pose_of_a_training_image_is_its_own():
    images, poses = bars(8)
    nearest = fit_nearest_pose(images, poses)
    np.testing.assert_allclose(nearest.predict(images), poses, atol=1e-3)
    with pytest.raises(InputError, match="got 8 and 7"):
        fit_nearest_pose(images, poses[:7])


def test_the_nearest_pose_is_kept_relative_to_the_root():
    images, poses = bars(6)
    found = fit_nearest_pose(images, poses + np.float32(50)).predict(images)
    np.testing.assert_allclose(found, poses - poses[:, :1], atol=1e-3)


def test_features_of_images_end_in_a_constant_and_share_no_numbers_with_those_of_poses():
    empty = LinKDE(SMALL)
    assert (empty.image_features(bars(3)[0])[:, -1] == 1).all()
    ours, theirs = (np.ravel(directions)[:5000] for directions, _ in (empty._input, empty._output))
    assert abs(np.corrcoef(ours, theirs)[0, 1]) < 0.1


def test_the_kernel_of_poses_is_stated_on_millimetres():
    """exp(-1e-6 d^2) of KDE: a metre apart in all is 1 / e."""
    model = KDE(KDEConfig(samples=3, components=1))
    poses = np.zeros((3, 51), np.float32)
    poses[1, 7], poses[2, 7] = 1.0, 2.0  # metres
    model.poses.copy_(torch.from_numpy(poses))
    np.testing.assert_allclose(model.pose_kernel()[0], np.exp([0.0, -1.0, -4.0]), rtol=1e-5)


def test_the_pre_image_of_a_known_pose_is_that_pose_however_far_the_others_are():
    model = KDE(KDEConfig(samples=4, components=1))
    poses = np.random.default_rng(0).normal(0, 2, (4, 51)).astype(np.float32)
    model.poses.copy_(torch.from_numpy(poses))
    found = model.pre_images(np.eye(4, dtype=np.float32))
    np.testing.assert_allclose(found, poses, atol=1e-3)
