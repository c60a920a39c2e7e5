"""The networks that turn 2D keypoints over a window of time into features, and what they are fed.

Keypoints enter normalised (see `keypoint_windows`); what the features become (a pose or a latent
code) belongs to `pose_predictor`. Each has its twin in numpy, in `numpy_encoders`.
"""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import relu, scaled_dot_product_attention

from overpose.networks.configs import KeypointEncoderConfig
from overpose.networks.keypoint_windows import encoder_inputs, first_size, input_size
from overpose.networks.sharing import BatchNorm1d, Dropout
from overpose.support.checks import check_array


class _Block(nn.Module):
    """Two layers with batch normalisation, ReLU and dropout, around which the input passes."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.norms = nn.ModuleList(BatchNorm1d(width) for _ in range(2))
        self.dropout = Dropout(dropout)

    def forward(self, features: Tensor) -> Tensor:
        inner = features
        for layer, norm in zip(self.layers, self.norms, strict=True):
            inner = self.dropout(relu(norm(layer(inner))))
        return features + inner


class _Merge(nn.Module):
    """One frame of every three neighbours: the middle one, and what two layers make of all."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList((nn.Linear(3 * width, width), nn.Linear(width, width)))
        self.norms = nn.ModuleList(BatchNorm1d(width) for _ in range(2))
        self.dropout = Dropout(dropout)

    def forward(self, frames: Float[Tensor, "frames width"]) -> Tensor:
        inner = frames.reshape(-1, 3 * frames.shape[-1])
        for layer, norm in zip(self.layers, self.norms, strict=True):
            inner = self.dropout(relu(norm(layer(inner))))
        return frames[1::3] + inner


class _Attention(nn.Module):
    """Every frame looks at all others, then thinks by itself; normalised before each (pre-norm)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.look = nn.Linear(width, 3 * width)
        self.told = nn.Linear(width, width)
        self.layers = nn.ModuleList((nn.Linear(width, 2 * width), nn.Linear(2 * width, width)))
        self.dropout = Dropout(dropout)

    def forward(self, frames: Float[Tensor, "batch frames width"]) -> Tensor:
        parts = self.look(self.norms[0](frames)).unflatten(-1, (3, self.heads, -1))
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # each (batch, heads, frames, width/heads)
        told = scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(-2)
        frames = frames + self.dropout(self.told(told))
        inner = self.dropout(relu(self.layers[0](self.norms[1](frames))))
        return frames + self.dropout(self.layers[1](inner))


class KeypointEncoder(nn.Module):
    """Features of windows of keypoints, in one of three ways; see `KeypointEncoderConfig.kind`."""

    batch_size = 1024

    def __init__(self, config: KeypointEncoderConfig) -> None:
        super().__init__()
        self.config = config
        width, frames = config.width, len(config.offsets)
        self.first = nn.Linear(first_size(config), width)
        self.dropout = Dropout(config.dropout)
        if config.kind == "attention":
            self.position = nn.Parameter(torch.zeros(frames, width))
            self.norm = nn.LayerNorm(width)
            self.blocks = nn.ModuleList(
                _Attention(width, config.heads, config.dropout) for _ in range(config.blocks)
            )
            return
        self.norm = BatchNorm1d(width)
        if config.kind == "convolutions":
            self.merges = nn.ModuleList(_Merge(width, config.dropout) for _ in range(config.merges))
        self.blocks = nn.ModuleList(_Block(width, config.dropout) for _ in range(config.blocks))

    @property
    def width(self) -> int:
        """Numbers in the features."""
        return self.config.width

    def batches(self, observations: np.ndarray, batch_size: int) -> Iterator[Tensor]:
        """What `forward` takes of features (N, inputs) float32 from `keypoint_windows`.

        Raises:
            InputError: `observations` is not such an array.
        """
        size = input_size(len(self.config.offsets))
        check_array("features", observations, ("N", size), dtype=np.float32)
        for first in range(0, len(observations), batch_size):
            yield torch.from_numpy(observations[first : first + batch_size])

    def forward(self, windows: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch width"]:
        """Features of normalised windows."""
        config = self.config
        seen = encoder_inputs(windows, config, torch)
        if config.kind == "attention":
            frames = self.dropout(self.first(seen) + self.position)
            for block in self.blocks:
                frames = block(frames)
            return self.norm(frames[:, config.middle])
        features = self.dropout(relu(self.norm(self.first(seen.reshape(-1, seen.shape[-1])))))
        if config.kind == "convolutions":
            for merge in self.merges:
                features = merge(features)
        for block in self.blocks:
            features = block(features)
        return features
