"""The models that poses of people come from: those of the package, and a user's own."""

from importlib.resources import files
from pathlib import Path
from typing import Literal

from overpose.networks.configs import KeypointEncoderConfig
from overpose.networks.model_files import (
    POSE_PREDICTOR_KINDS,
    pose_predictor_config,
    read_model_config,
)
from overpose.networks.numpy_lifter import NumpyLifter, load_numpy_lifter
from overpose.networks.onnx_model import load_onnx
from overpose.support.errors import InputError
from overpose.video.image_poses import ImageModel
from overpose.video.judging import Judge
from overpose.video.lifting import Lifter


def shipped_lifter(lifter: Literal["photo", "video"]) -> NumpyLifter:
    """The weights that come with the package; `overpose train-lifter` made them."""
    return load_numpy_lifter(Path(str(files("overpose") / "weights" / lifter)))


def shipped_judge() -> Judge:
    """The judge of people, by the weights that come with the package."""
    return Judge(shipped_lifter("photo"), shipped_lifter("video"))


def trained_lifter(directory: Path) -> Lifter:
    """A lifter of a user's own, for keypoints that are there already.

    Args:
        directory: as in `trained_model`.

    Raises:
        InputError: there is no lifter, or a damaged one.
    """
    if not directory.is_file():
        return load_numpy_lifter(directory)
    found = load_onnx(directory)
    if not isinstance(found, Lifter):
        raise InputError(
            f"{directory}: got a model of images, expected a lifter: keypoints have no image"
        )
    return found


def trained_model(directory: Path) -> Lifter | ImageModel:
    """A trained model that predicts people: a lifter, or an image model, which needs torch.

    Args:
        directory: of the model; or a file that `overpose onnx` wrote, which needs ONNX Runtime.

    Raises:
        InputError: there is no such model, or a damaged one.
    """
    if directory.is_file():
        return load_onnx(directory)
    found = read_model_config(directory)
    if found.get("kind") not in POSE_PREDICTOR_KINDS:
        raise InputError(
            f"{directory}: got a model of kind {found.get('kind')!r}, expected a lifter or an "
            "image model: the directory of one of the stages direct, latent or finetuned"
        )
    config = pose_predictor_config(found, str(directory / "config.json"))
    if isinstance(config.encoder, KeypointEncoderConfig):
        return load_numpy_lifter(directory)
    if (found.get("provenance") or {}).get("inputs", "image") != "image":
        raise InputError(
            f"{directory}: was trained on images with masks, which photos and videos do not have; "
            "expected a model trained on images alone"
        )
    from overpose.networks.pose_predictor import KIND
    from overpose.networks.storage import load_model

    return load_model(directory, (KIND,))
