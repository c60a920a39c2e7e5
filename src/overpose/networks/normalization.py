"""The unit that the networks work in: poses minus their mean, divided by one length.

Networks and losses elsewhere see normalised poses only; millimetres enter and leave here.

Conventions. A pose in millimetres is (..., 17, 3), a normalised one (..., 51):
`y = (pose_mm - mean_mm) / scale_mm`. There is ONE scale for all coordinates, so noise that is
isotropic in millimetres stays isotropic, and distances keep their meaning up to that factor.

What is given in millimetres converts as follows, with s = scale_mm:

* noise of sigma mm on a pose becomes sigma / s;
* a code of a ReLU network with homogeneous weights has the unit of its input, so noise of sigma mm
  on a hidden layer's code becomes sigma / s too;
* a squared error in mm^2 becomes the same error / s^2, while the Jacobian of the encoder (code over
  pose, both in the same unit) has no unit; so `error_mm2 + lambda * J` is minimised by the same
  weights as `error + (lambda / s^2) * J`: lambda given in mm units becomes lambda / s^2.
"""

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from overpose.skeleton import HUMAN36M
from overpose.support.checks import check_array
from overpose.support.errors import InputError

JOINTS = len(HUMAN36M)
POSE_SIZE = 3 * JOINTS


def check_poses(name: str, poses_mm: object) -> Float32[np.ndarray, "n 17 3"]:
    """Return `poses_mm` as float32 if it is a finite numpy array (N, 17, 3), N at least 1.

    Raises:
        InputError: it is not.
    """
    poses = check_array(name, poses_mm, ("N", JOINTS, 3), finite=True)
    if len(poses) == 0:
        raise InputError(f"{name}: got no poses, expected at least one")
    return np.ascontiguousarray(poses, dtype=np.float32)


class PoseNormalization(nn.Module):
    """Mean pose and one scale, kept as buffers.

    Attributes:
        mean_mm: (17, 3) float32.
        scale_mm: () float32, the root mean square of all centred coordinates of the poses it was
            fitted to.
    """

    mean_mm: Tensor
    scale_mm: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean_mm", torch.zeros(JOINTS, 3))
        self.register_buffer("scale_mm", torch.ones(()))

    @classmethod
    def fit(cls, poses_mm: Float[np.ndarray, "n 17 3"]) -> "PoseNormalization":
        """Measure mean and scale on (N, 17, 3) poses in mm.

        Raises:
            InputError: not such an array, or all poses are the same.
        """
        poses = check_poses("poses_mm", poses_mm)
        mean = poses.mean(0, dtype=np.float64)
        scale = np.sqrt(np.mean(np.square(poses - mean)))
        if not scale > 0:
            raise InputError("poses_mm: got the same pose throughout, expected poses that differ")
        fitted = cls()
        fitted.mean_mm.copy_(torch.from_numpy(mean))
        fitted.scale_mm.fill_(float(scale))
        return fitted

    @classmethod
    def like(cls, other: "PoseNormalization") -> "PoseNormalization":
        """A copy, on the CPU, that shares nothing with `other`."""
        copy = cls()
        copy.load_state_dict(other.state_dict())
        return copy

    def to_normalised(self, poses_mm: Float[Tensor, "*batch 17 3"]) -> Float[Tensor, "*batch 51"]:
        """Millimetres to network units."""
        return ((poses_mm - self.mean_mm) / self.scale_mm).flatten(-2)

    def to_mm(self, poses: Float[Tensor, "*batch 51"]) -> Float[Tensor, "*batch 17 3"]:
        """Network units to millimetres: the inverse of `to_normalised`."""
        return poses.unflatten(-1, (JOINTS, 3)) * self.scale_mm + self.mean_mm

    def noise_from_mm(self, sigma_mm: float) -> float:
        """Standard deviation in network units of noise given in millimetres."""
        return sigma_mm / float(self.scale_mm)

    def contraction_from_mm(self, contraction: float) -> float:
        """Weight of the contractive term in network units, from one that weighs mm^2 errors."""
        return contraction / float(self.scale_mm) ** 2


def root_relative(poses_mm: Float[Tensor, "*batch 17 3"]) -> Float[Tensor, "*batch 17 3"]:
    """Poses with their first joint, the pelvis, at the origin exactly."""
    return poses_mm - poses_mm[..., :1, :]
