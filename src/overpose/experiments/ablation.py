"""The ablation: codes, options of stage (b), what stage (c) is trained on; one thing at a time.

It never reads the test subjects. Every variant is a step of its own: a killed run goes on.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from overpose.datasets.store import Dataset, open_dataset
from overpose.experiments.ablation_table import VARIANTS, Variant, ablation_markdown
from overpose.experiments.held_out import Split, hold_out_subjects
from overpose.experiments.setting import begin_setting
from overpose.measure.protocols import measure, require_image_size
from overpose.measure.reconstruction import evaluate_reconstruction
from overpose.methods.codes import CODES, Code, CodeContext, code_named
from overpose.networks.codes import PoseCode, reconstruct_poses
from overpose.networks.image_encoder import ImageEncoderConfig
from overpose.networks.storage import to_json
from overpose.report.header import report_header
from overpose.support.errors import InputError
from overpose.support.files import Output, read_json, write_json, writing_file
from overpose.support.progress import progress_bar, say
from overpose.support.seeding import random_stream
from overpose.support.workers import Stopped, do_jobs, number_of_processes
from overpose.training import (
    FinetuneStage,
    ImageObservations,
    LoopConfig,
    RegressionStage,
    Runtime,
    train_direct,
    train_finetune,
    train_latent,
)


@dataclass(frozen=True)
class AblationBudget:
    """How much is spent on each variant.

    Attributes:
        pose_loop: training of each autoencoder; `greedy_epochs` for each layer of two.
        latent_epochs, finetune_epochs: stages (b) and (c) of each variant; the direct CNN gets
            their sum. Both 0: no images at all.
        train_images, val_images: at most so many images are used.
        image_encoder: the same image network for every variant.
        batch_size: of the image stages.
    """

    pose_loop: LoopConfig = field(default_factory=lambda: LoopConfig(40, schedule="cosine"))
    greedy_epochs: int = 15
    latent_epochs: int = 6
    finetune_epochs: int = 4
    train_images: int = 8000
    val_images: int = 2000
    image_encoder: ImageEncoderConfig = field(
        default_factory=lambda: ImageEncoderConfig(
            64, 56, (5, 3, 3), (16, 32, 64), (256, 512, 512), 0.25
        )
    )
    batch_size: int = 128

    def __post_init__(self) -> None:
        epochs = (self.latent_epochs, self.finetune_epochs)
        if min(epochs) < 0 or (min(epochs) == 0) != (max(epochs) == 0):
            raise InputError(f"image epochs: got {epochs}, expected both at least 1, or both 0")
        if min(self.train_images, self.val_images) < 1:
            raise InputError("train_images, val_images: expected at least 1 each")


def ablate(
    dataset: Path,
    output: Output,
    *,
    budget: AblationBudget | None = None,
    variants: Sequence[Variant] = VARIANTS,
    seed: int = 0,
    processes: int | None = None,
    device: str = "auto",
    codes: Sequence[Code] = CODES,
) -> dict[str, Any]:
    """Train and measure every variant; write `ablation.json` and `ablation.md`.

    Args:
        dataset: a rendered dataset; only its training subjects are used, see `hold_out_subjects`.
        output: directory, where an ablation of the same dataset and budget is gone on with; and
            whether a finished one, or one made otherwise, is removed first.
        budget: how much to spend; None: the default.
        variants: what to compare.
        seed: of everything.
        processes: variants at a time, each with one thread; None: one for each core.
        device: where to train.
        codes: those that variants may name.

    Returns:
        What ablation.json holds. A variant that failed has `error` in place of numbers.

    Raises:
        InputError: the dataset cannot be read or split, its images are not as large as the
            budget's network takes them, or the directory holds something else.
    """
    out, processes = output.out, number_of_processes(processes)
    budget = budget or AblationBudget()
    uses_images = budget.latent_epochs > 0
    if not uses_images:
        variants = [v for v in variants if v.code is not None and not v.image_options]
    with open_dataset(dataset) as whole:
        if uses_images:
            require_image_size(whole, budget.image_encoder.image_size)
        split = hold_out_subjects(whole)
        setting = {
            "dataset": whole.info.name,
            "samples": len(whole),
            "sequences_sha256": whole.info.plan.get("sequences_sha256"),
            "held_out_subjects": list(split.subjects),
            "budget": to_json(budget),
            "seed": seed,
        }
        begin_setting(
            output,
            "setting.json",
            setting,
            kind="ablation",
            finished="ablation.json",
            products=("variants", "ablation.md"),
        )
        limited = _limited(split, budget, seed)
    codes = tuple(codes)
    missing = [variant for variant in variants if not _is_measured(out, variant, codes)]
    place = _Place(dataset, out, budget, seed, device, 1 if processes > 1 else None, codes)
    begun: dict[str, list[Variant]] = {}  # variants that share stages must not train them at once
    for variant in missing:
        begun.setdefault(variant.begun_as, []).append(variant)
    errors: dict[str, str] = {}
    with progress_bar("ablation", len(missing)) as advance:
        groups = list(begun.values())
        for found in do_jobs(groups, _make_work, place, max(1, min(processes, len(groups)))):
            for name, error in found.items():
                if error is not None:
                    errors[name] = error
                    say(f"ablation: {name}: failed: {error}")
                advance(1)
    report = {
        **setting,
        "train_images": len(limited.train),
        "train_poses": len(split.train),
        "held_out_images": len(limited.held_out),
        **report_header(),
        "variants": [
            {"name": v.name, "error": errors[v.name]}
            if v.name in errors
            else read_json(_result_path(out, v))
            for v in variants
        ],
    }
    write_json(out / "ablation.json", report)
    with writing_file(out / "ablation.md") as temporary:
        temporary.write_text(ablation_markdown(report, variants, codes), encoding="utf-8")
    print(f"ablation: {out / 'ablation.md'}", flush=True)
    return report


@dataclass(frozen=True)
class _Place:
    """What every process needs to know."""

    dataset: Path
    out: Path
    budget: AblationBudget
    seed: int
    device: str
    threads: int | None
    codes: tuple[Code, ...]


@dataclass(frozen=True, eq=False)
class _Step:
    variant: Variant
    split: Split
    every: Dataset
    images: np.ndarray | None
    held_out_images: np.ndarray | None
    budget: AblationBudget
    seed: int
    out: Path
    runtime: Runtime
    codes: tuple[Code, ...]

    @property
    def place(self) -> Path:
        """Of its own stages."""
        return self.out / "variants" / self.variant.name

    @property
    def begun_in(self) -> Path:
        """Of its code and its stage (b)."""
        return self.out / "variants" / self.variant.begun_as


def _result_path(out: Path, variant: Variant) -> Path:
    return out / "variants" / f"{variant.name}.json"


def _is_measured(out: Path, variant: Variant, codes: Sequence[Code]) -> bool:
    path = _result_path(out, variant)
    return path.is_file() and read_json(path).get("code") == _described(variant, codes)


def _make_work(
    place: _Place,
) -> Callable[[list[Variant], Callable[[], None]], dict[str, str | None]]:
    with open_dataset(place.dataset) as whole:
        every = hold_out_subjects(whole)
        split = _limited(every, place.budget, place.seed)
        uses_images = place.budget.latent_epochs > 0
        images = _images(split.train) if uses_images else None
        held_out_images = _images(split.held_out) if uses_images else None

    def work(group: list[Variant], check: Callable[[], None]) -> dict[str, str | None]:
        """By the variants' names, what went wrong."""
        return {variant.name: measure_one(variant, check) for variant in group}

    def measure_one(variant: Variant, check: Callable[[], None]) -> str | None:
        runtime = Runtime(place.device, place.threads, lambda epoch, step: check())
        step = _Step(
            variant,
            split,
            every.train,
            images,
            held_out_images,
            place.budget,
            place.seed,
            place.out,
            runtime,
            place.codes,
        )
        try:
            write_json(_result_path(place.out, variant), _measured(step))
        except Stopped:
            raise
        except Exception as error:
            return " ".join(f"{type(error).__name__}: {error}".split())
        return None

    return work


def _measured(step: _Step) -> dict[str, Any]:
    """Train one variant and measure it: what its JSON file holds."""
    described = _described(step.variant, step.codes)
    result: dict[str, Any] = {"name": step.variant.name, "code": described}
    train_mm = step.split.train.poses_mm.copy()
    held_out_mm = step.split.held_out.poses_mm.copy()
    code = _trained_code(step, train_mm)
    if code is not None:
        result["reconstruction"] = evaluate_reconstruction(
            lambda poses_mm: reconstruct_poses(code, poses_mm),
            held_out_mm,
            train_poses_mm=train_mm,
            seed=step.seed,
        )
    if step.images is None or step.held_out_images is None:
        return result
    budget, runtime = step.budget, step.runtime
    observations = ImageObservations(step.images, train_mm)
    encoder = budget.image_encoder
    if step.variant.dropout is not None:
        encoder = replace(encoder, dropout=step.variant.dropout)
    loop = LoopConfig(budget.latent_epochs, budget.batch_size, schedule="cosine", seed=step.seed)
    if code is None:
        loop = replace(loop, epochs=budget.latent_epochs + budget.finetune_epochs)
        config = replace(RegressionStage(encoder, loop), **dict(step.variant.pose))
        model = train_direct(observations, config, step.place / "direct", runtime=runtime)
        return result | {"direct": measure(model.predict(step.held_out_images), held_out_mm)}
    config = replace(RegressionStage(encoder, loop), **dict(step.variant.latent))
    place = step.begun_in / "latent"
    latent = train_latent(observations, code, config, place, runtime=runtime)
    rate = loop.learning_rate * step.variant.tuning_rate
    tuning = FinetuneStage(replace(loop, epochs=budget.finetune_epochs, learning_rate=rate))
    tuned = train_finetune(
        observations,
        latent,
        replace(tuning, **dict(step.variant.pose)),
        step.place / "finetuned",
        runtime=runtime,
    )
    for name, model in (("latent", latent), ("finetuned", tuned)):
        result[name] = measure(model.predict(step.held_out_images), held_out_mm)
    return result


def _trained_code(step: _Step, train_mm: np.ndarray) -> PoseCode | None:
    """The variant's code, trained as long as the budget says."""
    if step.variant.code is None:
        return None
    name, config = step.variant.code
    known = {part.name for part in fields(config)}
    learned = step.every if step.variant.every_pose else step.split.train
    views = 1 + getattr(config, "random_views", 0)
    times = views * len(learned) / len(train_mm)  # as many steps, whatever the number of poses
    loop, greedy = step.budget.pose_loop, step.budget.greedy_epochs
    budget = {
        "loop": replace(loop, epochs=math.ceil(loop.epochs / times)),
        "greedy_epochs": math.ceil(greedy / times),
    }
    config = replace(config, **{part: value for part, value in budget.items() if part in known})
    context = CodeContext(
        learned.poses_mm.copy(),
        None,
        step.begun_in / name,
        step.seed,
        step.runtime,
        rotations=learned.rotations,
    )
    return code_named(name, step.codes).fit(config, context)


def _described(variant: Variant, codes: Sequence[Code]) -> dict[str, Any] | None:
    image = variant.image_options
    if variant.code is None:
        return image or None
    name, config = variant.code
    poses = {"every_pose": True} if variant.every_pose else {}
    return {**code_named(name, codes).describe(config), **poses, **image}


def _limited(split: Split, budget: AblationBudget, seed: int) -> Split:
    """A random choice of both parts, at most as many as the budget has, in their order."""
    train = _chosen(split.train, budget.train_images, seed, "train")
    return Split(train, _chosen(split.held_out, budget.val_images, seed, "val"), split.subjects)


def _chosen(rows: Dataset, limit: int, seed: int, name: str) -> Dataset:
    order = random_stream(seed, "ablation", name).permutation(len(rows))
    return rows.select(np.sort(order[:limit]))


def _images(rows: Dataset) -> np.ndarray:
    return rows.images(np.arange(len(rows)))
