"""Whole experiments: `reproduce` and `ablate`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from overpose.errors import InputError


@dataclass(frozen=True)
class Reproduce:
    """Render, train and measure every method of a preset; write tables and figures.

    Interrupted runs go on where they were: give the same command again.

    Example: overpose reproduce --preset cpu --mocap cmu.tar.xz --splits splits.json --out runs/cpu
    """

    out: Path
    """Directory of the experiment: report.json, tables.md, figure.png, dataset, models."""
    preset: Literal["smoke", "cpu", "paper"] = "smoke"
    """smoke: made-up motion, minutes. cpu: reduced sizes, hours. paper: published sizes, GPU."""
    mocap: Path | None = None
    """CMU's motion capture: a directory or an archive in the official layout (cpu, paper)."""
    splits: Path | None = None
    """Which trials train and test, JSON; see docs/data.md (cpu, paper)."""
    data: Path | None = None
    """A finished dataset instead of rendering one, e.g. Human3.6M or your own."""
    seeds: tuple[int, ...] | None = None
    """Seeds of training, instead of the preset's."""
    processes: int | None = None
    """For rendering, and on a CPU for training side by side; one for each core if not given."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train."""
    overwrite: bool = False
    """Replace a finished experiment, or one of another kind, in the directory."""

    def run(self) -> None:
        from overpose.evaluation.presets import preset_named
        from overpose.evaluation.reproduce import reproduce
        from overpose.training import Runtime

        done = reproduce(
            preset_named(self.preset),
            self.out,
            mocap=self.mocap,
            splits=self.splits,
            data=self.data,
            processes=self.processes,
            seeds=self.seeds,
            overwrite=self.overwrite,
            runtime=Runtime(device=self.device),
        )
        if done.failed:
            raise InputError(f"{len(done.failed)} rows failed: {'; '.join(done.failed)}")


@dataclass(frozen=True)
class Ablate:
    """Compare sizes, noises, contractions and depths of the autoencoder on held-out subjects.

    Test subjects are not touched: some training subjects are held out instead.

    Example: overpose ablate --data runs/cpu/dataset --out runs/ablation
    """

    data: Path
    """A rendered dataset."""
    out: Path
    """Directory for ablation.json and ablation.md; an interrupted ablation is resumed."""
    seed: int = 0
    """Seed of training."""
    poses_only: bool = False
    """Leave out the image stages: a few minutes."""
    variants: tuple[str, ...] | None = None
    """Names of the variants to compare; all if not given."""
    processes: int | None = None
    """Variants at a time; one for each core if not given."""
    overwrite: bool = False
    """Replace a finished ablation, or one made otherwise, in the directory."""

    def run(self) -> None:
        from overpose.evaluation.ablation import AblationBudget, ablate
        from overpose.evaluation.ablation_table import variants_named

        budget = AblationBudget(latent_epochs=0, finetune_epochs=0) if self.poses_only else None
        report = ablate(
            self.data,
            self.out,
            budget=budget,
            variants=variants_named(self.variants),
            seed=self.seed,
            overwrite=self.overwrite,
            processes=self.processes,
        )
        failed = [f"{v['name']}: {v['error']}" for v in report["variants"] if "error" in v]
        if failed:
            raise InputError(f"{len(failed)} variants failed: {'; '.join(failed)}")
