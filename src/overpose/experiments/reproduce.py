"""The whole experiment with one call: render, train every stage, measure, write tables and figure.

Every step is skipped when it is done already, so a run that was killed goes on where it was.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from overpose.baselines.phog import dilation_px
from overpose.datasets.motion_source import MotionSource
from overpose.datasets.rendering.jobs import Renderer
from overpose.datasets.rendering.options import RenderConfig
from overpose.datasets.sources import SOURCES, Source
from overpose.datasets.sources.human36m import NAME as HUMAN36M_NAME
from overpose.datasets.store import Dataset, open_dataset
from overpose.experiments.examples import draw_examples
from overpose.experiments.finishing_share import choose_share
from overpose.experiments.held_out import in_place_of_test
from overpose.experiments.pipeline import (
    Run,
    details_of,
    measured_rows,
    merge_actions,
    model_place,
    run_methods,
    trained_code,
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
from overpose.methods import Inputs, Samples, load_predictor
from overpose.networks.codes import reconstruct_poses
from overpose.report.blocks import blocks_of
from overpose.report.details import detail_tables
from overpose.report.figures import draw_errors
from overpose.report.page import write_page
from overpose.report.rows import Report, Row, new_report, write_report
from overpose.report.tables import TextTable, print_tables, tables_markdown
from overpose.support.errors import InputError
from overpose.support.files import Output, read_json, write_json, writing_file
from overpose.support.progress import say
from overpose.support.workers import number_of_processes
from overpose.training.loop import Runtime

STATE_NAME = "experiment.json"
_MADE_UP = MotionSource()


@dataclass(frozen=True)
class Reproduction:
    """What `reproduce` left.

    Attributes:
        report: the measured rows.
        out: the directory, with `report.json`, `tables.md`, `report.html` and figures,
            `autoencoder.json`, `memory.json`, `dataset/` and a directory of models for each seed;
            of a converted Human3.6M also `human36m.json`, on held-out subjects `finishing.json`.
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
    held_out: bool = False,
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
        data: a finished dataset to use instead of rendering one, e.g. a converted Human3.6M.
        processes: for rendering, and on a CPU for training stages side by side; None: one for each
            core.
        seeds: those to train now, instead of all of the preset's; the report also has what other
            seeds have left in `output`.
        held_out: whether to leave the test subjects alone and measure on some of the training
            subjects, who then do not train: for every choice. The share of the common finishing is
            chosen then.
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
    _begin(preset, output, motion, data, held_out)
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
    if held_out:
        dataset = in_place_of_test(dataset)
    if "masked_image" in preset.inputs and not dataset.has_masks:
        say(f"{dataset.info.path}: has no masks: no rows with them")
        preset = replace(preset, inputs=("image",))
    with dataset:
        every = _runs(preset, dataset, out, runtime or Runtime())
        _train(dataset, [run for run in every if run.seed in preset.seeds], processes)
        rows = _rows(every, preset.seeds)
        report = new_report(_protocol_text(preset, dataset, held_out), dataset_text(dataset), rows)
        write_report(out / "report.json", report)
        memory_mib = {} if held_out or not memory else _memory_mib(out, every, dataset.info.path)
        cards = preset.method_cards
        tables = _code_tables(out, every)
        for inputs in preset.inputs:
            given = " (images with masks)" if inputs == "masked_image" else ""
            details = _details([run for run in every if run.samples.inputs == inputs])
            tables += detail_tables(details, memory_mib, given=given, methods=cards)
        if held_out:
            tables += choose_share(every, out / "finishing.json")
        with writing_file(out / "tables.md") as temporary:
            text = tables_markdown(report, extra=tables, methods=cards)
            temporary.write_text(text, encoding="utf-8")
        protocol = None if held_out else _human36m_protocol(preset, dataset)
        human36m = results_of_rows(rows, dataset, protocol) if protocol is not None else None
        figure = draw_examples(out / "figure.png", every)
        draw_errors(out / "errors.png", blocks_of(rows)[0].rows)
        write_page(
            out / "report.html",
            report,
            extra=tables,
            figures=[("Examples", out / "figure.png"), ("MPJPE by action", out / "errors.png")],
            methods=cards,
        )
    print_tables(report, methods=cards)
    if human36m is not None:
        write_human36m(out / "human36m.json", human36m)
    failed = tuple(
        dict.fromkeys(
            f"{row.method}, {row.inputs}, seed {row.seed}: {row.error}"
            for row in rows
            if row.error is not None
        )
    )
    where = f"figure: {out / 'figure.png'}; " if figure else "no figure: no method was trained; "
    print(f"page: {out / 'report.html'}")
    print(f"{where}tables: {out / 'tables.md'}", flush=True)
    return Reproduction(report, out, failed)


def _runs(preset: Preset, dataset: Dataset, out: Path, runtime: Runtime) -> list[Run]:
    """Everything that is trained or was, in the order of the report: by seed, then by inputs."""
    found = {int(place.name[4:]) for place in out.glob("seed*") if place.name[4:].isdecimal()}
    seeds = sorted(found | set(preset.seeds))
    once = [method for method in preset.compared if method.fitted_once]
    fitted = [
        seed
        for seed in seeds
        if any(next((out / f"seed{seed}").rglob(f"rows-{m.name}*.json"), None) for m in once)
    ]
    groups = {
        inputs: [(name, Samples(part, inputs)) for name, part in _groups(preset, dataset)]
        for inputs in preset.inputs
    }
    return [
        Run(
            preset,
            samples,
            out / f"seed{seed}" / name,
            seed,
            runtime,
            fits_once=seed == (*fitted, *preset.seeds)[0],
        )
        for seed in seeds
        for inputs in preset.inputs
        for name, samples in groups[inputs]
    ]


def _train(dataset: Dataset, runs: Sequence[Run], processes: int) -> None:
    """Train side by side where that helps; what is left `run_methods` trains."""
    if processes > 1 and runs[0].runtime.torch_device().type == "cpu":
        jobs = [
            job
            for run in runs
            for job in jobs_of_run(
                run, action=_action(run) if run.preset.model_per_action else None
            )
        ]
        train_side_by_side(dataset, jobs, processes)


def _action(run: Run) -> str:
    return str(run.samples.dataset.actions[0])


def _rows(runs: Sequence[Run], trained: Sequence[int]) -> list[Row]:
    """The rows of every seed: of those trained now, and what others have left."""
    rows: list[Row] = []
    by_seed: dict[tuple[int, Inputs], list[Run]] = {}
    for run in runs:
        by_seed.setdefault((run.seed, run.samples.inputs), []).append(run)
    for (seed, _), parts in by_seed.items():
        if seed in trained:
            found = []
            for run in parts:
                found.append(run_methods(run))
                run.samples.free_images()
        else:
            found = measured_rows(parts)
        rows += merge_actions(found)
    return rows


def _begin(
    preset: Preset, output: Output, motion: MotionSource, data: Path | None, held_out: bool
) -> None:
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
    if held_out:
        wanted["held_out"] = True
    begin_setting(
        output,
        STATE_NAME,
        wanted,
        kind="experiment",
        finished="report.json",
        products=(
            *("seed*", "dataset", "tables.md", "report.html"),
            *("figure.png", "errors.png", "autoencoder.json", "memory.json"),
            *("human36m.json", "finishing.json"),
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


def _groups(preset: Preset, dataset: Dataset) -> Iterator[tuple[str, Dataset]]:
    """What has models of its own: everything together, or every action; with its directory."""
    if not preset.model_per_action:
        yield "", dataset
        return
    for action in dict.fromkeys(dataset.actions[dataset.splits == "test"].tolist()):
        yield action, dataset.select(dataset.actions == action)


def _code_tables(out: Path, runs: Sequence[Run]) -> list[TextTable]:
    """Measure each run's trained codes on the test subjects' poses; write autoencoder.json."""
    results: dict[str, dict[str, dict[str, float]]] = {}
    subjects: set[str] = set()
    places = {run.out: run for run in runs}.values()  # a code is that of all inputs
    for run, card in [(each, card) for each in places for card in each.preset.trained_codes]:
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
            mib = prediction_memory_mib(
                method.name, load, dataset, mask_channel=method.mask_channel
            )
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


def _human36m_protocol(preset: Preset, dataset: Dataset) -> Human36mProtocol | None:
    """The protocol that a converted Human3.6M is measured by; None: the dataset is another."""
    if dataset.info.name != HUMAN36M_NAME:
        return None
    return PAPER if preset.model_per_action else PROTOCOL_1


def _protocol_text(preset: Preset, dataset: Dataset, held_out: bool) -> str:
    models = "one model for each action" if preset.model_per_action else "one model for all actions"
    text = f"{PROTOCOL}; {models}; preset {preset.name}"
    if "masked_image" in preset.inputs:
        text += (
            "; masked images are black outside the mask dilated by "
            f"{dilation_px(dataset.info.image_size)} px"
        )
    if preset.finishing_share is not None:
        text += (
            "; common finishing: mean with the mirrored image, then limb lengths blended in the "
            f"logarithm towards the training mean by a share of {preset.finishing_share:g}"
        )
    if held_out:
        subjects = sorted(set(dataset.subjects[dataset.splits == "test"].tolist()))
        text += (
            f"; NOT THE TEST: measured on the training subjects {', '.join(subjects)}, held out of "
            "training; the test subjects are not used"
        )
    protocol = None if held_out else _human36m_protocol(preset, dataset)
    if protocol is None:
        return text
    gaps = gaps_of(dataset, protocol)
    return f"{protocol.name} ({'; '.join((protocol.text, *gaps))}); {text}"
