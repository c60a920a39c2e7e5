"""LinKDE: kernel dependency estimation with explicit features (Ionescu et al. 2011, 2014).

Features of the image's PHOG are mapped linearly to features of the pose, whose pre-image is the
prediction. Nothing here grows with the number of samples.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from torch import Tensor, nn

from overpose.baselines.kernels import (
    CHEBYSHEV_TERMS,
    chi2_features,
    fourier_directions,
    fourier_features,
)
from overpose.baselines.phog import FEATURES, phog
from overpose.baselines.preimage import minimize_batch
from overpose.networks.normalization import JOINTS, POSE_SIZE, check_poses
from overpose.networks.storage import Kind
from overpose.support.errors import InputError
from overpose.support.seeding import random_stream

MM_PER_UNIT = 1000.0
"""Poses are in metres inside: the paper's output kernel exp(-1e-6 d^2) on mm is exp(-d^2) there."""


@dataclass(frozen=True)
class LinKDEConfig:
    """The published values; see the paper's official code.

    Attributes:
        input_features: random features of the image kernel.
        output_features: random features of the pose kernel.
        input_gamma: of the kernel exp(-gamma chi2) on PHOG.
        output_gamma: of the kernel exp(-gamma d^2) on poses in mm.
        ridge: weight of the penalty on the map between features, against sums over samples.
        start_ridge: of the map straight to the pose, where the search for the pre-image starts.
        iterations: most steps of that search.
        tolerance: least descent of a step.
        seed: of the random features.
        blackened: whether PHOG sees black outside the mask, as in models up to 0.1.0.

    Raises:
        InputError: a value is out of its range.
    """

    input_features: int = 15_000
    output_features: int = 4_000
    input_gamma: float = 1.7
    output_gamma: float = 1e-6
    ridge: float = 1e-4
    start_ridge: float = 0.5
    iterations: int = 50
    tolerance: float = 1e-8
    seed: int = 0
    blackened: bool = False

    def __post_init__(self) -> None:
        for name in ("input_features", "output_features", "iterations"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: got {getattr(self, name)}, expected at least 1")
        for name in ("input_gamma", "output_gamma", "ridge", "start_ridge", "tolerance"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name}: got {getattr(self, name)}, expected more than 0")


class LinKDE(nn.Module):
    """A fitted (or empty) system.

    Attributes:
        feature_weights: (input features + 1, output features); the last row is the bias.
        pose_weights: (input features + 1, 51): to metres.
    """

    saved_as = "linkde"
    feature_weights: Tensor
    pose_weights: Tensor

    def __init__(self, config: LinKDEConfig) -> None:
        super().__init__()
        self.config = config
        rows = config.input_features + 1
        self.register_buffer("feature_weights", torch.zeros(rows, config.output_features))
        self.register_buffer("pose_weights", torch.zeros(rows, POSE_SIZE))
        self._input = fourier_directions(
            random_stream(config.seed, "linkde", "input"),
            CHEBYSHEV_TERMS * FEATURES,
            config.input_features,
            config.input_gamma,
        )
        self._output = fourier_directions(
            random_stream(config.seed, "linkde", "output"),
            POSE_SIZE,
            config.output_features,
            config.output_gamma * MM_PER_UNIT**2,
        )

    def image_features(self, images: np.ndarray) -> np.ndarray:
        """(N, input features + 1) of masked images (N, S, S, 4) uint8; the last one is 1."""
        waves = fourier_features(
            chi2_features(phog(images, blackened=self.config.blackened)), *self._input
        )
        return np.concatenate([waves, np.ones((len(waves), 1), np.float32)], axis=1)

    def pose_features(self, poses_mm: np.ndarray) -> np.ndarray:
        """(N, output features) of poses (N, 17, 3) mm."""
        flat = (poses_mm.reshape(len(poses_mm), POSE_SIZE) / MM_PER_UNIT).astype(np.float32)
        return fourier_features(flat, *self._output)

    def predict(self, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
        """Poses of the people in masked images.

        Args:
            images: (N, S, S, 4) uint8: RGB and mask.
            batch_size: images at a time; it does not change the result beyond rounding.

        Returns:
            (N, 17, 3) float32 mm, camera axes, the root at the origin.

        Raises:
            InputError: `images` is not such an array.
        """
        parts = [np.empty((0, JOINTS, 3), np.float32)]
        for first in range(0, len(images), batch_size):
            features = self.image_features(images[first : first + batch_size])
            wanted = features @ self.feature_weights.numpy()
            start = features @ self.pose_weights.numpy()
            parts.append(poses_of(self.pre_images(wanted, start)))
        return np.concatenate(parts)

    def pre_images(self, wanted: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Poses (N, 51), metres, that minimise 1 - 2 phi(y) . wanted, from a start (N, 51)."""
        directions, phases = self._output
        scale = np.float32(np.sqrt(2 / len(phases)))

        def objective(points: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            angles = points.astype(np.float32) @ directions + phases
            aims = wanted[which]
            value = 1 - 2 * scale * np.einsum("nd,nd->n", np.cos(angles), aims, dtype=np.float64)
            gradient = 2 * scale * ((np.sin(angles) * aims) @ directions.T)
            return value, gradient.astype(np.float64)

        settings = {"iterations": self.config.iterations, "tolerance": self.config.tolerance}
        return minimize_batch(objective, start, **settings)


KIND = Kind(LinKDE, LinKDEConfig, before=(("blackened", True),))


def fit_linkde(
    blocks: Iterable[tuple[np.ndarray, np.ndarray]], config: LinKDEConfig | None = None
) -> LinKDE:
    """Fit by normal equations that are summed block by block.

    Args:
        blocks: masked images (n, S, S, 4) uint8 and poses (n, 17, 3) mm, some at a time; memory
            depends on the largest block, not on their number.
        config: features, kernels, penalties.

    Raises:
        InputError: wrong arrays, no block, or equations without a solution.
    """
    model = LinKDE(config or LinKDEConfig())
    rows, outputs = model.feature_weights.shape
    gram = np.zeros((rows, rows))
    sides = np.zeros((rows, outputs + POSE_SIZE))
    samples = 0
    for images, poses_mm in blocks:
        poses_mm = check_poses("poses_mm", poses_mm)
        if len(images) != len(poses_mm):
            raise InputError(
                f"images, poses_mm: got {len(images)} and {len(poses_mm)}, expected as many"
            )
        features = model.image_features(images)
        metres = poses_mm.reshape(-1, POSE_SIZE) / np.float32(MM_PER_UNIT)
        gram += features.T @ features
        sides[:, :outputs] += features.T @ model.pose_features(poses_mm)
        sides[:, outputs:] += features.T @ metres
        samples += len(images)
    if samples == 0:
        raise InputError("blocks: got no samples, expected at least one")
    start = _solved(gram.copy(), sides[:, outputs:], model.config.start_ridge)
    model.pose_weights.copy_(torch.from_numpy(start))
    weights = _solved(gram, sides[:, :outputs], model.config.ridge)
    model.feature_weights.copy_(torch.from_numpy(weights))
    return model


def poses_of(metres: np.ndarray) -> np.ndarray:
    """(N, 17, 3) float32 mm with the root at the origin, from (N, 51) metres."""
    poses = (metres * MM_PER_UNIT).reshape(-1, JOINTS, 3)
    return (poses - poses[:, :1]).astype(np.float32)


def _solved(gram: np.ndarray, sides: np.ndarray, ridge: float) -> np.ndarray:
    """(gram + ridge I)^-1 sides; `gram` is overwritten."""
    gram[np.diag_indices_from(gram)] += ridge
    try:
        factor = cho_factor(gram, lower=True, overwrite_a=True, check_finite=False)
    except LinAlgError as error:
        raise InputError(f"ridge: {ridge} is too small ({error}); give a larger one") from None
    return cho_solve(factor, sides, check_finite=False)
