"""LinKDE, fitted in one pass over the images; what it computes is in `baselines.linkde`."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from overpose.baselines.linkde import KIND, LinKDE, LinKDEConfig, fit_linkde
from overpose.methods.card import FitContext, Method
from overpose.methods.once import fitted_once
from overpose.methods.samples import Samples, pictures
from overpose.support.progress import progress_bar

_BLOCK = 512


def _fit(config: LinKDEConfig, context: FitContext) -> LinKDE:
    config = replace(config, seed=context.seed)
    return fitted_once(KIND, config, context, lambda: fit_linkde(_blocks(context.samples), config))


def _blocks(samples: Samples) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    train = samples.train
    images_of = pictures(train, samples.inputs, mask_channel=True)
    with progress_bar("fit linkde", len(train)) as advance:
        for start in range(0, len(train), _BLOCK):
            some = np.arange(start, min(start + _BLOCK, len(train)))
            yield images_of(some), train.poses_mm[some]
            advance(len(some))


METHOD = Method(
    name="linkde",
    title="LinKDE",
    summary="Ionescu et al. 2011, 2014: KDE with explicit features, streaming normal equations",
    Config=LinKDEConfig,
    fit=_fit,
    kinds=(KIND,),
    mask_channel=True,
    fitted_once=True,
    published="LinKDE",
    in_learning_curve=True,
)
