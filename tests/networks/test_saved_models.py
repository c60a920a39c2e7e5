"""Models saved by earlier versions load for ever, and predict what they did."""

import json
from pathlib import Path

import numpy as np
import pytest

from overpose.methods import load_model
from overpose.networks.codes import encode_poses, reconstruct_poses

SAVED = Path(__file__).parent / "saved-f8fa25d"
"""One miniature of each kind, made by the script in it."""
CODES = ("autoencoder-one-layer", "autoencoder-two-layers", "pca")
LIFTERS = {"lifter-direct": 1, "lifter-latent": 1, "lifter-finetuned": 3}
"""With the number of frames that each sees."""
OF_IMAGES = ("regressor-direct", "regressor-latent", "regressor-finetuned", "dconv_mp_hml")
OF_MASKED_IMAGES = ("nearest_pose", "kde", "linkde")
TOLERANCE_MM = 0.05


def inputs(name: str) -> np.ndarray:
    """An array that the models were given."""
    with np.load(SAVED / "inputs.npz", allow_pickle=False) as stored:
        return stored[name]


def require_output(name: str, found: np.ndarray, tolerance: float = TOLERANCE_MM) -> None:
    """It is what the model gave when it was saved."""
    with np.load(SAVED / "outputs.npz", allow_pickle=False) as stored:
        expected = stored[name]
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance


@pytest.mark.parametrize("name", CODES)
def test_codes_of_old_give_their_codes_and_poses(name: str) -> None:
    model, poses_mm = load_model(SAVED / name), inputs("poses_mm")
    with np.load(SAVED / "outputs.npz", allow_pickle=False) as stored:
        size = float(np.abs(stored[f"{name}.codes"]).max())
    require_output(f"{name}.codes", encode_poses(model, poses_mm), 1e-4 * size)
    require_output(f"{name}.poses_mm", reconstruct_poses(model, poses_mm))


@pytest.mark.parametrize("name", LIFTERS)
def test_lifters_of_old_give_their_poses(name: str) -> None:
    model = load_model(SAVED / name)
    require_output(f"{name}.poses_mm", model.predict(inputs(f"features_{LIFTERS[name]}")))


@pytest.mark.parametrize("name", OF_IMAGES)
def test_image_models_of_old_give_their_poses(name: str) -> None:
    images = np.ascontiguousarray(inputs("images")[..., :3])
    require_output(f"{name}.poses_mm", load_model(SAVED / name).predict(images))


@pytest.mark.parametrize("name", OF_MASKED_IMAGES)
def test_models_of_old_that_take_masks_give_their_poses(name: str) -> None:
    require_output(f"{name}.poses_mm", load_model(SAVED / name).predict(inputs("images")))


def test_a_structnet_of_old_gives_its_best_pose_and_the_mean_of_the_best() -> None:
    model = load_model(SAVED / "structnet")
    images = np.ascontiguousarray(inputs("images")[..., :3])
    require_output("structnet.poses_mm", model.predict(images))
    require_output("structnet.average_mm", model.predict_average(images))


def test_every_saved_directory_is_tested() -> None:
    there = {path.parent.name for path in SAVED.glob("*/config.json")}
    assert there == {*CODES, *LIFTERS, *OF_IMAGES, *OF_MASKED_IMAGES, "structnet"}
    commits = {json.loads((SAVED / name / "config.json").read_text())["commit"] for name in there}
    assert commits == {"f8fa25d5d691b3123aee0b1d2240287ce6403778"}
