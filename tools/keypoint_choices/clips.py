"""Clips in which BlazePose takes left for right: people small in the picture, dark against the
light, compressed as in a video file; with the true landmarks and what both models see.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np

from overpose.experiments.people.clips import compressed
from overpose.keypoints.blazepose import BlazePose
from overpose.skeleton import HUMAN36M
from overpose.studio.body import load_body
from overpose.studio.frame import render_frame
from overpose.studio.outfit import dress, pose_outfit, random_materials, random_style
from overpose.studio.retarget import retarget
from overpose.studio.scene import random_scene
from overpose.support.files import writing_file
from overpose.support.seeding import random_stream
from overpose.support.workers import do_jobs, number_of_processes
from overpose.synthetic.bodies import body_of_clip
from overpose.synthetic.detections import COMPLEXITIES, follow, random_camera
from overpose.synthetic.landmarks import body_points
from overpose.synthetic.motions import MotionConfig, Recordings, random_clip

FRAMES = 48
MOTIONS = MotionConfig(posed=0.1, mixed=0.2, turned=0.0, halved=0.2, arms=0.2, shaken=0.3)
"""Mostly as recorded: people walk, sit, exercise and dance, few stand on their heads."""
_SIDE_PX = (72, 240)
"""Width of the picture of a person; the person fills 55 to 95 % of it."""
_BACKLIT = 0.5


@dataclass(frozen=True, eq=False)
class HardClip:
    """One clip.

    Attributes:
        points_mm: (F, 50, 3) float32 joints and landmarks, camera axes.
        truth_px: (F, 33, 2) float32 true landmarks.
        keypoints_px: (F, 2, 33, 3) float32 x, y, visibility of "full" and "heavy"; NaN where lost.
        size_px: width and height of the picture.
        focal_px: of the camera.
        light: of the person, 1 as rendered.
    """

    points_mm: np.ndarray
    truth_px: np.ndarray
    keypoints_px: np.ndarray
    size_px: float
    focal_px: float
    light: float


@dataclass(frozen=True, eq=False)
class Job:
    """What a process needs to make any clip."""

    recordings: Recordings
    out: Path


def hard_clips(recordings: Callable[[], Recordings], out: Path, clips: int) -> list[HardClip]:
    """Make clips until there are so many; those in `out` are kept."""
    out.mkdir(parents=True, exist_ok=True)
    missing = [number for number in range(clips) if not _file(out, number).is_file()]
    if missing:
        workers = min(number_of_processes(None), len(missing))
        for done, _ in enumerate(do_jobs(missing, _make, Job(recordings(), out), workers), start=1):
            print(f"{done} of {len(missing)} clips", flush=True)
    return [read_clip(_file(out, number)) for number in range(clips)]


def read_clip(path: Path) -> HardClip:
    """What `hard_clips` wrote of one clip."""
    with np.load(path, allow_pickle=False) as arrays:
        values = {field.name: arrays[field.name] for field in fields(HardClip)}
    return HardClip(**{name: v if v.ndim else float(v) for name, v in values.items()})


def _file(directory: Path, number: int) -> Path:
    return directory / f"hard_{number:05d}.npz"


def _make(job: Job) -> Callable[[int, Callable[[], None]], int]:
    cv2.setNumThreads(1)
    model = load_body()
    engines = [BlazePose.from_assets(name, threads=1) for name in COMPLEXITIES]

    def make(number: int, check: Callable[[], None]) -> int:
        rng = random_stream(0, "hard clip", number)
        motion = random_clip(job.recordings, rng, FRAMES, MOTIONS)
        shape = body_of_clip(0, "hard clips", number)
        bones = retarget(motion, model, shape)
        points = body_points(model, shape, bones.transforms).astype(np.float64)
        large = random_camera(rng, points.reshape(-1, 3))
        side = 2 * round(np.exp(rng.uniform(*np.log(_SIDE_PX))) / 2)
        light = float(np.exp(rng.uniform(np.log(0.08), 0.0))) if rng.random() < _BACKLIT else 1.0
        outfit = dress(model, shape, random_style(shape, rng), random_materials(shape, rng, rng))
        area = points[..., :2].reshape(-1, 2)
        scene = random_scene(rng, area_mm=np.stack([area.min(axis=0), area.max(axis=0)]))
        images = []
        for frame in range(FRAMES):
            check()
            vertices = pose_outfit(outfit, bones.transforms[frame])
            image, mask = render_frame(vertices, outfit, scene, large, rng, 1)[:2]
            images.append(_small(image, mask, light, side))
        images = compressed(images)
        camera = large.resize(side, side)
        truth = camera.project(points)[:, len(HUMAN36M) :]
        found = [follow(engine, images, truth) for engine in engines]
        with writing_file(_file(job.out, number)) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                points_mm=camera.to_camera_mm(points).astype(np.float32),
                truth_px=truth.astype(np.float32),
                keypoints_px=np.stack(found, axis=1),
                size_px=np.float64(side),
                focal_px=np.float64(camera.focal_px[0]),
                light=np.float64(light),
            )
        return number

    return make


def _small(image: np.ndarray, mask: np.ndarray, light: float, side: int) -> np.ndarray:
    """The picture with the person as dark as against the light, at the size of a small person."""
    lit = np.where(mask[..., None], image * light, image)
    return cv2.resize(lit.astype(np.uint8), (side, side), interpolation=cv2.INTER_AREA)
