"""The convolutions that DconvMP-HML and StructNet share (Li and Chan, ACCV 2014).

Maps have the sizes of `networks.image_encoder`'s, so weights can be passed on between the two.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from overpose.networks.image_encoder import ImageEncoderConfig
from overpose.support.errors import InputError


@dataclass(frozen=True)
class ConvolutionsConfig:
    """Sizes of the shared part; see `ImageEncoderConfig`, which they must agree with.

    Raises:
        InputError: the values do not fit together.
    """

    image_size: int = 128
    crop_size: int = 112
    kernels: tuple[int, ...] = (9, 5, 5)
    channels: tuple[int, ...] = (32, 64, 64)

    def __post_init__(self) -> None:
        if len(self.kernels) != 3:
            raise InputError(f"kernels: got {self.kernels}, expected three")
        self.image_encoder((1,))

    def image_encoder(self, hidden: tuple[int, ...], dropout: float = 0.0) -> ImageEncoderConfig:
        """The image network with these convolutions.

        Raises:
            InputError: the values do not fit together.
        """
        return ImageEncoderConfig(
            self.image_size, self.crop_size, self.kernels, self.channels, hidden, dropout
        )

    @property
    def map_sizes(self) -> tuple[int, int]:
        """Numbers in the maps after the second and the third pooling."""
        sides, side = [], self.crop_size
        for kernel in self.kernels:
            side = -(-(side - kernel + 1 - 3) // 2) + 1
            sides.append(side)
        return self.channels[1] * sides[1] ** 2, self.channels[2] * sides[2] ** 2


NEIGHBOURS = 5
"""Channels that local response normalisation sums over; see `normalised`."""
ALPHA = 0.0025


class SharedConvolutions(nn.Module):
    """Three convolutions, each followed by 3x3 max-pooling of stride 2; LRN after the second.

    Images are standardised by the mean and deviation of each colour; the original subtracts the
    mean image.
    """

    channel_mean: Tensor
    channel_std: Tensor
    neighbours: Tensor

    def __init__(self, config: ConvolutionsConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("channel_mean", torch.full((3, 1, 1), 127.5))
        self.register_buffer("channel_std", torch.full((3, 1, 1), 64.0))
        inputs = (3, *config.channels[:-1])
        self.convolutions = nn.ModuleList(
            nn.Conv2d(below, above, kernel)
            for below, above, kernel in zip(inputs, config.channels, config.kernels, strict=True)
        )
        place = torch.arange(config.channels[1])
        near = (place[:, None] - place).abs() <= NEIGHBOURS // 2
        self.register_buffer("neighbours", near.float(), persistent=False)

    def standardised(self, crops: Tensor) -> Tensor:
        """Crops (batch, 3, crop, crop) with RGB values 0..255, uint8 or float."""
        return (crops - self.channel_mean).div_(self.channel_std)

    def forward(self, images: Tensor, *, last_linear: bool = False) -> tuple[Tensor, Tensor]:
        """Maps after the second and after the third pooling, flat, of standardised images.

        Args:
            images: (batch, 3, crop, crop).
            last_linear: whether no ReLU follows the third convolution.
        """
        first, second, third = self.convolutions
        maps = images.contiguous(memory_format=torch.channels_last)
        maps = relu(_pooled(first(maps)))
        middle = _pooled(normalised(relu(second(maps)), self.neighbours))
        last = _pooled(third(middle))
        return middle.flatten(1), (last if last_linear else relu(last)).flatten(1)


def normalised(
    maps: Float[Tensor, "batch channels height width"],
    neighbours: Float[Tensor, "channels channels"],
) -> Float[Tensor, "batch channels height width"]:
    """Local response normalisation: x / (1 + alpha / 5 * sum of the neighbours' x^2)^0.75.

    What `nn.LocalResponseNorm` computes, in the type of `neighbours`. That one took
    half the time of training: it averages with a three-dimensional pooling, which is slow on CPUs;
    here the sum is a product of matrices.

    Args:
        maps: stored channels last.
        neighbours: 1 where two channels are neighbours, 0 elsewhere.
    """
    last = maps.permute(0, 2, 3, 1)
    rows = _NormalisedRows.apply(
        last.flatten(0, 2).to(neighbours.dtype), neighbours, ALPHA / NEIGHBOURS
    )
    return rows.view(last.shape).permute(0, 3, 1, 2)


class _NormalisedRows(torch.autograd.Function):
    """`normalised` of rows (n, channels); with its gradient, whose terms share their factors."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, neighbours: Tensor, weight: float) -> Tensor:
        sums = torch.addmm(rows.new_ones(()), rows.square(), neighbours, alpha=weight)
        root = sums.rsqrt()
        factor = root.sqrt().mul_(root)  # sums^-0.75
        ctx.save_for_backward(rows, sums, factor, neighbours)
        ctx.weight = weight
        return rows * factor

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        rows, sums, factor, neighbours = ctx.saved_tensors
        direct = gradients[0] * factor
        shared = (direct * rows).div_(sums) @ neighbours
        return direct.addcmul_(rows, shared, value=-1.5 * ctx.weight), None, None


def _pooled(maps: Tensor) -> Tensor:
    return max_pool2d(maps, 3, stride=2, ceil_mode=True)
