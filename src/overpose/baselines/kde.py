"""KDE in the sense of Weston et al. (NIPS 2002): kernel PCA on the poses, kernel ridge regression
to each component, then a pre-image. Kernels are exact, so it learns from a subset.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from overpose.baselines.kernels import chi2_distance, squared_distance
from overpose.baselines.linkde import MM_PER_UNIT, poses_of
from overpose.baselines.phog import FEATURES, phog
from overpose.baselines.preimage import minimize_batch
from overpose.networks.normalization import JOINTS, POSE_SIZE, check_poses
from overpose.networks.storage import Kind
from overpose.support.checks import check_array
from overpose.support.errors import InputError


@dataclass(frozen=True)
class KDEConfig:
    """The kernels and penalty are LinKDE's; what else is ours, since nothing is published of it.

    Attributes:
        samples: of the subset.
        components: of the kernel PCA; at most `samples` - 1.
        input_gamma: of the kernel exp(-gamma chi2) on PHOG.
        output_gamma: of the kernel exp(-gamma d^2) on poses in mm.
        ridge: penalty of the regression.
        iterations: most steps of the search for the pre-image.
        tolerance: least descent of a step.
        blackened: whether PHOG sees black outside the mask, as in models up to 0.1.0.

    Raises:
        InputError: a value is out of its range.
    """

    samples: int = 4_000
    components: int = 256
    input_gamma: float = 1.7
    output_gamma: float = 1e-6
    ridge: float = 1e-4
    iterations: int = 50
    tolerance: float = 1e-8
    blackened: bool = False

    def __post_init__(self) -> None:
        if self.samples < 2:
            raise InputError(f"samples: got {self.samples}, expected at least 2")
        if not 1 <= self.components < self.samples:
            raise InputError(
                f"components: got {self.components}, expected 1 to {self.samples - 1}: fewer than "
                "samples"
            )
        for name in ("input_gamma", "output_gamma", "ridge", "tolerance"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name}: got {getattr(self, name)}, expected more than 0")
        if self.iterations < 1:
            raise InputError(f"iterations: got {self.iterations}, expected at least 1")


class KDE(nn.Module):
    """A fitted (or empty) system.

    Attributes:
        descriptors: (samples, 765) PHOG of the subset.
        poses: (samples, 51) metres.
        weights: (samples, samples): from kernel values of an image to weights of the training
            poses' features; their mean is added.
    """

    saved_as = "kde"
    descriptors: Tensor
    poses: Tensor
    weights: Tensor

    def __init__(self, config: KDEConfig) -> None:
        super().__init__()
        self.config = config
        self._among: np.ndarray | None = None  # what `pose_kernel` gives, once it was asked
        self.register_buffer("descriptors", torch.zeros(config.samples, FEATURES))
        self.register_buffer("poses", torch.zeros(config.samples, POSE_SIZE))
        self.register_buffer("weights", torch.zeros(config.samples, config.samples))

    def predict(self, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
        """Poses (N, 17, 3) float32 mm of masked images (N, S, S, 4) uint8, as `LinKDE.predict`."""
        parts = [np.empty((0, JOINTS, 3), np.float32)]
        for first in range(0, len(images), batch_size):
            descriptors = phog(images[first : first + batch_size], blackened=self.config.blackened)
            distance = chi2_distance(descriptors, self.descriptors.numpy())
            alike = np.exp(-self.config.input_gamma * distance)
            shares = alike @ self.weights.numpy() + np.float32(1 / self.config.samples)
            parts.append(poses_of(self.pre_images(shares)))
        return np.concatenate(parts)

    def pose_kernel(self) -> np.ndarray:
        """(samples, samples): how alike the training poses are; computed once."""
        if self._among is None:
            known = self.poses.numpy()
            self._among = np.exp(-self._gamma * squared_distance(known, known))
        return self._among

    @property
    def _gamma(self) -> float:
        return self.config.output_gamma * MM_PER_UNIT**2  # poses are in metres

    def pre_images(self, shares: np.ndarray) -> np.ndarray:
        """Poses (N, 51), metres, whose features are nearest to weighted sums of training features.

        Args:
            shares: (N, samples) weights. The search starts at the nearest training pose, which was
                all that Weston et al. looked at.
        """
        gamma, known = self._gamma, self.poses.numpy()
        start = known[np.argmax(shares @ self.pose_kernel(), axis=1)]

        def objective(points: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            alike = shares[which] * np.exp(-gamma * squared_distance(points, known))
            total = alike.sum(axis=1)
            return 1 - 2 * total, 4 * gamma * (total[:, None] * points - alike @ known)

        settings = {"iterations": self.config.iterations, "tolerance": self.config.tolerance}
        return minimize_batch(objective, start, **settings)


KIND = Kind(KDE, KDEConfig, before=(("blackened", True),))


def fit_kde(images: np.ndarray, poses_mm: np.ndarray, config: KDEConfig) -> KDE:
    """Fit on all samples given; to the same bits with any number of threads.

    Args:
        images: (samples, S, S, 4) uint8: RGB and mask.
        poses_mm: (samples, 17, 3).
        config: its `samples` is their number.

    Raises:
        InputError: wrong arrays, or equations without a solution.
    """
    with threadpool_limits(1, user_api="blas"):  # several would add in an order of their own
        return _fitted(images, poses_mm, config)


def _fitted(images: np.ndarray, poses_mm: np.ndarray, config: KDEConfig) -> KDE:
    poses_mm = check_poses("poses_mm", poses_mm)
    check_array("images", images, (config.samples, "S", "S", 4), dtype=np.uint8)
    check_array("poses_mm", poses_mm, (config.samples, JOINTS, 3))
    model = KDE(config)
    descriptors = phog(images, blackened=config.blackened)
    poses = poses_mm.reshape(-1, POSE_SIZE).astype(np.float64) / MM_PER_UNIT
    outputs = np.exp(-config.output_gamma * MM_PER_UNIT**2 * squared_distance(poses, poses))
    count = config.samples
    outputs -= outputs.mean(axis=0)
    outputs -= outputs.mean(axis=1, keepdims=True)
    last = [count - config.components, count - 1]
    values, vectors = eigh(outputs, subset_by_index=last, overwrite_a=True, check_finite=False)
    kept = values > 1e-9 * values[-1]
    vectors = vectors[:, kept]  # (samples, components): projections are vectors * sqrt(values)
    inputs = np.exp(-config.input_gamma * chi2_distance(descriptors, descriptors).astype(float))
    inputs[np.diag_indices(count)] += config.ridge
    try:
        factor = cho_factor(inputs, lower=True, overwrite_a=True, check_finite=False)
    except LinAlgError as error:
        raise InputError(f"ridge: {config.ridge} is too small ({error}); give more") from None
    # Coefficients of direction r are vectors / sqrt(values), projections vectors * sqrt(values):
    # the eigenvalues cancel.
    model.weights.copy_(torch.from_numpy(cho_solve(factor, vectors) @ vectors.T))
    model.descriptors.copy_(torch.from_numpy(descriptors))
    model.poses.copy_(torch.from_numpy(poses))
    return model
