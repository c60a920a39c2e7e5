"""Measuring: `evaluate`, `evaluate-video` and `bench`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from overpose.support.files import Output


@dataclass(frozen=True)
class Evaluate:
    """Measure trained models on a dataset's test split; write report.json and tables.md to OUT.

    Example: overpose evaluate --data data --models runs/mine/finetuned --out runs/mine/report
    """

    data: Path
    """A rendered dataset."""
    models: tuple[Path, ...]
    """Directories of trained models (or of stages, whose last model is taken)."""
    output: Output
    protocols: tuple[Literal["1", "2"], ...] = ()
    """Of a converted Human3.6M: also protocol 1 (MPJPE) or 2 (P-MPJPE), into human36m.json."""
    joints: Literal[17, 14] = 17
    """For these protocols: all 17 joints, or the 14 shared with LSP."""

    def run(self) -> None:
        from overpose.experiments.standalone import evaluate_models

        evaluate_models(
            self.models,
            self.data,
            self.output,
            protocols=self.protocols,
            joints=self.joints,
        )
        print(f"tables: {self.output.out / 'tables.md'}")


@dataclass(frozen=True)
class EvaluateVideo:
    """Measure predictions on real videos against reference joints, beside BlazePose's own 3D.

    OUT gets report.json and tables.md.

    Example: overpose evaluate-video balancing --out runs/balancing
    """

    directory: Annotated[Path, tyro.conf.Positional]
    """Holds reference.trc, cameras.toml and one video for each camera."""
    output: Output
    keypoints: Literal["full", "heavy"] = "heavy"
    """Which BlazePose finds the 2D keypoints."""
    model: Path | None = None
    """Directory of a lifter to take instead of the shipped ones."""

    def run(self) -> None:
        from overpose.measure.video_reference import evaluate_video

        evaluate_video(self.directory, self.output, keypoints=self.keypoints, model=self.model)
        print((self.output.out / "tables.md").read_text(encoding="utf-8"), end="")


@dataclass(frozen=True)
class Bench:
    """Measure the speed budgets on this machine.

    Example: overpose bench --out bench.json
    """

    out: Path | None = None
    """Also write the numbers here, as JSON."""
    parts: tuple[Literal["studio", "training", "predict", "baselines"], ...] = (
        "studio", "training", "predict", "baselines",
    )  # fmt: skip
    """What to measure."""
    video: Path | None = None
    """The clip for predict; the demo's if not given."""
    mediapipe_python: Path | None = None
    """Python of an environment with mediapipe==0.10.21, to compare predict with."""
    overwrite: bool = False
    """Replace an earlier file."""

    def run(self) -> None:
        from overpose.experiments.bench.run import bench

        bench(
            self.parts,
            self.out,
            video=self.video,
            mediapipe_python=self.mediapipe_python,
            overwrite=self.overwrite,
        )
