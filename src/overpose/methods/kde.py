"""KDE on a random part of the samples; what it computes is in `baselines.kde`."""

from dataclasses import replace

import numpy as np

from overpose.baselines.kde import KDE, KIND, KDEConfig, fit_kde
from overpose.methods.card import FitContext, Method
from overpose.methods.once import fitted_once
from overpose.methods.samples import pictures, require_training
from overpose.support.seeding import random_stream


def _fit(config: KDEConfig, context: FitContext) -> KDE:
    train = context.samples.train
    require_training(train)
    number = min(config.samples, len(train))
    config = replace(config, samples=number, components=min(config.components, number - 1))

    def fit() -> KDE:
        order = random_stream(context.seed, "kde", "samples").permutation(len(train))
        chosen = np.sort(order[:number])
        images_of = pictures(train, context.samples.inputs, mask_channel=True)
        return fit_kde(images_of(chosen), train.poses_mm[chosen], config)

    return fitted_once(KIND, config, context, fit)


METHOD = Method(
    name="kde",
    title="KDE",
    summary="Weston et al. 2002: kernel PCA on poses, kernel ridge regression, pre-image; exact "
    "kernels on a subset",
    Config=KDEConfig,
    fit=_fit,
    kinds=(KIND,),
    mask_channel=True,
    fitted_once=True,
)
