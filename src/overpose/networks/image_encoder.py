"""The convolutional network of the paper that turns a crop into features (Tekin et al. 2016).

Images enter as RGB values 0..255 and are standardised here; what the features become (a pose or a
latent code) belongs to `pose_predictor`.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import cast

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from overpose.networks.configs import ImageEncoderConfig
from overpose.networks.sharing import Dropout
from overpose.support.checks import check_array
from overpose.support.errors import InputError

Crops = Float[Tensor, "batch 3 crop crop"] | UInt8[Tensor, "batch 3 crop crop"]
"""Square RGB crops, 0..255."""


class ImageEncoder(nn.Module):
    """Convolutions with ReLU and max-pooling, then fully connected layers with ReLU and dropout.

    The paper starts the convolutions from a 2D joint detection network; ours start from He's
    initialisation, like everything else here.
    """

    batch_size = 256
    channel_mean: Tensor
    channel_std: Tensor

    def __init__(self, config: ImageEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("channel_mean", torch.full((3, 1, 1), 127.5))
        self.register_buffer("channel_std", torch.full((3, 1, 1), 64.0))
        inputs = (3, *config.channels[:-1])
        self.convolutions = nn.ModuleList(
            nn.Conv2d(below, above, kernel)
            for below, above, kernel in zip(inputs, config.channels, config.kernels, strict=True)
        )
        widths = (config.channels[-1] * config.map_size**2, *config.hidden)
        self.connected = nn.ModuleList(nn.Linear(below, above) for below, above in pairwise(widths))
        self.dropout = Dropout(config.dropout)

    @property
    def width(self) -> int:
        """Numbers in the features."""
        return self.config.hidden[-1]

    def batches(self, observations: np.ndarray, batch_size: int) -> Iterator[Tensor]:
        """What `forward` takes of images (N, S, S, 3) uint8 RGB: their central crops.

        Raises:
            InputError: `observations` is not such an array.
        """
        sizes = self.config.image_size, self.config.crop_size
        return central_crops(observations, *sizes, batch_size)

    def fit_channels(self, images: np.ndarray) -> None:
        """Measure mean and standard deviation of the channels on RGB images (N, S, S, 3) uint8."""
        size = self.config.image_size
        check_array("images", images, ("N", size, size, 3), dtype=np.uint8)
        total, squares = np.zeros(3), np.zeros(3)
        for start in range(0, len(images), 256):
            part = images[start : start + 256].reshape(-1, 3).astype(np.float32)
            total += part.sum(0, dtype=np.float64)
            squares += np.square(part).sum(0, dtype=np.float64)
        count = images.size // 3
        mean = total / count
        std = np.sqrt(np.maximum(squares / count - mean**2, 1.0))  # a constant channel: no blow-up
        self.channel_mean.copy_(torch.from_numpy(mean).view(3, 1, 1))
        self.channel_std.copy_(torch.from_numpy(std).view(3, 1, 1))

    def forward(self, crops: Crops) -> Float[Tensor, "batch width"]:
        """Features of crops.

        Pooling comes before the ReLU: the result is the same, since both keep order, for a quarter
        of the work.
        """
        maps = (crops - self.channel_mean).div_(self.channel_std)
        maps = maps.contiguous(memory_format=torch.channels_last)
        for convolution in self.convolutions:
            maps = relu(max_pool2d(convolution(maps), 2))
        features = maps.flatten(1)
        for layer in self.connected:
            features = self.dropout(relu(layer(features)))
        return features


def initialise(model: nn.Module, seed: int) -> None:
    """He's initial weights for ReLU, biases zero, drawn from a stream of their own."""
    generator = torch.Generator().manual_seed(seed)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(cast(Tensor, layer.bias))


def central_crops(
    images: np.ndarray, image_size: int, crop_size: int, batch_size: int
) -> Iterator[Tensor]:
    """Central crops (batch, 3, crop, crop) uint8 of images (N, S, S, 3) uint8, some at a time.

    Raises:
        InputError: `images` is not such an array, or `batch_size` is not positive.
    """
    check_array("images", images, ("N", image_size, image_size, 3), dtype=np.uint8)
    if batch_size < 1:
        raise InputError(f"batch_size: got {batch_size}, expected at least 1")
    start = (image_size - crop_size) // 2
    central = images[:, start : start + crop_size, start : start + crop_size]
    for first in range(0, len(images), batch_size):
        part = np.ascontiguousarray(central[first : first + batch_size])
        yield torch.from_numpy(part).permute(0, 3, 1, 2)
