"""The network that turns 2D keypoints over a window of time into features, and what it is fed.

Keypoints enter normalised (see `keypoint_windows`); what the features become (a pose or a latent
code) belongs to `lifter`.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import relu

from overpose.networks.lifter_config import KeypointEncoderConfig


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
    """A linear layer, then residual blocks.

    Args:
        config: sizes.
        inputs: numbers in a window.

    Attributes:
        training_dtype: of the products of layers in training mode; bfloat16 takes half the time
            where the processor knows it. In evaluation mode it is always float32.
    """

    def __init__(self, config: KeypointEncoderConfig, inputs: int) -> None:
        super().__init__()
        self.config = config
        self.training_dtype = torch.float32
        self.first = nn.Linear(inputs, config.width)
        self.norm = nn.BatchNorm1d(config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            _Block(config.width, config.dropout) for _ in range(config.blocks)
        )

    def forward(self, windows: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch width"]:
        """Features of normalised windows."""
        half = self.training and self.training_dtype != torch.float32
        with torch.autocast(windows.device.type, self.training_dtype, enabled=half):
            features = self.dropout(relu(self.norm(self.first(windows))))
            for block in self.blocks:
                features = block(features)
        return features.float()
