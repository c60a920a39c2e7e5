"""The simplest structured code of poses: their first principal components.

A linear autoencoder, fitted in closed form; it offers what `codes.PoseCode` asks for, so the latent
stages of training take it in place of the autoencoder.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from overpose.networks.codes import PoseDecoder
from overpose.networks.normalization import POSE_SIZE, PoseNormalization, check_poses
from overpose.networks.storage import Kind
from overpose.support.errors import InputError


@dataclass(frozen=True)
class PCAConfig:
    """How many components to keep, 1 to 51."""

    rank: int = 48

    def __post_init__(self) -> None:
        if not 1 <= self.rank <= POSE_SIZE:
            raise InputError(f"rank: got {self.rank}, expected 1 to {POSE_SIZE}")


class PosePCA(nn.Module):
    """Orthonormal directions of normalised poses, largest variance first.

    Attributes:
        directions: (rank, 51), rows orthonormal.
    """

    saved_as = "pca"
    directions: Tensor

    def __init__(self, config: PCAConfig, normalization: PoseNormalization | None = None) -> None:
        super().__init__()
        self.config = config
        self.normalization = normalization or PoseNormalization()
        self.register_buffer("directions", torch.eye(config.rank, POSE_SIZE))

    @property
    def latent_size(self) -> int:
        """Numbers in the code."""
        return self.config.rank

    def encode(self, pose: Float[Tensor, "batch 51"]) -> Float[Tensor, "batch latent"]:
        """Normalised poses to their components."""
        return pose @ self.directions.t()

    def decode(self, code: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch 51"]:
        """Components to normalised poses."""
        return code @ self.directions

    def decoder(self) -> PoseDecoder:
        """`decode` as a linear layer of its own."""
        copy = PoseDecoder((self.config.rank, POSE_SIZE))
        with torch.no_grad():
            copy.layers[0].weight.copy_(self.directions.t())  # pyright: ignore
            copy.layers[0].bias.zero_()  # pyright: ignore
        return copy.to(self.directions.device)


KIND = Kind(PosePCA, PCAConfig)


def fit_pca(poses_mm: Float[np.ndarray, "n 17 3"], rank: int) -> PosePCA:
    """Principal components of root-relative poses (N, 17, 3) in mm.

    Raises:
        InputError: not such an array, `rank` is not within 1 to 51, or all poses are the same.
    """
    config = PCAConfig(rank)
    normalization = PoseNormalization.fit(poses_mm)
    poses = torch.from_numpy(check_poses("poses_mm", poses_mm))
    normalised = normalization.to_normalised(poses).double()
    _, vectors = torch.linalg.eigh(normalised.t() @ normalised)  # ascending eigenvalues
    pca = PosePCA(config, normalization)
    pca.directions.copy_(vectors.flip(1)[:, :rank].t())
    return pca
