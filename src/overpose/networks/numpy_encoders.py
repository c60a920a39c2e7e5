"""The encoders of `keypoint_encoder` in plain numpy, from their weights by name.

Batch normalisation, which in use is an affine map of each unit, is folded into the linear layer
before it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from overpose.networks.configs import KeypointEncoderConfig
from overpose.networks.keypoint_windows import encoder_inputs, first_size

Weights = Mapping[str, np.ndarray]
_EPSILON = 1e-5
"""Added to variances by torch's normalisations."""


@dataclass(frozen=True, eq=False)
class Linear:
    """weight (outputs, inputs) and bias (outputs,), float32."""

    weight: np.ndarray
    bias: np.ndarray

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """(..., inputs) to (..., outputs), a new array."""
        outputs = inputs @ self.weight.T
        outputs += self.bias
        return outputs


def numpy_encoder(
    config: KeypointEncoderConfig, weights: Weights
) -> Callable[[np.ndarray], np.ndarray]:
    """From features (N, inputs) float32 of windows to (N, width)."""
    if config.kind == "attention":
        return _attention_encoder(config, weights)
    start = normed(weights, "encoder.first", "encoder.norm")
    merges = config.merges if config.kind == "convolutions" else 0
    merging = [_two_layers(weights, f"encoder.merges.{i}") for i in range(merges)]
    blocks = [_two_layers(weights, f"encoder.blocks.{i}") for i in range(config.blocks)]

    def encode(features: np.ndarray) -> np.ndarray:
        seen = encoder_inputs(features, config, np).astype(np.float32, copy=False)
        hidden = relu(start(seen.reshape(-1, seen.shape[-1])))
        for one, other in merging:
            three = hidden.reshape(len(hidden) // 3, 3 * config.width)
            hidden = hidden[1::3] + relu(other(relu(one(three))))
        for one, other in blocks:
            hidden += relu(other(relu(one(hidden))))
        return hidden

    return encode


def _attention_encoder(
    config: KeypointEncoderConfig, weights: Weights
) -> Callable[[np.ndarray], np.ndarray]:
    first, position = linear(weights, "encoder.first"), weights["encoder.position"]
    last = _layer_norm(weights, "encoder.norm")
    blocks = [
        (
            *(_layer_norm(weights, f"encoder.blocks.{i}.norms.{j}") for j in range(2)),
            *(linear(weights, f"encoder.blocks.{i}.{name}") for name in _ATTENTION),
        )
        for i in range(config.blocks)
    ]
    count, heads = len(config.offsets), config.heads
    share = config.width // heads

    def looked(parts: np.ndarray) -> np.ndarray:
        shape = (len(parts), count, 3, heads, share)
        query, key, value = parts.reshape(shape).transpose(2, 0, 3, 1, 4)
        scores = query @ key.swapaxes(-1, -2)
        scores *= np.float32(1 / math.sqrt(share))
        scores -= scores.max(axis=-1, keepdims=True, initial=-np.inf)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        return (scores @ value).swapaxes(1, 2).reshape(len(parts), count, config.width)

    def encode(features: np.ndarray) -> np.ndarray:
        seen = encoder_inputs(features, config, np).astype(np.float32, copy=False)
        frames = first(seen)
        frames += position
        for before, between, look, told, up, down in blocks:
            frames += told(looked(look(before(frames))))
            frames += down(relu(up(between(frames))))
        return last(frames[:, config.middle])

    return encode


_ATTENTION = ("look", "told", "layers.0", "layers.1")


def encoder_shapes(config: KeypointEncoderConfig) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and type of every tensor of an encoder, by name."""
    width = config.width
    layers = {"first": (width, first_size(config))}
    norms, others = ["norm"], {}
    if config.kind == "attention":
        others["position"] = (len(config.offsets), width)
        sizes = ((3 * width, width), (width, width), (2 * width, width), (width, 2 * width))
        for i in range(config.blocks):
            layers |= {
                f"blocks.{i}.{name}": size for name, size in zip(_ATTENTION, sizes, strict=True)
            }
            norms += [f"blocks.{i}.norms.{j}" for j in range(2)]
    else:
        pairs = [(f"blocks.{i}", width) for i in range(config.blocks)]
        if config.kind == "convolutions":
            pairs += [(f"merges.{i}", 3 * width) for i in range(config.merges)]
        for pair, inputs in pairs:
            layers |= {f"{pair}.layers.0": (width, inputs), f"{pair}.layers.1": (width, width)}
            norms += [f"{pair}.norms.{j}" for j in range(2)]
    parts = ["weight", "bias"]
    if config.kind != "attention":
        parts += ["running_mean", "running_var"]
    shapes: dict[str, tuple[int, ...]] = {**others}
    for name, shape in layers.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    for name in norms:
        shapes |= {f"{name}.{part}": (width,) for part in parts}
    types = {f"encoder.{name}": (shape, "float32") for name, shape in shapes.items()}
    if config.kind == "attention":
        return types
    return types | {f"encoder.{name}.num_batches_tracked": ((), "int64") for name in norms}


def linear(weights: Weights, name: str) -> Linear:
    """A linear layer."""
    return Linear(weights[f"{name}.weight"], weights[f"{name}.bias"])


def normed(weights: Weights, layer: str, norm: str) -> Linear:
    """A linear layer and the batch normalisation behind it as one linear layer."""
    gain = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + _EPSILON)
    bias = (weights[f"{layer}.bias"] - weights[f"{norm}.running_mean"]) * gain
    return Linear(weights[f"{layer}.weight"] * gain[:, None], bias + weights[f"{norm}.bias"])


def relu(values: np.ndarray) -> np.ndarray:
    """In place."""
    return np.maximum(values, 0, out=values)


def _two_layers(weights: Weights, name: str) -> list[Linear]:
    return [normed(weights, f"{name}.layers.{j}", f"{name}.norms.{j}") for j in range(2)]


def _layer_norm(weights: Weights, name: str) -> Callable[[np.ndarray], np.ndarray]:
    gain, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]

    def norm(values: np.ndarray) -> np.ndarray:
        centred = values - values.mean(axis=-1, keepdims=True)
        spread = np.square(centred).mean(axis=-1, keepdims=True)
        return centred / np.sqrt(spread + np.float32(_EPSILON)) * gain + bias

    return norm
