"""The networks that see images and keypoints: what training changes in them."""

import pytest
import torch
from torch import nn

from overpose.networks.configs import ImageEncoderConfig, KeypointEncoderConfig
from overpose.networks.image_encoder import ImageEncoder
from overpose.networks.keypoint_encoder import KeypointEncoder
from overpose.networks.keypoint_windows import input_size


def images(dropout: float) -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    config = ImageEncoderConfig(20, 16, (5, 3), (4, 6), (64, 400), dropout)
    return ImageEncoder(config), torch.rand(64, 3, 16, 16) * 255


def keypoints(dropout: float) -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    return KeypointEncoder(KeypointEncoderConfig((0,), 400, 0, dropout)), torch.randn(
        64, input_size(1)
    )


@pytest.mark.parametrize("made", [images, keypoints])
@pytest.mark.parametrize("dropout", [0.2, 0.5])
def test_the_stated_share_of_features_is_dropped_in_training_only(made, dropout):
    """What stays is larger by as much: without dropout the same inputs give the reference."""
    plain, shown = made(0.0)
    network, _ = made(dropout)
    network.load_state_dict(plain.state_dict())
    with torch.no_grad():
        whole = plain.eval()(shown)
        assert torch.equal(network.eval()(shown), whole)
        alive = plain.train()(shown) > 0
        dropped = (network.train()(shown) == 0) & alive
    assert float(dropped.sum() / alive.sum()) == pytest.approx(dropout, abs=0.15)
