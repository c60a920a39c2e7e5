"""What the stages share: checks of their arrays, what identifies a run."""

import hashlib
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Shaped
from torch import nn

from overpose.metrics import mpjpe
from overpose.networks.normalization import check_poses
from overpose.networks.storage import to_json
from overpose.support.checks import check_array
from overpose.support.errors import InputError

Samples = tuple[Shaped[np.ndarray, "n ..."], Float[np.ndarray, "n 17 3"]]
"""Images (N, S, S, 3) uint8, or features of windows (N, inputs), and poses (N, 17, 3) in mm."""


class Drawn(NamedTuple):
    """Windows of keypoints, and what is true of them, in the axes of each window's virtual camera.

    Attributes:
        features: (N, inputs) float32, see `keypoint_windows`.
        poses_mm: (N, 17, 3) float32, relative to the root.
        feet_mm: (N, 4, 3) float32, points of `skeleton.FEET`, relative to the root.
    """

    features: np.ndarray
    poses_mm: np.ndarray
    feet_mm: np.ndarray


@runtime_checkable
class Predictor(Protocol):
    """Anything that predicts poses."""

    def predict(self, observations: np.ndarray, /) -> np.ndarray:
        """Observations, e.g. images (N, S, S, 3) uint8, to poses (N, 17, 3) mm."""
        ...


def error_mm(model: Predictor, validation: Samples) -> float:
    """MPJPE in mm of a model on held-out observations."""
    observations, poses_mm = validation
    return float(mpjpe(model.predict(observations), poses_mm))


def check_samples(images: object, poses_mm: object, size: int | None, prefix: str = "") -> Samples:
    """Return square images, of side `size` if that is not None, and as many poses, checked.

    Raises:
        InputError: they are not.
    """
    shape = ("N", size or "S", size or "S", 3)
    pictures = check_array(f"{prefix}images", images, shape, dtype=np.uint8)
    poses = check_poses(f"{prefix}poses_mm", poses_mm)
    if len(pictures) != len(poses):
        raise InputError(
            f"{prefix}images, {prefix}poses_mm: got {len(pictures)} images and {len(poses)} poses, "
            "expected one pose for each image"
        )
    return pictures, poses


def run_record(stage: str, config: object, *data: np.ndarray | str | None, **origin: str) -> dict:
    """All that the result of a stage depends on, as JSON values; `origin` names earlier models."""
    given = [item for item in data if item is not None]
    record: dict[str, Any] = {"stage": stage, "config": to_json(config)}
    return {**record, **origin, "data": fingerprint(*given)}


def weights_fingerprint(model: nn.Module) -> str:
    """Short hash of all weights and buffers of a model."""
    return fingerprint(*(tensor.cpu().numpy() for tensor in model.state_dict().values()))


def fingerprint(*data: np.ndarray | str) -> str:
    """Short hash of texts, and of arrays' shapes and values; of large ones, of 4096 even rows."""
    digest = hashlib.blake2b(digest_size=12)
    for array in data:
        if isinstance(array, str):
            digest.update(array.encode())
            continue
        digest.update(f"{array.dtype}{array.shape}".encode())
        rows = array
        if array.ndim and len(array) > 4096:
            rows = array[np.linspace(0, len(array) - 1, 4096).astype(np.int64)]
        digest.update(np.ascontiguousarray(rows).tobytes())
    return digest.hexdigest()
