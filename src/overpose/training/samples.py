"""What the stages share: checks of their arrays, the squared error, what identifies a run."""

import hashlib
from typing import Any, Protocol, runtime_checkable

import numpy as np
from torch import Tensor

from overpose.metrics import mpjpe
from overpose.networks.normalization import check_poses
from overpose.networks.storage import to_json
from overpose.support.checks import check_array
from overpose.support.errors import InputError

Samples = tuple[np.ndarray, np.ndarray]
"""Images (N, S, S, 3) uint8 and poses (N, 17, 3) in mm."""


@runtime_checkable
class PosePredictor(Protocol):
    """Anything that predicts poses from images."""

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Images (N, S, S, 3) uint8 to poses (N, 17, 3) mm."""
        ...


def error_mm(model: PosePredictor, validation: Samples) -> float:
    """MPJPE in mm of a model on held-out images."""
    images, poses_mm = validation
    return float(mpjpe(model.predict(images), poses_mm))


def squared_error(predicted: Tensor, target: Tensor) -> Tensor:
    """Sum over dimensions, mean over the batch, of the squared difference of (batch, size)."""
    return (predicted - target).square().sum(1).mean()


def check_samples(images: object, poses_mm: object, size: int, prefix: str = "") -> Samples:
    """Return images of side `size` and as many poses, checked.

    Raises:
        InputError: they are not.
    """
    pictures = check_array(f"{prefix}images", images, ("N", size, size, 3), dtype=np.uint8)
    poses = check_poses(f"{prefix}poses_mm", poses_mm)
    if len(pictures) != len(poses):
        raise InputError(
            f"{prefix}images, {prefix}poses_mm: got {len(pictures)} images and {len(poses)} poses, "
            "expected one pose for each image"
        )
    return pictures, poses


def run_record(stage: str, config: object, *data: np.ndarray | None, **origin: str) -> dict:
    """All that the result of a stage depends on, as JSON values; `origin` names earlier models."""
    arrays = [array for array in data if array is not None]
    record: dict[str, Any] = {"stage": stage, "config": to_json(config)}
    return {**record, **origin, "data": fingerprint(*arrays)}


def fingerprint(*arrays: np.ndarray) -> str:
    """Short hash of shapes and values; of large arrays, of 4096 rows spread evenly."""
    digest = hashlib.blake2b(digest_size=12)
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        rows = array
        if array.ndim and len(array) > 4096:
            rows = array[np.linspace(0, len(array) - 1, 4096).astype(np.int64)]
        digest.update(np.ascontiguousarray(rows).tobytes())
    return digest.hexdigest()
