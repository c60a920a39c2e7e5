"""How the error falls with the number of training images: ours, the CNN and LinKDE.

Their cards say which methods these are. Every point is a run of its own on a random part of
the training images, the code's poses included; the convolutions begin at random, so that nothing
has seen more. Resumable like any run.
"""

import math
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from overpose.datasets.store import open_dataset
from overpose.experiments.pipeline import Run, measured_rows, run_methods
from overpose.experiments.preset import Preset, with_equal_budgets
from overpose.experiments.setting import begin_setting
from overpose.experiments.side_by_side import jobs_of_run, train_side_by_side
from overpose.measure.protocols import dataset_text, require_disjoint_subjects, require_image_size
from overpose.methods import METHODS, Inputs, Method, Samples
from overpose.report.figures import draw_learning_curve
from overpose.report.header import report_header
from overpose.report.rows import MEAN, Row, summarize
from overpose.report.tables import TextTable, markdown_table, number_text
from overpose.support.errors import InputError
from overpose.support.files import Output, write_json, writing_file
from overpose.support.workers import number_of_processes
from overpose.training.config import LoopConfig
from overpose.training.loop import Runtime

Curve = dict[int, list[Row]]
"""By number of training images, the row "mean" of each method and seed."""


def learning_curve(
    preset: Preset,
    data: Path,
    output: Output,
    *,
    inputs: Inputs = "image",
    seeds: Sequence[int] | None = None,
    processes: int | None = None,
    runtime: Runtime | None = None,
) -> Curve:
    """Train and measure at each of the preset's `train_sizes`; write what was found.

    That is learning_curve.json, learning_curve.md and learning_curve.png.

    With fewer images the epochs grow with the square root of what is missing, for otherwise the
    smallest parts would end after few steps.

    Args:
        preset: sizes of images and networks.
        data: the dataset to take parts of; sizes beyond it count as all of it.
        output: directory, where a curve of the same preset and data is gone on with; and whether a
            finished one, or one made otherwise, is removed first.
        inputs: what the methods are given.
        seeds: those to train now, instead of all of the preset's; the curve also has what other
            seeds have left in `output`.
        processes: stages at a time, on a CPU; None: one for each core.
        runtime: where training runs.

    Returns:
        A row for each method and seed; one that failed says why.

    Raises:
        InputError: the preset has no sizes, the dataset does not fit it, or the directory holds
            something else.
    """
    out, processes = output.out, number_of_processes(processes)
    trained, runtime = tuple(seeds or preset.seeds), runtime or Runtime()
    if not preset.train_sizes:
        raise InputError(f"preset {preset.name}: has no train_sizes; use --preset cpu")
    with open_dataset(data) as dataset:
        require_disjoint_subjects(dataset)
        require_image_size(dataset, preset.render.image_size)
        if inputs == "masked_image" and not dataset.has_masks:
            raise InputError(f"{data}: has no masks, expected some for --inputs masked_image")
        every = int((dataset.splits == "train").sum())
        sizes = sorted({min(size, every) for size in preset.train_sizes})
        setting = {"preset": preset.describe(), "data": str(data.resolve()), "inputs": inputs}
        begin_setting(
            output,
            "setting.json",
            {**setting, "sizes": sizes},
            kind="learning curve",
            finished="learning_curve.json",
            products=("seed*", "learning_curve.md", "learning_curve.png"),
        )
        found = {int(place.name[4:]) for place in out.glob("seed*") if place.name[4:].isdecimal()}
        runs = {
            (seed, size): Run(
                _preset_of(preset, math.sqrt(every / size)),
                Samples(dataset, inputs).part(size, seed),
                out / f"seed{seed}" / str(size),
                seed,
                runtime,
            )
            for seed in sorted(found | set(trained))
            for size in sizes
        }
        if processes > 1 and runtime.torch_device().type == "cpu":
            jobs = [
                job
                for (seed, size), run in runs.items()
                if seed in trained
                for job in jobs_of_run(run, part=size)
            ]
            train_side_by_side(dataset, jobs[::-1], processes)  # the longest first
        curve: Curve = {size: [] for size in sizes}
        for (seed, size), run in runs.items():
            rows = run_methods(run) if seed in trained else measured_rows([run])[0]
            shown = [card.name for card in run.preset.compared if card.in_learning_curve]
            curve[size] += [row for row in rows if row.action == MEAN and row.method in shown]
            run.samples.free_images()
        _write(out, curve, {"inputs": inputs, "dataset": dataset_text(dataset)}, preset)
    return curve


def _write(out: Path, curve: Curve, known: dict[str, Any], preset: Preset) -> None:
    seeds = sorted({row.seed for rows in curve.values() for row in rows})
    header = {**known, "preset": preset.name, "seeds": seeds, **report_header()}
    sizes = {str(size): [row.to_json() for row in rows] for size, rows in curve.items()}
    lines = ["# Error by number of training images", ""]
    lines += [f"- {name.capitalize()}: {value}" for name, value in header.items()]
    table = markdown_table(curve_table(curve, methods=preset.method_cards))
    with writing_file(out / "learning_curve.md") as temporary:
        temporary.write_text("\n".join([*lines, "", table]) + "\n", encoding="utf-8")
    draw_learning_curve(out / "learning_curve.png", curve)
    write_json(out / "learning_curve.json", {**header, "sizes": sizes})


def curve_table(curve: Curve, *, methods: Sequence[Method] = METHODS) -> TextTable:
    """The curve as a table, a column for each number of images."""
    merged = {size: summarize(rows) for size, rows in curve.items()}

    def cell(method: str, size: int) -> str:
        summary = merged[size].get((method, MEAN))
        if summary is None:
            return number_text(math.nan)
        if not summary.seeds:
            return "failed"
        return number_text(summary.mean["mpjpe_mm"], summary.std["mpjpe_mm"])

    found = {row.method for rows in curve.values() for row in rows}
    return TextTable(
        "MPJPE in mm by number of training images",
        "Mean over the actions, mean and standard deviation over the seeds, convolutions begun at "
        "random, nested random parts of the training images; with fewer images the networks have "
        "more epochs (by the square root).",
        ("Method", *(f"{size:,}" for size in curve)),
        tuple(
            (method.title, *(cell(method.name, size) for size in curve))
            for method in methods
            if method.name in found
        ),
    )


def _preset_of(preset: Preset, factor: float) -> Preset:
    """Only what the curve shows and needs, trained longer, each network from its own beginning."""
    alone = replace(
        preset,
        methods={name: _alone(config) for name, config in preset.methods.items()},
        finishing_share=None,
        model_per_action=False,
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
