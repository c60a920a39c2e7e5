"""A trained lifter in plain numpy: what prediction needs, without torch.

It reads the directories that training writes. What sees the window is in `numpy_encoders`; the
network that was trained is `pose_predictor`.
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
from safetensors.numpy import load

from overpose.networks.configs import (
    ERROR_LAYERS,
    ERROR_UNIT_MM,
    ERROR_WIDTH,
    KeypointEncoderConfig,
    PosePredictorConfig,
)
from overpose.networks.keypoint_windows import input_size
from overpose.networks.lifted import Lifted, ankles_mm, joined
from overpose.networks.model_files import (
    POSE_PREDICTOR_KINDS,
    current_names,
    pose_predictor_config,
    read_model_config,
    read_tensors,
    require_fit,
)
from overpose.networks.numpy_encoders import Linear, encoder_shapes, linear, numpy_encoder, relu
from overpose.skeleton import FEET, HUMAN36M
from overpose.support.blas import one_blas_thread
from overpose.support.checks import check_array
from overpose.support.errors import InputError

_JOINTS = len(HUMAN36M)


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
        frame_by_frame = config.encoder.kind != "mlp"
        self._batch_size = max(1, 1024 // len(self.offsets)) if frame_by_frame else 1024
        self._encode = numpy_encoder(config.encoder, wide)
        scale = wide["code_scale"]
        self._head = Linear(wide["head.weight"] * scale, wide["head.bias"] * scale)
        self._decoder = [
            linear(wide, f"decoder.layers.{i}") for i in range(len(config.decoder_sizes) - 1)
        ]
        self._feet = linear(wide, "feet_head") if config.feet else None
        self._errors = [linear(wide, name) for name in ERROR_LAYERS] if config.errors else []
        self._mean_mm = wide["normalization.mean_mm"]
        self._scale_mm = wide["normalization.scale_mm"]

    def normalised_poses(self, features: np.ndarray) -> np.ndarray:
        """Poses (N, 51) float32 in the network's own units, of windows (N, inputs) float32."""
        with one_blas_thread():
            return self._poses(self._encode(features))

    def predict(self, features: np.ndarray, batch_size: int | None = None) -> np.ndarray:
        """The poses alone of `predict_all`: (N, 17, 3) float32."""
        return self.predict_all(features, batch_size).poses_mm

    def predict_all(self, features: np.ndarray, batch_size: int | None = None) -> Lifted:
        """All that the lifter says of windows.

        Args:
            features: (N, inputs) float32 from `keypoint_windows.make_windows`.
            batch_size: windows at a time; it does not change the result beyond rounding.

        Returns:
            N poses, with feet and expected errors where the lifter knows them, in the axes of each
            window's virtual camera, relative to the root.

        Raises:
            InputError: `features` is not such an array.
        """
        count = len(self.offsets)
        check_array("features", features, ("N", input_size(count)), dtype=np.float32)
        size = batch_size or self._batch_size
        starts = range(0, max(len(features), 1), size)
        return joined([self._lifted(features[start : start + size]) for start in starts])

    def _lifted(self, features: np.ndarray) -> Lifted:
        with one_blas_thread():
            hidden = self._encode(features)
            normalised = self._poses(hidden).reshape(-1, _JOINTS, 3)
            poses_mm = normalised * self._scale_mm + self._mean_mm
            poses_mm = poses_mm - poses_mm[:, :1]
            feet_mm = errors_mm = None
            if self._feet is not None:
                hanging = self._feet(hidden).reshape(-1, len(FEET), 3) * self._scale_mm
                feet_mm = ankles_mm(poses_mm) + hanging
            if self._errors:
                first, second = self._errors
                errors_mm = np.exp(second(relu(first(hidden)))) * np.float32(ERROR_UNIT_MM)
                errors_mm[:, 0] = 0
        return Lifted(poses_mm, feet_mm, errors_mm)

    def _poses(self, hidden: np.ndarray) -> np.ndarray:
        outputs = self._head(hidden)
        if self._decoder and self.config.latent_activation == "relu":
            outputs = relu(outputs)
        if self.config.code_tokens:
            outputs = _soft_choice(outputs, self.config.code_tokens)
        for place, layer in enumerate(self._decoder):
            if place > 0 and self.config.inner_decoder == "relu":
                outputs = relu(outputs)
            outputs = layer(outputs)
        return outputs


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
    layers = {"head": (config.decoder_sizes[0] if config.decoder_sizes else pose, width)}
    for i, (inputs, outputs) in enumerate(pairwise(config.decoder_sizes)):
        layers[f"decoder.layers.{i}"] = (outputs, inputs)
    if config.feet:
        layers["feet_head"] = (3 * len(FEET), width)
    if config.errors:
        sizes = ((ERROR_WIDTH, width), (_JOINTS, ERROR_WIDTH))
        layers |= dict(zip(ERROR_LAYERS, sizes, strict=True))
    shapes: dict[str, tuple[int, ...]] = {
        "normalization.mean_mm": (_JOINTS, 3),
        "normalization.scale_mm": (),
        "code_scale": (),
    }
    for name, shape in layers.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return {name: (shape, "float32") for name, shape in shapes.items()} | encoder_shapes(encoder)


def _soft_choice(code: np.ndarray, tokens: int) -> np.ndarray:
    """As `codes.soft_choice`."""
    parts = code.reshape(len(code), tokens, -1)
    shares = np.exp(parts - parts.max(axis=-1, keepdims=True))
    return (shares / shares.sum(axis=-1, keepdims=True)).reshape(code.shape)
