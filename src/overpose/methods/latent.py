"""Ours without fine-tuning: stage (b) of the paper, the image to the code of its pose.

It has the whole budget; what is fine-tuned has a stage (b) of its own, `begun`.
"""

from dataclasses import dataclass, field, replace

from overpose.methods.card import FitContext, Method
from overpose.networks.configs import ImageEncoderConfig
from overpose.networks.pose_predictor import KIND, PosePredictor
from overpose.training.config import RegressionStage
from overpose.training.stages import train_latent


@dataclass(frozen=True)
class LatentConfig:
    """How it is trained.

    Attributes:
        image: its network, loop and options.
        code: name of the code whose values it predicts, and whose decoder makes them a pose.
        begin_with: the stage whose convolutions it begins with; None: at random.
    """

    image: RegressionStage = field(default_factory=RegressionStage)
    code: str = "autoencoder"
    begin_with: str | None = None


def fit_latent(config: LatentConfig, context: FitContext) -> PosePredictor:
    """Train the image network to predict the code, or go on with it."""
    begin_with = config.begin_with
    return train_latent(
        context.samples.observations,
        context.code(config.code),
        replace(config.image, loop=context.seeded(config.image.loop)),
        context.out,
        convolutions=context.model(begin_with).shared.convolutions if begin_with else None,
        provenance=context.provenance,
        runtime=context.runtime,
    )


def _needs(config: LatentConfig) -> tuple[str, ...]:
    return (config.begin_with,) if config.begin_with else ()


def _codes(config: LatentConfig) -> tuple[str, ...]:
    return (config.code,)


def _image_size(config: LatentConfig) -> int:
    encoder = config.image.encoder
    assert isinstance(encoder, ImageEncoderConfig)
    return encoder.image_size


METHOD = Method(
    name="latent",
    title="Ours, no fine-tuning (latent)",
    summary="ours, without fine-tuning: the image to the latent, through the autoencoder's decoder",
    Config=LatentConfig,
    fit=fit_latent,
    needs=_needs,
    codes=_codes,
    kinds=(KIND,),
    image_size=_image_size,
    in_figure=True,
)
