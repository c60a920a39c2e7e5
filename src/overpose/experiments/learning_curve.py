"""How the error falls with the number of training images: ours, the CNN and LinKDE.

Which methods these are is said by their cards. Every point is a run of its own on a random part of
the training images, the code's poses included; the convolutions begin at random, so that nothing
has seen more. Resumable like any run.
"""

import math
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from overpose.datasets.store import Dataset
from overpose.experiments.pipeline import Run, run_methods
from overpose.experiments.preset import Preset, with_equal_budgets
from overpose.experiments.side_by_side import jobs_of_run, train_side_by_side
from overpose.methods import METHODS, Method, Samples
from overpose.report.figures import draw_learning_curve
from overpose.report.rows import MEAN, Row
from overpose.report.tables import TextTable, number_text
from overpose.support.files import write_json
from overpose.training.config import LoopConfig
from overpose.training.loop import Runtime

Curve = dict[int, list[Row]]
"""By number of training images, the row "mean" of each method."""


def learning_curve(
    preset: Preset, dataset: Dataset, out: Path, *, processes: int, runtime: Runtime
) -> Curve:
    """Train and measure at each of the preset's `train_sizes`; write learning_curve.json and .png.

    With fewer images the epochs grow with the square root of what is missing, for otherwise the
    smallest parts would end after few steps.

    Args:
        preset: sizes of images and networks; its first seed is the only one.
        dataset: what to take parts of; sizes beyond it count as all of it.
        out: directory of the experiment; runs go into `curve/SIZE`.
        processes: chains at a time, on a CPU.
        runtime: where training runs.

    Returns:
        A row for each method; one that failed says why.
    """
    seed = preset.seeds[0]
    every = int((dataset.splits == "train").sum())
    sizes = sorted({min(size, every) for size in preset.train_sizes})
    runs = [
        Run(
            _preset_of(preset, math.sqrt(every / size)),
            Samples(dataset).part(size, seed),
            out / "curve" / str(size),
            seed,
            runtime,
        )
        for size in sizes
    ]
    if processes > 1 and runtime.torch_device().type == "cpu":
        jobs = [
            job
            for run, size in zip(runs, sizes, strict=True)
            for job in jobs_of_run(run, part=size)
        ]
        train_side_by_side(dataset.info.path, jobs[::-1], processes)  # the longest first
    curve: Curve = {}
    for run, size in zip(runs, sizes, strict=True):
        rows = [row for row in run_methods(run) if row.action == MEAN]
        shown = [card.name for card in run.preset.compared if card.in_learning_curve]
        curve[size] = [row for row in rows if row.method in shown]
        run.samples.free_images()
    value = {str(size): [row.to_json() for row in rows] for size, rows in curve.items()}
    write_json(out / "learning_curve.json", {"seed": seed, "sizes": value})
    draw_learning_curve(out / "learning_curve.png", curve)
    return curve


def curve_table(curve: Curve, *, methods: Sequence[Method] = METHODS) -> TextTable:
    """The curve as a table, a column for each number of images."""

    def cell(method: str, rows: Sequence[Row]) -> str:
        row = next((row for row in rows if row.method == method), None)
        if row is None:
            return number_text(math.nan)
        return "failed" if row.mpjpe_mm is None else number_text(row.mpjpe_mm)

    found = {row.method for rows in curve.values() for row in rows}
    return TextTable(
        "MPJPE in mm by number of training images",
        "Mean over the actions, one seed, convolutions begun at random, nested random parts of the "
        "training images; with fewer images the networks have more epochs (by the square root).",
        ("Method", *(f"{size:,}" for size in curve)),
        tuple(
            (method.title, *(cell(method.name, rows) for rows in curve.values()))
            for method in methods
            if method.name in found
        ),
    )


def _preset_of(preset: Preset, factor: float) -> Preset:
    """Only what the curve shows and needs, trained longer, each network from its own beginning."""
    alone = replace(
        preset,
        methods={name: _alone(config) for name, config in preset.methods.items()},
        train_sizes=(),
    )
    shown = [card for card in alone.compared if card.in_learning_curve]
    needed = {stage for card in shown for stage in alone.stages_of(card)}
    methods = {
        card.name: _longer(alone.methods[card.name], factor)
        for card in alone.cards
        if card in shown or (card.kept and card.stage in needed)
    }
    codes = {name: _longer(config, factor) for name, config in preset.codes.items()}
    return replace(alone, methods=with_equal_budgets(methods), codes=codes)


def _alone(config: Any) -> Any:
    """The configuration of a network that begins at random."""
    return replace(config, begin_with=None) if hasattr(config, "begin_with") else config


def _longer(config: Any, factor: float) -> Any:
    """A configuration with every loop in it that many times as long."""
    if isinstance(config, LoopConfig):
        return replace(config, epochs=max(1, round(factor * config.epochs)))
    if not is_dataclass(config) or isinstance(config, type):
        return config
    parts = {part.name: _longer(getattr(config, part.name), factor) for part in fields(config)}
    return replace(config, **parts)
