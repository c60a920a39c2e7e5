"""The CNN straight to the pose, "CNN" in the paper's Table 2."""

from dataclasses import dataclass, field, replace

from overpose.methods.card import FitContext, Method
from overpose.networks.configs import ImageEncoderConfig
from overpose.networks.pose_predictor import KIND, PosePredictor
from overpose.training.config import RegressionStage
from overpose.training.stages import train_direct


@dataclass(frozen=True)
class DirectConfig:
    """How it is trained.

    Attributes:
        image: its network and loop.
        begin_with: the stage whose convolutions it begins with; None: at random.
    """

    image: RegressionStage = field(default_factory=RegressionStage)
    begin_with: str | None = None


def _fit(config: DirectConfig, context: FitContext) -> PosePredictor:
    begin_with = config.begin_with
    return train_direct(
        context.samples.observations,
        replace(config.image, loop=context.seeded(config.image.loop)),
        context.out,
        convolutions=context.model(begin_with).shared.convolutions if begin_with else None,
        provenance=context.provenance,
        runtime=context.runtime,
    )


def _needs(config: DirectConfig) -> tuple[str, ...]:
    return (config.begin_with,) if config.begin_with else ()


def _image_size(config: DirectConfig) -> int:
    encoder = config.image.encoder
    assert isinstance(encoder, ImageEncoderConfig)
    return encoder.image_size


METHOD = Method(
    name="direct",
    title="CNN (direct)",
    summary="the CNN straight to the pose",
    Config=DirectConfig,
    fit=_fit,
    needs=_needs,
    kinds=(KIND,),
    image_size=_image_size,
    in_figure=True,
    in_learning_curve=True,
)
