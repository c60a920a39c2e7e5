"""Clips of known people among furniture, lamps and stands, and what the finder of people makes of
them: tracks of people, and of ghosts made on purpose.

A ghost made on purpose is what the landmark model says of a region without a person. How tracks are
judged belongs to `video.judging`, choosing and measuring the judge to `study`.
"""

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from overpose.camera import Camera
from overpose.keypoints.blazepose import BlazePose, Region
from overpose.keypoints.people import PRESENT, BlazePoseFinder
from overpose.keypoints.selection import select_people
from overpose.layouts import BLAZEPOSE_33
from overpose.media.video import open_media
from overpose.media.writer import writing_video
from overpose.networks.keypoint_windows import MAIN_NAMES
from overpose.skeleton import HUMAN36M
from overpose.studio.background import Background
from overpose.studio.body import BodyModel, BodyShape, load_body
from overpose.studio.retarget import retarget
from overpose.studio.textures import TEXTURES
from overpose.support.errors import InputError
from overpose.support.files import writing_file
from overpose.support.progress import progress_bar
from overpose.support.seeding import random_stream
from overpose.support.workers import do_jobs, number_of_processes
from overpose.synthetic.bodies import body_of_clip
from overpose.synthetic.filming import Setting, filmed, random_setting
from overpose.synthetic.landmarks import body_points
from overpose.synthetic.motions import CLIP_FPS, Recordings, random_clip

WIDTH, HEIGHT = 480, 360
FORCED = 3
"""Ghosts made on purpose in a clip."""
PERSON, GHOST, UNCLEAR = 1, 0, -1
_ON_PERSON = 0.25
_OFF_PERSON = 0.6
"""Median distance from the true landmarks, in sizes of the person, up to which a track is the
person, and from which on it is none."""
_MAIN = BLAZEPOSE_33.indices(MAIN_NAMES)


@dataclass(frozen=True, eq=False)
class Tracks:
    """Tracks found in one clip.

    Attributes:
        keypoints_px: (T, F, 33, 3) float32; NaN where not seen.
        labels: (T,) `PERSON`, `GHOST` or `UNCLEAR`.
        forced: (T,) bool, ghosts made on purpose.
        true_poses_mm: (F, 17, 3) float32 of the person, camera axes, root-relative.
        focal_px: of the camera.
    """

    keypoints_px: np.ndarray
    labels: np.ndarray
    forced: np.ndarray
    true_poses_mm: np.ndarray
    focal_px: float


@dataclass(frozen=True, eq=False)
class ClipJob:
    """What a process needs to make any clip."""

    recordings: Recordings
    models: tuple[Path, Path]
    frames: int
    seed: int
    out: Path


def make_clips(
    recordings: Callable[[], Recordings],
    models: tuple[Path, Path],
    out: Path,
    *,
    clips: int,
    frames: int = 32,
    seed: int = 0,
    processes: int | None = None,
) -> list[Tracks]:
    """Render clips and find people in them; clips already in `out` are kept.

    Args:
        recordings: gives what people move like, asked if there is a clip to make.
        models: files of the detector and of the landmark model.
        out: directory, one file a clip.
        clips, frames: how many, and how long each, at `motions.CLIP_FPS`.
        seed: of everything drawn.
        processes: one for each core if None.
    """
    out.mkdir(parents=True, exist_ok=True)
    missing = [number for number in range(clips) if not _file(out, number).is_file()]
    if missing:
        job = ClipJob(recordings(), models, frames, seed, out)
        workers = min(number_of_processes(processes), len(missing))
        with progress_bar("people among furniture", len(missing)) as advance:
            for _ in do_jobs(missing, _make_clip, job, workers):
                advance(1)
    return [read_tracks(_file(out, number)) for number in range(clips)]


def read_tracks(path: Path) -> Tracks:
    """What `make_clips` wrote of one clip.

    Raises:
        InputError: the file is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            values = {name: arrays[name] for name in arrays.files}
        return Tracks(**{**values, "focal_px": float(values["focal_px"])})
    except Exception as error:  # zip, zlib, header and key errors: all mean a damaged file
        raise InputError(f"{path}: damaged ({error}); delete it and run again") from None


def _file(directory: Path, number: int) -> Path:
    return directory / f"clip_{number:05d}.npz"


def _make_clip(job: ClipJob) -> Callable[[int, Callable[[], None]], int]:
    cv2.setNumThreads(1)
    model = load_body()
    engine = BlazePose(*job.models, threads=1)

    def make(number: int, check: Callable[[], None]) -> int:
        rng = random_stream(job.seed, "people clip", number)
        person = person_before(model, job.recordings, rng, job.frames, (job.seed, "people", number))
        points, camera = person.points_mm, person.camera
        setting = random_setting(model, person.shape, points, rng)
        depth_mm = float(camera.to_camera_mm(points)[..., 2].max())
        background, things = _cluttered(setting.scene.background, camera, depth_mm, rng)
        setting = Setting(setting.outfit, replace(setting.scene, background=background))
        images = filmed(setting, person.transforms, camera, rng, check)
        if rng.random() < 0.5:
            images = compressed(images)
        truth_px = camera.project(points)[:, len(HUMAN36M) :]
        found = find_tracks(engine, images, CLIP_FPS)
        seeds = _seeds(things, camera, truth_px, rng)
        forced = [follow_ghost(engine, images, seed, held=rng.random() < 0.5) for seed in seeds]
        tracks = (
            np.stack([*found, *forced]) if found or forced else np.empty((0, job.frames, 33, 3))
        )
        joints = camera.to_camera_mm(points[:, : len(HUMAN36M)])
        arrays: dict[str, Any] = {
            "keypoints_px": tracks.astype(np.float32),
            "labels": np.array([label_of(track, truth_px) for track in tracks], np.int64),
            "forced": np.arange(len(tracks)) >= len(found),
            "true_poses_mm": (joints - joints[:, :1]).astype(np.float32),
            "focal_px": np.float64(camera.focal_px[0]),
        }
        with writing_file(_file(job.out, number)) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)
        return number

    return make


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody who moves before a camera.

    Attributes:
        shape: of the body.
        transforms: (F, B, 3, 4) of its bones.
        points_mm: (F, 17 + 33, 3) joints and landmarks in the world.
        camera: that sees all of it.
    """

    shape: BodyShape
    transforms: np.ndarray
    points_mm: np.ndarray
    camera: Camera


def person_before(
    model: BodyModel,
    recordings: Recordings,
    rng: np.random.Generator,
    frames: int,
    body: tuple[int, str, int],
) -> Person:
    """A random body in a random recorded motion before a random camera.

    Args:
        model: of bodies.
        recordings: what people move like.
        rng: of the motion and the camera.
        frames: at `motions.CLIP_FPS`.
        body: which one, for `body_of_clip`.
    """
    motion = random_clip(recordings, rng, frames)
    shape = body_of_clip(*body)
    bones = retarget(motion, model, shape)
    points = body_points(model, shape, bones.transforms).astype(np.float64)
    return Person(shape, bones.transforms, points, _camera(rng, points.reshape(-1, 3)))


def follow_ghost(
    engine: BlazePose, images: Sequence[np.ndarray], seed: Region, *, held: bool
) -> np.ndarray:
    """What the landmark model says of a region where nobody is, (F, 33, 3).

    Args:
        engine: the networks.
        images: RGB frames.
        seed: the first region.
        held: whether the region goes back to `seed` where the model sees nobody; else it is where
            the model says that the person moves, whatever its presence.
    """
    keypoints = np.full((len(images), len(BLAZEPOSE_33), 3), np.nan, np.float32)
    region = seed
    for frame, image in enumerate(images):
        found = engine.landmarks(image, region)
        keypoints[frame] = found.keypoints_px
        lost = held and found.presence < PRESENT
        width = image.shape[1]
        away = not (20 < found.region.size < 2 * width and 0 <= found.region.x < width)
        region = seed if lost or away else found.region
    return keypoints


def _camera(rng: np.random.Generator, points_world_mm: np.ndarray) -> Camera:
    """A camera that sees the points (n, 3) somewhere in the picture, with room about them."""
    low, high = points_world_mm.min(axis=0), points_world_mm.max(axis=0)
    centre = (low + high) / 2
    reach = float(np.linalg.norm(points_world_mm - centre, axis=1).max())
    distance = max(math.exp(rng.uniform(math.log(2500.0), math.log(7000.0))), 2.0 * reach)
    azimuth = rng.uniform(0.0, 2 * math.pi)
    elevation = np.deg2rad(np.clip(rng.normal(8.0, 10.0), -5.0, 40.0))
    back = np.array([math.cos(azimuth), math.sin(azimuth), math.tan(elevation)])
    position = centre + distance * math.cos(elevation) * back
    position[2] = max(position[2], 150.0)
    share = rng.uniform(0.3, 0.8)
    focal = 0.5 * HEIGHT * share * distance / reach
    forward = (centre - position) / np.linalg.norm(centre - position)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    aside = distance / focal * max(0.0, WIDTH / 2 - 0.5 * HEIGHT * share) * rng.uniform(-0.9, 0.9)
    roll = np.deg2rad(rng.normal(0.0, 2.0))
    up = np.array([0.0, 0.0, 1.0]) * math.cos(roll) + right * math.sin(roll)
    return Camera.look_at(position, centre + aside * right, focal, WIDTH, HEIGHT, up=up)


def _cluttered(
    background: Background, camera: Camera, behind_mm: float, rng: np.random.Generator
) -> tuple[Background, list[np.ndarray]]:
    """The background with things in it, and of each thing its foot and top (2, 3), world mm."""
    to_own = background.from_world
    boxes, things = [], []
    for _ in range(int(rng.integers(3, 8))):
        depth = behind_mm + rng.uniform(500.0, 2500.0)
        across = rng.uniform(-0.45, 0.45) * camera.width / camera.focal_px[0] * depth
        place = camera.position_mm + camera.rotation.T @ np.array([across, 0.0, depth])
        own = to_own[:2, :3] @ np.array([place[0], place[1], 0.0]) + to_own[:2, 3]
        limit = background.half_size_mm - 400.0
        if (np.abs(own) > limit).any():
            continue
        parts = random_thing(rng)
        parts[:, :2] += own
        boxes.append(parts)
        top = float((parts[:, 2] + parts[:, 5]).max())
        things.append(np.array([[place[0], place[1], 0.0], [place[0], place[1], top]]))
    if not boxes:
        return background, []
    both = np.concatenate([background.boxes, *boxes]).astype(np.float32)
    return replace(background, boxes=both), things


def random_thing(rng: np.random.Generator) -> np.ndarray:
    """(parts, 12) boxes about (0, 0) on the floor: a lamp, stand, rack, chair, shelf or plant."""
    high = rng.uniform(1200.0, 1950.0)
    dark, light = rng.uniform(0.01, 0.3, 3), rng.uniform(0.1, 0.8, 3)
    thin = rng.uniform(12.0, 40.0)

    def box(x: float, y: float, low: float, top: float, wide: float, deep: float, c: np.ndarray):
        size = (wide, deep, (top - low) / 2)
        look = (TEXTURES.index("plain"), 300.0, float(rng.integers(1, 1000)))
        return [x, y, (low + top) / 2, *size, *c, *look]

    parts = []
    kind = int(rng.integers(6))
    if kind == 0:  # floor lamp
        shade = rng.uniform(120.0, 260.0)
        parts = [
            box(0, 0, 0, 30, 150, 150, dark), box(0, 0, 30, high, thin, thin, dark),
            box(0, 0, high - rng.uniform(200, 400), high, shade, shade, light),
        ]  # fmt: skip
    elif kind == 1:  # stand with a head and legs
        parts = [box(0, 0, 200, high, thin, thin, dark)]
        parts += [box(s * 180, 0, 0, 250, thin, thin, dark) for s in (-1, 1)]
        parts += [box(0, 0, high - 150, high + 150, rng.uniform(80, 300), 60, light)]
    elif kind == 2:  # rack with clothes
        low = high - rng.uniform(500.0, 1000.0)
        parts = [box(0, 0, 0, high, thin, thin, dark), box(0, 0, high, high + 40, 350, thin, dark)]
        parts += [
            box(s * rng.uniform(60, 260), 0, low * rng.uniform(0.8, 1.1), high - 60, 90, 110, c)
            for s, c in ((-1, light), (1, rng.uniform(0.02, 0.7, 3)))
        ]
    elif kind == 3:  # chair
        parts = [box(0, 0, 420, 470, 230, 230, light), box(0, 220, 470, 950, 230, 30, light)]
        parts += [box(x, y, 0, 420, 25, 25, dark) for x in (-200, 200) for y in (-200, 200)]
    elif kind == 4:  # shelf
        parts = [box(0, 0, 0, high, 30, 200, dark)]
        parts += [box(300, 0, z, z + 40, 330, 200, light) for z in np.arange(200, high, 380)]
    else:  # plant
        parts = [box(0, 0, 0, 350, 160, 160, light), box(0, 0, 350, high - 300, thin, thin, dark)]
        for _ in range(6):
            x, y, z = rng.uniform(-250, 250), rng.uniform(-250, 250), rng.uniform(700, high)
            green = np.array([0.05, 0.25, 0.05]) * rng.uniform(0.5, 2.0)
            parts.append(box(x, y, z - 150, z + 150, 120, 40, green))
    return np.array(parts)


def compressed(images: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Images of even size as a video file gives them back."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "clip.mp4"
        height, width = images[0].shape[:2]
        with writing_video(path, CLIP_FPS, width, height) as video:
            for image in images:
                video.write(image)
        with open_media(path) as media:
            return [frame.image for frame in media][: len(images)]


def find_tracks(engine: BlazePose, images: Sequence[np.ndarray], fps: float) -> list[np.ndarray]:
    """Everybody whom the finder of people finds and keeps, each (F, 33, 3)."""
    finder = BlazePoseFinder(engine, fps)
    tracks: dict[int, np.ndarray] = {}
    for frame, image in enumerate(images):
        for person in finder.find(image, frame):
            empty = np.full((len(images), len(BLAZEPOSE_33), 3), np.nan, np.float32)
            tracks.setdefault(person.number, empty)[frame] = person.keypoints_px
    kept = select_people(finder.presences, fps=fps, total_frames=len(images))
    return [tracks[number] for number in kept]


def _seeds(
    things: Sequence[np.ndarray], camera: Camera, truth_px: np.ndarray, rng: np.random.Generator
) -> list[Region]:
    """Regions without the person: about things in the picture first, then anywhere."""
    low, high = truth_px.min(axis=(0, 1)), truth_px.max(axis=(0, 1))
    seeds: list[Region] = []
    for thing in [things[i] for i in rng.permutation(len(things))]:
        foot, top = camera.project(thing)
        x, y = (foot + top) / 2
        size = 1.25 * float(np.linalg.norm(foot - top)) * rng.uniform(0.9, 1.5)
        if 0 < x < camera.width and 0 < y < camera.height:
            seeds.append(Region(float(x), float(y), size, 0.0))
    for _ in range(50):
        x, y = rng.uniform(0, camera.width), rng.uniform(0, camera.height)
        seeds.append(Region(float(x), float(y), float(rng.uniform(60, 240)), rng.normal(0, 0.2)))

    def empty(seed: Region) -> bool:
        middle, half = np.array([seed.x, seed.y]), 0.35 * seed.size
        return bool(((middle + half < low) | (middle - half > high)).any())

    return [seed for seed in seeds if empty(seed)][:FORCED]


def label_of(
    keypoints_px: np.ndarray, truth_px: np.ndarray, shown: np.ndarray | None = None
) -> int:
    """Whether a track (F, 33, 3) is the person with these true landmarks (F, 33, 2), by the main
    ones, or by those of them that are `shown`, (33,) bool."""
    main = truth_px[:, _MAIN]
    size = np.linalg.norm(main - main.mean(axis=1, keepdims=True), axis=-1).mean(axis=1)
    apart = np.linalg.norm(keypoints_px[:, _MAIN, :2] - main, axis=-1)
    if shown is not None:
        apart = apart[:, shown[list(_MAIN)]]
    apart = apart.mean(axis=1) / size
    typical = float(np.nanmedian(apart))
    return PERSON if typical < _ON_PERSON else GHOST if typical > _OFF_PERSON else UNCLEAR
