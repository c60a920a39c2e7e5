"""Local response normalisation by a product of matrices equals torch's own."""

import pytest
import torch
from torch import nn

from overpose.baselines.convolutions import ConvolutionsConfig, SharedConvolutions, normalised

REFERENCE = nn.LocalResponseNorm(5, alpha=0.0025, beta=0.75)


def neighbours(channels: int) -> torch.Tensor:
    config = ConvolutionsConfig(32, 28, (5, 3, 3), (4, channels, 4))
    return SharedConvolutions(config).neighbours.double()


@pytest.mark.parametrize("channels", [1, 2, 4, 9])
def test_normalisation_and_its_gradient_are_torchs(channels: int) -> None:
    generator = torch.Generator().manual_seed(channels)
    shape = (2, channels, 3, 4)
    maps = 40 * torch.randn(shape, generator=generator, dtype=torch.float64)
    upstream = torch.randn(shape, generator=generator, dtype=torch.float64)
    found = []
    for function in (lambda x: normalised(x, neighbours(channels)), REFERENCE):
        given = maps.clone().requires_grad_()
        value = function(given)
        found.append((value, *torch.autograd.grad(value, given, upstream)))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_maps_stored_channels_last_stay_so() -> None:
    maps = torch.randn(2, 4, 3, 5).contiguous(memory_format=torch.channels_last)
    found = normalised(maps, neighbours(4).float())
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_neighbours_are_no_part_of_saved_weights() -> None:
    assert "neighbours" not in SharedConvolutions(ConvolutionsConfig()).state_dict()
