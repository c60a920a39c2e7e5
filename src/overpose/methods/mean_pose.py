"""The mean training pose, whatever the image: the floor."""

from dataclasses import dataclass

import numpy as np

from overpose.methods.card import FitContext, Method


@dataclass(frozen=True)
class MeanPoseConfig:
    """Nothing to choose."""


@dataclass(frozen=True, eq=False)
class MeanPose:
    """One pose for every image.

    Attributes:
        pose_mm: (17, 3) float32.
    """

    pose_mm: np.ndarray

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Poses (n, 17, 3) mm of n images."""
        return np.broadcast_to(self.pose_mm, (len(images), *self.pose_mm.shape))


def mean_pose_of(poses_mm: np.ndarray) -> MeanPose:
    """The mean of poses (n, 17, 3) mm."""
    return MeanPose(poses_mm.mean(axis=0, dtype=np.float64).astype(np.float32))


def _fit(config: MeanPoseConfig, context: FitContext) -> MeanPose:
    return mean_pose_of(context.samples.train.poses_mm)


METHOD = Method(
    name="mean_pose",
    title="Mean training pose",
    summary="the mean training pose, whatever the image: the floor",
    Config=MeanPoseConfig,
    fit=_fit,
    kept=False,
)
