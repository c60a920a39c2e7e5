"""A trained lifter in plain numpy: what prediction needs, without torch.

It reads the directories that training writes. Batch normalisation, which in use is an affine map
of each unit, is folded into the linear layer before it. The network itself is `lifter`.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from safetensors.numpy import load
from threadpoolctl import ThreadpoolController

from overpose.networks.configs import KeypointEncoderConfig, PosePredictorConfig
from overpose.networks.keypoint_windows import input_size
from overpose.networks.model_files import (
    POSE_PREDICTOR_KINDS,
    current_names,
    pose_predictor_config,
    read_model_config,
    read_tensors,
    require_fit,
)
from overpose.skeleton import HUMAN36M
from overpose.support.checks import check_array
from overpose.support.errors import InputError

_JOINTS = len(HUMAN36M)
_EPSILON = 1e-5
"""Added to variances by torch's batch normalisation."""
_ONE_AT_A_TIME = threading.Lock()
"""The number of BLAS's threads, which a lifter sets and sets back, is that of the whole process."""


@dataclass(frozen=True, eq=False)
class _Linear:
    """weight (outputs, inputs) and bias (outputs,), float32."""

    weight: np.ndarray
    bias: np.ndarray

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """(batch, inputs) to (batch, outputs), a new array."""
        outputs = inputs @ self.weight.T
        outputs += self.bias
        return outputs


class NumpyLifter:
    """Windows of keypoints to poses, as `PosePredictor` in evaluation mode.

    Attributes:
        offsets: frames of a window, relative to the one predicted.

    Args:
        config: what the lifter consists of.
        weights: its tensors by name, of the shapes that `config` calls for; float16 is widened.
    """

    def __init__(self, config: PosePredictorConfig, weights: Mapping[str, np.ndarray]) -> None:
        wide = {name: tensor.astype(np.float32) for name, tensor in weights.items()}
        assert isinstance(config.encoder, KeypointEncoderConfig)  # `load_numpy_lifter` has said so
        self.config = config
        self.offsets = config.encoder.offsets
        self._first = _normed(wide, "encoder.first", "encoder.norm")
        self._blocks = [
            [
                _normed(wide, f"encoder.blocks.{i}.layers.{j}", f"encoder.blocks.{i}.norms.{j}")
                for j in range(2)
            ]
            for i in range(config.encoder.blocks)
        ]
        scale = wide["code_scale"]
        self._head = _Linear(wide["head.weight"] * scale, wide["head.bias"] * scale)
        self._decoder = [
            _linear(wide, f"decoder.layers.{i}") for i in range(len(config.decoder_sizes) - 1)
        ]
        self._mean_mm = wide["normalization.mean_mm"]
        self._scale_mm = wide["normalization.scale_mm"]

    def normalised_poses(self, features: np.ndarray) -> np.ndarray:
        """Poses (N, 51) float32 in the network's own units, of windows (N, inputs) float32."""
        with _ONE_AT_A_TIME, _blas().limit(limits=1):
            hidden = _relu(self._first(features))
            for first, second in self._blocks:
                hidden += _relu(second(_relu(first(hidden))))
            outputs = self._head(hidden)
            if self._decoder and self.config.latent_activation == "relu":
                outputs = _relu(outputs)
            if self.config.code_tokens:
                outputs = _soft_choice(outputs, self.config.code_tokens)
            for place, layer in enumerate(self._decoder):
                if place > 0 and self.config.inner_decoder == "relu":
                    outputs = _relu(outputs)
                outputs = layer(outputs)
        return outputs

    def predict(self, features: np.ndarray, batch_size: int = 1024) -> np.ndarray:
        """Poses of windows.

        Args:
            features: (N, inputs) float32 from `keypoint_windows.make_windows`.
            batch_size: windows at a time; it does not change the result beyond rounding.

        Returns:
            (N, 17, 3) float32, mm, axes of the window's virtual camera, relative to the root.

        Raises:
            InputError: `features` is not such an array.
        """
        size = input_size(len(self.offsets))
        check_array("features", features, ("N", size), dtype=np.float32)
        poses_mm = np.empty((len(features), _JOINTS, 3), dtype=np.float32)
        for first in range(0, len(features), batch_size):
            part = slice(first, first + batch_size)
            normalised = self.normalised_poses(features[part]).reshape(-1, _JOINTS, 3)
            poses_mm[part] = normalised * self._scale_mm + self._mean_mm
        return poses_mm - poses_mm[:, :1]


def load_numpy_lifter(directory: Path) -> NumpyLifter:
    """Read a lifter that `storage.save_model` wrote.

    Raises:
        InputError: it is no lifter, a file is missing or damaged, or the weights do not fit the
            configuration.
    """
    found = read_model_config(directory)
    path = directory / "config.json"
    if found.get("kind") not in POSE_PREDICTOR_KINDS:
        raise InputError(
            f"{path}: got model kind {found.get('kind')!r}, expected a lifter, a predictor of "
            "poses from keypoints"
        )
    config = pose_predictor_config(found, str(path))
    if not isinstance(config.encoder, KeypointEncoderConfig):
        raise InputError(
            f"{path}: got a model of images, expected a lifter: keypoints have no image"
        )
    path = directory / "weights.safetensors"
    weights = current_names(read_tensors(path, found.get("weights_sha256"), load))
    shapes = {name: (tensor.shape, str(tensor.dtype)) for name, tensor in weights.items()}
    require_fit(path, shapes, _expected(config, config.encoder))
    for name, tensor in weights.items():
        if not np.isfinite(tensor).all():
            raise InputError(f"{path}: tensor {name!r} is not finite; copy or train it again")
    return NumpyLifter(config, weights)


def _expected(
    config: PosePredictorConfig, encoder: KeypointEncoderConfig
) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and type of every tensor of a lifter, by name."""
    width, pose = encoder.width, 3 * _JOINTS
    layers = {"encoder.first": (width, input_size(len(encoder.offsets)))}
    norms = ["encoder.norm"]
    for i in range(encoder.blocks):
        for j in range(2):
            layers[f"encoder.blocks.{i}.layers.{j}"] = (width, width)
            norms.append(f"encoder.blocks.{i}.norms.{j}")
    layers["head"] = (config.decoder_sizes[0] if config.decoder_sizes else pose, width)
    for i, (inputs, outputs) in enumerate(pairwise(config.decoder_sizes)):
        layers[f"decoder.layers.{i}"] = (outputs, inputs)
    shapes: dict[str, tuple[int, ...]] = {
        "normalization.mean_mm": (_JOINTS, 3),
        "normalization.scale_mm": (),
        "code_scale": (),
    }
    for name, shape in layers.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    for name in norms:
        parts = ("weight", "bias", "running_mean", "running_var")
        shapes |= {f"{name}.{part}": (width,) for part in parts}
    counts = {f"{name}.num_batches_tracked": ((), "int64") for name in norms}
    return {name: (shape, "float32") for name, shape in shapes.items()} | counts


@cache
def _blas() -> ThreadpoolController:
    """The library that numpy multiplies matrices with, to have it use one thread.

    Its threads wait by spinning, which takes the cores from the networks that find people: with one
    thread a live video runs twice as fast, and whole tracks take no longer.
    """
    return ThreadpoolController().select(user_api="blas")


def _linear(weights: Mapping[str, np.ndarray], name: str) -> _Linear:
    return _Linear(weights[f"{name}.weight"], weights[f"{name}.bias"])


def _normed(weights: Mapping[str, np.ndarray], layer: str, norm: str) -> _Linear:
    """A linear layer and the batch normalisation behind it as one linear layer."""
    gain = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + _EPSILON)
    bias = (weights[f"{layer}.bias"] - weights[f"{norm}.running_mean"]) * gain
    return _Linear(weights[f"{layer}.weight"] * gain[:, None], bias + weights[f"{norm}.bias"])


def _soft_choice(code: np.ndarray, tokens: int) -> np.ndarray:
    """As `codes.soft_choice`."""
    parts = code.reshape(len(code), tokens, -1)
    shares = np.exp(parts - parts.max(axis=-1, keepdims=True))
    return (shares / shares.sum(axis=-1, keepdims=True)).reshape(code.shape)


def _relu(values: np.ndarray) -> np.ndarray:
    """In place."""
    return np.maximum(values, 0, out=values)
