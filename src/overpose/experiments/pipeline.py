"""Training and measuring the methods of one seed, step by step, each step skipped when done.

A step that fails becomes a row that says so; the other methods go on.
"""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from overpose.baselines.convolutions import SharedConvolutions
from overpose.baselines.dconv import DconvMPHML
from overpose.baselines.structnet import StructNet, with_limb_lengths
from overpose.datasets.store import Dataset
from overpose.experiments.baseline_stages import (
    KERNEL_METHODS,
    KernelSystem,
    fit_kernel_method,
)
from overpose.experiments.presets import Preset
from overpose.measure.protocols import (
    Adjust,
    Predict,
    evaluate,
    failed_row,
    mean_pose_predictor,
    mean_row,
)
from overpose.metrics import limb_lengths
from overpose.networks.autoencoder import PoseAutoencoder
from overpose.networks.pca import fit_pca
from overpose.networks.regressor import PoseRegressor
from overpose.networks.storage import load_model
from overpose.report.rows import MEAN, Row, parse_row
from overpose.support.errors import InputError
from overpose.support.files import read_json, write_json, writing_file
from overpose.support.progress import say
from overpose.support.seeding import random_stream
from overpose.training import (
    FinetuneStage,
    ImageStage,
    Runtime,
    read_metrics,
    train_autoencoder,
    train_dconv,
    train_direct,
    train_finetune,
    train_latent,
    train_structnet,
)

DETECTION = "dconv_mp_hml"
"""The stage whose convolutions others may begin with."""
NEEDS: dict[str, tuple[str, ...]] = {
    "mean_pose": (),
    "nearest_pose": ("nearest_pose",),
    "kde": ("kde",),
    "linkde": ("linkde",),
    "dconv_mp_hml": (DETECTION,),
    "structnet_max": (DETECTION, "structnet"),
    "structnet_avg": (DETECTION, "structnet"),
    "structnet_avg_apf": (DETECTION, "structnet"),
    "direct": ("direct",),
    "latent": ("autoencoder", "latent"),
    "finetuned": ("autoencoder", "latent", "finetuned"),
    "pca": ("pca",),
}
"""The methods in the order in which they are trained, each with the stages that it needs; see
`needs`."""


_REGRESSORS = ("direct", "latent", "finetuned", "pca")
Predictor = PoseRegressor | KernelSystem | DconvMPHML | StructNet


@dataclass(frozen=True, eq=False)
class Samples:
    """A dataset's splits; the images are read when first needed and then stay in memory.

    Attributes:
        dataset: rows of all splits.
    """

    dataset: Dataset

    @cached_property
    def train(self) -> Dataset:
        """Rows of split "train"."""
        return self._split("train")

    @cached_property
    def test(self) -> Dataset:
        """Rows of split "test"."""
        return self._split("test")

    @cached_property
    def val(self) -> Dataset:
        """Rows of split "val", used to watch training only; there may be none."""
        return self._split("val")

    @cached_property
    def train_images(self) -> np.ndarray:
        """(N, side, side, 3) uint8 RGB.

        Raises:
            InputError: there are none.
        """
        if len(self.train) == 0:
            raise InputError("dataset: got no samples of split 'train', expected at least one")
        return self.train.images(np.arange(len(self.train)))

    @cached_property
    def validation(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Images and poses of split "val"; None if there are none."""
        if len(self.val) == 0:
            return None
        return self.val.images(np.arange(len(self.val))), self.val.poses_mm.copy()

    def part(self, count: int, seed: int) -> "Samples":
        """At most `count` training rows, chosen at random, and all others.

        Larger parts of the same seed hold the smaller ones.
        """
        rows = np.flatnonzero(self.dataset.splits == "train")
        order = random_stream(seed, "part", "train").permutation(len(rows))
        others = np.flatnonzero(self.dataset.splits != "train")
        return Samples(self.dataset.select(np.sort(np.concatenate([others, rows[order[:count]]]))))

    def free_images(self) -> None:
        """Let go of the images; they are read again if needed."""
        for name in ("train_images", "validation"):
            self.__dict__.pop(name, None)

    def _split(self, name: str) -> Dataset:
        return self.dataset.select(self.dataset.splits == name)


@dataclass(frozen=True, eq=False)
class Run:
    """One seed of an experiment, on all actions or (a model per action) on one of them.

    Attributes:
        preset: what to train.
        samples: what to train and test on; runs of several seeds share it.
        out: directory of this run.
        seed: of weights, order, crops, noise.
        runtime: where training runs.
    """

    preset: Preset
    samples: Samples
    out: Path
    seed: int
    runtime: Runtime = field(default_factory=Runtime)

    def train_s(self, method: str) -> float:
        """Seconds of training of every stage that a method needs, over all resumed parts."""
        return stages_s([self.out / stage for stage in needs(self.preset, method)])


def needs(preset: Preset, method: str) -> tuple[str, ...]:
    """The stages that a method needs in a preset, in order; its own is the last."""
    stages = NEEDS[method]
    if preset.detection_start and stages and stages[-1] in _REGRESSORS:
        return (DETECTION, *stages)
    return stages


def stages_before(preset: Preset, stage: str) -> tuple[str, ...]:
    """The stages that a stage needs in a preset, in order, and itself."""
    return next((needs(preset, method) for method in methods_of_stage(stage)), (stage,))


def methods_of_stage(stage: str) -> list[str]:
    """The methods that predict with what a stage trains."""
    return [method for method, stages in NEEDS.items() if stages[-1:] == (stage,)]


def stages_s(stages: Sequence[Path]) -> float:
    """Seconds of training that the metrics in the stages' directories add up to."""
    return sum(
        float(entry["train_s"])
        for stage in stages
        for metrics in sorted(stage.rglob("metrics.jsonl"))
        for entry in read_metrics(metrics.parent)
    )


def methods_of_preset(preset: Preset) -> list[str]:
    """The methods that a preset compares, in the order of their training."""
    absent = {
        "nearest_pose": not preset.nearest_pose,
        "kde": preset.kde is None,
        "linkde": preset.linkde is None,
        "dconv_mp_hml": preset.dconv is None,
        "structnet_max": preset.structnet is None,
        "structnet_avg": preset.structnet is None,
        "structnet_avg_apf": preset.structnet is None,
        "pca": preset.pca_rank is None,
    }
    return [method for method in NEEDS if not absent.get(method)]


def run_methods(run: Run) -> list[Row]:
    """Train and evaluate every method of a run; return its rows, one set for each method.

    A method that fails has one row, "mean", with the error; the traceback lies in the run's
    directory as `METHOD-error.txt`. What is done already is not done again.
    """
    rows: list[Row] = []
    broken: dict[str, str] = {}
    for method in methods_of_preset(run.preset):
        if method in KERNEL_METHODS and run.seed != run.preset.seeds[0]:
            continue
        stages = needs(run.preset, method)
        failed = next((stage for stage in stages if stage in broken), None)
        if failed is not None:
            rows.append(failed_row(method, run.seed, f"needs {failed}: {broken[failed]}"))
            continue
        path = run.out / f"rows-{method}.json"
        stage = method
        try:
            if path.is_file():
                rows += [parse_row(row, where=str(path)) for row in read_json(path)["rows"]]
                continue
            for stage in stages:
                train_stage(run, stage)
            joint_errors: dict[str, float] = {}
            found = evaluate(
                predictor_of(run, method),
                run.samples.dataset,
                method=method,
                seed=run.seed,
                train_s=run.train_s(method),
                masked=method in KERNEL_METHODS,
                adjust=told_of(method),
                joint_errors=joint_errors,
            )
            details = {"joint_errors_mm": joint_errors, "model_mib": _model_mib(run, method)}
            write_json(path, {"rows": [row.to_json() for row in found], **details})
            (run.out / f"{method}-error.txt").unlink(missing_ok=True)
            rows += found
        except Exception as error:
            row = failed_row(method, run.seed, error)
            broken[stage] = row.error or ""
            with writing_file(run.out / f"{method}-error.txt") as temporary:
                temporary.write_text(traceback.format_exc(), encoding="utf-8")
            say(f"{method}, seed {run.seed}: failed: {row.error}")
            rows.append(row)
    return rows


def details_of(run: Run, method: str) -> dict[str, Any]:
    """What was measured of a method besides its rows: `joint_errors_mm` by joint, `model_mib`.

    Empty if the method failed.
    """
    path = run.out / f"rows-{method}.json"
    try:
        found = read_json(path)
    except InputError:  # absent or damaged: `run_methods` has said so
        return {}
    return {name: value for name, value in found.items() if name != "rows"}


def _model_mib(run: Run, method: str) -> float:
    """Size on disk of the weights that prediction needs."""
    place = model_place(run, method)
    return 0.0 if place is None else (place / "weights.safetensors").stat().st_size / 2**20


def model_place(run: Run, method: str) -> Path | None:
    """The directory of the trained model that a method predicts with; None if it has none."""
    return run.out / NEEDS[method][-1] / "last" if NEEDS[method] else None


def told_of(method: str) -> Adjust | None:
    """What a method makes of its predictions with knowledge of the person, which no image gives."""
    if method != "structnet_avg_apf":
        return None
    return lambda poses_mm, true_mm: with_limb_lengths(poses_mm, limb_lengths(true_mm))


def predictor_of(run: Run, method: str) -> Predict:
    """The trained method as a function from images to poses; trains what is not trained yet."""
    if method == "mean_pose":
        return mean_pose_predictor(run.samples.train.poses_mm)
    return prediction(train_stage(run, NEEDS[method][-1]), method)


def trained_predictor(run: Run, method: str) -> Predict:
    """The same from disk, without reading the training images.

    Raises:
        InputError: the method has not been trained.
    """
    return prediction(load_model(run.out / NEEDS[method][-1] / "last"), method)


def trained_autoencoder(run: Run) -> PoseAutoencoder:
    """The run's autoencoder from disk.

    Raises:
        InputError: it has not been trained.
    """
    model = load_model(run.out / "autoencoder" / "last")
    assert isinstance(model, PoseAutoencoder)
    return model


def train_stage(run: Run, stage: str) -> object:
    """Train one stage, or go on with it, or load it if it is finished; return the model."""
    preset, out = run.preset, run.out / stage
    samples = run.samples
    provenance = {
        "dataset": samples.dataset.info.name,
        "train_subjects": sorted(set(samples.train.subjects.tolist())),
        "preset": preset.name,
        "seed": run.seed,
        "method": stage,
        "stages": list(stages_before(preset, stage)),
    }
    if stage in KERNEL_METHODS:
        return fit_kernel_method(
            stage, preset, samples.train, out, seed=run.seed, provenance=provenance
        )
    known: dict[str, Any] = {"provenance": provenance, "runtime": run.runtime}
    poses_mm = samples.train.poses_mm.copy()  # a dataset's columns may be read-only
    if stage == "autoencoder":
        config = replace(preset.autoencoder, loop=replace(preset.autoencoder.loop, seed=run.seed))
        val_mm = samples.val.poses_mm.copy() if len(samples.val) else None
        return train_autoencoder(poses_mm, val_mm, config, out, **known)
    images, validation = samples.train_images, samples.validation
    if stage == DETECTION and preset.dconv is not None:
        points, loop = samples.train.keypoints_px, replace(preset.dconv_loop, seed=run.seed)
        return train_dconv(images, poses_mm, points, validation, preset.dconv, loop, out, **known)
    if stage == "structnet" and preset.structnet is not None:
        loop = replace(preset.structnet_loop, seed=run.seed)
        return train_structnet(
            images, poses_mm, validation, _detection(run), preset.structnet, loop, out, **known
        )
    if preset.detection_start and stage in ("direct", "latent", "pca"):
        known["convolutions"] = _detection(run).convolutions
    loops = {"direct": preset.direct, "pca": preset.direct, "latent": preset.latent}
    if stage in loops:
        config = ImageStage(
            preset.image_encoder,
            replace(loops[stage], seed=run.seed),
            latent_activation=preset.latent_activation if stage == "latent" else "linear",
            latent_weighting=preset.latent_weighting if stage == "latent" else "plain",
        )
        if stage == "direct":
            return train_direct(images, poses_mm, validation, config, out, **known)
        pca = stage == "pca"
        code = fit_pca(poses_mm, preset.pca_rank or 0) if pca else trained_autoencoder(run)
        return train_latent(images, poses_mm, validation, code, config, out, **known)
    if stage == "finetuned":
        config = FinetuneStage(replace(preset.finetune, seed=run.seed), preset.decoder_lr_scale)
        latent = run.out / "latent" / "last"
        return train_finetune(images, poses_mm, validation, latent, config, out, **known)
    raise InputError(
        f"stage: got {stage!r}, expected one of {sorted(set().union(*NEEDS.values()))}"
    )


def merge_actions(parts: Sequence[Sequence[Row]]) -> list[Row]:
    """Join the rows of runs that share out the actions, and make the mean over all actions.

    A method that failed in one of the runs has no mean: the row "mean" carries the error.
    """
    by_method: dict[str, list[Row]] = {}
    for row in (row for part in parts for row in part):
        if row.action != MEAN or row.error is not None:
            by_method.setdefault(row.method, []).append(row)
    merged: list[Row] = []
    for rows in by_method.values():
        failed = [row for row in rows if row.error is not None]
        good = [row for row in rows if row.error is None]
        merged += [*good, failed[0] if failed else mean_row(good)]
    return merged


def prediction(model: object, method: str) -> Predict:
    """A trained model's function from images to poses.

    Raises:
        InputError: the model predicts no poses from images.
    """
    if isinstance(model, StructNet) and method in ("structnet_avg", "structnet_avg_apf"):
        return model.predict_average
    if not isinstance(model, Predictor):
        raise InputError(f"got a {type(model).__name__}, expected a system that predicts poses")
    return model.predict


def _detection(run: Run) -> SharedConvolutions:
    model = load_model(run.out / DETECTION / "last")
    assert isinstance(model, DconvMPHML)
    return model.shared
