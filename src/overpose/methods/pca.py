"""The CNN to the principal components of poses: `latent` with the simplest of codes."""

from dataclasses import replace

from overpose.methods import latent
from overpose.methods.card import FitContext
from overpose.methods.latent import LatentConfig
from overpose.networks.pose_predictor import PosePredictor

CODE = "pca"


def _fit(config: LatentConfig, context: FitContext) -> PosePredictor:
    return latent.fit_latent(replace(config, code=CODE), context)


def _codes(config: LatentConfig) -> tuple[str, ...]:
    return (CODE,)


METHOD = replace(
    latent.METHOD,
    name="pca",
    stage="pca",
    title="CNN to PCA coefficients",
    summary="the image to the poses' principal components, instead of the latent",
    fit=_fit,
    codes=_codes,
    in_figure=False,
)
