"""The paper's code: the middle layer of an overcomplete denoising autoencoder."""

from dataclasses import replace
from typing import Any

from overpose.methods.codes.card import Code, CodeContext, views_described, views_title
from overpose.networks.autoencoder import KIND, PoseAutoencoder
from overpose.networks.storage import to_json
from overpose.training.config import AutoencoderStage
from overpose.training.pose_stage import train_autoencoder


def _fit(config: AutoencoderStage, context: CodeContext) -> PoseAutoencoder:
    return train_autoencoder(
        context.learned_mm(config.random_views),
        context.validation_mm,
        replace(config, loop=replace(config.loop, seed=context.seed)),
        context.out,
        provenance=context.provenance,
        runtime=context.runtime,
    )


def _title(config: AutoencoderStage) -> str:
    code = config.autoencoder
    widths, noise = "–".join(map(str, code.hidden)), "/".join(f"{n:g}" for n in code.noise_mm)
    title = f"{widths}, noise {noise} mm, λ {code.contraction:g}"
    return title + views_title(config.random_views)


def _describe(config: AutoencoderStage) -> dict[str, Any]:
    return {**to_json(config.autoencoder), **views_described(config.random_views)}


CODE = Code(
    name="autoencoder",
    Config=AutoencoderStage,
    fit=_fit,
    kind=KIND,
    title=_title,
    describe=_describe,
)
