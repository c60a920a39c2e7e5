"""From motion capture to lifters: data, stage (a), and every method of every lifter, side by side.

An interrupted run goes on where it was. What is made belongs to `recipe`, the measuring to
`evaluation`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import nn

from overpose.datasets.motion_source import MotionSource
from overpose.datasets.rendering.recorded import Splits, open_recorded
from overpose.experiments.lifters.costs import steps_of
from overpose.experiments.lifters.expected_errors import set_scale
from overpose.experiments.lifters.recipe import LifterRecipe
from overpose.experiments.setting import begin_setting
from overpose.methods import load_model
from overpose.methods.codes import CodeContext, code_named
from overpose.mocap.library import MotionLibrary, subject_of
from overpose.mocap.motion import Motion
from overpose.networks.model_files import read_model_config
from overpose.networks.pose_predictor import PosePredictor
from overpose.networks.storage import save_model
from overpose.support.cluster import Cluster
from overpose.support.errors import InputError
from overpose.support.files import Output
from overpose.support.progress import progress_bar, say
from overpose.support.seeding import random_stream
from overpose.support.workers import do_jobs, number_of_processes
from overpose.synthetic.batches import BatchConfig, BatchSource
from overpose.synthetic.detections import COMPLEXITIES, Detections, make_detections, read_detections
from overpose.synthetic.detector import DetectorModel
from overpose.synthetic.motions import CLIP_FPS, Recordings
from overpose.synthetic.pool import ClipPool, renewing
from overpose.training import (
    DrawnWindows,
    ErrorStage,
    FinetuneStage,
    RegressionStage,
    Runtime,
    train_direct,
    train_errors,
    train_finetune,
    train_latent,
)
from overpose.training.loop import read_metrics
from overpose.training.samples import Drawn, Samples

CHAINS: dict[str, tuple[str, ...]] = {
    "direct": ("direct",),
    "finetuned": ("latent", "finetuned"),
    "finetuned_weighted": ("latent_weighted", "finetuned_weighted"),
}
"""Methods and the stages behind them. "weighted": in stage (b) an error of the code counts by what
the decoder passes on of it."""
ERRORS = "errors"
"""The directory of the stage after all others, of a lifter's best method alone."""
REAL_RUNS = BatchConfig(
    detected=1.0, generic=0.0, roll_degrees=0.0, shift=0.0, drop=0.0,
    drop_part=0.0, drop_frame=0.0, swap=0.0, focal_error=0.0,
)  # fmt: skip
"""What the detector said of renders, as it is."""


@dataclass(frozen=True)
class Job:
    """One chain of stages of one lifter."""

    lifter: str
    chain: str


@dataclass(frozen=True)
class Setting:
    """What a process needs to do any job."""

    recipe: LifterRecipe
    out: Path
    detections: Path
    device: str
    steps: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class LifterData:
    """What lifters learn from.

    Attributes:
        pool: clips, renewed while training goes on.
        train, held_out: real runs of the detector.
        detector: its errors in `train`.
    """

    pool: ClipPool
    train: Detections
    held_out: Detections
    detector: DetectorModel

    @classmethod
    def read(cls, recipe: LifterRecipe, out: Path, detections: Path) -> "LifterData":
        """What is in the directory of a run, and in that of the detector's runs."""
        found = read_detections(detections, recipe.detection_clips)
        held_out, train = split_clips(found, recipe.held_out_clips)
        return cls(ClipPool(out / "pool", recipe.pool), train, held_out, DetectorModel.fit(train))

    def source(self, recipe: LifterRecipe, lifter: str) -> BatchSource:
        """Training windows of a lifter."""
        offsets = recipe.encoders[lifter].offsets
        return BatchSource(self.pool, self.detector, self.train, offsets, recipe.batches)

    def validation(self, recipe: LifterRecipe, lifter: str) -> Samples:
        """Windows of real runs that were held out."""
        return self.real_windows(recipe, recipe.encoders[lifter].offsets, self.held_out)[:2]

    def real_windows(
        self, recipe: LifterRecipe, offsets: tuple[int, ...], runs: Detections
    ) -> Drawn:
        """Windows of runs of the detector as they are; of the same clips always the same poses."""
        source = BatchSource(self.pool, self.detector, runs, offsets, REAL_RUNS)
        rng = random_stream(recipe.seed, "lifter validation")
        return source.draw(recipe.validation_windows, rng)


def split_clips(found: Detections, count: int) -> tuple[Detections, Detections]:
    """The first `count` clips, and the others."""
    names = [field.name for field in fields(Detections)]
    first = Detections(**{name: getattr(found, name)[:count] for name in names})
    return first, Detections(**{name: getattr(found, name)[count:] for name in names})


def train_lifters(
    recipe: LifterRecipe,
    motion: MotionSource,
    output: Output,
    *,
    models: dict[str, tuple[Path, Path]],
    detections: Path | None = None,
    processes: int | None = None,
    device: str = "auto",
) -> dict[str, dict[str, Path]]:
    """Train every method of every lifter; what is finished already is kept.

    Args:
        recipe: what to make.
        motion: motion capture, and which of its subjects are for training.
        output: directory of the run, and whether a finished one, or one of another recipe, is
            removed from it first.
        models: for "full" and "heavy" the files of the detector and of the landmark model.
        detections: directory of the detector's runs, which may have been made before, by
            `grow_detections`; None: one in that of the run.
        processes: one for each core if None.
        device: where to train.

    Returns:
        directories of the models, by lifter and method.

    Raises:
        InputError: bad input, or the directory holds something else.
    """
    out = output.out
    recordings = recordings_of(*open_recorded(motion))
    detections = detections or out / "detections"
    begin_setting(
        output,
        "recipe.json",
        {
            "recipe": json.loads(json.dumps(asdict(recipe))),
            "train_trials": len(recordings.motions),
            "train_frames": sum(len(motion) for motion in recordings.motions),
        },
        kind="run of lifters",
        finished="report.json",
        products=(
            "detections", "pool", "code", "steps.json", *recipe.encoders, "weights", "tables.md",
            "learning_curve.png", "expected_errors.png",
        ),
    )  # fmt: skip
    workers = number_of_processes(processes)
    found = _detect(recordings, recipe, models, detections, workers)
    steps = steps_of(recipe, found, out)
    most = recipe.direct_epochs * max(steps.values()) + recipe.error_epochs * recipe.steps
    with renewing(recordings, recipe.pool, out / "pool", steps=most, processes=workers):
        data = LifterData.read(recipe, out, detections)
        if recipe.chains != ("direct",):
            _train_code(recipe, data, out, device)
        jobs = [Job(lifter, chain) for lifter in recipe.encoders for chain in recipe.chains]
        jobs.sort(key=lambda job: -len(recipe.encoders[job.lifter].offsets))  # the long ones first
        setting = Setting(recipe, out, detections, device, steps)
        with progress_bar("lifters", len(jobs)) as advance:
            for done in do_jobs(jobs, _make_work, setting, min(workers, len(jobs))):
                say(f"{done.lifter}, {done.chain}: trained")
                advance(1)
        for lifter in recipe.encoders if recipe.error_epochs else ():
            _train_errors(setting, data, lifter)
    return {
        lifter: {method: out / lifter / method / "last" for method in methods_of(recipe)}
        for lifter in recipe.encoders
    }


def methods_of(recipe: LifterRecipe) -> tuple[str, ...]:
    """All stages that make poses, in the order of the tables."""
    return tuple(dict.fromkeys(stage for chain in recipe.chains for stage in CHAINS[chain]))


def grow_detections(
    recipe: LifterRecipe,
    motion: MotionSource,
    detections: Path,
    *,
    models: dict[str, tuple[Path, Path]],
    clips: int | None = None,
    processes: int | Cluster | None = None,
) -> int:
    """Run the detector on renders of training subjects, for `train_lifters` to find.

    Args:
        recipe: what they are for.
        motion: motion capture, and which of its subjects are for training.
        detections: directory of the runs; those there are kept.
        models: for "full" and "heavy" the files of the detector and of the landmark model.
        clips: how many there are to be; None: as many as the recipe takes.
        processes: that work side by side, or a cluster; one for each core if None.

    Returns:
        how many there are.
    """
    if clips is not None:
        if clips <= recipe.held_out_clips:
            raise InputError(
                f"clips: got {clips}, expected more than the {recipe.held_out_clips} held out"
            )
        recipe = replace(recipe, detection_clips=clips)
    recordings = recordings_of(*open_recorded(motion))
    found = _detect(recordings, recipe, models, detections, processes)
    return len(found.points_mm)


def _detect(
    recordings: Recordings,
    recipe: LifterRecipe,
    models: dict[str, tuple[Path, Path]],
    detections: Path,
    processes: int | Cluster | None,
) -> Detections:
    return make_detections(
        recordings,
        {name: models[name] for name in COMPLEXITIES},
        detections,
        clips=recipe.detection_clips,
        config=recipe.renders,
        processes=processes,
    )


def write_shipped(
    recipe: LifterRecipe, out: Path, *, detections: Path | None = None
) -> dict[str, Path]:
    """Each lifter's best model, in half precision, as the package ships them.

    How large the expected errors are on the whole is set on the first half of the held-out clips:
    those of the training are known by heart.
    """
    shipped = {}
    runs = detections or out / "detections"
    data = LifterData.read(recipe, out, runs) if recipe.error_epochs else None
    for lifter in recipe.encoders:
        method = best_method(recipe, out, lifter)
        directory = out / lifter / method / "last"
        shipped[lifter] = out / "weights" / lifter
        provenance = {**read_model_config(directory)["provenance"], "method": method}
        model = load_model(directory if data is None else out / lifter / ERRORS / "last")
        if data is not None:
            assert isinstance(model, PosePredictor)  # `_train_errors` wrote it
            first, _ = split_clips(data.held_out, -(-recipe.held_out_clips // 2))
            set_scale(model, data.real_windows(recipe, recipe.encoders[lifter].offsets, first))
        save_model(model, shipped[lifter], provenance, half=True, overwrite=True)
    return shipped


def recordings_of(
    library: MotionLibrary, splits: Splits, split: Literal["train", "test"] = "train"
) -> Recordings:
    """All trials of the subjects of a split, by action; those of none are a class of their own."""
    subjects = splits.train_subjects if split == "train" else splits.test_subjects
    actions = splits.train if split == "train" else splits.test
    action_of = {trial: action for action, trials in actions.items() for trial in trials}
    classes: dict[str, list[Motion]] = {}
    for trial in library.trials():
        if subject_of(trial) in subjects:
            motion = library.motion(trial, CLIP_FPS)
            classes.setdefault(action_of.get(trial, "others"), []).append(motion)
    return Recordings.of(classes)


def best_method(recipe: LifterRecipe, out: Path, lifter: str) -> str:
    """The one with the least error on the held-out renders after the last epoch; of fine-tuned
    ones, where there are any."""
    errors = {
        method: read_metrics(out / lifter / method)[-1]["val_mpjpe_mm"]
        for method in methods_of(recipe)
        if not method.startswith("latent")
    }
    tuned = [name for name in errors if name.startswith("finetuned")]
    return min(tuned or errors, key=lambda name: errors[name])


def _train_code(recipe: LifterRecipe, data: LifterData, out: Path, device: str) -> None:
    source = data.source(recipe, next(iter(recipe.encoders)))
    rng = random_stream(recipe.seed, "poses of the code")
    parts = [min(8192, recipe.code_poses - at) for at in range(0, recipe.code_poses, 8192)]
    poses = np.concatenate([source.poses(size, rng) for size in parts])
    validation = data.validation(recipe, next(iter(recipe.encoders)))[1]
    context = CodeContext(poses, validation, out / "code", recipe.seed, Runtime(device=device))
    card = code_named(recipe.code)
    code = card.fit(recipe.code_config, context)
    if not card.trained:  # in closed form: nothing of it is on disk yet
        assert isinstance(code, nn.Module)
        save_model(code, out / "code" / "last", overwrite=True)


def _make_work(setting: Setting) -> Callable[[Job, Callable[[], None]], Job]:
    return partial(
        _train_chain,
        setting,
        LifterData.read(setting.recipe, setting.out, setting.detections),
    )


def _train_chain(setting: Setting, data: LifterData, job: Job, check: Callable[[], None]) -> Job:
    recipe, out = setting.recipe, setting.out / job.lifter
    runtime = Runtime(setting.device, threads=1, on_batch=lambda epoch, step: check())
    windows = DrawnWindows(
        data.source(recipe, job.lifter),
        setting.steps[job.lifter],
        data.validation(recipe, job.lifter),
        seed=recipe.seed,
    )
    done = 0
    provenance = {"recipe": recipe.name, "lifter": job.lifter}
    for method in CHAINS[job.chain]:
        kind = method.removesuffix("_weighted")
        weighting: Any = "decoder" if method.endswith("_weighted") else "plain"
        epochs = {
            "direct": recipe.direct_epochs,
            "latent": recipe.latent_epochs,
            "finetuned": recipe.finetune_epochs,
        }[kind]
        loop = recipe.loop(epochs)
        known: dict[str, Any] = {"provenance": provenance, "runtime": runtime}
        if kind == "finetuned":
            latent: Any = load_model(out / method.replace("finetuned", "latent") / "last")
            tuning = FinetuneStage(
                loop, pose_error="distance", bfloat16=True, feet_weight=recipe.feet_weight
            )
            windows = replace(windows, first_step=done)
            train_finetune(windows, latent, tuning, out / method, **known)
            continue
        stage = RegressionStage(
            recipe.encoders[job.lifter],
            loop,
            latent_weighting=weighting,
            pose_error="distance",
            bfloat16=True,
            feet_weight=recipe.feet_weight,
        )
        if kind == "direct":
            train_direct(windows, stage, out / method, **known)
        else:
            code: Any = load_model(setting.out / "code" / "last")
            train_latent(windows, code, stage, out / method, **known)
            done = recipe.latent_epochs * setting.steps[job.lifter]
    return job


def _train_errors(setting: Setting, data: LifterData, lifter: str) -> None:
    """What errors to expect of a lifter's best method, learned from motions it has not seen."""
    recipe, out = setting.recipe, setting.out
    model = load_model(out / lifter / best_method(recipe, out, lifter) / "last")
    assert isinstance(model, PosePredictor)  # `_train_chain` wrote it
    first = recipe.direct_epochs * setting.steps[lifter]
    windows = DrawnWindows(
        data.source(recipe, lifter), recipe.steps, seed=recipe.seed, first_step=first
    )
    stage = ErrorStage(replace(recipe.loop(recipe.error_epochs), average=0.0))
    runtime = Runtime(setting.device, threads=1)
    train_errors(windows, model, stage, out / lifter / ERRORS, runtime=runtime)
