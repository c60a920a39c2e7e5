"""Measuring: `evaluate`, `bench`, and what `evaluate-` begins with: video, people, world, steps."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import tyro

from overpose.app.options import Processes, detector_models
from overpose.datasets.motion_source import MotionSource
from overpose.support.files import Output


@dataclass(frozen=True)
class Evaluate:
    """Measure trained models on a dataset's test split; write report.json and tables.md to OUT.

    Example: overpose evaluate --data data --models runs/mine/finetuned --out runs/mine/report
    """

    elsewhere: ClassVar = ("data",)
    data: Path
    """A dataset: rendered, Human3.6M or your own."""
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

    Without a reference, people are triangulated from the keypoints of all cameras. OUT gets
    report.json and tables.md.

    Example: overpose evaluate-video balancing --out runs/balancing
    """

    directory: Annotated[Path, tyro.conf.Positional]
    """Holds reference.trc, cameras.toml and one video for each camera; or, to triangulate, three
    videos or more in step and a file of the measured cameras (*.qca.txt or cameras.toml)."""
    output: Output
    keypoints: Literal["auto", "full", "heavy"] = "auto"
    """Which BlazePose finds the 2D keypoints; auto is full, as for any video."""
    model: Path | None = None
    """Directory of a lifter to take instead of the shipped ones."""

    def run(self) -> None:
        from overpose.measure.video_reference import REFERENCE, evaluate_video
        from overpose.measure.views import evaluate_views

        has_reference = (self.directory / REFERENCE).is_file()
        evaluate = evaluate_video if has_reference else evaluate_views
        evaluate(self.directory, self.output, keypoints=self.keypoints, model=self.model)
        print((self.output.out / "tables.md").read_text(encoding="utf-8"), end="")


@dataclass(frozen=True)
class EvaluatePeople:
    """Measure the judge of people: how many real people it loses and how many ghosts it keeps.

    Renders people among furniture, finds them, and makes ghosts on purpose; cuts pictures of people
    and counts the keypoints beyond the cut of which the models are sure. OUT gets people.json,
    people.md and the clips. Existing clips are kept.

    Example: overpose evaluate-people --mocap cmu.tar.xz --splits splits.json --out runs/people
    """

    output: Output
    mocap: Path
    """Recorded motion, as `render` takes it."""
    splits: Path
    """Which trials train and test, JSON; see docs/data.md."""
    up: Literal["y", "z"] = "y"
    """The axis of BVH files that points up: y in most, z in those that Blender wrote."""
    clips: tuple[int, int] = (70, 70)
    """How many clips of training subjects, on which the judge is fitted, and of test subjects."""
    videos: tuple[Path, ...] = ()
    """Real videos to look at as well; everybody found there counts as a real person."""
    processes: Processes = None

    def run(self) -> None:
        from overpose.experiments.people.study import study_people

        study_people(
            MotionSource(self.mocap, self.splits, self.up),
            self.output,
            detector_models(),
            clips=self.clips,
            videos=self.videos,
            processes=self.processes,
        )
        print((self.output.out / "people.md").read_text(encoding="utf-8"), end="")


@dataclass(frozen=True)
class EvaluateWorld:
    """Measure where people and cameras are in the world, part by part, joint angles and squats.

    Renders people before known cameras and finds them, and looks at videos with measured cameras.
    OUT gets world.json, world.md and the clips. Existing clips are kept.

    Example: overpose evaluate-world --mocap cmu.tar.xz --splits splits.json --out runs/world
    """

    output: Output
    mocap: Path
    """Recorded motion, as `render` takes it."""
    splits: Path
    """Which trials train and test, JSON; see docs/data.md."""
    up: Literal["y", "z"] = "y"
    """The axis of BVH files that points up: y in most, z in those that Blender wrote."""
    clips: tuple[int, int] = (56, 24)
    """How many clips of training subjects, on which numbers are chosen, and of test subjects."""
    turning_clips: tuple[int, int] = (32, 16)
    """How many of these scenes also before a camera that turns."""
    repetition_clips: tuple[int, int] = (40, 16)
    """How many clips of squats and of other movements that are repeated."""
    recordings: tuple[Path, ...] = ()
    """Directories of videos with a file of their measured cameras, in a world with z up."""
    processes: Processes = None

    def run(self) -> None:
        from overpose.experiments.world.study import study_world
        from overpose.support.assets import download_asset

        study_world(
            MotionSource(self.mocap, self.splits, self.up),
            self.output,
            (download_asset("pose_detection"), download_asset("pose_landmark_full")),
            clips=self.clips,
            turning_clips=self.turning_clips,
            repetition_clips=self.repetition_clips,
            recordings=self.recordings,
            processes=self.processes,
        )
        print((self.output.out / "world.md").read_text(encoding="utf-8"), end="")


@dataclass(frozen=True)
class EvaluateSteps:
    """Measure steps, cadence and speed of walking and running.

    Looks at recorded motion and at the clips that evaluate-world made. OUT gets steps.json and
    steps.md.

    Example: overpose evaluate-steps --mocap cmu.tar.xz --splits s.json --clips runs/world --out out
    """

    output: Output
    mocap: Path
    """Recorded motion, as `render` takes it."""
    splits: Path
    """Which trials train and test, JSON; see docs/data.md."""
    clips: Path
    """Directory that evaluate-world wrote to."""

    def run(self) -> None:
        from overpose.experiments.world.steps import study_steps

        study_steps(MotionSource(self.mocap, self.splits), self.clips, self.output)
        print((self.output.out / "steps.md").read_text(encoding="utf-8"), end="")


@dataclass(frozen=True)
class Bench:
    """Measure the speed budgets on this machine.

    Example: overpose bench --out bench.json
    """

    out: Path | None = None
    """File for the numbers, JSON; they are always printed."""
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
