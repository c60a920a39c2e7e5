"""Principal components: a linear code, fitted in closed form."""

from typing import Any

from overpose.methods.codes.card import Code, CodeContext
from overpose.networks.pca import KIND, PCAConfig, PosePCA, fit_pca


def _fit(config: PCAConfig, context: CodeContext) -> PosePCA:
    return fit_pca(context.poses_mm, config.rank)


def _title(config: PCAConfig) -> str:
    return f"PCA, {config.rank} components"


def _describe(config: PCAConfig) -> dict[str, Any]:
    return {"pca_rank": config.rank}


CODE = Code(
    name="pca",
    Config=PCAConfig,
    fit=_fit,
    kind=KIND,
    trained=False,
    title=_title,
    describe=_describe,
)
