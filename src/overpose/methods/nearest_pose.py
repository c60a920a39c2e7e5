"""The pose of the most similar training image; the descriptors are in `baselines.nearest`."""

from dataclasses import dataclass

import numpy as np

from overpose.baselines.nearest import KIND, NearestPose, NearestPoseConfig, fit_nearest_pose
from overpose.methods.card import FitContext, Method
from overpose.methods.once import fitted_once
from overpose.methods.samples import pictures


@dataclass(frozen=True)
class NearestPoseMethod:
    """Nothing to choose: all training images are kept."""


def _fit(config: NearestPoseMethod, context: FitContext) -> NearestPose:
    train = context.samples.train
    images_of = pictures(train, context.samples.inputs, mask_channel=True)
    every = np.arange(len(train))
    return fitted_once(
        KIND,
        NearestPoseConfig(max(1, len(train))),
        context,
        lambda: fit_nearest_pose(images_of(every), train.poses_mm),
    )


METHOD = Method(
    name="nearest_pose",
    title="Nearest training pose",
    summary="the pose of the training image with the nearest PHOG descriptor",
    Config=NearestPoseMethod,
    fit=_fit,
    kinds=(KIND,),
    mask_channel=True,
    fitted_once=True,
)
