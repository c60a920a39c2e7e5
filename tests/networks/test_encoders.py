"""The networks that see images and keypoints: what training changes in them."""

import numpy as np
import pytest
import torch
from torch import nn

from overpose.networks.configs import (
    ImageEncoderConfig,
    KeypointEncoderConfig,
    window_offsets,
)
from overpose.networks.image_encoder import ImageEncoder
from overpose.networks.keypoint_encoder import KeypointEncoder
from overpose.networks.keypoint_windows import (
    JITTER_FLOOR,
    JITTER_TYPICAL,
    input_size,
    jitter,
)
from overpose.support.errors import InputError


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


@pytest.mark.parametrize("kind", ["mlp", "convolutions", "attention"])
def test_every_frame_of_a_window_counts(kind):
    config = KeypointEncoderConfig(window_offsets(9), 32, 1, kind=kind, heads=4)
    network = KeypointEncoder(config).eval()
    seen = torch.randn(1, input_size(9), requires_grad=True)
    network(seen).square().sum().backward()
    assert seen.grad is not None
    assert (seen.grad[0, :-1].unflatten(0, (9, -1)).abs().sum(1) > 0).all()


def test_jitter_is_the_logarithm_of_second_differences():
    """Of a keypoint that moves evenly there is none; of one that trembles it is the trembling."""
    frames = np.ones((1, 5, 37, 3), np.float32)
    frames[0, :, 0, 0] = np.arange(5)
    frames[0, :, 1, 1] = 0.05 * (-1.0) ** np.arange(5)  # second differences of 0.2
    frames[0, 2, 2] = 0.0
    told = jitter(frames, (0, 1, 2), np)
    assert told[0, 0] == pytest.approx(np.log(JITTER_FLOOR / JITTER_TYPICAL))
    assert told[0, 1] == pytest.approx(np.log((0.2 + JITTER_FLOOR) / JITTER_TYPICAL), rel=1e-4)
    assert told[0, 2] == 0  # never three frames on end


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "convolutions", "offsets": (-1, 0, 1, 2)}, "expected 1, 3, 9"),
        ({"kind": "attention", "heads": 7}, "expected a divisor"),
        pytest.param({"kind": "recurrent"}, "expected mlp, conv", marks=pytest.mark.wrong_types),
        ({"jitter": True, "offsets": (-2, 0, 2)}, "three neighbouring"),
    ],
)
def test_encoders_that_cannot_be_are_refused(change, said):
    with pytest.raises(InputError, match=said):
        KeypointEncoderConfig(**{"width": 32, **change})


def test_windows_with_a_step_keep_the_neighbours_of_the_middle():
    assert window_offsets(5) == (-2, -1, 0, 1, 2)
    assert window_offsets(7, 3) == (-9, -6, -1, 0, 1, 6, 9)
