"""The whole experiment with one call: render, train every stage, measure, write tables and figure.

Every step is skipped when it is done already, so a run that was killed goes on where it was.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from overpose.datasets.motion_source import MotionSource
from overpose.datasets.rendering.jobs import Renderer
from overpose.datasets.rendering.options import RenderConfig
from overpose.datasets.sources import SOURCES, Source
from overpose.datasets.sources.human36m import NAME as HUMAN36M_NAME
from overpose.datasets.store import Dataset, open_dataset
from overpose.experiments.learning_curve import curve_table, learning_curve
from overpose.experiments.pipeline import (
    Run,
    details_of,
    merge_actions,
    model_place,
    run_methods,
    trained_code,
    trained_predictor,
)
from overpose.experiments.preset import Preset
from overpose.experiments.rendering import build_dataset, require_motion
from overpose.experiments.setting import begin_setting
from overpose.experiments.side_by_side import jobs_of_run, train_side_by_side
from overpose.measure.human36m import (
    PAPER,
    PROTOCOL_1,
    Human36mProtocol,
    gaps_of,
    require_human36m_split,
    results_of_rows,
    write_human36m,
)
from overpose.measure.memory import prediction_memory_mib
from overpose.measure.protocols import (
    PROTOCOL,
    dataset_text,
    require_disjoint_subjects,
    require_image_size,
)
from overpose.measure.reconstruction import (
    NOISE_MM,
    evaluate_reconstruction,
    reconstruction_table,
)
from overpose.methods import Samples, load_predictor
from overpose.networks.codes import reconstruct_poses
from overpose.report.details import detail_tables
from overpose.report.figures import draw_comparison, draw_errors
from overpose.report.page import write_page
from overpose.report.rows import Report, Row, new_report, write_report
from overpose.report.tables import TextTable, print_tables, tables_markdown
from overpose.support.errors import InputError
from overpose.support.files import Output, read_json, write_json, writing_file
from overpose.support.progress import say
from overpose.support.workers import number_of_processes
from overpose.training.loop import Runtime

STATE_NAME = "experiment.json"
FIGURE_ROWS = 6
_MADE_UP = MotionSource()


@dataclass(frozen=True)
class Reproduction:
    """What `reproduce` left.

    Attributes:
        report: the measured rows.
        out: the directory, with `report.json`, `tables.md`, `report.html` and figures,
            `autoencoder.json`, `memory.json`, `learning_curve.json`, `dataset/` and a directory of
            models for each seed; of a converted Human3.6M also `human36m.json`.
        failed: one line for each method and seed that failed.
    """

    report: Report
    out: Path
    failed: tuple[str, ...]


def reproduce(
    preset: Preset,
    output: Output,
    *,
    motion: MotionSource = _MADE_UP,
    data: Path | None = None,
    processes: int | None = None,
    seeds: Sequence[int] | None = None,
    memory: bool = True,
    runtime: Runtime | None = None,
    make_renderer: Callable[[RenderConfig], Renderer] | None = None,
    sources: tuple[Source, ...] = SOURCES,
) -> Reproduction:
    """Run a preset from motion to tables, or go on with a run that was interrupted.

    Prints both tables beside the published ones; the last line says where figure and tables are.

    Args:
        preset: what to do.
        output: directory of the experiment, where one of the same preset and data is resumed; and
            whether a finished one, or one of another kind, is removed first.
        motion: motion capture and splits, for presets that need them.
        data: a finished dataset to use in the place of rendering one, e.g. a converted Human3.6M.
        processes: for rendering, and on a CPU for training stages side by side; None: one for each
            core.
        seeds: other seeds than the preset's.
        memory: whether to measure how much memory each method predicts with, in seconds each.
        runtime: device of training, and threads where stages do not train side by side.
        make_renderer: another renderer than the studio; a function at the top of a module.
        sources: cards that recognise the motion, your own among them.

    Raises:
        InputError: the data are missing, damaged or leak test subjects into training, or `out`
            holds something else. A method that fails does not raise: its row says so.
    """
    out, processes = output.out, number_of_processes(processes)
    if seeds is not None:
        preset = replace(preset, seeds=tuple(seeds))
    dataset = None
    if data is not None:
        dataset = open_dataset(data)
        _require_usable(preset, dataset)
    _begin(preset, output, motion, data)
    if dataset is None:
        dataset = build_dataset(
            preset,
            Output(out / "dataset"),
            motion,
            processes=processes,
            make_renderer=make_renderer,
            sources=sources,
        )
        _require_usable(preset, dataset)
    with dataset:
        parts: dict[int, list[list[Row]]] = {seed: [] for seed in preset.seeds}
        runtime = runtime or Runtime()
        runs = {
            name: [
                Run(preset, samples, out / f"seed{seed}" / name, seed, runtime)
                for seed in preset.seeds
            ]
            for name, samples in _groups(preset, dataset)
        }
        if processes > 1 and runtime.torch_device().type == "cpu":
            jobs = [
                job
                for name, of_name in runs.items()
                for run in of_name
                for job in jobs_of_run(run, action=name or None)
            ]
            train_side_by_side(dataset.info.path, jobs, processes)
        for of_name in runs.values():
            for run in of_name:
                parts[run.seed].append(run_methods(run))
            of_name[0].samples.free_images()
        rows = [row for of_seed in parts.values() for row in merge_actions(of_seed)]
        report = new_report(_protocol_text(preset, dataset), dataset_text(dataset), rows)
        write_report(out / "report.json", report)
        every = [run for of_name in runs.values() for run in of_name]
        memory_mib = _memory_mib(out, every, dataset.info.path) if memory else {}
        cards = preset.method_cards
        tables = [
            *_code_tables(out, every),
            *detail_tables(_details(every), memory_mib, methods=cards),
        ]
        pictures = [("Examples", "figure.png"), ("MPJPE by action", "errors.png")]
        if preset.train_sizes:
            curve = learning_curve(preset, dataset, out, processes=processes, runtime=runtime)
            tables.append(curve_table(curve, methods=cards))
            pictures.append(("MPJPE by number of training images", "learning_curve.png"))
        with writing_file(out / "tables.md") as temporary:
            text = tables_markdown(report, extra=tables, methods=cards)
            temporary.write_text(text, encoding="utf-8")
        protocol = _human36m_protocol(preset, dataset)
        human36m = results_of_rows(rows, dataset, protocol) if protocol is not None else None
        first = [run for run in every if run.seed == preset.seeds[0]]
        figure = _draw_figure(out / "figure.png", first)
        draw_errors(out / "errors.png", report.rows)
        write_page(
            out / "report.html",
            report,
            extra=tables,
            figures=[(title, out / name) for title, name in pictures],
            methods=cards,
        )
    print_tables(report, methods=cards)
    if human36m is not None:
        write_human36m(out / "human36m.json", human36m)
    failed = tuple(
        f"{row.method}, seed {row.seed}: {row.error}" for row in rows if row.error is not None
    )
    where = f"figure: {out / 'figure.png'}; " if figure else "no figure: no method was trained; "
    print(f"page: {out / 'report.html'}")
    print(f"{where}tables: {out / 'tables.md'}", flush=True)
    return Reproduction(report, out, failed)


def _begin(preset: Preset, output: Output, motion: MotionSource, data: Path | None) -> None:
    if data is None:
        require_motion(preset, motion)
    elif motion.is_recorded:
        raise InputError(
            "got --data and --mocap, expected a finished dataset or what to render one from"
        )
    wanted: dict[str, Any] = {
        "preset": preset.describe(),
        "mocap": str(motion.mocap.resolve()) if motion.mocap else None,
        "splits": read_json(motion.splits) if motion.splits else None,
    }
    if data is not None:
        wanted["data"] = str(data.resolve())
    begin_setting(
        output,
        STATE_NAME,
        wanted,
        kind="experiment",
        finished="report.json",
        products=(
            *("seed*", "dataset", "tables.md", "report.html"),
            *("figure.png", "errors.png", "autoencoder.json", "memory.json", "curve"),
            *("learning_curve.json", "learning_curve.png", "human36m.json"),
        ),
    )


def _require_usable(preset: Preset, dataset: Dataset) -> None:
    for split in ("train", "test"):
        if split not in dataset.splits:
            raise InputError(
                f"{dataset.info.path}: got no samples of split {split!r}, expected at least one"
            )
    require_disjoint_subjects(dataset)
    if _human36m_protocol(preset, dataset) is not None:
        require_human36m_split(dataset)
    require_image_size(dataset, preset.render.image_size)


def _groups(preset: Preset, dataset: Dataset) -> Iterator[tuple[str, Samples]]:
    """What has models of its own: everything together, or every action; with its directory."""
    if not preset.model_per_action:
        yield "", Samples(dataset)
        return
    for action in dict.fromkeys(dataset.actions[dataset.splits == "test"].tolist()):
        yield action, Samples(dataset.select(dataset.actions == action))


def _code_tables(out: Path, runs: Sequence[Run]) -> list[TextTable]:
    """Measure each run's trained codes on the test subjects' poses; write autoencoder.json."""
    results: dict[str, dict[str, dict[str, float]]] = {}
    subjects: set[str] = set()
    for run, card in [(each, card) for each in runs for card in each.preset.trained_codes]:
        try:
            code = trained_code(run, card.name)
        except InputError as error:
            say(f"{card.name} of {run.out}: not measured: {error}")
            continue
        alone = len(run.preset.trained_codes) == 1
        place = run.out if alone else run.out / card.name
        results[place.relative_to(out).as_posix()] = evaluate_reconstruction(
            partial(reconstruct_poses, code),
            run.samples.test.poses_mm,
            train_poses_mm=run.samples.train.poses_mm,
            seed=run.seed,
        )
        subjects |= set(run.samples.test.subjects.tolist())
    value = {"noise_mm": NOISE_MM, "test_subjects": sorted(subjects), "runs": results}
    write_json(out / "autoencoder.json", value)
    return [reconstruction_table(list(results.values()))] if results else []


def _memory_mib(out: Path, runs: Sequence[Run], dataset: Path) -> dict[str, float]:
    """Memory of prediction by method, of the first run that has it; kept in memory.json."""
    path = out / "memory.json"
    found: dict[str, float] = read_json(path) if path.is_file() else {}
    for run in runs:
        for method in run.preset.compared:
            place = model_place(run, method)
            if method.name in found or place is None or not place.is_dir():
                continue
            load = partial(load_predictor, method, place)
            mib = prediction_memory_mib(method.name, load, dataset, masked=method.masked)
            if mib is not None:
                found[method.name] = mib
    write_json(path, found)
    return found


def _details(runs: Sequence[Run]) -> dict[str, list[dict[str, Any]]]:
    """By method what `details_of` finds in each run."""
    found: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        for method in run.preset.compared:
            if details := details_of(run, method):
                found.setdefault(method.name, []).append(details)
    return found


def _draw_figure(path: Path, runs: Sequence[Run]) -> bool:
    """The middle test sample of every action, with what each trained method makes of it."""
    images, truths, titles = [], [], []
    predictions: dict[str, list[np.ndarray]] = {}
    for run in runs:
        test, chosen = run.samples.test, []
        for action in dict.fromkeys(test.actions.tolist()):
            of_action = np.flatnonzero(test.actions == action)
            chosen.append(int(of_action[len(of_action) // 2]))
            titles.append(action.replace("_", " "))
        pictures = test.images(chosen)
        images.append(pictures)
        truths.append(test.poses_mm[chosen])
        for method in (card for card in run.preset.compared if card.in_figure):
            try:
                poses_mm = trained_predictor(run, method)(pictures)
            except InputError:
                poses_mm = np.full((len(chosen), 17, 3), np.nan)
            predictions.setdefault(method.name, []).append(poses_mm)
    drawn = {
        method: np.concatenate(parts)[:FIGURE_ROWS]
        for method, parts in predictions.items()
        if not all(np.isnan(part).all() for part in parts)
    }
    if not drawn:
        path.unlink(missing_ok=True)
        return False
    draw_comparison(
        path,
        np.concatenate(images)[:FIGURE_ROWS],
        np.concatenate(truths)[:FIGURE_ROWS],
        drawn,
        row_titles=titles[:FIGURE_ROWS],
    )
    return True


def _human36m_protocol(preset: Preset, dataset: Dataset) -> Human36mProtocol | None:
    """The protocol that a converted Human3.6M is measured by; None: the dataset is another."""
    if dataset.info.name != HUMAN36M_NAME:
        return None
    return PAPER if preset.model_per_action else PROTOCOL_1


def _protocol_text(preset: Preset, dataset: Dataset) -> str:
    models = "one model for each action" if preset.model_per_action else "one model for all actions"
    text = f"{PROTOCOL}; {models}; preset {preset.name}"
    protocol = _human36m_protocol(preset, dataset)
    if protocol is None:
        return text
    gaps = gaps_of(dataset, protocol)
    return f"{protocol.name} ({'; '.join((protocol.text, *gaps))}); {text}"
