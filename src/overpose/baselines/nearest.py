"""The simplest system that looks at the image: the pose of the training image that is most alike.

Alike means the least chi2 distance of PHOG descriptors. With the mean pose it is the floor that the
other rows stand on.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from overpose.baselines.kernels import chi2_distance
from overpose.baselines.phog import FEATURES, phog
from overpose.networks.normalization import JOINTS, check_poses
from overpose.networks.storage import Kind
from overpose.support.errors import InputError


@dataclass(frozen=True)
class NearestPoseConfig:
    """What decides the shape and the descriptors of a model.

    Attributes:
        samples: how many training samples are kept: all of them.
        blackened: whether PHOG sees black outside the mask, as in models up to 0.1.0.

    Raises:
        InputError: there is no sample.
    """

    samples: int
    blackened: bool = False

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise InputError(f"samples: got {self.samples}, expected at least 1")


class NearestPose(nn.Module):
    """Training images' descriptors and their poses.

    Attributes:
        descriptors: (samples, 765) PHOG.
        poses_mm: (samples, 17, 3).
    """

    saved_as = "nearest_pose"
    descriptors: Tensor
    poses_mm: Tensor

    def __init__(self, config: NearestPoseConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("descriptors", torch.zeros(config.samples, FEATURES))
        self.register_buffer("poses_mm", torch.zeros(config.samples, JOINTS, 3))

    def predict(self, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
        """Poses (N, 17, 3) float32 mm of masked images (N, S, S, 4) uint8."""
        parts = [np.empty((0, JOINTS, 3), np.float32)]
        for first in range(0, len(images), batch_size):
            distance = chi2_distance(
                phog(images[first : first + batch_size], blackened=self.config.blackened),
                self.descriptors.numpy(),
            )
            parts.append(self.poses_mm.numpy()[np.argmin(distance, axis=1)])
        return np.concatenate(parts)


KIND = Kind(NearestPose, NearestPoseConfig, before=(("blackened", True),))


def fit_nearest_pose(images: np.ndarray, poses_mm: np.ndarray) -> NearestPose:
    """Keep the descriptors of masked images (N, S, S, 4) uint8 and their poses (N, 17, 3) mm.

    Raises:
        InputError: wrong arrays.
    """
    poses_mm = check_poses("poses_mm", poses_mm)
    if len(images) != len(poses_mm):
        raise InputError(
            f"images, poses_mm: got {len(images)} and {len(poses_mm)}, expected as many"
        )
    model = NearestPose(NearestPoseConfig(len(poses_mm)))
    model.descriptors.copy_(torch.from_numpy(phog(images)))
    model.poses_mm.copy_(torch.from_numpy(poses_mm - poses_mm[:, :1]))
    return model
