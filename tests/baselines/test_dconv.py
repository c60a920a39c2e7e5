"""DconvMP-HML: its targets, its loss, its gradients."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import max_pool2d

from overpose.baselines.convolutions import ConvolutionsConfig, SharedConvolutions
from overpose.baselines.dconv import (
    DconvConfig,
    DconvMPHML,
    limb_targets,
    poses_of_limbs,
    window_targets,
)
from overpose.methods import load_model
from overpose.networks.storage import save_model
from overpose.support.errors import InputError

SMALL = DconvConfig(ConvolutionsConfig(32, 28, (5, 3, 3), (4, 4, 4)), hidden=(16, 16))


def images(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def crops(count: int) -> torch.Tensor:
    return torch.from_numpy(images(count)[:, 2:30, 2:30].transpose(0, 3, 1, 2).copy())


def test_limbs_add_up_to_the_pose():
    poses = np.random.default_rng(0).normal(0, 300, (5, 17, 3)).astype(np.float32)
    poses -= poses[:, :1]
    np.testing.assert_allclose(poses_of_limbs(limb_targets(poses)), poses, atol=1e-3)


@pytest.mark.parametrize("crop_size", [112, 56])
def test_windows_of_the_published_size_cover_the_crop(crop_size):
    points = np.array([[[0.0, 0.0], [crop_size - 0.01, 0.0], [0.0, crop_size - 0.01]]])
    assert window_targets(points, crop_size, 12).tolist() == [[0, 11, 132]]


def test_joints_outside_the_crop_are_in_no_window():
    points = np.array([[[-0.1, 5.0], [112.0, 5.0], [5.0, 200.0], [15.0, 25.0]]])
    assert window_targets(points, 112, 12).tolist() == [[-1, -1, -1, 2 * 12 + 1]]


@pytest.mark.parametrize("weight", [1.0, 0.01])
def test_the_loss_is_half_of_both_errors(weight):
    model = DconvMPHML(replace(SMALL, detection_weight=weight)).eval()
    model.start_from(np.full((4, 48), 0.2, np.float32), np.zeros((4, 17), np.int64))
    limbs, windows = torch.zeros(2, 48), torch.full((2, 17), -1)
    windows[0, 3] = 7
    positions, logits = model(crops(2))
    wanted = torch.zeros(2, 17 * 144)
    wanted[0, 3 * 144 + 7] = 1
    entropy = -(wanted * logits.sigmoid().log() + (1 - wanted) * (1 - logits.sigmoid()).log())
    expected = (positions.square().sum(1) + weight * entropy.sum(1)).mean() / 2
    torch.testing.assert_close(model.loss(crops(2), limbs, windows), expected)


def test_it_begins_with_the_mean_limbs_and_the_frequency_of_windows():
    model = DconvMPHML(SMALL).eval()
    windows = np.full((200, 17), -1)
    windows[:50, 2] = 30
    model.start_from(np.tile(np.linspace(-0.4, 0.4, 48, dtype=np.float32), (200, 1)), windows)
    with torch.no_grad():
        positions, logits = model(crops(2))
    torch.testing.assert_close(positions, torch.linspace(-0.4, 0.4, 48).expand(2, 48))
    often = logits.sigmoid().unflatten(1, (17, 144))
    assert float(often[0, 2, 30]) == pytest.approx(0.25, abs=0.01)
    assert float(often[0, 3].max()) < 0.01


def test_steps_of_the_regression_fit_the_spread_of_the_limbs():
    model = DconvMPHML(SMALL).eval()
    limbs = np.random.default_rng(0).normal(0.1, 0.05, (300, 48)).astype(np.float32)
    model.start_from(limbs, np.zeros((300, 17), np.int64))
    with torch.no_grad():
        before, _ = model(crops(2))
        model.regression[-1].bias += 1  # type: ignore[operator]
        after, _ = model(crops(2))
    torch.testing.assert_close(before, torch.from_numpy(limbs.mean(0)).expand(2, 48))
    assert float((after - before).mean()) == pytest.approx(0.05, rel=0.1)


def test_prediction_has_no_dropout_and_leaves_the_mode_alone():
    model = DconvMPHML(SMALL, seed=3)
    expected = model.eval().predict(images(3))
    np.testing.assert_array_equal(model.train().predict(images(3)), expected)
    assert model.training


def test_the_second_convolution_is_normalised_locally():
    shared = SharedConvolutions(SMALL.convolutions)
    with torch.no_grad():
        shared.convolutions[1].weight *= 300  # type: ignore[operator]
        pictures = shared.standardised(crops(2))
        middle, _ = shared(pictures)
        first = max_pool2d(shared.convolutions[0](pictures), 3, 2, ceil_mode=True).relu()
        second = shared.convolutions[1](first).relu()
        around = torch.stack(
            [second[:, max(0, c - 2) : c + 3].square().sum(dim=1) for c in range(4)], dim=1
        )
        expected = second / (1 + 0.0025 / 5 * around) ** 0.75
        expected = max_pool2d(expected, 3, 2, ceil_mode=True).flatten(1)
    torch.testing.assert_close(middle, expected, rtol=1e-4, atol=1e-4)


def test_the_convolutions_get_the_average_of_both_branches_gradients():
    model = DconvMPHML(SMALL).eval()
    windows = torch.randint(0, 144, (4, 17), generator=torch.Generator().manual_seed(0))
    model.loss(crops(4), torch.zeros(4, 48), windows).backward()
    third, branch = model.shared.convolutions[2], model.regression[0]
    got = third.weight.grad.clone(), branch.weight.grad.clone()  # type: ignore[union-attr]
    features = model.shared(model.shared.standardised(crops(4)))[1]
    positions, logits = torch.tanh(model.regression(features)), model.detection(features)
    wanted = torch.nn.functional.one_hot(windows, 144).float().flatten(1)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    weight = SMALL.detection_weight
    summed = (positions.square().sum(1) + weight * entropy.sum(1)).mean() / 2
    expected = torch.autograd.grad(summed, [third.weight, branch.weight])  # type: ignore[list-item]
    torch.testing.assert_close(got[0], expected[0] / 2, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(got[1], expected[1], rtol=1e-4, atol=1e-6)


def test_colours_are_noisy_in_training_only():
    model = DconvMPHML(SMALL)
    model.fit_colours(images(50))
    model.eval()
    assert torch.equal(model(crops(3))[0], model(crops(3))[0])
    model.train()
    model.regression[1].p = 0.0  # type: ignore[union-attr]
    assert not torch.equal(model(crops(3))[0], model(crops(3))[0])


def test_the_noise_of_colours_varies_as_the_colours_do():
    """A tenth of the colours' deviation in every direction, the same over an image."""
    rng = np.random.default_rng(0)
    mixed = rng.normal(0, 20, (200, 32, 32, 3)) @ [[1.0, 0.8, 0.0], [0.0, 1.0, 0.3], [0, 0, 1.0]]
    pictures = (128 + mixed).clip(0, 255).astype(np.uint8)
    model = DconvMPHML(SMALL).train()
    model.fit_colours(pictures)
    seen = []
    model.shared.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    shown = torch.full((2000, 3, 28, 28), 100.0)
    torch.manual_seed(0)
    with torch.no_grad():
        model(shown)
        noise = seen[0] - model.shared.standardised(shown)
    assert (noise - noise[:, :, :1, :1]).abs().max() < 1e-5
    flat = pictures.reshape(-1, 3)
    colours = (flat - flat.mean(0)) / flat.std(0)
    found = np.cov(noise[:, :, 0, 0].T.numpy()) / 0.1**2
    np.testing.assert_allclose(found, np.cov(colours.T), atol=0.1)


def test_colour_components_are_the_principal_axes():
    model = DconvMPHML(SMALL)
    pictures = images(60)
    pictures[..., 1] = pictures[..., 0]  # two channels alike: one direction of no variance
    model.fit_colours(pictures)
    lengths = model.colour_components.norm(dim=1)
    assert float(lengths.min()) == pytest.approx(0, abs=1e-3)
    assert float(lengths.square().sum()) == pytest.approx(3, abs=0.01)


def test_a_saved_network_predicts_the_same(tmp_path):
    model = DconvMPHML(SMALL, seed=5).eval()
    save_model(model, tmp_path / "model")
    read = load_model(tmp_path / "model")
    assert isinstance(read, DconvMPHML)
    found = read.predict(images(3))
    np.testing.assert_array_equal(found, model.predict(images(3)))
    assert found.shape == (3, 17, 3)
    assert (found[:, 0] == 0).all()


def test_images_of_another_size_and_odd_settings_are_refused():
    with pytest.raises(InputError, match="images: got shape"):
        DconvMPHML(SMALL).predict(np.zeros((1, 20, 20, 3), np.uint8))
    with pytest.raises(InputError, match="dropout: got 1"):
        DconvConfig(dropout=1.0)
    with pytest.raises(InputError, match="expected three"):
        ConvolutionsConfig(32, 28, (5, 3), (4, 4))
