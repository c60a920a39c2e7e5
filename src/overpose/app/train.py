"""Training: `train` for models of images, `train-lifter` for models of 2D keypoints,
`detect-renders`, what these learn from, and `onnx`."""

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import tyro

from overpose.app.options import Device, PresetName, Processes, Ray, cluster_at, detector_models
from overpose.datasets.motion_source import MotionSource
from overpose.support.files import Output
from overpose.support.locks import working_alone


@dataclass(frozen=True)
class Train:
    """Train the stages of a preset on a dataset, one model for all actions.

    Unless --stage names one, these are (a) autoencoder, (b) latent and begun, (c) finetuned, the
    CNN straight to the pose (direct), both with a term on limbs as well, and the stages that they
    need. The systems that the paper compares with have a stage each, e.g. linkde or structnet.
    Networks resume after an interruption with exactly the same weights; finished stages are
    skipped. Under torchrun, processes share every batch. The images must have the preset's size.

    Example: overpose train --data data --out runs/mine --preset cpu
    """

    elsewhere: ClassVar = ("data",)
    data: Path
    """A dataset: rendered, Human3.6M or your own."""
    out: Path
    """Directory for the models, one directory for each stage."""
    stage: str = "all"
    """A stage of the preset, or all; stages that it needs are trained first. The error for an
    unknown name lists the stages."""
    preset: PresetName = "cpu"
    inputs: Literal["image", "masked_image"] = "image"
    """What the methods are given: images, or images with the person's mask."""
    seed: int = 0
    """Seed of weights, order, crops, noise and dropout."""
    device: Device = "auto"

    def run(self) -> None:
        from overpose.experiments.entry_points import train
        from overpose.experiments.pipeline import stage_place
        from overpose.experiments.presets import preset_named
        from overpose.training.processes import is_first

        trained = train(
            self.data,
            self.out,
            preset=self.preset,
            stage=self.stage,
            inputs=self.inputs,
            seed=self.seed,
            device=self.device,
        )
        for name in trained if is_first() else ():
            place = stage_place(preset_named(self.preset), self.out, self.inputs, name)
            print(f"{name}: {place / 'last'}")


@dataclass(frozen=True)
class DetectRenders:
    """Render clips of people and run the detector on them, for `train-lifter --detections`.

    A clip takes one to two seconds on two cores. OUT gets a file for each. Existing clips are kept,
    so an interrupted command resumes and more clips can be added at any time.

    Example: overpose detect-renders --mocap cmu.tar.xz --splits splits.json --out runs/detections
    """

    mocap: Path
    """Recorded motion, as `render` takes it."""
    splits: Path
    """Which trials train and test, JSON; see docs/data.md."""
    out: Path
    """Directory for the clips."""
    clips: int | None = None
    """How many clips there are to be in OUT; as many as the recipe takes if not given."""
    up: Literal["y", "z"] = "y"
    """The axis of BVH files that points up: y in most, z in those that Blender wrote."""
    recipe: Literal["full", "trial"] = "full"
    """What they are for, as in `train-lifter`."""
    processes: Processes = None
    ray: Ray = None

    def run(self) -> None:
        from overpose.experiments.lifters.data import grow_detections
        from overpose.experiments.lifters.recipe import RECIPES

        motion = MotionSource(self.mocap, self.splits, self.up)
        cluster = cluster_at(self.ray, self.processes)
        models = detector_models()
        with working_alone(self.out):
            count = grow_detections(
                RECIPES[self.recipe],
                motion,
                self.out,
                models=models,
                clips=self.clips,
                processes=cluster or self.processes,
            )
        print(f"{self.out}: {count} clips")


@dataclass(frozen=True)
class TrainLifter:
    """Train the networks that turn 2D keypoints into 3D poses, the ones that `predict` uses.

    Renders clips, runs the detector on them, and makes motions. Trains stage (a), then the methods
    of the recipe for photos and for videos, and their expected errors. Measures them on test
    subjects and held-out renders. OUT gets report.json, tables.md, learning_curve.png,
    expected_errors.png (a reliability diagram), weights, data and models. Interrupted runs resume.
    Under torchrun, processes share every batch.

    Example: overpose train-lifter --mocap cmu.tar.xz --splits splits.json --out runs/lifter
    """

    output: Output
    mocap: Path
    """Recorded motion, as `render` takes it."""
    splits: Path
    """Which trials train and test, JSON; see docs/data.md."""
    up: Literal["y", "z"] = "y"
    """The axis of BVH files that points up: y in most, z in those that Blender wrote."""
    detections: Path | None = None
    """Clips of `overpose detect-renders`; made in OUT if not given."""
    recipe: Literal["full", "trial", "methods", "encoders", "dropout"] = "full"
    """full: the shipped lifters, hours. methods: the network straight to the pose beside ours, each
    trained a quarter as long. encoders: windows of 9 to 81 frames, seen in three ways, each trained
    for the same time. dropout: one network with several shares of it. trial: a few minutes, only to
    see that it runs."""
    processes: Processes = None
    device: Device = "auto"

    def run(self) -> None:
        from overpose.experiments.lifters.evaluation import evaluate_lifters
        from overpose.experiments.lifters.recipe import RECIPES
        from overpose.experiments.lifters.training import train_lifters, write_shipped
        from overpose.training.processes import is_first, together

        recipe = RECIPES[self.recipe]
        motion = MotionSource(self.mocap, self.splits, self.up)
        alone = working_alone(self.output.out) if is_first() else nullcontext()
        with together(self.device), alone:
            train_lifters(
                recipe,
                motion,
                self.output,
                models=detector_models() if is_first() else {},
                detections=self.detections,
                processes=self.processes,
                device=self.device,
            )
            if not is_first():
                return
            written = write_shipped(recipe, self.output.out, detections=self.detections)
            evaluate_lifters(recipe, motion, self.output.out, detections=self.detections)
        for lifter, directory in written.items():
            print(f"{lifter}: {directory}")
        print((self.output.out / "tables.md").read_text(encoding="utf-8"), end="")


@dataclass(frozen=True)
class Onnx:
    """Write a trained network as an ONNX file, which `predict --model` takes without torch.

    Its predictions are compared with torch's; the file is written if they agree. Kernel systems and
    StructNet's search are no networks and cannot be exported. Needs the extras `train` and `onnx`.

    Example: overpose onnx runs/mine/finetuned --out finetuned.onnx --data data
    """

    model: Annotated[Path, tyro.conf.Positional]
    """Directory of a trained model, or of its stage."""
    out: Path
    """The file, NAME.onnx."""
    data: Path | None = None
    """What to compare on: a dataset, or for a lifter a pose track; made-up input if not given."""
    int8: bool = False
    """Multiply in 8 bits, if the error grows by at most 1 mm. Needs --data."""
    overwrite: bool = False
    """Replace an earlier file."""

    def run(self) -> None:
        from overpose.experiments.onnx_export import export_onnx

        report = export_onnx(
            self.model, self.out, data=self.data, int8=self.int8, overwrite=self.overwrite
        )
        print(f"checked on {report.checked_on}: at most {report.difference_mm:.2g} mm from torch")
        if report.growth_mm is not None:
            print(f"8 bits: error grows by {report.growth_mm:.2f} mm")
        for name in ("torch", "onnx"):
            print(f"{name}: {report.size_mb[name]:.1f} MB, {report.ms[name]:.3f} ms each")
        print(self.out)
