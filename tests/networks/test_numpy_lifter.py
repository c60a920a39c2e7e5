"""The lifter in numpy is the lifter in torch."""

import json
import tracemalloc
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch

from overpose.methods import load_model
from overpose.networks.autoencoder import AutoencoderConfig, PoseAutoencoder
from overpose.networks.configs import KeypointEncoderConfig, PosePredictorConfig, window_offsets
from overpose.networks.keypoint_windows import input_size
from overpose.networks.numpy_lifter import load_numpy_lifter
from overpose.networks.pose_predictor import PosePredictor
from overpose.networks.storage import save_model
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError

ENCODERS = {
    "photo": KeypointEncoderConfig((0,), 24, 2),
    "video": KeypointEncoderConfig((-2, 0, 2), 16, 1),
}
OVER_TIME = {
    "jitter": KeypointEncoderConfig((-2, -1, 0, 1, 4), 16, 1, jitter=True),
    "convolutions": KeypointEncoderConfig(window_offsets(9, 2), 16, 1, kind="convolutions"),
    "trembling convolutions": KeypointEncoderConfig(
        window_offsets(3), 16, 0, kind="convolutions", jitter=True
    ),
    "attention": KeypointEncoderConfig((-2, 0, 2), 16, 2, kind="attention", heads=4),
    "trembling attention": KeypointEncoderConfig(
        window_offsets(5), 16, 1, kind="attention", heads=1, jitter=True
    ),
    "no blocks": KeypointEncoderConfig((0,), 16, 0),
}
NETWORK_UNITS, MILLIMETRES = 1e-4, 0.05
"""How far the two may be apart."""


def random_lifter(config: PosePredictorConfig) -> PosePredictor:
    """A lifter none of whose numbers is a special one, as after training."""
    model = PosePredictor(config, seed=5)
    generator = torch.Generator().manual_seed(6)
    for name, tensor in model.state_dict().items():
        if tensor.dtype == torch.float32 and not name.endswith("weight"):
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.2)
        if "norm" in name and name.endswith("weight"):
            tensor.copy_(torch.randn(tensor.shape, generator=generator))
    model.normalization.scale_mm.fill_(170.0)
    return model.eval()


def windows(frames: int, batch: int) -> np.ndarray:
    return np.random.default_rng(batch).normal(size=(batch, input_size(frames))).astype(np.float32)


def assert_the_same(directory: Path, batch: int) -> None:
    one, other = load_model(directory), load_numpy_lifter(directory)
    assert isinstance(one, PosePredictor)
    features = windows(len(other.offsets), batch)
    with torch.inference_mode():
        expected = one(torch.from_numpy(features)).numpy()
    normalised, poses_mm = other.normalised_poses(features), other.predict(features)
    assert normalised.shape == (batch, 51)
    assert normalised.dtype == poses_mm.dtype == np.float32
    np.testing.assert_allclose(normalised, expected, rtol=0, atol=NETWORK_UNITS)
    np.testing.assert_allclose(poses_mm, one.predict(features), rtol=0, atol=MILLIMETRES)
    expected, found = one.predict_all(features), other.predict_all(features)
    for name in ("feet_mm", "joint_error_mm"):
        wanted, got = getattr(expected, name), getattr(found, name)
        assert (wanted is None) == (got is None), name
        if got is not None:
            assert got.dtype == np.float32
            np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=MILLIMETRES)


@pytest.mark.parametrize("batch", [0, 1, 7])
@pytest.mark.parametrize("encoder", list(ENCODERS))
@pytest.mark.parametrize(
    ("kind", "sizes", "inner"),
    [
        ("direct", (), "relu"),
        ("latent", (40, 51), "relu"),
        ("finetuned", (40, 51), "linear"),
        ("latent", (30, 20, 51), "linear"),
        ("finetuned", (30, 20, 51), "relu"),
    ],
)
def test_every_kind_of_lifter_predicts_as_in_torch(
    tmp_path: Path, kind: str, sizes: tuple[int, ...], inner: str, encoder: str, batch: int
) -> None:
    config = PosePredictorConfig(kind, ENCODERS[encoder], "linear", sizes, inner)  # pyright: ignore
    save_model(random_lifter(config), tmp_path / "model")
    assert_the_same(tmp_path / "model", batch)


@pytest.mark.parametrize("batch", [0, 7])
@pytest.mark.parametrize("encoder", list(OVER_TIME))
def test_every_encoder_feet_and_errors_are_those_of_torch(
    tmp_path: Path, encoder: str, batch: int
) -> None:
    config = PosePredictorConfig(
        "finetuned", OVER_TIME[encoder], "linear", (30, 20, 51), feet=True, errors=True
    )
    save_model(random_lifter(config), tmp_path / "model")
    assert_the_same(tmp_path / "model", batch)


def test_the_root_has_no_error_and_feet_hang_on_the_ankles(tmp_path: Path) -> None:
    config = PosePredictorConfig("direct", ENCODERS["photo"], feet=True, errors=True)
    model = PosePredictor(config, seed=1)
    save_model(model, tmp_path / "model")
    lifted = load_numpy_lifter(tmp_path / "model").predict_all(windows(1, 4))
    assert lifted.feet_mm is not None
    assert lifted.joint_error_mm is not None
    ankles = lifted.poses_mm[:, HUMAN36M.indices(["left_ankle", "right_ankle"])]
    np.testing.assert_array_equal(lifted.feet_mm[:, ::2], ankles)  # before anything is learned
    assert (lifted.joint_error_mm[:, 0] == 0).all()
    assert (lifted.joint_error_mm[:, 1:] == 50).all()


@pytest.mark.parametrize(("activation", "tokens"), [("relu", 0), ("linear", 5)])
def test_rectified_and_token_codes_are_decoded_as_in_torch(
    tmp_path: Path, activation: str, tokens: int
) -> None:
    config = PosePredictorConfig(
        "latent",
        ENCODERS["photo"],
        activation,  # pyright: ignore
        (30, 20, 51),
        code_tokens=tokens,
    )
    save_model(random_lifter(config), tmp_path / "model")
    assert_the_same(tmp_path / "model", 7)


@pytest.mark.parametrize("lifter", ["photo", "video"])
@pytest.mark.parametrize("batch", [0, 1, 300])
def test_the_shipped_lifters_predict_as_in_torch(lifter: str, batch: int) -> None:
    assert_the_same(Path(str(files("overpose") / "weights" / lifter)), batch)


def test_weights_in_half_precision_are_read(tmp_path: Path) -> None:
    save_model(
        random_lifter(PosePredictorConfig("direct", ENCODERS["video"])), tmp_path / "m", half=True
    )
    assert_the_same(tmp_path / "m", 4)


def test_the_size_of_batches_does_not_matter() -> None:
    lifter = load_numpy_lifter(Path(str(files("overpose") / "weights" / "photo")))
    features = windows(1, 10)
    np.testing.assert_allclose(
        lifter.predict(features, 3), lifter.predict(features), rtol=0, atol=0.01
    )


def test_windows_of_another_length_are_refused() -> None:
    lifter = load_numpy_lifter(Path(str(files("overpose") / "weights" / "photo")))
    with pytest.raises(InputError, match="features"):
        lifter.predict(windows(2, 3))


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    save_model(PoseAutoencoder(AutoencoderConfig((20,), (40.0,))), tmp_path / "m")
    with pytest.raises(InputError, match="'autoencoder', expected a lifter"):
        load_numpy_lifter(tmp_path / "m")


def test_weights_that_do_not_fit_the_configuration_are_named(tmp_path: Path) -> None:
    save_model(random_lifter(PosePredictorConfig("direct", ENCODERS["photo"])), tmp_path / "m")
    path = tmp_path / "m" / "config.json"
    config = json.loads(path.read_text())
    config["model"]["encoder"]["blocks"] = 3
    path.write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"no tensor 'encoder.blocks.2.layers.0.bias'"):
        load_numpy_lifter(tmp_path / "m")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"blocks": 1_000_000_000}, "blocks"),
        ({"width": 1 << 40}, "the configuration calls for"),
        ({"offsets": []}, "offsets"),
        ({"width": 1e300}, "width"),
        ({"blocks": None}, "blocks"),
    ],
)
def test_sizes_that_the_weights_do_not_have_take_no_memory(
    tmp_path: Path, change: dict, match: str
) -> None:
    directory = tmp_path / "model"
    save_model(random_lifter(PosePredictorConfig("direct", ENCODERS["photo"])), directory)
    config = json.loads((directory / "config.json").read_text())
    config["model"]["encoder"] |= change
    (directory / "config.json").write_text(json.dumps(config))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=match):
            load_numpy_lifter(directory)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("sizes", [[24, 102], [0, 51], [-1, 51]])
def test_decoders_that_give_no_pose_are_refused(tmp_path: Path, sizes: list[int]) -> None:
    directory = tmp_path / "model"
    config = PosePredictorConfig("latent", ENCODERS["photo"], "linear", (24, 51))
    save_model(random_lifter(config), directory)
    found = json.loads((directory / "config.json").read_text())
    found["model"]["decoder_sizes"] = sizes
    (directory / "config.json").write_text(json.dumps(found))
    with pytest.raises(InputError, match="decoder_sizes"):
        load_numpy_lifter(directory)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    model = random_lifter(PosePredictorConfig("direct", ENCODERS["photo"]))
    model.head.bias.data[3] = float("nan")
    save_model(model, tmp_path / "model")
    with pytest.raises(InputError, match=r"head\.bias' is not finite"):
        load_numpy_lifter(tmp_path / "model")


def test_weights_larger_than_memory_are_not_read(tmp_path: Path) -> None:
    directory = tmp_path / "model"
    save_model(random_lifter(PosePredictorConfig("direct", ENCODERS["photo"])), directory)
    with (directory / "weights.safetensors").open("r+b") as file:
        file.truncate(1 << 42)  # takes no room on the disk
    with pytest.raises(InputError, match=r"got 4398046511104 bytes, expected at most"):
        load_numpy_lifter(directory)


def test_a_directory_in_the_place_of_the_weights_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / "model"
    save_model(random_lifter(PosePredictorConfig("direct", ENCODERS["photo"])), directory)
    (directory / "weights.safetensors").unlink()
    (directory / "weights.safetensors").mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        load_numpy_lifter(directory)


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"format_version": 1' + "0" * 5000 + "}", "[]", "", "\0\1", '{"a": NaN}'],
    ids=["deep", "digits", "list", "empty", "binary", "other"],
)
def test_configurations_that_are_none_are_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError) as error:
        load_numpy_lifter(tmp_path)
    assert "\n" not in str(error.value)
