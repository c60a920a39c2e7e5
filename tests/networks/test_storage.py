"""Models on disk: what is written comes back, what is damaged is named."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from overpose.methods import load_model
from overpose.networks.autoencoder import AutoencoderConfig, PoseAutoencoder
from overpose.networks.configs import PosePredictorConfig
from overpose.networks.image_encoder import ImageEncoderConfig
from overpose.networks.pca import fit_pca
from overpose.networks.pose_predictor import PosePredictor
from overpose.networks.storage import save_model
from overpose.support.errors import InputError

ENCODER = ImageEncoderConfig(16, 14, (3,), (4,), (8,))


def regressor() -> PosePredictor:
    model = PosePredictor(PosePredictorConfig("latent", ENCODER, decoder_sizes=(20, 51)), seed=3)
    torch.nn.init.normal_(model.head.weight, generator=torch.Generator().manual_seed(1))
    model.normalization.scale_mm.fill_(150.0)
    return model


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_model(regressor(), tmp_path / "model", {"data": "none", "seed": 3})
    return tmp_path / "model"


def edit_config(directory: Path, **changes: object) -> None:
    path = directory / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_loaded_regressor_predicts_exactly_the_same(saved: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    loaded = load_model(saved)
    assert isinstance(loaded, PosePredictor)
    assert loaded.config == regressor().config
    np.testing.assert_array_equal(loaded.predict(images), regressor().predict(images))


@pytest.mark.parametrize("hidden", [(30,), (30, 20)])
def test_loaded_autoencoder_equals_the_saved_one(hidden: tuple[int, ...], tmp_path: Path) -> None:
    model = PoseAutoencoder(AutoencoderConfig(hidden, (40.0, 20.0)[: len(hidden)]), seed=1)
    save_model(model, tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert loaded.config == model.config
    for (name, a), b in zip(model.state_dict().items(), loaded.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def test_loaded_pca_equals_the_saved_one(tmp_path: Path) -> None:
    model = fit_pca(np.random.default_rng(0).normal(size=(60, 17, 3)), 9)
    save_model(model, tmp_path / "m")
    assert torch.equal(load_model(tmp_path / "m").state_dict()["directions"], model.directions)


def test_config_says_where_the_model_comes_from(saved: Path) -> None:
    config = json.loads((saved / "config.json").read_text())
    assert config["provenance"] == {"data": "none", "seed": 3}
    assert set(config["versions"]) == {"overpose", "torch"}
    assert {path.name for path in saved.iterdir()} == {"config.json", "weights.safetensors"}


def test_existing_model_is_not_overwritten_unless_told_to(saved: Path) -> None:
    with pytest.raises(InputError, match="exists"):
        save_model(regressor(), saved)
    save_model(regressor(), saved, overwrite=True)


@pytest.mark.parametrize("name", ["config.json", "weights.safetensors"])
def test_missing_file_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(InputError, match=name):
        load_model(saved)


def test_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: no such model"):
        load_model(tmp_path / "nowhere")


@pytest.mark.parametrize("keep", [0, 5, 200, -1])
def test_truncated_weights_are_refused(saved: Path, keep: int) -> None:
    path = saved / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"weights.safetensors: not a whole"):
        load_model(saved)


def test_a_flipped_bit_in_the_weights_is_noticed(saved: Path) -> None:
    path = saved / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        load_model(saved)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format_version": 99}, "version 99, expected 1"),
        ({"kind": "mystery"}, "mystery"),
        ({"model": {"kind": "latent"}}, "model.decoder_sizes: missing"),
        ({"model": None}, "expected an object"),
    ],
)
def test_config_that_cannot_be_used_is_refused(saved: Path, changes: dict, said: str) -> None:
    edit_config(saved, **changes)
    with pytest.raises(InputError, match=said):
        load_model(saved)


@pytest.mark.wrong_types
def test_unknown_and_ill_typed_fields_are_named(saved: Path) -> None:
    model = json.loads((saved / "config.json").read_text())["model"]
    edit_config(saved, model={**model, "colour": 1})
    with pytest.raises(InputError, match="colour: unknown"):
        load_model(saved)
    edit_config(saved, model={**model, "encoder": {**model["encoder"], "hidden": "x"}})
    with pytest.raises(InputError, match="encoder"):
        load_model(saved)


def test_weights_of_other_sizes_than_configured_are_named(saved: Path) -> None:
    model = json.loads((saved / "config.json").read_text())["model"]
    edit_config(saved, model={**model, "decoder_sizes": [21, 51]})
    with pytest.raises(InputError, match=r"decoder.layers.0.weight.*\(51, 20\).*\(51, 21\)"):
        load_model(saved)


@pytest.mark.parametrize("added", [True, False])
def test_missing_and_surplus_tensors_are_named(saved: Path, added: bool) -> None:
    path = saved / "weights.safetensors"
    tensors = load_file(path)
    if added:
        tensors["extra"] = torch.zeros(1)
    else:
        del tensors["head.bias"]
    save_file(tensors, path)
    edit_config(saved, weights_sha256=None)
    with pytest.raises(InputError, match="extra" if added else "head.bias"):
        load_model(saved)
