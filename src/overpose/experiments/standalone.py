"""Training stages and measuring models one by one, as `overpose train` and `evaluate` do.

The whole experiment belongs to `reproduce`, what a stage is to `pipeline`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from overpose.datasets.store import Dataset, open_dataset
from overpose.experiments.pipeline import Run, stages_s, train_stage
from overpose.experiments.preset import Preset
from overpose.measure.human36m import (
    PROTOCOLS,
    Human36mResult,
    evaluate_human36m,
    require_human36m_split,
    run_name,
    write_human36m,
)
from overpose.measure.protocols import (
    PROTOCOL,
    dataset_text,
    evaluate,
    require_disjoint_subjects,
    require_image_size,
)
from overpose.methods import METHODS, Inputs, Method, Samples, kinds_of
from overpose.networks.model_files import read_model_config
from overpose.networks.pose_predictor import KIND as POSE_PREDICTOR
from overpose.networks.storage import load_model
from overpose.report.rows import Report, Row, new_report, write_report
from overpose.report.tables import print_tables, tables_markdown
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.support.files import Output, require_writable, writing_file
from overpose.training.loop import Runtime

OLD_NAMES = {"finetune": "finetuned"}
"""Stages that commands of earlier versions called otherwise."""


def train_stages(
    preset: Preset,
    data: Path,
    out: Path,
    *,
    stage: str = "all",
    inputs: Inputs = "image",
    seed: int = 0,
    runtime: Runtime | None = None,
) -> dict[str, Path]:
    """Train one stage, and first the stages that it needs, or all of them; each resumes.

    One model for all actions, whatever the preset does in `reproduce`.

    Args:
        preset: sizes and budgets; its images must be as large as the dataset's.
        data: a rendered dataset.
        out: each stage gets a directory in it.
        stage: the name of a code's or a method's stage, or "all": of every method whose model is
            a `PosePredictor`, which are ours and the CNN.
        inputs: what methods are given; with masks, directories end in "-masked".
        seed: of training.
        runtime: device and threads.

    Returns:
        The directory of the last model of each trained stage.

    Raises:
        InputError: there is no such stage, the dataset does not fit the preset, or `out` holds
            stages that were trained otherwise.
    """
    kept = [card for card in preset.cards if card.kept]
    wanted = [OLD_NAMES.get(stage, stage)]
    if stage == "all":
        wanted = [card.stage for card in kept if POSE_PREDICTOR in card.kinds]
    choices = {card.stage for card in kept} | {code.name for code in preset.trained_codes}
    if not choices.issuperset(wanted):
        raise InputError(
            f"stage: got {stage!r}, expected all, {', '.join(sorted(choices))}: what preset "
            f"{preset.name} has"
        )
    stages = list(dict.fromkeys(name for each in wanted for name in preset.stages_before(each)))
    with open_dataset(data) as dataset:
        require_disjoint_subjects(dataset)
        require_image_size(dataset, preset.render.image_size)
        if "train" not in dataset.splits:
            raise InputError(f"{data}: got no samples of split 'train', expected at least one")
        if inputs == "masked_image" and not dataset.has_masks:
            raise InputError(f"{data}: has no masks, expected some for --inputs masked_image")
        run = Run(preset, Samples(dataset, inputs), out, seed, runtime or Runtime())
        for name in stages:
            train_stage(run, name)
    return {name: run.place(name) / "last" for name in stages}


def evaluate_models(
    models: Sequence[Path],
    data: Path,
    output: Output,
    *,
    protocols: Sequence[str] = (),
    joints: int = 17,
    methods: Sequence[Method] = METHODS,
) -> Report:
    """Measure trained models on a dataset's test samples; write report.json and tables.md, print.

    Args:
        models: directories of models that predict poses, or of stages, whose last model is taken.
        data: a rendered dataset.
        output: directory for `report.json` and `tables.md`, and whether an earlier report there may
            be replaced.
        protocols: of a converted Human3.6M, measure also by protocol "1" or "2" of the later
            literature, and write `human36m.json`.
        joints: over how many joints those protocols are, 17 or 14.
        methods: those whose models there may be.

    Raises:
        InputError: a model cannot be read, predicts no poses, takes images of another size, was
            trained on a test subject or on masks that the dataset lacks, or is a second one of the
            same method, inputs and seed; the report is there already; or protocols are asked for
            and the dataset is not split as Human3.6M is.
    """
    out = output.out
    if out.is_file():
        raise InputError(f"{out}: is a file, expected a directory for the report")
    for name in ("report.json", "tables.md", *(["human36m.json"] if protocols else [])):
        require_writable(out / name, overwrite=output.overwrite)
    report, results = measure_models(
        models, data, protocols=protocols, joints=joints, methods=methods
    )
    write_report(out / "report.json", report)
    with writing_file(out / "tables.md") as temporary:
        temporary.write_text(tables_markdown(report, methods=methods), encoding="utf-8")
    print_tables(report, methods=methods)
    if protocols:
        write_human36m(out / "human36m.json", results)
    return report


def measure_models(
    models: Sequence[Path],
    data: Path,
    *,
    protocols: Sequence[str] = (),
    joints: int = 17,
    methods: Sequence[Method] = METHODS,
) -> tuple[Report, dict[str, list[Human36mResult]]]:
    """The same without writing or printing: the report, and by model and seed what it reaches in
    the protocols.

    Raises:
        InputError: as `evaluate_models`, but for what lies in its directory.
    """
    if not models:
        raise InputError("models: got none, expected at least one directory")
    if len(set(protocols)) != len(protocols) or (joints != len(HUMAN36M) and not protocols):
        raise InputError(
            f"protocols, joints: got {', '.join(protocols) or 'no protocol'} and {joints} joints, "
            "expected each protocol once, and 14 joints only with a protocol"
        )
    rows: list[Row] = []
    results: dict[str, list[Human36mResult]] = {}
    with open_dataset(data) as dataset:
        if protocols:
            require_human36m_split(dataset)
        for loaded in _all_loaded(models, dataset, methods):
            for method in loaded.methods:
                predict = method.predict(loaded.model)
                given = {"inputs": loaded.inputs(method), "mask_channel": method.mask_channel}
                rows += evaluate(
                    predict,
                    dataset,
                    method=method.name,
                    seed=loaded.seed,
                    train_s=loaded.train_s,
                    train_subjects=loaded.train_subjects,
                    adjust=method.adjust,
                    **given,
                )
                if not method.privileged:
                    results[run_name(method.name, loaded.seed, given["inputs"])] = [
                        evaluate_human36m(
                            predict, dataset, protocol=PROTOCOLS[name], joints=joints, **given
                        )
                        for name in protocols
                    ]
        report = new_report(PROTOCOL, dataset_text(dataset), rows)
    return report, results


@dataclass(frozen=True, eq=False)
class _Loaded:
    """A model from disk, and what its training noted down.

    Attributes:
        place: its directory.
        model: it.
        methods: the rows that it predicts for, all of one stage.
        known: seed, subjects, stages.
    """

    place: Path
    model: Any
    methods: tuple[Method, ...]
    known: dict[str, Any]

    @property
    def stage(self) -> str:
        return self.methods[0].stage

    @property
    def seed(self) -> int:
        return int(self.known.get("seed", 0))

    def inputs(self, method: Method) -> Inputs:
        """What it was trained with; models of earlier versions do not say it."""
        return self.known.get("inputs", "masked_image" if method.mask_channel else "image")

    @property
    def train_subjects(self) -> Sequence[str] | None:
        return self.known.get("train_subjects")

    @property
    def train_s(self) -> float:
        """Seconds of every stage that it needed, as far as they lie beside it."""
        if self.place.name != "last":
            return 0.0
        stages = self.known.get("stages", (self.stage,))
        return stages_s([self.place.parent.parent / name for name in stages])


def _all_loaded(
    models: Sequence[Path], dataset: Dataset, methods: Sequence[Method]
) -> list[_Loaded]:
    """The models, each checked against the dataset and the others before any is measured."""
    found: dict[tuple[str, Inputs, int], _Loaded] = {}
    for given in models:
        place = given / "last" if (given / "last").is_dir() else given
        loaded = _loaded(place, methods)
        size = getattr(loaded.model, "image_size", None)
        if size is not None:
            require_image_size(dataset, size)
        require_disjoint_subjects(dataset, train_subjects=loaded.train_subjects)
        inputs = loaded.inputs(loaded.methods[0])
        if loaded.known.get("inputs") == "masked_image" and not dataset.has_masks:
            raise InputError(
                f"{place}: was trained on images with masks, {dataset.info.path} has none; "
                "expected a dataset with masks, or a model trained without"
            )
        key = (loaded.stage, inputs, loaded.seed)
        if key in found:
            raise InputError(
                f"{place} and {found[key].place} are both {loaded.stage}, {inputs}, seed "
                f"{loaded.seed}; expected one model for each method, inputs and seed"
            )
        found[key] = loaded
    return list(found.values())


def _loaded(place: Path, methods: Sequence[Method]) -> _Loaded:
    """The model and what its training noted down: method, seed, subjects."""
    model = load_model(place, kinds_of(methods))
    config = read_model_config(place)
    able = [m for m in methods if any(config["kind"] in kind.names for kind in m.kinds)]
    if not able:
        raise InputError(
            f"{place}: is a {type(model).__name__}, expected a model that predicts poses from "
            f"images: {', '.join(dict.fromkeys(m.stage for m in methods if m.kept))}"
        )
    noted = config.get("provenance")
    known = noted if isinstance(noted, dict) else {}
    stage = str(known.get("method", getattr(model.config, "kind", able[0].stage)))
    found = [method for method in able if method.stage == stage]
    unknown = replace(able[0], name=stage, stage=stage, title=stage)
    return _Loaded(place, model, tuple(found or [unknown]), known)
