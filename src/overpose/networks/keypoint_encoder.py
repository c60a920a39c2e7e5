"""The network that turns 2D keypoints over a window of time into features, and what it is fed.

Keypoints enter normalised (see `keypoint_windows`); what the features become (a pose or a latent
code) belongs to `pose_predictor`.
"""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import relu

from overpose.networks.configs import KeypointEncoderConfig
from overpose.networks.keypoint_windows import input_size
from overpose.support.checks import check_array


class _Block(nn.Module):
    """Two layers with batch normalisation, ReLU and dropout, around which the input passes."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor) -> Tensor:
        inner = features
        for layer, norm in zip(self.layers, self.norms, strict=True):
            inner = self.dropout(relu(norm(layer(inner))))
        return features + inner


class KeypointEncoder(nn.Module):
    """A linear layer, then residual blocks."""

    batch_size = 1024

    def __init__(self, config: KeypointEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.first = nn.Linear(input_size(len(config.offsets)), config.width)
        self.norm = nn.BatchNorm1d(config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            _Block(config.width, config.dropout) for _ in range(config.blocks)
        )

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
        features = self.dropout(relu(self.norm(self.first(windows))))
        for block in self.blocks:
            features = block(features)
        return features
