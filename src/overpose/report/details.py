"""Tables of what is measured besides the rows of report.json: errors by joint, size and memory."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from overpose.methods import METHODS, Method
from overpose.report.tables import TextTable, number_text
from overpose.skeleton import HUMAN36M

Details = Mapping[str, Sequence[Mapping[str, Any]]]
"""By method, what `pipeline.details_of` gives for each run that has it."""


def detail_tables(
    details: Details,
    memory_mib: Mapping[str, float] | None = None,
    *,
    given: str = "",
    methods: Sequence[Method] = METHODS,
) -> list[TextTable]:
    """Errors by joint, sizes and memory, methods in the order of all tables.

    Args:
        details: none gives no table.
        memory_mib: by method what `memory.prediction_memory_mib` gives.
        given: said in the titles: what the methods were given.
        methods: whose titles to give, in their order.
    """
    memory_mib = memory_mib or {}
    titles = {m.name: m.title for m in methods if any(details.get(m.name, ()))}
    if not titles:
        return []
    joints = HUMAN36M.joint_names[1:]
    errors = TextTable(
        f"Error by joint, mm{given}",
        "Mean distance to the true joint, both relative to the pelvis, whose error is 0: plain "
        "mean over actions and seeds.",
        ("Method", *(name.replace("_", " ") for name in joints)),
        tuple(
            (title, *(_mean(details[method], joint) for joint in joints))
            for method, title in titles.items()
        ),
    )
    sizes = TextTable(
        f"Size of the models{given}",
        "Weights on disk, single precision: LinKDE also draws its random features anew from their "
        "seed; the systems that search keep all training poses. Memory: the peak of a process that "
        "loads the model and predicts 256 images at once, Python and all libraries included. "
        "Products in training: bfloat16 where the processor knows it; all predict in float32.",
        ("Method", "Weights, MiB", "Memory of prediction, MiB", "Products in training"),
        tuple(
            (
                title,
                number_text(_mean_of(details[method], "model_mib")),
                number_text(memory_mib.get(method, math.nan), digits=0),
                " or ".join(sorted({each.get("trained_in") or "–" for each in details[method]})),
            )
            for method, title in titles.items()
        ),
    )
    return [errors, sizes]


def _mean(found: Sequence[Mapping[str, Any]], joint: str) -> str:
    values = [each["joint_errors_mm"][joint] for each in found if "joint_errors_mm" in each]
    return number_text(float(np.mean(values)))


def _mean_of(found: Sequence[Mapping[str, Any]], name: str) -> float:
    return float(np.mean([each[name] for each in found if name in each]))
