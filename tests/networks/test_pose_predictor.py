"""ImageEncoder and PosePredictor: sizes, crops, predictions."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import max_pool2d, relu

from overpose.networks.configs import PosePredictorConfig
from overpose.networks.image_encoder import ImageEncoder, ImageEncoderConfig
from overpose.networks.pose_predictor import PosePredictor
from overpose.support.errors import InputError

SMALL = ImageEncoderConfig(24, 20, (5, 3), (4, 6), (16, 12))
LATENT = PosePredictorConfig("latent", SMALL, decoder_sizes=(30, 51))


def random_regressor(config: PosePredictorConfig) -> PosePredictor:
    model = PosePredictor(config)
    nn.init.normal_(model.head.weight, generator=torch.Generator().manual_seed(1))
    model.normalization.scale_mm.fill_(200.0)
    return model


def random_images(count: int, size: int = 24, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def test_paper_network_has_the_papers_feature_maps() -> None:
    config = ImageEncoderConfig()
    assert config.map_size == 10
    encoder = ImageEncoder(config)
    assert [tuple(layer.weight.shape) for layer in encoder.connected] == [
        (1024, 6400),
        (2048, 1024),
        (4096, 2048),
    ]


def test_encoder_equals_the_plain_sequence_of_its_layers() -> None:
    encoder = ImageEncoder(SMALL).eval()
    crops = torch.randint(0, 256, (3, 3, 20, 20), generator=torch.Generator().manual_seed(0))
    maps = (crops.float() - encoder.channel_mean) / encoder.channel_std
    for convolution in encoder.convolutions:
        maps = max_pool2d(relu(convolution(maps)), 2)
    features = maps.contiguous().flatten(1)
    for layer in encoder.connected:
        features = relu(layer(features))
    torch.testing.assert_close(encoder(crops.to(torch.uint8)), features, rtol=1e-4, atol=1e-5)


def test_channel_statistics_are_those_of_the_images() -> None:
    images = random_images(300) // np.array([1, 2, 4], dtype=np.uint8)
    encoder = ImageEncoder(SMALL)
    encoder.fit_channels(images)
    np.testing.assert_allclose(encoder.channel_mean[:, 0, 0], images.mean((0, 1, 2)), rtol=1e-4)
    np.testing.assert_allclose(encoder.channel_std[:, 0, 0], images.std((0, 1, 2)), rtol=1e-4)


@pytest.mark.parametrize("config", [PosePredictorConfig("direct", SMALL), LATENT])
def test_predictions_are_poses_with_the_root_at_the_origin(config: PosePredictorConfig) -> None:
    predicted = random_regressor(config).predict(random_images(5))
    assert predicted.shape == (5, 17, 3)
    assert predicted.dtype == np.float32
    assert not predicted[:, 0].any()
    assert predicted[:, 1:].std(0).min() > 1  # mm: the image matters


@pytest.mark.parametrize("config", [PosePredictorConfig("direct", SMALL), LATENT])
def test_batched_predictions_equal_single_ones(config: PosePredictorConfig) -> None:
    model = random_regressor(config).train()
    images = random_images(7)
    batched = model.predict(images, batch_size=3)
    single = np.concatenate([model.predict(image[None]) for image in images])
    np.testing.assert_allclose(batched, single, atol=0.05)  # mm, of some hundreds
    assert model.training


def test_prediction_depends_on_the_central_crop_only() -> None:
    model = random_regressor(LATENT)
    images = random_images(2)
    changed = images.copy()
    changed[:, :2] = 0
    changed[:, :, -2:] = 255
    np.testing.assert_array_equal(model.predict(images), model.predict(changed))


def test_no_images_give_no_poses() -> None:
    assert random_regressor(LATENT).predict(random_images(0)).shape == (0, 17, 3)


def test_rectified_latent_is_never_negative() -> None:
    crops = torch.from_numpy(random_images(4, 20)).permute(0, 3, 1, 2)
    config = PosePredictorConfig("latent", SMALL, "relu", (30, 51))
    rectified, plain = random_regressor(config).eval(), random_regressor(LATENT).eval()
    torch.testing.assert_close(rectified.target(crops), relu(plain.target(crops)))
    assert plain.target(crops).min() < 0


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("images", "said"),
    [
        (np.zeros((2, 24, 24, 3), np.float32), "dtype"),
        (np.zeros((2, 20, 20, 3), np.uint8), "shape"),
        (np.zeros((24, 24, 3), np.uint8), "shape"),
        ("photo.jpg", "str"),
    ],
)
def test_predict_refuses_what_is_not_a_batch_of_images(images: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        random_regressor(LATENT).predict(images)  # type: ignore[arg-type]


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ImageEncoderConfig(crop_size=200), "crop_size"),
        (lambda: ImageEncoderConfig(24, 20), "too few"),
        (lambda: ImageEncoderConfig(kernels=(9, 5)), "kernels"),
        (lambda: ImageEncoderConfig(hidden=()), "hidden"),
        (lambda: ImageEncoderConfig(dropout=1.0), "dropout"),
        (lambda: PosePredictorConfig("latent", SMALL), "decoder_sizes"),
        (lambda: PosePredictorConfig("direct", SMALL, decoder_sizes=(30, 51)), "decoder_sizes"),
        (lambda: PosePredictorConfig("other", SMALL), "kind"),  # type: ignore[arg-type]
        (lambda: random_regressor(LATENT).predict(random_images(1), batch_size=0), "batch_size"),
    ],
)
def test_impossible_configurations_are_refused(make, said: str) -> None:
    with pytest.raises(InputError, match=said):
        make()


def test_start_predicts_the_mean_target_in_units_of_the_spread_of_codes() -> None:
    codes = torch.randn(500, 30, generator=torch.Generator().manual_seed(0)) * 0.05 + 0.2
    model = PosePredictor(LATENT).eval()
    model.start_from(codes)
    crops = torch.randint(0, 256, (3, 3, 20, 20), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(model.target(crops.float()), codes.mean(0).expand(3, -1))
    assert model.code_scale.item() == pytest.approx(0.05, rel=0.05)


def test_start_of_a_constant_code_or_a_pose_is_not_scaled() -> None:
    constant = PosePredictor(LATENT)
    constant.start_from(torch.full((9, 30), 0.25))
    direct = PosePredictor(PosePredictorConfig("direct", SMALL))
    direct.start_from(torch.randn(9, 51))
    assert constant.code_scale.item() == direct.code_scale.item() == 1.0
