"""Training and measuring the methods of one seed, step by step, each step skipped when done.

A step that fails becomes a row that says so; the other methods go on.
"""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from overpose.experiments.preset import Preset
from overpose.measure.protocols import error_text, evaluate, mean_row
from overpose.methods import (
    CommonFinishing,
    FitContext,
    Inputs,
    Method,
    Predict,
    Samples,
    load_model,
    load_predictor,
    mean_limb_lengths,
)
from overpose.methods.codes import CodeContext, code_named
from overpose.networks.codes import PoseCode
from overpose.report.rows import MEAN, Finishing, Row, parse_row
from overpose.support.errors import InputError
from overpose.support.files import read_json, write_json, writing_file
from overpose.support.progress import say
from overpose.training.loop import Runtime, read_metrics


@dataclass(frozen=True, eq=False)
class Run:
    """One seed of an experiment, on all actions or (a model per action) on one of them.

    Attributes:
        preset: what to train.
        samples: what to train and test on; runs of several seeds share it.
        out: directory of this run, and of one with other inputs.
        seed: of weights, order, crops, noise.
        runtime: where training runs.
        fits_once: whether methods in which nothing begins at random are fitted with this seed.
    """

    preset: Preset
    samples: Samples
    out: Path
    seed: int
    runtime: Runtime = field(default_factory=Runtime)
    fits_once: bool = True

    def place(self, stage: str) -> Path:
        """The directory of a stage."""
        return stage_place(self.preset, self.out, self.samples.inputs, stage)

    def rows_path(self, method: Method) -> Path:
        """The file that a measured method leaves."""
        return self.out / f"rows-{method.name}{_SUFFIX[self.samples.inputs]}.json"

    def train_s(self, method: Method) -> float:
        """Seconds of training of every stage that a method needs, over all resumed parts."""
        return stages_s([self.place(stage) for stage in self.preset.stages_of(method)])


_SUFFIX: dict[Inputs, str] = {"image": "", "masked_image": "-masked"}


def stage_place(preset: Preset, out: Path, inputs: Inputs, stage: str) -> Path:
    """The directory of a stage in that of a run. Codes learn from poses alone: whatever the inputs,
    there is one."""
    if any(code.name == stage for code in preset.trained_codes):
        return out / stage
    return out / f"{stage}{_SUFFIX[inputs]}"


def stages_s(stages: Sequence[Path]) -> float:
    """Seconds of training that the metrics in the stages' directories add up to."""
    return sum(
        float(entry["train_s"])
        for stage in stages
        for metrics in sorted(stage.rglob("metrics.jsonl"))
        for entry in read_metrics(metrics.parent)
    )


def run_methods(run: Run) -> list[Row]:
    """Train and evaluate every method of a run; return its rows, one set for each method.

    Those without privilege also have a set with the common finishing, if the preset has one.
    A method that fails has the row "mean" of each set, with the error; the traceback lies in the
    run's directory as `METHOD-error.txt`. What is done already is not done again.
    """
    rows: list[Row] = []
    broken: dict[str, str] = {}
    for method in run.preset.compared:
        if method.fitted_once and not run.fits_once:
            continue
        stages = run.preset.stages_of(method)
        failed = next((stage for stage in stages if stage in broken), None)
        if failed is not None:
            rows += _failed_rows(run, method, f"needs {failed}: {broken[failed]}")
            continue
        path = run.rows_path(method)
        stage = method.name
        try:
            if path.is_file():
                rows += [parse_row(row, where=str(path)) for row in read_json(path)["rows"]]
                continue
            for stage in stages:
                train_stage(run, stage)
            joint_errors: dict[str, float] = {}
            found = [
                row
                for finishing, predict in _predictors(run, method).items()
                for row in evaluate(
                    predict,
                    run.samples.dataset,
                    method=method.name,
                    seed=run.seed,
                    train_s=run.train_s(method),
                    inputs=run.samples.inputs,
                    mask_channel=method.mask_channel,
                    finishing=finishing,
                    adjust=method.adjust,
                    joint_errors=joint_errors if finishing == "none" else None,
                )
            ]
            details = {
                "joint_errors_mm": joint_errors,
                "model_mib": _model_mib(run, method),
                "trained_in": _trained_in(run, method),
            }
            write_json(path, {"rows": [row.to_json() for row in found], **details})
            _error_path(run, method).unlink(missing_ok=True)
            rows += found
        except Exception as error:
            reason = broken[stage] = error_text(error)
            if stage in stages[:-1]:
                reason = f"needs {stage}: {reason}"
            with writing_file(_error_path(run, method)) as temporary:
                temporary.write_text(traceback.format_exc(), encoding="utf-8")
            say(f"{method.name}, {run.samples.inputs}, seed {run.seed}: failed: {reason}")
            rows += _failed_rows(run, method, reason)
    return rows


def measured_rows(runs: Sequence[Run]) -> list[list[Row]]:
    """The rows that the runs of one seed have left, of methods that all have; nothing is trained.

    Raises:
        InputError: a file of rows is damaged.
    """
    found: list[list[Row]] = [[] for _ in runs]
    for method in {card.name: card for run in runs for card in run.preset.compared}.values():
        paths = [run.rows_path(method) for run in runs]
        if all(path.is_file() for path in paths):
            for rows, path in zip(found, paths, strict=True):
                rows += [parse_row(row, where=str(path)) for row in read_json(path)["rows"]]
    return found


def _predictors(run: Run, method: Method) -> dict[Finishing, Predict]:
    """What is measured of a method, by what is done with its poses."""
    predict = predictor_of(run, method)
    found: dict[Finishing, Predict] = {"none": predict}
    share = run.preset.finishing_share
    if share is not None and method.finished:
        lengths_mm = mean_limb_lengths(run.samples.train.poses_mm)
        found["common"] = CommonFinishing(lengths_mm, share).of(predict)
    return found


def _failed_rows(run: Run, method: Method, reason: str) -> list[Row]:
    finishings: list[Finishing] = ["none"]
    if run.preset.finishing_share is not None and method.finished:
        finishings.append("common")
    return [
        Row(
            method.name,
            MEAN,
            run.seed,
            inputs=run.samples.inputs,
            finishing=finishing,
            privileged=method.privileged,
            error=reason,
        )
        for finishing in finishings
    ]


def _error_path(run: Run, method: Method) -> Path:
    return run.out / f"{method.name}{_SUFFIX[run.samples.inputs]}-error.txt"


def details_of(run: Run, method: Method) -> dict[str, Any]:
    """What is known of a method besides its rows.

    `joint_errors_mm` by joint, `model_mib`, and `trained_in`, the type of products in training, of
    networks. Empty if the method failed.
    """
    try:
        found = read_json(run.rows_path(method))
    except InputError:  # absent or damaged: `run_methods` has said so
        return {}
    return {name: value for name, value in found.items() if name != "rows"}


def _model_mib(run: Run, method: Method) -> float:
    """Size on disk of the weights that prediction needs."""
    place = model_place(run, method)
    return 0.0 if place is None else (place / "weights.safetensors").stat().st_size / 2**20


def _trained_in(run: Run, method: Method) -> str | None:
    """Such as "bfloat16", of the last epoch; None of methods without epochs."""
    epochs = read_metrics(run.place(method.stage)) if method.kept else []
    return epochs[-1].get("dtype") if epochs else None


def model_place(run: Run, method: Method) -> Path | None:
    """The directory of the trained model that a method predicts with; None if it keeps none."""
    return run.place(method.stage) / "last" if method.kept else None


def predictor_of(run: Run, method: Method) -> Predict:
    """The trained method as a function from images to poses; trains what is not trained yet."""
    if method.kept:
        return method.predict(train_stage(run, method.stage))
    return method.predict(_fitted(run, method))


def trained_predictor(run: Run, method: Method) -> Predict:
    """The same from disk, without reading the training images.

    Raises:
        InputError: the method has not been trained.
    """
    return load_predictor(method, run.place(method.stage) / "last")


def trained_code(run: Run, name: str) -> PoseCode:
    """A code of the run: from disk if it is a stage of its own, otherwise fitted now.

    Raises:
        InputError: it has not been trained.
    """
    if any(code.name == name for code in run.preset.trained_codes):
        model = load_model(run.place(name) / "last", kinds=run.preset.kinds)
        assert isinstance(model, PoseCode)
        return model
    return _fitted_code(run, name)


def train_stage(run: Run, stage: str) -> Any:
    """Train one stage, or go on with it, or load it if it is finished; return the model.

    Raises:
        InputError: nothing in the preset trains it, or what it is trained on is missing.
    """
    method = run.preset.method_of(stage)
    if method is None:
        run.preset.stages_before(stage)  # it is a code's, or refused
        return _fitted_code(run, stage)
    return _fitted(run, method)


def _fitted(run: Run, method: Method) -> Any:
    context = FitContext(
        run.samples,
        run.place(method.stage),
        run.seed,
        run.runtime,
        _provenance(run, method.stage, run.preset.stages_of(method)),
        model=lambda stage: load_model(run.place(stage) / "last", kinds=run.preset.kinds),
        code=lambda name: trained_code(run, name),
    )
    return method.fit(run.preset.methods[method.name], context)


def _fitted_code(run: Run, name: str) -> PoseCode:
    val = run.samples.val
    known = _provenance(run, name, (name,))
    del known["inputs"]  # poses alone
    context = CodeContext(
        run.samples.train_poses_mm,
        val.poses_mm.copy() if len(val) else None,
        run.place(name),
        run.seed,
        run.runtime,
        known,
        run.samples.train.rotations,
    )
    return code_named(name, run.preset.code_cards).fit(run.preset.codes[name], context)


def _provenance(run: Run, stage: str, stages: Sequence[str]) -> dict[str, Any]:
    return {
        "dataset": run.samples.dataset.info.name,
        "train_subjects": sorted(set(run.samples.train.subjects.tolist())),
        "preset": run.preset.name,
        "seed": run.seed,
        "method": stage,
        "inputs": run.samples.inputs,
        "stages": [run.place(each).name for each in stages],
    }


def merge_actions(parts: Sequence[Sequence[Row]]) -> list[Row]:
    """Join the rows of runs that share out the actions, and make the mean over all actions.

    A method that failed in one of the runs has no mean: the row "mean" carries the error.
    """
    by_method: dict[tuple[str, Inputs, Finishing], list[Row]] = {}
    for row in (row for part in parts for row in part):
        if row.action != MEAN or row.error is not None:
            by_method.setdefault((row.method, row.inputs, row.finishing), []).append(row)
    merged: list[Row] = []
    for rows in by_method.values():
        failed = [row for row in rows if row.error is not None]
        good = [row for row in rows if row.error is None]
        merged += [*good, failed[0] if failed else mean_row(good)]
    return merged
