"""StructNet: its search and its poses."""

import numpy as np
import pytest
import torch

from overpose.baselines import structnet as room
from overpose.baselines.convolutions import ConvolutionsConfig
from overpose.baselines.structnet import StructNet, StructNetConfig, with_limb_lengths
from overpose.methods import load_model
from overpose.metrics import limb_lengths
from overpose.networks.storage import save_model
from overpose.support.errors import InputError

SMALL = StructNetConfig(
    ConvolutionsConfig(32, 28, (5, 3, 3), (4, 4, 4)),
    pooled=(8, 8),
    hidden=16,
    embedding=8,
    pose_hidden=16,
    poses=50,
    average=5,
)


def images(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


@pytest.fixture
def model() -> StructNet:
    model = StructNet(SMALL, seed=1).eval()
    poses = torch.randn(50, 17, 3, generator=torch.Generator().manual_seed(0)) * 300
    model.start_from((poses - poses[:, :1]).numpy())
    generator = torch.Generator().manual_seed(2)
    torch.nn.init.normal_(model.image_embedding.weight, generator=generator)
    return model


def scores(model: StructNet, pictures: np.ndarray) -> np.ndarray:
    crops = torch.from_numpy(pictures[:, 2:30, 2:30].transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        return (model.embed_images(crops)[0] @ model.embed_poses(model.candidates()).t()).numpy()


@pytest.mark.parametrize("block", [7, 50, 1000])
def test_the_search_by_blocks_finds_what_a_plain_one_does(model, monkeypatch, block):
    monkeypatch.setattr(room, "_POSES_AT_ONCE", block)
    found = scores(model, images(6))
    poses = model.poses_mm.numpy()
    np.testing.assert_array_equal(model.predict(images(6)), poses[found.argmax(axis=1)])
    for average in (1, 5, 20):
        best = np.argsort(-found, axis=1)[:, :average]
        got = model.predict_average(images(6), average=average)
        np.testing.assert_allclose(got, poses[best].mean(axis=1), atol=1e-2)


def test_the_average_of_one_is_the_best_and_of_more_than_all_their_mean(model):
    one = model.predict_average(images(4), average=1)
    np.testing.assert_array_equal(one, model.predict(images(4)))
    every = model.predict_average(images(2), average=500)
    np.testing.assert_allclose(every, model.poses_mm.mean(0).expand(2, 17, 3), atol=1e-2)
    assert model.predict(images(0)).shape == (0, 17, 3)


def test_a_saved_network_brings_its_poses(model, tmp_path):
    save_model(model, tmp_path / "model")
    read = load_model(tmp_path / "model")
    assert isinstance(read, StructNet)
    np.testing.assert_array_equal(read.predict_average(images(3)), model.predict_average(images(3)))


def test_it_begins_with_the_mean_pose_and_steps_that_fit_the_spread_of_poses(model):
    with torch.no_grad():
        crops = torch.from_numpy(images(2)[:, 2:30, 2:30].transpose(0, 3, 1, 2).copy())
        _, before = model.embed_images(crops)
        wanted = model.candidates().mean(0)
        torch.testing.assert_close(before, wanted.expand(2, 51), atol=1e-5, rtol=1e-4)
        model.auxiliary.bias += 0.1
        _, after = model.embed_images(crops)
    spread = (model.candidates() - wanted).square().mean().sqrt()
    assert float((after - before).mean()) == pytest.approx(0.1 * float(spread), rel=0.1)


def test_the_units_of_poses_do_not_change_their_embedding(model):
    other = StructNet(SMALL, seed=1)
    other.start_from(0.5 * model.poses_mm.numpy() + 20)
    with torch.no_grad():
        there, here = (m.embed_poses(m.candidates()) for m in (other, model))
    torch.testing.assert_close(there, here, atol=1e-4, rtol=1e-3)


def test_scores_are_means_over_the_embedding(model):
    """Wider embeddings do not score higher: the margin they compete with is in fixed units."""
    seen = []
    model.image_embedding.register_forward_hook(lambda module, inputs, found: seen.append(found))
    found = scores(model, images(3))
    with torch.no_grad():
        poses = model.embed_poses(model.candidates())
    products = seen[0][:, None] * poses
    np.testing.assert_allclose(found, products.mean(dim=-1).numpy(), rtol=1e-4, atol=1e-6)


def test_fitted_poses_have_the_given_limbs_and_their_own_directions(model):
    poses = model.poses_mm.numpy()
    lengths = np.linspace(100, 400, 16)
    fitted = with_limb_lengths(poses, lengths)
    np.testing.assert_allclose(limb_lengths(fitted), np.tile(lengths, (50, 1)), rtol=1e-4)
    np.testing.assert_allclose(with_limb_lengths(poses, limb_lengths(poses)), poses, atol=0.1)
    with pytest.raises(InputError, match="poses_mm: got shape"):
        with_limb_lengths(poses[:, :5], lengths)


def test_odd_values_are_refused(model):
    with pytest.raises(InputError, match="average: got 0"):
        model.predict_average(images(1), average=0)
    with pytest.raises(InputError, match="expected positive numbers"):
        StructNetConfig(embedding=0)
