"""What every code of poses offers, the decoder that a pose predictor carries, numpy helpers.

A code is anything that fits `PoseCode`: the autoencoder, PCA, or another one; the latent stages of
training take any of them.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn
from torch.nn.functional import linear, relu

from overpose.networks.normalization import (
    POSE_SIZE,
    PoseNormalization,
    check_poses,
    root_relative,
)
from overpose.support.errors import InputError


@runtime_checkable
class PoseCode(Protocol):
    """A latent code of poses: `decode(encode(y))` is close to `y`."""

    normalization: PoseNormalization

    @property
    def latent_size(self) -> int:
        """Numbers in the code."""
        ...

    def encode(self, pose: Float[Tensor, "batch 51"]) -> Float[Tensor, "batch latent"]:
        """Normalised poses (batch, 51) to codes (batch, latent)."""
        ...

    def decode(self, code: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch 51"]:
        """Codes (batch, latent) to normalised poses (batch, 51)."""
        ...

    def decoder(self) -> "PoseDecoder":
        """A copy of the decoder that shares no weights with this code."""
        ...


class PoseDecoder(nn.Module):
    """Linear layers from a code to a normalised pose, with `inner` between them.

    Args:
        sizes: widths from the code to the pose, e.g. (2000, 51) or (300, 300, 51).
        inner: what follows every layer but the last.
        tokens: in so many equal parts the code is a choice: a softmax makes shares of it, which the
            first layer takes; 0: it takes the code as it is.
    """

    def __init__(
        self,
        sizes: tuple[int, ...],
        inner: Literal["relu", "linear"] = "relu",
        tokens: int = 0,
    ) -> None:
        super().__init__()
        if len(sizes) < 2 or min(sizes) < 1 or sizes[-1] != POSE_SIZE:
            raise InputError(f"decoder sizes: got {sizes}, expected widths that end in {POSE_SIZE}")
        self.sizes = tuple(sizes)
        self.inner: Literal["relu", "linear"] = inner
        self.tokens = tokens
        with torch.random.fork_rng(devices=()):  # building a network draws from no global stream
            self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))

    def forward(self, code: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch 51"]:
        """Codes to normalised poses."""
        if self.tokens:
            code = soft_choice(code, self.tokens)
        for layer in self.layers[:-1]:
            code = layer(code)
            if self.inner == "relu":
                code = relu(code)
        return self.layers[-1](code)

    def linearised(
        self, code: Float[Tensor, "batch latent"], change: Float[Tensor, "batch latent"]
    ) -> Float[Tensor, "batch 51"]:
        """The decoder's Jacobian at `code` times `change`: what a small error does to the pose.

        For one layer this is exactly `decoder(code + change) - decoder(code)`.
        """
        if self.tokens:
            code = soft_choice(code, self.tokens)
            shares, changes = (part.unflatten(1, (self.tokens, -1)) for part in (code, change))
            mean = (shares * changes).sum(-1, keepdim=True)
            change = (shares * (changes - mean)).flatten(1)
        for layer in self.layers[:-1]:
            code, change = layer(code), linear(change, layer.weight)  # pyright: ignore
            if self.inner == "relu":
                change = change * (code > 0)
                code = relu(code)
        return linear(change, self.layers[-1].weight)  # pyright: ignore


def soft_choice(code: Float[Tensor, "batch latent"], tokens: int) -> Float[Tensor, "batch latent"]:
    """The softmax of each of so many equal parts of a code: shares that sum to 1 in each."""
    return code.unflatten(1, (tokens, -1)).softmax(-1).flatten(1)


def encode_poses(
    code: PoseCode, poses_mm: Float[np.ndarray, "n 17 3"], batch_size: int = 4096
) -> Float32[np.ndarray, "n latent"]:
    """Codes (N, latent) float32 of root-relative poses (N, 17, 3) in mm.

    Raises:
        InputError: `poses_mm` is not such an array.
    """
    return _in_batches(code, poses_mm, batch_size, code.encode)


def reconstruct_poses(
    code: PoseCode, poses_mm: Float[np.ndarray, "n 17 3"], batch_size: int = 4096
) -> Float32[np.ndarray, "n 17 3"]:
    """Poses (N, 17, 3) float32 in mm after coding and decoding, moved so that the root is 0.

    Raises:
        InputError: `poses_mm` is not such an array.
    """

    def reconstruct(pose: Float[Tensor, "batch 51"]) -> Float[Tensor, "batch 17 3"]:
        return root_relative(code.normalization.to_mm(code.decode(code.encode(pose))))

    return _in_batches(code, poses_mm, batch_size, reconstruct)


@torch.inference_mode()
def _in_batches(
    code: PoseCode, poses_mm: np.ndarray, batch_size: int, function: Callable[[Tensor], Tensor]
) -> np.ndarray:
    poses = torch.from_numpy(check_poses("poses_mm", poses_mm))
    normalization = code.normalization
    device = normalization.mean_mm.device
    parts = [
        function(normalization.to_normalised(part.to(device))).cpu()
        for part in poses.split(batch_size)
    ]
    return torch.cat(parts).numpy()
