"""PoseAutoencoder, PCA and the decoder copied from them."""

import numpy as np
import pytest
import torch

from overpose.networks.autoencoder import AutoencoderConfig, PoseAutoencoder
from overpose.networks.codes import PoseDecoder, encode_poses, reconstruct_poses
from overpose.networks.pca import fit_pca
from overpose.support.errors import InputError

CONFIGS = [
    AutoencoderConfig((70,), (40.0,)),
    AutoencoderConfig((60, 40), (40.0, 20.0)),
    AutoencoderConfig((60, 40), (40.0, 20.0), inner_decoder="linear"),
]


def with_random_biases(config: AutoencoderConfig, seed: int = 0) -> PoseAutoencoder:
    model = PoseAutoencoder(config, seed=seed).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for bias in (*model.encoder_biases, *model.decoder_biases):
            bias.copy_(0.3 * torch.randn(bias.shape, generator=generator))
    return model


def poses(count: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 51, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("config", CONFIGS)
def test_codes_and_reconstructions_have_the_configured_sizes(config: AutoencoderConfig) -> None:
    model = with_random_biases(config)
    code = model.encode(poses(5))
    assert code.shape == (5, config.hidden[-1]) == (5, model.latent_size)
    assert model.decode(code).shape == (5, 51)
    assert torch.equal(model(poses(5)), model.decode(code))
    assert code.min() == 0  # some unit is off


@pytest.mark.parametrize("config", CONFIGS)
def test_closed_form_penalty_equals_the_jacobian_by_autograd(config: AutoencoderConfig) -> None:
    model = with_random_biases(config)
    batch = poses(6)
    expected = torch.stack(
        [
            torch.autograd.functional.jacobian(lambda y: model.encode(y[None])[0], pose)
            .square()
            .sum()
            for pose in batch
        ]
    )
    torch.testing.assert_close(model.contractive_penalty(batch), expected, rtol=1e-10, atol=1e-10)
    assert expected.std() > 0


@pytest.mark.parametrize("config", CONFIGS)
def test_gradient_of_the_penalty_equals_finite_differences(config: AutoencoderConfig) -> None:
    model = with_random_biases(config)
    batch = poses(3)
    model.contractive_penalty(batch).sum().backward()
    step = 1e-6
    for weight in model.weights:
        assert weight.grad is not None
        with torch.no_grad():
            weight[2, 3] += step
            above = model.contractive_penalty(batch).sum()
            weight[2, 3] -= 2 * step
            below = model.contractive_penalty(batch).sum()
            weight[2, 3] += step
        torch.testing.assert_close(
            weight.grad[2, 3], (above - below) / (2 * step), rtol=1e-5, atol=1e-6
        )


def test_penalty_of_one_layer_from_its_codes_is_the_mean_of_the_closed_form() -> None:
    model = with_random_biases(CONFIGS[0])
    mean = model.contractive_penalty(poses(9)).mean()
    torch.testing.assert_close(model.layer_penalty(0, model.encode(poses(9))), mean)


def test_encoder_and_decoder_share_one_weight_for_each_layer() -> None:
    model = with_random_biases(CONFIGS[1])
    names = [name for name, value in model.named_parameters() if value.ndim == 2]
    assert names == ["weights.0", "weights.1"]
    code = model.encode(poses(4))
    by_hand = torch.relu(code @ model.weights[1] + model.decoder_biases[1])
    by_hand = by_hand @ model.weights[0] + model.decoder_biases[0]
    torch.testing.assert_close(model.decode(code), by_hand)


def test_untrained_overcomplete_network_nearly_reproduces_its_input() -> None:
    model = PoseAutoencoder(AutoencoderConfig())
    batch = poses(50).float()
    assert (model(batch) - batch).square().mean() < 0.2 * batch.square().mean()


@pytest.mark.parametrize("config", CONFIGS)
def test_copied_decoder_decodes_alike_and_shares_no_weights(config: AutoencoderConfig) -> None:
    model = with_random_biases(config)
    decoder = model.decoder().double()
    code = model.encode(poses(4))
    before = model.decode(code)
    torch.testing.assert_close(decoder(code), before, rtol=1e-6, atol=1e-6)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(1)
    assert torch.equal(model.decode(code), before)


@pytest.mark.parametrize("config", CONFIGS)
def test_linearised_decoder_equals_its_jacobian_by_autograd(config: AutoencoderConfig) -> None:
    decoder = with_random_biases(config).decoder().double()
    generator = torch.Generator().manual_seed(3)
    code, change = torch.randn(2, 5, config.hidden[-1], generator=generator, dtype=torch.float64)
    _, expected = torch.autograd.functional.jvp(decoder, code, change)
    torch.testing.assert_close(decoder.linearised(code, change), expected)


@pytest.mark.parametrize("rank", [1, 7, 51])
def test_pca_loses_exactly_the_variance_of_the_directions_it_drops(rank: int) -> None:
    rng = np.random.default_rng(0)
    poses_mm = (rng.normal(size=(300, 51)) * np.linspace(10, 300, 51)).reshape(-1, 17, 3)
    singular = np.linalg.svd((poses_mm - poses_mm.mean(0)).reshape(300, 51), compute_uv=False)
    pca = fit_pca(poses_mm, rank)
    code = pca.encode(pca.normalization.to_normalised(torch.from_numpy(poses_mm).float()))
    assert code.shape == (300, rank)
    lost = np.square(pca.normalization.to_mm(pca.decode(code)).numpy() - poses_mm).sum()
    assert lost == pytest.approx(np.sum(singular[rank:] ** 2), rel=1e-3, abs=1)
    torch.testing.assert_close(pca.decoder()(code), pca.decode(code), rtol=1e-4, atol=1e-5)


def test_numpy_helpers_give_the_same_in_any_batch_size() -> None:
    model = PoseAutoencoder(CONFIGS[1])
    poses_mm = np.random.default_rng(1).normal(size=(7, 17, 3)).astype(np.float32)
    np.testing.assert_allclose(
        encode_poses(model, poses_mm, 2), encode_poses(model, poses_mm), rtol=1e-5, atol=1e-5
    )
    reconstructed = reconstruct_poses(model, poses_mm, 3)
    assert reconstructed.shape == (7, 17, 3)
    assert not reconstructed[:, 0].any()


@pytest.mark.wrong_types
@pytest.mark.parametrize("function", [encode_poses, reconstruct_poses])
def test_helpers_refuse_arrays_that_are_not_poses(function) -> None:
    with pytest.raises(InputError, match="shape"):
        function(PoseAutoencoder(CONFIGS[0]), np.zeros((3, 51), np.float32))


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: AutoencoderConfig((10, 10, 10), (1.0, 1.0, 1.0)), "one or two"),
        (lambda: AutoencoderConfig((10,), (40.0, 20.0)), "noise_mm"),
        (lambda: AutoencoderConfig((10,), (-1.0,)), "noise_mm"),
        (lambda: AutoencoderConfig(contraction=-0.1), "contraction"),
        (lambda: AutoencoderConfig(inner_decoder="tanh"), "inner_decoder"),  # type: ignore[arg-type]
        (lambda: PoseDecoder((10, 50)), "51"),
        (lambda: fit_pca(np.zeros((3, 17, 3), np.float32), 52), "rank"),
    ],
)
def test_impossible_configurations_are_refused(make, said: str) -> None:
    with pytest.raises(InputError, match=said):
        make()
