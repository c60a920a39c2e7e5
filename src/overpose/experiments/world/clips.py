"""Clips of one known person before one known camera, and what the finder of people finds.

Motion is recorded and left as it is, the whole picture is rendered, feet stand on the floor. What
is measured on them belongs to `study`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from overpose.camera import Camera
from overpose.datasets.rendering.recorded import Splits
from overpose.experiments.people.clips import find_tracks
from overpose.experiments.world.turning_cameras import CAMERA_WAYS, turning, turns_between
from overpose.keypoints.blazepose import BlazePose
from overpose.layouts import BLAZEPOSE_33
from overpose.mocap.library import MotionLibrary, subject_of
from overpose.mocap.motion import Motion
from overpose.networks.keypoint_windows import MAIN_NAMES
from overpose.skeleton import HUMAN36M
from overpose.studio.body import load_body
from overpose.studio.retarget import retarget
from overpose.support.errors import InputError
from overpose.support.files import writing_file
from overpose.support.progress import progress_bar
from overpose.support.seeding import random_stream
from overpose.support.workers import do_jobs, number_of_processes
from overpose.synthetic.bodies import body_of_clip
from overpose.synthetic.filming import filmed, random_setting
from overpose.synthetic.landmarks import FEET_POINTS, body_points
from overpose.synthetic.motions import CLIP_FPS
from overpose.video.world.background import small_picture
from overpose.video.world.level import Level

FRAMES = 100
LONG_SIDE_PX, SHORT_SIDE_PX = 640, 360
FOCAL_SHARES = ((0.70, 0.88), (0.6, 1.4))
"""Focal lengths in shares of the longer side: of phones, three in five clips; of anything."""
PHONES = 0.6
ON_FLOOR_MM, STILL_MM_S = 45.0, 400.0
"""A foot is on the floor where its lowest point is this low and moves along it no faster."""
SITTING = ("14_27", "14_28", "14_29", "14_30", "14_31", "14_32", "14_36")
"""Trials of CMU's, of no action of the benchmark, in which people sit down and stand up."""
UNEVEN = ("03_01", "03_02", "03_03", "03_04")
"""Trials of CMU's on ground that is not flat, and is not known."""
_MAIN = BLAZEPOSE_33.indices(MAIN_NAMES)
_TRIES = 3000
_FOUND = 0.6


@dataclass(frozen=True, eq=False)
class WorldClip:
    """One clip.

    Attributes:
        kind: what is done in it.
        keypoints_px: (F, 33, 3) float32 x, y, score as found; NaN where not.
        joints_mm: (F, 17, 3) float32 true joints, camera axes.
        feet_mm: (F, 4, 3) float32 true heels and toes, camera axes.
        contact: (F, 2) bool, whether the left and the right foot stand on the floor.
        camera_to_world: (4, 4) as in `PoseTrack`, of the first frame.
        focal_px, width, height: of the camera.
        turns: (F, 3, 3) as `View` has them, of a camera that turns; else None.
        pictures: (F, h, w) uint8 small pictures of such a camera, as `small_picture` makes them.
    """

    kind: str
    keypoints_px: np.ndarray
    joints_mm: np.ndarray
    feet_mm: np.ndarray
    contact: np.ndarray
    camera_to_world: np.ndarray
    focal_px: float
    width: int
    height: int
    turns: np.ndarray | None = None
    pictures: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class WorldJob:
    """What a process needs to make any clip."""

    motions: Mapping[str, tuple[Motion, ...]]
    models: tuple[Path, Path]
    seed: int
    out: Path
    turning: bool
    frames: int


def motions_of(
    library: MotionLibrary, splits: Splits, split: Literal["train", "test"]
) -> dict[str, tuple[Motion, ...]]:
    """The trials of a split's subjects by action, and those in which people sit down."""
    actions = splits.train if split == "train" else splits.test
    subjects = splits.train_subjects if split == "train" else splits.test_subjects
    named = {action: [t for t in trials if t not in UNEVEN] for action, trials in actions.items()}
    named["sitting"] = [t for t in SITTING if subject_of(t) in subjects]
    there = set(library.trials())
    found = {
        action: tuple(library.motion(trial, CLIP_FPS) for trial in trials if trial in there)
        for action, trials in named.items()
    }
    return {action: motions for action, motions in found.items() if motions}


def make_clips(
    motions: Callable[[], Mapping[str, tuple[Motion, ...]]],
    models: tuple[Path, Path],
    out: Path,
    *,
    clips: int,
    seed: int = 0,
    turning: bool = False,
    frames: int = FRAMES,
    processes: int | None = None,
) -> dict[int, WorldClip]:
    """Render clips and find their person; clips already in `out` are kept.

    Args:
        motions: gives trials by what is done in them, asked if there is a clip to make.
        models: files of the detector and of the landmark model.
        out: directory, one file a clip.
        clips: how many; kinds take turns.
        seed: of everything drawn.
        turning: whether the camera turns in its place, in scenes that are otherwise the same.
        frames: of each clip, from anywhere in a trial; of shorter trials all.
        processes: one for each core if None.

    Returns:
        by their numbers, those in which the person was found.
    """
    out.mkdir(parents=True, exist_ok=True)
    missing = [number for number in range(clips) if not _file(out, number).is_file()]
    if missing:
        job = WorldJob(motions(), models, seed, out, turning, frames)
        workers = min(number_of_processes(processes), len(missing))
        with progress_bar("clips before known cameras", len(missing)) as advance:
            for _ in do_jobs(missing, _make_clip, job, workers):
                advance(1)
    made = {number: read_clip(_file(out, number)) for number in range(clips)}
    return {
        number: clip
        for number, clip in made.items()
        if np.isfinite(clip.keypoints_px[:, 0, 0]).mean() > _FOUND
    }


def read_clip(path: Path) -> WorldClip:
    """What `make_clips` wrote of one clip.

    Raises:
        InputError: the file is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            values: dict[str, Any] = {
                field.name: arrays[field.name]
                for field in fields(WorldClip)
                if field.name in arrays or field.default is MISSING
            }
    except Exception as error:  # zip, zlib, header and key errors: all mean a damaged file
        raise InputError(f"{path}: damaged ({error}); delete it and run again") from None
    plain = {name: value.item() for name, value in values.items() if value.ndim == 0}
    return WorldClip(**{**values, **plain})


def random_camera(rng: np.random.Generator, points_world_mm: np.ndarray) -> Camera:
    """A camera as people hold them: upright or across, tilted to 30 degrees, rolled to 10, that
    sees nearly all of the points (n, 3), world mm, z up."""
    across = rng.random() < 0.5
    size = (LONG_SIDE_PX, SHORT_SIDE_PX) if across else (SHORT_SIDE_PX, LONG_SIDE_PX)
    least, most = np.log(FOCAL_SHARES[0 if rng.random() < PHONES else 1])
    focal = LONG_SIDE_PX * math.exp(rng.uniform(least, most))
    roll = math.radians(float(np.clip(rng.normal(0.0, 3.0), -10.0, 10.0)))
    middle = (points_world_mm.min(axis=0) + points_world_mm.max(axis=0)) / 2
    best, most_seen = None, -1.0
    for _ in range(_TRIES):
        azimuth = rng.uniform(0.0, 2 * math.pi)
        tilt = math.radians(float(np.clip(rng.normal(8.0, 9.0), -8.0, 30.0)))
        distance = math.exp(rng.uniform(math.log(1800.0), math.log(9000.0)))
        back = np.array([math.cos(azimuth), math.sin(azimuth), 0.0])
        position = middle + distance * back
        position[2] = rng.uniform(500.0, 2300.0)
        forward = -math.cos(tilt) * back - math.sin(tilt) * np.array([0.0, 0.0, 1.0])
        right = np.cross(forward, (0.0, 0.0, 1.0))
        right /= np.linalg.norm(right)
        upward = np.cross(right, forward)
        up = upward * math.cos(roll) + right * math.sin(roll)
        aside = rng.uniform(-0.15, 0.15) * size[0] / focal * distance
        position = position + aside * right
        camera = Camera.look_at(position, position + forward, focal, *size, up=up)
        places = camera.project(points_world_mm)
        inside = (places >= 0).all(axis=-1) & (places <= size).all(axis=-1)
        tall = focal * 1700.0 / distance / size[1]
        seen = float(inside.mean())
        if tall >= 0.25 and seen > most_seen:
            best, most_seen = camera, seen
        if tall >= 0.25 and seen > 0.98:
            break
    assert best is not None
    return best


def world_of(camera: Camera) -> np.ndarray:
    """`camera_to_world` of a camera in a world with z up and the floor at z = 0: (4, 4)."""
    return Level(camera.rotation[:, 2], float(camera.position_mm[2])).camera_to_world()


def on_floor(feet_world_mm: np.ndarray, fps: float) -> np.ndarray:
    """(F, 2) bool: whether left and right foot stand on the floor.

    Args:
        feet_world_mm: (F, 4, 3) points of `skeleton.FEET`, z up, the floor at z = 0.
        fps: frames a second.
    """
    speed = np.linalg.norm(np.gradient(feet_world_mm[..., :2], axis=0), axis=-1) * fps
    down = (feet_world_mm[..., 2] < ON_FLOOR_MM) & (speed < STILL_MM_S)
    return down.reshape(len(down), 2, 2).any(axis=-1)


def _file(directory: Path, number: int) -> Path:
    return directory / f"clip_{number:05d}.npz"


def _make_clip(job: WorldJob) -> Callable[[int, Callable[[], None]], int]:
    cv2.setNumThreads(1)
    model = load_body()
    engine = BlazePose(*job.models, threads=1)
    kinds = tuple(job.motions)

    def make(number: int, check: Callable[[], None]) -> int:
        rng = random_stream(job.seed, "world clip", number)
        kind = kinds[number % len(kinds)]
        trials = job.motions[kind]
        motion = trials[rng.integers(len(trials))]
        start = int(rng.integers(0, max(1, len(motion) - job.frames + 1)))
        motion = motion.slice(start, start + job.frames)
        shape = body_of_clip(job.seed, "world", number)
        bones = retarget(motion, model, shape)
        points = body_points(model, shape, bones.transforms).astype(np.float64)
        camera = random_camera(rng, points.reshape(-1, 3))
        setting = random_setting(model, shape, points, rng)
        cameras = [camera] * len(points)
        if job.turning:
            way = CAMERA_WAYS[number // len(kinds) % len(CAMERA_WAYS)]
            own = random_stream(job.seed, "turning camera", number)
            cameras = turning(camera, points, CLIP_FPS, way, own)
        images = filmed(setting, bones.transforms, cameras, rng, check)
        pairs = list(zip(cameras, points, strict=True))
        truth_px = np.stack([each.project(own) for each, own in pairs])[:, len(HUMAN36M) :]
        inside_mm = np.stack([each.to_camera_mm(own) for each, own in pairs])
        keypoints = _of_person(find_tracks(engine, images, CLIP_FPS), truth_px)
        arrays: dict[str, Any] = {
            "kind": np.array(kind),
            "keypoints_px": keypoints,
            "joints_mm": inside_mm[:, : len(HUMAN36M)].astype(np.float32),
            "feet_mm": inside_mm[:, FEET_POINTS].astype(np.float32),
            "contact": on_floor(points[:, FEET_POINTS], CLIP_FPS),
            "camera_to_world": world_of(cameras[0]),
            "focal_px": np.float64(camera.focal_px[0]),
            "width": np.int64(camera.width),
            "height": np.int64(camera.height),
        }
        if job.turning:
            arrays["turns"] = turns_between(cameras)
            arrays["pictures"] = np.stack([small_picture(image, ())[0] for image in images])
        with writing_file(_file(job.out, number)) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)
        return number

    return make


def _of_person(tracks: list[np.ndarray], truth_px: np.ndarray) -> np.ndarray:
    """The track (F, 33, 3) nearest to the true landmarks; NaN throughout if there is none."""
    lost = np.full((*truth_px.shape[:2], 3), np.nan, np.float32)

    def near(track: np.ndarray) -> int:
        apart = np.linalg.norm(track[:, _MAIN, :2] - truth_px[:, _MAIN], axis=-1).mean(axis=1)
        spread = np.linalg.norm(np.ptp(truth_px[:, _MAIN], axis=1), axis=-1)
        return int((apart < 0.15 * spread).sum())

    best = max(tracks, key=near, default=lost)
    return best if near(best) > 0 else lost
