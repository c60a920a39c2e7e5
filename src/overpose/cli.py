"""The subcommands: parse, call one function, report. No logic lives here.

Everything heavy is imported inside the commands, so that `--help` answers at once.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from overpose.errors import InputError

Format = Literal["json", "csv", "bvh", "c3d", "trc"]
Stage = Literal[
    "all", "autoencoder", "direct", "latent", "finetune",
    "nearest_pose", "kde", "linkde", "dconv_mp_hml", "structnet",
]  # fmt: skip


@dataclass(frozen=True)
class Demo:
    """Predict the people of a real clip, downloaded once, and write every kind of output.

    Example: overpose demo --out overpose-demo
    """

    out: Path = Path("overpose-demo")
    """Directory for the files."""
    overwrite: bool = False
    """Replace the files of an earlier demo."""

    def run(self) -> None:
        from overpose.video.demo import demo

        for line in demo(self.out, overwrite=self.overwrite):
            print(line, flush=True)


@dataclass(frozen=True)
class Predict:
    """Find everybody in photos and videos, in 3D, and write it to files.

    Writes OUT/NAME.npz for every input, and on request other formats, the video with the skeletons
    drawn on it, and a page that plays in any browser. Inputs may also be files of 2D keypoints.

    Example: overpose predict clip.mp4 --out out --formats bvh csv --overlay --html
    """

    inputs: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """Photos and videos, or keypoint files (see docs/keypoint-files.md)."""
    out: Path = Path("overpose-out")
    """Directory for the files."""
    formats: tuple[Format, ...] = ()
    """Formats to write besides .npz; see docs/formats.md."""
    overlay: bool = False
    """Also draw the skeletons on the video: NAME_overlay.mp4."""
    html: bool = False
    """Also write a page that plays anywhere, offline: NAME.html."""
    people: int | None = None
    """Keep at most that many people, the most present ones."""
    track: int | None = None
    """Keep only the person of this number."""
    keypoints: str = "full"
    """What finds 2D keypoints: full (faster) or heavy (better) BlazePose, rtmlib, or a file."""
    model: Path | None = None
    """Directory of a model trained with overpose, instead of the shipped ones."""
    focal_px: float | None = None
    """Focal length of the camera in pixels; assumed if it is not known."""
    fov_deg: float | None = None
    """Or its angle of view across the longer side of the image."""
    height_m: float | None = None
    """Standing height of the people, metres: sets the scale."""
    smooth: Literal["zero-phase", "one-euro", "none"] = "zero-phase"
    """zero-phase: no delay; one-euro: as in live use."""
    bridge_s: float = 0.25
    """Longest gap in a track that is filled, seconds."""
    constant_limbs: bool = True
    """Give each person limbs of the same lengths in all frames."""
    webcam: str | None = None
    """Record from this camera (0 is the first) instead of files; Ctrl-C ends it."""
    seconds: float | None = None
    """How long to record from the webcam."""
    overwrite: bool = False
    """Replace earlier files."""

    def run(self) -> None:
        from overpose.video.posing import PredictOptions
        from overpose.video.predict import Outputs, predict

        options = PredictOptions(
            people=self.people,
            track=self.track,
            focal_px=self.focal_px,
            fov_deg=self.fov_deg,
            height_m=self.height_m,
            smooth=self.smooth,
            bridge_s=self.bridge_s,
            constant_limbs=self.constant_limbs,
        )
        outputs = Outputs(
            self.out, self.formats, overlay=self.overlay, html=self.html, overwrite=self.overwrite
        )
        written = predict(
            self.inputs,
            outputs,
            options,
            keypoints=self.keypoints,
            model=self.model,
            webcam=self.webcam,
            seconds=self.seconds,
        )
        for path in written:
            print(path, flush=True)


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


@dataclass(frozen=True)
class Render:
    """Render labelled images of motion: the dataset that training reads.

    Without --mocap the motion is made up (procedural). Finished shards survive any interruption;
    the same command renders the rest.

    Example: overpose render --mocap cmu.tar.xz --splits splits.json --max-train 24000 --out data
    """

    out: Path
    """Directory of the dataset."""
    mocap: Path | None = None
    """CMU's motion capture: a directory or an archive in the official layout."""
    splits: Path | None = None
    """Which trials train and test, JSON; see docs/data.md. Goes with --mocap."""
    image_size: int = 128
    """Height and width of the images, pixels."""
    max_train: int | None = None
    """Most training samples; all if not given."""
    max_val: int | None = None
    """Most validation samples; all if not given."""
    max_test: int | None = None
    """Most test samples; all if not given."""
    takes: int = 1
    """How often each trial is rendered, each time with other clothes, light and place."""
    backgrounds: Path | None = None
    """A directory of your photos to stand behind the people."""
    seed: int = 0
    """Seed of everything drawn at random."""
    processes: int | None = None
    """How many processes; one for each core if not given. The result does not depend on it."""
    contact_sheet: Path | None = None
    """Also write a picture of samples with their 2D joints here (.png, .jpg)."""
    overwrite: bool = False
    """Replace a finished dataset, or another one, in the directory, and the contact sheet."""

    def run(self) -> None:
        from overpose.evaluation.reproduce import render_motion
        from overpose.files import require_writable
        from overpose.studio.contact_sheet import write_contact_sheet
        from overpose.studio.jobs import RenderConfig

        if self.contact_sheet is not None:
            require_writable(self.contact_sheet, overwrite=self.overwrite)
        config = RenderConfig(
            image_size=self.image_size,
            seed=self.seed,
            takes=self.takes,
            backgrounds=self.backgrounds,
            max_train=self.max_train,
            max_val=self.max_val,
            max_test=self.max_test,
        )
        with render_motion(
            config,
            self.out,
            mocap=self.mocap,
            splits=self.splits,
            processes=self.processes,
            overwrite=self.overwrite,
        ) as dataset:
            if self.contact_sheet is not None:
                write_contact_sheet(self.contact_sheet, dataset)
            print(f"{len(dataset)} samples: {self.out}")


@dataclass(frozen=True)
class DataHuman36m:
    """Make a dataset of your own licensed copy of Human3.6M; see docs/human36m.md.

    What is missing or damaged is listed, the rest is used. The same command resumes.

    Example: overpose data human36m --from human3.6m --out data/h36m --every 5
    """

    source: Annotated[Path, tyro.conf.arg(name="from")]
    """The official directory, or one with the official archives."""
    out: Path
    """Directory of the dataset."""
    image_size: int = 128
    """Height and width of the crops, pixels."""
    actions: tuple[str, ...] = ()
    """Actions to take; the six of the paper if not given."""
    every: int = 1
    """Take one frame of that many; the videos have 50 a second."""
    metadata: Path | None = None
    """metadata.xml, if it is elsewhere."""
    processes: int | None = None
    """Videos to convert at a time; one for each core if not given."""
    overwrite: bool = False
    """Replace a finished dataset, or another one, in the directory."""

    def run(self) -> None:
        from overpose.datasets.human36m import convert_human36m
        from overpose.datasets.human36m_names import PAPER_ACTIONS
        from overpose.evaluation.protocols import dataset_text

        dataset = convert_human36m(
            self.source,
            self.out,
            image_size=self.image_size,
            actions=self.actions or PAPER_ACTIONS,
            every=self.every,
            metadata=self.metadata,
            processes=self.processes,
            overwrite=self.overwrite,
        )
        print(dataset_text(dataset))
        print(self.out)


@dataclass(frozen=True)
class DataOwn:
    """Make a dataset of your own images and poses; see docs/own-data.md.

    Example: overpose data own --from mine --out data/mine
    """

    source: Annotated[Path, tyro.conf.arg(name="from")]
    """A directory with images and samples.csv or samples.parquet."""
    out: Path
    """Directory of the dataset."""
    image_size: int = 128
    """Height and width of the crops, pixels."""
    processes: int | None = None
    """For checking and converting; one for each core if not given."""
    overwrite: bool = False
    """Replace a finished dataset, or another one, in the directory."""

    def run(self) -> None:
        from overpose.datasets.own import convert_own_data
        from overpose.evaluation.protocols import dataset_text

        dataset = convert_own_data(
            self.source,
            self.out,
            image_size=self.image_size,
            processes=self.processes,
            overwrite=self.overwrite,
        )
        print(dataset_text(dataset))
        print(self.out)


@dataclass(frozen=True)
class DataCheck:
    """Name everything that is wrong with your images and poses, or with a finished dataset.

    Of a finished dataset every file is compared with its checksum.

    Example: overpose data check mine
    """

    data: Annotated[Path, tyro.conf.Positional]
    """The directory."""

    def run(self) -> None:
        from overpose.evaluation.data_check import check_data

        for line in check_data(self.data):
            print(line)


@dataclass(frozen=True)
class Data:
    """Bring and check datasets of your own."""

    command: (
        Annotated[DataHuman36m, tyro.conf.subcommand("human36m")]
        | Annotated[DataOwn, tyro.conf.subcommand("own")]
        | Annotated[DataCheck, tyro.conf.subcommand("check")]
    )

    def run(self) -> None:
        self.command.run()


@dataclass(frozen=True)
class Train:
    """Train the stages on a rendered dataset, one model for all actions.

    (a) autoencoder, (b) latent, (c) finetune, and the CNN straight to the pose (direct): all. The
    systems that the paper compares with have a stage each: nearest_pose, kde, linkde, dconv_mp_hml,
    structnet. Every network resumes after an interruption with exactly the same weights; finished
    stages are skipped.

    Example: overpose train --data data --out runs/mine --preset cpu
    """

    data: Path
    """A rendered dataset."""
    out: Path
    """Directory of the models, one directory a stage."""
    stage: Stage = "all"
    """Which stage; the stages it needs are trained first if they are not there."""
    preset: Literal["smoke", "cpu", "paper"] = "cpu"
    """Sizes and budgets of the networks; must fit the dataset's image size."""
    seed: int = 0
    """Seed of weights, order, crops, noise and dropout."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train."""

    def run(self) -> None:
        from overpose.evaluation.presets import preset_named
        from overpose.evaluation.standalone import train_stages
        from overpose.training import Runtime

        trained = train_stages(
            preset_named(self.preset),
            self.data,
            self.out,
            stage=self.stage,
            seed=self.seed,
            runtime=Runtime(device=self.device),
        )
        for name, directory in trained.items():
            print(f"{name}: {directory}")


@dataclass(frozen=True)
class Evaluate:
    """Measure trained models on a dataset's test split; write report.json and tables.md.

    Example: overpose evaluate --data data --models runs/mine/finetuned --out runs/mine/report
    """

    data: Path
    """A rendered dataset."""
    models: tuple[Path, ...]
    """Directories of trained models (or of stages, whose last model is taken)."""
    out: Path
    """Directory for the report."""
    protocols: tuple[Literal["1", "2"], ...] = ()
    """Of a converted Human3.6M: also protocol 1 (MPJPE) or 2 (P-MPJPE), into human36m.json."""
    joints: Literal[17, 14] = 17
    """For these protocols: all 17 joints, or the 14 shared with LSP."""
    overwrite: bool = False
    """Replace an earlier report."""

    def run(self) -> None:
        from overpose.evaluation.standalone import evaluate_models

        evaluate_models(
            self.models,
            self.data,
            self.out,
            protocols=self.protocols,
            joints=self.joints,
            overwrite=self.overwrite,
        )
        print(f"tables: {self.out / 'tables.md'}")


@dataclass(frozen=True)
class TrainLifter:
    """Train the networks that turn 2D keypoints into 3D poses, the ones that `predict` uses.

    Renders clips, runs the detector on them, makes motions, trains stage (a) and every method for
    photos and for videos, measures them on test subjects. Interrupted runs go on where they were.

    Example: overpose train-lifter --mocap cmu.tar.xz --splits splits.json --out runs/lifter
    """

    mocap: Path
    """CMU's motion capture: a directory or an archive in the official layout."""
    splits: Path
    """Which subjects train and test, JSON; see docs/data.md."""
    out: Path
    """Directory of the run: report.json, tables.md, weights, data, models."""
    recipe: Literal["full", "trial"] = "full"
    """full: as shipped, hours. trial: a few minutes, of no use but to see that it runs."""
    processes: int | None = None
    """How many at a time; one for each core if not given."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train."""
    overwrite: bool = False
    """Replace a finished run, or one of another recipe, in the directory."""

    def run(self) -> None:
        from overpose.assets import download_asset
        from overpose.lifting.detections import COMPLEXITIES
        from overpose.lifting.evaluation_run import evaluate_lifters
        from overpose.lifting.recipe import RECIPES
        from overpose.lifting.training_run import train_lifters, write_shipped

        recipe = RECIPES[self.recipe]
        detector = download_asset("pose_detection")
        train_lifters(
            recipe,
            self.mocap,
            self.splits,
            self.out,
            models={
                name: (detector, download_asset(f"pose_landmark_{name}")) for name in COMPLEXITIES
            },
            processes=self.processes,
            device=self.device,
            overwrite=self.overwrite,
        )
        evaluate_lifters(recipe, self.mocap, self.splits, self.out)
        for lifter, directory in write_shipped(recipe, self.out).items():
            print(f"{lifter}: {directory}")
        print(f"tables: {self.out / 'tables.md'}")


@dataclass(frozen=True)
class EvaluateVideo:
    """Measure predictions on real videos against reference joints, beside BlazePose's own 3D.

    Example: overpose evaluate-video balancing --out runs/balancing
    """

    directory: Annotated[Path, tyro.conf.Positional]
    """Holds reference.trc, cameras.toml and one video for each camera."""
    out: Path
    """Directory for report.json and tables.md."""
    keypoints: Literal["full", "heavy"] = "heavy"
    """Which BlazePose finds the 2D keypoints."""
    model: Path | None = None
    """Directory of a lifter to take instead of the shipped ones."""
    overwrite: bool = False
    """Replace an earlier report."""

    def run(self) -> None:
        from overpose.evaluation.video_reference import evaluate_video

        evaluate_video(
            self.directory,
            self.out,
            keypoints=self.keypoints,
            model=self.model,
            overwrite=self.overwrite,
        )
        print((self.out / "tables.md").read_text(encoding="utf-8"), end="")


@dataclass(frozen=True)
class View:
    """Show pose tracks in 3D beside their video: live in the browser, or as one HTML file.

    Example: overpose view out/clip.npz --video clip.mp4 --html clip.html
    """

    files: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Pose tracks, .npz; several are shown together."""
    video: Path | None = None
    """The photo or video that the first of them is of."""
    html: Path | None = None
    """Write one HTML file that plays anywhere, offline, instead of starting the live viewer."""
    host: str = "127.0.0.1"
    """Address the live viewer listens on; by default only this machine can connect."""
    port: int = 8080
    """Its port; the next free one if it is taken."""
    browser: bool = True
    """Open the live viewer in the browser."""
    overwrite: bool = False
    """Replace an earlier HTML file."""

    def run(self) -> None:
        from overpose.viewer.show import show_files

        show_files(
            self.files,
            html=self.html,
            video=self.video,
            host=self.host,
            port=self.port,
            open_browser=self.browser,
            overwrite=self.overwrite,
        )


@dataclass(frozen=True)
class Export:
    """Write pose tracks in formats that other programs open.

    Example: overpose export out/clip.npz --out out --formats csv bvh
    """

    files: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Pose tracks, .npz."""
    out: Path
    """Directory for the files, which have the names of the tracks."""
    formats: tuple[Format, ...] = ("json", "csv", "bvh", "c3d", "trc")
    """What to write; see docs/formats.md."""
    overwrite: bool = False
    """Replace earlier files."""

    def run(self) -> None:
        from overpose.export import export_files

        for path in export_files(self.files, self.out, self.formats, overwrite=self.overwrite):
            print(path)


@dataclass(frozen=True)
class Assets:
    """Say which files overpose needs but does not ship, where they lie, and get those missing.

    Example: overpose assets --list
    """

    list: bool = False
    """Only say what there is; get nothing."""

    def run(self) -> None:
        from overpose.assets import ASSETS, asset_table, download_asset, load_asset

        for row in asset_table():
            if not self.list:
                load_asset(row.key) if row.key in ASSETS else download_asset(row.key)
            state = "there" if row.path.is_file() else "missing"
            print(f"{row.key}: {row.path} ({state}; {row.licence})")


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
        from overpose.bench import bench

        bench(
            self.parts,
            self.out,
            video=self.video,
            mediapipe_python=self.mediapipe_python,
            overwrite=self.overwrite,
        )


Command = (
    Annotated[Predict, tyro.conf.subcommand("predict")]
    | Annotated[Demo, tyro.conf.subcommand("demo")]
    | Annotated[Reproduce, tyro.conf.subcommand("reproduce")]
    | Annotated[Render, tyro.conf.subcommand("render")]
    | Annotated[Data, tyro.conf.subcommand("data")]
    | Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
    | Annotated[Ablate, tyro.conf.subcommand("ablate")]
    | Annotated[TrainLifter, tyro.conf.subcommand("train-lifter")]
    | Annotated[EvaluateVideo, tyro.conf.subcommand("evaluate-video")]
    | Annotated[View, tyro.conf.subcommand("view")]
    | Annotated[Export, tyro.conf.subcommand("export")]
    | Annotated[Assets, tyro.conf.subcommand("assets")]
    | Annotated[Bench, tyro.conf.subcommand("bench")]
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; ends the process with 0, 1 (bad input), 2 (usage) or 130 (Ctrl-C)."""
    # Threads that wait for work should not spin: on shared cores that slows training several times.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch is first imported
    command = tyro.cli(
        Command,  # type: ignore[arg-type]
        prog="overpose",
        description="3D human pose from one ordinary camera, through a learned latent code.",
        args=arguments,
        config=(tyro.conf.OmitSubcommandPrefixes,),
    )
    try:
        command.run()
    except InputError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        print("overpose: interrupted; what was finished is kept", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}")


def _fail(message: str) -> None:
    print(f"overpose: error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(1)
