"""Training stages and measuring models one by one, as `overpose train` and `evaluate` do.

The whole experiment belongs to `reproduce`, what a stage is to `pipeline`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overpose.baselines.dconv import DconvMPHML
from overpose.baselines.structnet import StructNet
from overpose.datasets.store import Dataset, open_dataset
from overpose.experiments.baseline_stages import KernelSystem
from overpose.experiments.pipeline import (
    NEEDS,
    Predictor,
    Run,
    Samples,
    methods_of_preset,
    methods_of_stage,
    needs,
    prediction,
    stages_s,
    told_of,
    train_stage,
)
from overpose.experiments.presets import Preset
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
from overpose.networks.model_files import read_model_config
from overpose.networks.regressor import PoseRegressor
from overpose.networks.storage import load_model
from overpose.report.rows import Report, Row, new_report, write_report
from overpose.report.tables import print_tables, tables_markdown
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.support.files import Output, require_writable, writing_file
from overpose.training import Runtime


def train_stages(
    preset: Preset,
    data: Path,
    out: Path,
    *,
    stage: str = "all",
    seed: int = 0,
    runtime: Runtime | None = None,
) -> dict[str, Path]:
    """Train one stage, and first the stages that it needs, or all of them; each resumes.

    One model for all actions, whatever the preset does in `reproduce`.

    Args:
        preset: sizes and budgets; its images must be as large as the dataset's.
        data: a rendered dataset.
        out: each stage gets a directory in it.
        stage: "autoencoder", "direct", "latent", "finetune", "pca", the name of another system's
            stage, or "all": the four of ours, and "pca" where the preset has it.
        seed: of training.
        runtime: device and threads.

    Returns:
        The directory of the last model of each trained stage.

    Raises:
        InputError: there is no such stage, the dataset does not fit the preset, or `out` holds
            stages that were trained otherwise.
    """
    chains = {needs(preset, m)[-1]: needs(preset, m) for m in methods_of_preset(preset) if NEEDS[m]}
    chains["autoencoder"] = ("autoencoder",)
    chains["finetune"] = chains.pop("finetuned")
    ours = [name for name in ("direct", "finetune", "pca") if name in chains]
    if stage != "all" and stage not in chains:
        raise InputError(
            f"stage: got {stage!r}, expected all, {', '.join(sorted(chains))}: what preset "
            f"{preset.name} has"
        )
    wanted = [chains[name] for name in (ours if stage == "all" else [stage])]
    stages = list(dict.fromkeys(name for chain in wanted for name in chain))
    with open_dataset(data) as dataset:
        require_disjoint_subjects(dataset)
        require_image_size(dataset, preset.image_encoder.image_size)
        if "train" not in dataset.splits:
            raise InputError(f"{data}: got no samples of split 'train', expected at least one")
        run = Run(preset, Samples(dataset), out, seed, runtime or Runtime())
        for name in stages:
            train_stage(run, name)
    return {name: out / name / "last" for name in stages}


def evaluate_models(
    models: Sequence[Path],
    data: Path,
    output: Output,
    *,
    protocols: Sequence[str] = (),
    joints: int = 17,
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

    Raises:
        InputError: a model cannot be read, predicts no poses, takes images of another size, was
            trained on a test subject, or is a second one of the same method and seed; the report is
            there already; or protocols are asked for and the dataset is not split as Human3.6M is.
    """
    out = output.out
    if out.is_file():
        raise InputError(f"{out}: is a file, expected a directory for the report")
    for name in ("report.json", "tables.md", *(["human36m.json"] if protocols else [])):
        require_writable(out / name, overwrite=output.overwrite)
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
        for loaded in _all_loaded(models, dataset):
            masked = isinstance(loaded.model, KernelSystem)
            for method in loaded.methods:
                predict = prediction(loaded.model, method)
                rows += evaluate(
                    predict,
                    dataset,
                    method=method,
                    seed=loaded.seed,
                    train_s=loaded.train_s,
                    train_subjects=loaded.train_subjects,
                    masked=masked,
                    adjust=told_of(method),
                )
                if told_of(method) is None:
                    results[run_name(method, loaded.seed)] = [
                        evaluate_human36m(
                            predict,
                            dataset,
                            protocol=PROTOCOLS[name],
                            joints=joints,
                            masked=masked,
                        )
                        for name in protocols
                    ]
        report = new_report(PROTOCOL, dataset_text(dataset), rows)
    write_report(out / "report.json", report)
    with writing_file(out / "tables.md") as temporary:
        temporary.write_text(tables_markdown(report), encoding="utf-8")
    print_tables(report)
    if protocols:
        write_human36m(out / "human36m.json", results)
    return report


@dataclass(frozen=True, eq=False)
class _Loaded:
    """A model from disk, and what its training noted down.

    Attributes:
        place: its directory.
        model: it.
        stage: the stage that made it.
        known: seed, subjects, stages.
    """

    place: Path
    model: Predictor
    stage: str
    known: dict[str, Any]

    @property
    def seed(self) -> int:
        return int(self.known.get("seed", 0))

    @property
    def train_subjects(self) -> Sequence[str] | None:
        return self.known.get("train_subjects")

    @property
    def methods(self) -> list[str]:
        """The rows that it predicts for."""
        return methods_of_stage(self.stage) or [self.stage]

    @property
    def train_s(self) -> float:
        """Seconds of every stage that it needed, as far as they lie beside it."""
        if self.place.name != "last":
            return 0.0
        stages = self.known.get("stages", NEEDS.get(self.methods[0], ()))
        return stages_s([self.place.parent.parent / name for name in stages])


def _all_loaded(models: Sequence[Path], dataset: Dataset) -> list[_Loaded]:
    """The models, each checked against the dataset and the others before any is measured."""
    found: dict[tuple[str, int], _Loaded] = {}
    for given in models:
        place = given / "last" if (given / "last").is_dir() else given
        model, known = _model(place)
        size = _image_size(model)
        if size is not None:
            require_image_size(dataset, size)
        loaded = _Loaded(place, model, str(known.get("method", _kind(model))), known)
        require_disjoint_subjects(dataset, train_subjects=loaded.train_subjects)
        key = (loaded.stage, loaded.seed)
        if key in found:
            raise InputError(
                f"{place} and {found[key].place} are both {loaded.stage}, seed {loaded.seed}; "
                "expected one model for each method and seed"
            )
        found[key] = loaded
    return list(found.values())


def _model(place: Path) -> tuple[Predictor, dict[str, Any]]:
    """The model and what its training noted down: method, seed, subjects."""
    model = load_model(place)
    if not isinstance(model, Predictor):
        raise InputError(
            f"{place}: is a {type(model).__name__}, expected a model that predicts poses from "
            "images: direct, latent, finetuned or one of the other systems"
        )
    known = read_model_config(place).get("provenance")
    return model, known if isinstance(known, dict) else {}


def _image_size(model: Predictor) -> int | None:
    """Side of the images that it takes; None: any."""
    if isinstance(model, PoseRegressor):
        return model.config.image_encoder.image_size
    if isinstance(model, DconvMPHML | StructNet):
        return model.config.convolutions.image_size
    return None


def _kind(model: Predictor) -> str:
    return model.config.kind if isinstance(model, PoseRegressor) else type(model).__name__
