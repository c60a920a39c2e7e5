"""The commands that are broken, each with small inputs of its own and what may differ."""

import csv
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from harden.program import SIZE
from overpose.datasets.own.table import pose_columns
from overpose.keypoints.keypoint_files import KeypointFile, write_keypoints
from overpose.layouts import layout_of
from overpose.mocap.joints17 import joints17_world_mm
from overpose.mocap.procedural import procedural_motion
from overpose.poses import PoseTrack
from overpose.skeleton import HUMAN36M

FRAMES, WIDTH, HEIGHT = 12, 160, 120


@dataclass(frozen=True)
class Command:
    """A card.

    Attributes:
        name: of the trials.
        prepare: writes the inputs into a directory.
        arguments: of overpose, run beside the directories `in` and `out`.
        resumes: whether the same command goes on where an interrupted one was; otherwise it is
            given `--overwrite` where results are there already.
        growing: patterns of files that are replaced while the command runs, so that an earlier
            state of them is no damage.
        ignored: patterns of files that hold times and dates, and are not compared.
        has_children: whether it starts processes that work.
        repeats: whether it does anything where its whole result is there already.
    """

    name: str
    prepare: Callable[[Path], None]
    arguments: tuple[str, ...]
    resumes: bool = False
    growing: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    has_children: bool = False
    repeats: bool = True


def joints_mm(frames: int = FRAMES, subject: int = 1) -> np.ndarray:
    """(frames, 17, 3): somebody who walks, in camera axes, 4 m before the camera."""
    world = joints17_world_mm(procedural_motion("walking", subject, 7, frames))
    camera = np.stack([world[..., 0], -world[..., 2], world[..., 1]], axis=-1)
    return camera + np.array([0.0, 900.0, 4000.0])


def track() -> PoseTrack:
    """Two people who walk."""
    joints = np.stack([joints_mm(subject=1), joints_mm(subject=2)])
    root = joints[:, :, HUMAN36M.index("pelvis")]
    pixels = joints[..., :2] / joints[..., 2:] * WIDTH + (WIDTH / 2, HEIGHT / 2)
    scores = np.full((*pixels.shape[:-1], 1), 0.75)
    return PoseTrack(
        poses_mm=(joints - root[:, :, None]).astype(np.float32),
        root_mm=root.astype(np.float32),
        keypoints_px=np.concatenate([pixels, scores], axis=-1).astype(np.float32),
        keypoint_names=HUMAN36M.joint_names,
        fps=30.0,
        width=WIDTH,
        height=HEIGHT,
        focal_px=float(WIDTH),
        focal_is_estimated=False,
        model="harden",
    )


def write_track(directory: Path) -> None:
    """A pose track."""
    track().save(directory / "clip.npz")


def write_clip(directory: Path) -> None:
    """Keypoints of two people, and a grey video to draw them on."""
    keypoints = track().keypoints_px
    found = KeypointFile(layout_of(HUMAN36M.joint_names), keypoints, 30.0, WIDTH, HEIGHT)
    write_keypoints(directory / "keypoints.json", found)
    with av.open(str(directory / "clip.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(FRAMES):
            image = np.full((HEIGHT, WIDTH, 3), 90 + number, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_own(directory: Path) -> None:
    """Somebody's images and a table of their poses."""
    (directory / "images").mkdir(parents=True)
    poses = joints_mm()
    with (directory / "samples.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image", "subject", "split", "action", *pose_columns()])
        for row, pose in enumerate(poses):
            name = f"images/{row:04d}.png"
            image = np.full((SIZE * 2, SIZE * 2, 3), (10 * row, 90, 200), np.uint8)
            cv2.imwrite(str(directory / name), image)
            who, split = (("ben", "test"), ("anna", "train"))[row % 3 > 0]
            table.writerow([name, who, split, "walking", *(round(v, 2) for v in pose.ravel())])


def write_dataset(directory: Path) -> None:
    """A finished dataset."""
    from overpose.datasets.own.convert import convert_own_data
    from overpose.support.files import Output

    write_own(directory / "own")
    out = Output(directory / "data")
    with convert_own_data(directory / "own", out, image_size=SIZE, processes=1):
        pass


def write_tracks(directory: Path) -> None:
    """Two pose tracks."""
    for name in ("one", "two"):
        track().save(directory / f"{name}.npz")


def write_keypoint_files(directory: Path) -> None:
    """Two files of keypoints."""
    for name in ("one", "two"):
        write_clip(directory)
        (directory / "keypoints.json").rename(directory / f"{name}.json")


def write_parts(directory: Path) -> None:
    """Two parts of one prediction."""
    from overpose.app import main

    write_keypoint_files(directory)
    inputs = [directory / f"{name}.json" for name in ("one", "two")]
    for part in ("0", "1"):
        with suppress(SystemExit):
            out = str(directory / part)
            main(["predict", *map(str, inputs), "--shard", f"{part}/2", "--out", out])


def nothing(directory: Path) -> None:
    """No inputs."""


_FORMATS = ("json", "csv", "bvh", "c3d", "trc")
COMMANDS = (
    Command("export", write_track, ("export", "in/clip.npz", "--out", "out")),
    Command(
        "table", write_tracks,
        ("table", "in/one.npz", "in/two.npz", "--out", "out/corpus.parquet"),
    ),
    Command(
        "merge", write_parts, ("merge", "in/0", "in/1", "--out", "out"), repeats=False,
    ),
    Command(
        "predict",
        write_clip,
        ("predict", "in/clip.mp4", "--keypoints", "in/keypoints.json", "--out", "out", "--formats",
         *_FORMATS, "--overlay", "--html", "--report"),
    ),
    Command(
        "shard",
        write_keypoint_files,
        ("predict", "in/one.json", "in/two.json", "--shard", "0/1", "--out", "out"),
        resumes=True,
        growing=("shard-*.json",),
    ),
    Command(
        "convert",
        write_own,
        ("data", "own", "--from", "in", "--out", "out", "--image-size", str(SIZE), "--processes",
         "2"),
        resumes=True,
        has_children=True,
    ),
    Command(
        "render",
        nothing,
        ("render", "--out", "out", "--image-size", str(SIZE), "--cameras", "1", "--max-train", "6",
         "--max-val", "0", "--max-test", "2", "--samples-per-shard", "4", "--processes", "1"),
        resumes=True,
    ),
    Command(
        "train",
        write_dataset,
        ("train", "--data", "in/data", "--out", "out", "--preset", "smoke"),
        resumes=True,
        growing=("*/last/*", "*.jsonl"),
        ignored=("*.jsonl",),
    ),
    Command(
        "reproduce",
        write_dataset,
        ("reproduce", "--data", "in/data", "--out", "out", "--preset", "smoke", "--processes", "1"),
        resumes=True,
        growing=("*/last/*", "*.json", "*.jsonl", "*.md"),
        ignored=("*.jsonl", "*.html", "*.png", "*.md"),
    ),
)  # fmt: skip
"""In the order of how long they take."""
