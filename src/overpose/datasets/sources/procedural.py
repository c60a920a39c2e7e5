"""The embedded benchmark: six procedural actions, for use where no motion capture is at hand."""

from typing import Any

from overpose.datasets.sources.source import RENDERED, MotionRequest, Source


def motions(request: MotionRequest) -> Any:
    from overpose.datasets.rendering.made_up import ProceduralMotions

    amount: dict[str, Any] = dict(request.made_up)
    made = ProceduralMotions(fps=request.fps, seed=request.seed, **amount)
    return made.trials(), made


SOURCE = Source(
    name="procedural",
    title="Procedural-Studio",
    licence="Apache-2.0",
    expected="",
    recognise=lambda place: place is None,
    motions=motions,
    provenance={
        "motion": "procedural, made by overpose (no recording of a person)",
        "motion_licence": "Apache-2.0",
        **RENDERED,
    },
)
