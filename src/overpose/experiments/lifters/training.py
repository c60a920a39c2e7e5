"""From motion capture to lifters: data, stage (a), and every method of every lifter, side by side.

An interrupted run goes on where it was. What is made belongs to `recipe`, the measuring to
`evaluation`.
"""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from overpose.datasets.motion_source import MotionSource
from overpose.experiments.lifters.costs import STEPS
from overpose.experiments.lifters.data import LifterData, making, split_clips
from overpose.experiments.lifters.expected_errors import set_scale
from overpose.experiments.lifters.recipe import LifterRecipe
from overpose.methods import load_model
from overpose.methods.codes import CodeContext, code_named
from overpose.networks.model_files import read_model_config
from overpose.networks.pose_predictor import PosePredictor
from overpose.networks.storage import save_model
from overpose.support.files import Output, read_json
from overpose.support.progress import progress_bar, say
from overpose.support.seeding import random_stream
from overpose.support.workers import do_jobs, number_of_processes
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
from overpose.training.processes import is_first, number, wait_for_all

CHAINS: dict[str, tuple[str, ...]] = {
    "direct": ("direct",),
    "finetuned": ("latent", "finetuned"),
    "finetuned_weighted": ("latent_weighted", "finetuned_weighted"),
}
"""Methods and the stages behind them. "weighted": in stage (b) an error of the code counts by what
the decoder passes on of it."""
ERRORS = "errors"
"""The directory of the stage after all others, of a lifter's best method alone."""


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

    Of several processes (`training.processes.together`) the first makes what is learned from, and
    all of them train one lifter after the other; all have to see the directories.

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
    detections = detections or out / "detections"
    workers = number_of_processes(processes)
    with (
        making(recipe, motion, output, models, detections, workers) if is_first() else nullcontext()
    ):
        wait_for_all()
        data = LifterData.read(recipe, out, detections)
        if recipe.chains != ("direct",):
            _train_code(recipe, data, out, device)
        jobs = [Job(lifter, chain) for lifter in recipe.encoders for chain in recipe.chains]
        jobs.sort(key=lambda job: -len(recipe.encoders[job.lifter].offsets))  # the long ones first
        setting = Setting(recipe, out, detections, device, read_json(out / STEPS))
        side_by_side = min(workers, len(jobs)) if number() == 1 else 1
        shown = progress_bar("lifters", len(jobs)) if is_first() else nullcontext(lambda jobs: None)
        with shown as advance:
            for done in do_jobs(jobs, _make_work, setting, side_by_side):
                if is_first():
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
        if is_first():
            save_model(code, out / "code" / "last", overwrite=True)
        wait_for_all()


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
