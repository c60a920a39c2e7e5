"""Tokens: a modern code, each part of it a soft choice among the entries of one codebook."""

from dataclasses import replace
from typing import Any

from overpose.methods.codes.card import Code, CodeContext, views_described, views_title
from overpose.networks.storage import to_json
from overpose.networks.tokens import KIND, PoseTokens
from overpose.training.config import TokenStage
from overpose.training.pose_stage import train_tokens


def _fit(config: TokenStage, context: CodeContext) -> PoseTokens:
    return train_tokens(
        context.learned_mm(config.random_views),
        context.validation_mm,
        replace(config, loop=replace(config.loop, seed=context.seed)),
        context.out,
        provenance=context.provenance,
        runtime=context.runtime,
    )


def _title(config: TokenStage) -> str:
    code = config.tokens
    title = f"{code.tokens} tokens of {code.entries} entries, noise {code.noise_mm:g} mm"
    return title + views_title(config.random_views)


def _describe(config: TokenStage) -> dict[str, Any]:
    return {**to_json(config.tokens), **views_described(config.random_views)}


CODE = Code(
    name="tokens",
    Config=TokenStage,
    fit=_fit,
    kind=KIND,
    title=_title,
    describe=_describe,
)
