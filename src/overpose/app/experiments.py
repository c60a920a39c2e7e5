"""Whole experiments: `reproduce`, `ablate` and `curve`."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal

from overpose.app.options import Device, PresetName, Processes
from overpose.datasets.motion_source import MotionSource
from overpose.datasets.sources import SOURCES, Source
from overpose.support.errors import InputError
from overpose.support.files import Output
from overpose.support.locks import working_alone


@dataclass(frozen=True)
class Reproduce:
    """Render, train and measure every method of a preset; write tables and figures.

    OUT gets report.json, tables.md, report.html and figures, the dataset and the models.
    Interrupted runs go on where they were: give the same command again. Seeds can be trained one at
    a time: with another --seeds and the same OUT, the report has all that are there. Smoke makes up
    its motion; cpu and paper need --mocap and --splits, or a dataset as --data.

    Example: overpose reproduce --preset cpu --mocap cmu.tar.xz --splits splits.json --out runs/cpu
    """

    sources: ClassVar[tuple[Source, ...]] = SOURCES
    output: Output
    motion: MotionSource = field(default_factory=MotionSource)
    preset: PresetName = "smoke"
    data: Path | None = None
    """A finished dataset instead of rendering one, e.g. Human3.6M or your own."""
    seeds: tuple[int, ...] | None = None
    """Seeds to train now, instead of the preset's."""
    inputs: tuple[Literal["image", "masked_image"], ...] | None = None
    """Blocks of the report to train now, instead of the preset's: images, or images with masks.
    What another run trained is not trained again."""
    held_out: bool = False
    """Leave the test subjects alone and measure on training subjects that are held out of training:
    for choices, e.g. the share of the common finishing, which is written to finishing.json."""
    processes: Processes = None
    device: Device = "auto"

    def run(self) -> None:
        from overpose.experiments.entry_points import reproduce

        done = reproduce(
            self.preset,
            self.output.out,
            mocap=self.motion.mocap,
            splits=self.motion.splits,
            up=self.motion.up,
            data=self.data,
            seeds=self.seeds,
            held_out=self.held_out,
            inputs=self.inputs,
            processes=self.processes,
            device=self.device,
            overwrite=self.output.overwrite,
            sources=self.sources,
        )
        if done.failed:
            raise InputError(f"{len(done.failed)} rows failed: {'; '.join(done.failed)}")


@dataclass(frozen=True)
class Ablate:
    """Compare codes of poses, and losses of networks, on held-out training subjects.

    Test subjects are not touched: some training subjects are held out instead. OUT gets
    ablation.json and ablation.md; an interrupted ablation is resumed.

    Example: overpose ablate --data runs/cpu/dataset --out runs/ablation
    """

    data: Path
    """A dataset: rendered, Human3.6M or your own."""
    output: Output
    seed: int = 0
    """Seed of training."""
    train_images: int = 8000
    """Most training images to use."""
    poses_only: bool = False
    """Leave out the image stages: a few minutes."""
    variants: tuple[str, ...] | None = None
    """Names of the variants to compare; all if not given."""
    processes: Processes = None

    def run(self) -> None:
        from overpose.experiments.ablation import AblationBudget, ablate
        from overpose.experiments.ablation_table import variants_named

        budget = AblationBudget(train_images=self.train_images)
        if self.poses_only:
            budget = replace(budget, latent_epochs=0, finetune_epochs=0)
        with working_alone(self.output.out):
            report = ablate(
                self.data,
                self.output,
                budget=budget,
                variants=variants_named(self.variants),
                seed=self.seed,
                processes=self.processes,
            )
        failed = [f"{v['name']}: {v['error']}" for v in report["variants"] if "error" in v]
        if failed:
            raise InputError(f"{len(failed)} variants failed: {'; '.join(failed)}")


@dataclass(frozen=True)
class Curve:
    """Measure how the error falls with the number of training images: ours, the CNN and LinKDE.

    OUT gets learning_curve.json, .md and .png. An interrupted curve is resumed; seeds can be
    trained one at a time, as with reproduce.

    Example: overpose curve --preset cpu --data runs/cpu/dataset --out runs/curve
    """

    data: Path
    """A dataset: rendered, Human3.6M or your own."""
    output: Output
    preset: PresetName = "cpu"
    inputs: Literal["image", "masked_image"] = "image"
    """What the methods are given: images, or images with the person's mask."""
    seeds: tuple[int, ...] | None = None
    """Seeds to train now, instead of the preset's."""
    processes: Processes = None
    device: Device = "auto"

    def run(self) -> None:
        from overpose.experiments.learning_curve import learning_curve
        from overpose.experiments.presets import preset_named
        from overpose.training.loop import Runtime

        with working_alone(self.output.out):
            curve = learning_curve(
                preset_named(self.preset),
                self.data,
                self.output,
                inputs=self.inputs,
                seeds=self.seeds,
                processes=self.processes,
                runtime=Runtime(device=self.device),
            )
        print((self.output.out / "learning_curve.md").read_text(encoding="utf-8"), end="")
        failed = [
            f"{row.method}, seed {row.seed}, {size} images: {row.error}"
            for size, rows in curve.items()
            for row in rows
            if row.error is not None
        ]
        if failed:
            raise InputError(f"{len(failed)} rows failed: {'; '.join(failed)}")
