"""Ours: stage (c) of the paper, image network and decoder trained together on the pose."""

from dataclasses import replace

from overpose.methods.card import FitContext, Method
from overpose.networks.pose_predictor import KIND, PosePredictor
from overpose.training.config import FinetuneStage
from overpose.training.stages import train_finetune

BEGUN = "begun"
"""The stage whose network is tuned."""


def _fit(config: FinetuneStage, context: FitContext) -> PosePredictor:
    return train_finetune(
        context.samples.observations,
        context.model(BEGUN),
        replace(config, loop=context.seeded(config.loop)),
        context.out,
        provenance=context.provenance,
        runtime=context.runtime,
    )


def _needs(config: FinetuneStage) -> tuple[str, ...]:
    return (BEGUN,)


METHOD = Method(
    name="finetuned",
    title="Ours, with fine-tuning (finetuned)",
    summary="ours, with fine-tuning: image network and decoder together",
    Config=FinetuneStage,
    fit=_fit,
    needs=_needs,
    kinds=(KIND,),
    in_figure=True,
    in_learning_curve=True,
)
