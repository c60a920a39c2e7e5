"""The CNN straight to the pose, "CNN" in the paper's Table 2."""

from dataclasses import dataclass, field, replace

from overpose.methods.card import FitContext, Method
from overpose.networks.regressor import KIND, PoseRegressor
from overpose.training.config import ImageStage
from overpose.training.image_stages import train_direct


@dataclass(frozen=True)
class DirectConfig:
    """How it is trained.

    Attributes:
        image: its network and loop.
        begin_with: the stage whose convolutions it begins with; None: at random.
    """

    image: ImageStage = field(default_factory=ImageStage)
    begin_with: str | None = None


def _fit(config: DirectConfig, context: FitContext) -> PoseRegressor:
    begin_with = config.begin_with
    return train_direct(
        context.samples.train_images,
        context.samples.train_poses_mm,
        context.samples.validation,
        replace(config.image, loop=context.seeded(config.image.loop)),
        context.out,
        convolutions=context.model(begin_with).shared.convolutions if begin_with else None,
        provenance=context.provenance,
        runtime=context.runtime,
    )


def _needs(config: DirectConfig) -> tuple[str, ...]:
    return (config.begin_with,) if config.begin_with else ()


def _image_size(config: DirectConfig) -> int:
    return config.image.image_encoder.image_size


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
