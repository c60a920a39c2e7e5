"""What the detector sees of bodies whose pose is known: clips rendered by the studio, then
BlazePose run over them as over a video.

How its errors are used in training belongs to `detector`.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from overpose.camera import Camera
from overpose.keypoints.blazepose import BlazePose, Region
from overpose.layouts import BLAZEPOSE_33
from overpose.skeleton import HUMAN36M
from overpose.studio.body import load_body
from overpose.studio.retarget import retarget
from overpose.support.cluster import Cluster
from overpose.support.errors import InputError
from overpose.support.files import read_json, write_json, writing_file
from overpose.support.progress import progress_bar
from overpose.support.workers import do_units, workers_for
from overpose.synthetic.bodies import body_of_clip
from overpose.synthetic.filming import filmed, random_setting
from overpose.synthetic.landmarks import body_points
from overpose.synthetic.lenses import Shots
from overpose.synthetic.motions import MotionConfig, Recordings, clip_stream, random_clip

IMAGE_SIZE = 320
COMPLEXITIES = ("full", "heavy")
SETTING = "detections.json"
NEAREST = 1.6
"""Cameras are at least this many times as far from the middle of what they see as its ends are."""
PRESENT = 0.5
"""Below this presence the person counts as lost, and is looked for anew."""


@dataclass(frozen=True, eq=False)
class Detections:
    """Clips of known poses with what the detector made of them; C clips of F frames.

    Attributes:
        points_mm: (C, F, 50, 3) float32 joints and landmarks, camera axes, mm.
        focal_px: (C,) float32 focal length; the principal point is the middle of the image.
        keypoints_px: (C, F, 2, 33, 3) float32 x, y, visibility of both models ("full", "heavy");
            NaN where the person was lost.
    """

    points_mm: np.ndarray
    focal_px: np.ndarray
    keypoints_px: np.ndarray

    def perfect(self) -> "Detections":
        """The same clips as a detector without error sees them; who was lost stays lost."""
        landmarks = self.points_mm[:, :, len(HUMAN36M) :]
        focal = self.focal_px[:, None, None, None]
        places = landmarks[..., :2] / landmarks[..., 2:] * focal + IMAGE_SIZE / 2
        exact = np.concatenate([places, np.ones_like(places[..., :1])], axis=-1)[:, :, None]
        lost = np.isnan(self.keypoints_px)
        return replace(self, keypoints_px=np.where(lost, np.float32(np.nan), exact))


@dataclass(frozen=True)
class DetectionConfig:
    """What clips the detector is run on.

    Attributes:
        frames: how long each is, at `motions.CLIP_FPS`.
        seed: of everything drawn.
        motions: what they are made of.
        shots: how they are filmed.
    """

    frames: int = 32
    seed: int = 0
    motions: MotionConfig = field(default_factory=lambda: MotionConfig(jitter=1.0))
    shots: Shots = field(default_factory=Shots)


@dataclass(frozen=True, eq=False)
class DetectionJob:
    """What a process needs to make any clip."""

    recordings: Recordings
    models: dict[str, tuple[Path, Path]]
    config: DetectionConfig


def make_detections(
    recordings: Recordings,
    models: dict[str, tuple[Path, Path]],
    out: Path,
    *,
    clips: int,
    config: DetectionConfig | None = None,
    processes: int | Cluster | None = None,
) -> Detections:
    """Render clips and run the detector on them, until there are so many; those there are kept.

    Args:
        recordings: what people move like.
        models: for "full" and "heavy" the files of the detector and of the landmark model.
        out: directory, one file a clip, and `SETTING`, what they are of.
        clips: how many there are to be.
        config: what they are of.
        processes: that work side by side, or a cluster; one for each core if None.

    Raises:
        InputError: the clips that are there are of something else.
    """
    config = config or DetectionConfig()
    setting = json.loads(json.dumps(asdict(config))) | {"recordings": recordings.fingerprint()}
    if (out / SETTING).is_file():
        there = read_json(out / SETTING)
        other = [name for name in setting if there.get(name) != setting[name]]
        if other:
            raise InputError(
                f"{out}: its clips are of something else ({other[0]}: {there.get(other[0])!r} "
                f"there, {setting[other[0]]!r} now); give another directory"
            )
    elif any(out.glob("clip_*.npz")):
        raise InputError(f"{out}: got clips without {SETTING}; give another directory")
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / SETTING, setting)
    missing = [number for number in range(clips) if not _file(out, number).is_file()]
    job = DetectionJob(recordings, models, config)
    files = [file for each in models.values() for file in each]
    with progress_bar("detect on renders", len(missing)) as advance:
        where = workers_for(len(missing), processes)
        for _ in do_units(missing, _make_clip, job, out, where, shared=files):
            advance(1)
    return read_detections(out, clips)


def read_detections(directory: Path, clips: int | None = None) -> Detections:
    """What `make_detections` wrote.

    Raises:
        InputError: there are no clips, or a file is damaged.
    """
    paths = sorted(directory.glob("clip_*.npz"))[:clips]
    if not paths:
        raise InputError(f"{directory}: no detections in it; make them first")
    columns: dict[str, list[np.ndarray]] = {field.name: [] for field in fields(Detections)}
    for path in paths:
        try:
            with np.load(path, allow_pickle=False) as arrays:
                for name, column in columns.items():
                    column.append(arrays[name])
        except Exception as error:  # zip, zlib, header and key errors: all mean a damaged file
            raise InputError(f"{path}: damaged ({error}); delete it and run again") from None
    return Detections(**{name: np.stack(column) for name, column in columns.items()})


def random_camera(
    rng: np.random.Generator,
    points_world_mm: np.ndarray,
    shots: Shots | None = None,
    size: int = IMAGE_SIZE,
) -> Camera:
    """A camera that sees points (n, 3), world mm: near or far, level or high, a little rolled.

    The image is the part of a picture around the person, so that only the distance depends on the
    lens.
    """
    low, high = points_world_mm.min(axis=0), points_world_mm.max(axis=0)
    centre = (low + high) / 2
    azimuth = rng.uniform(0.0, 2 * math.pi)
    elevation = np.deg2rad(np.clip(rng.normal(13.0, 18.0), -15.0, 65.0))
    reach = float(np.linalg.norm(points_world_mm - centre, axis=1).max())
    distance = max(float((shots or Shots()).draw(1, rng)[1][0]), NEAREST * reach)
    level = distance * math.cos(elevation)
    heading = np.array([math.cos(azimuth), math.sin(azimuth), math.tan(elevation)])
    position = centre + level * heading
    position[2] = max(position[2], 150.0)
    roll = np.deg2rad(rng.normal(0.0, 12.0))
    forward = (centre - position) / np.linalg.norm(centre - position)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    up = np.array([0.0, 0.0, 1.0]) * math.cos(roll) + right * math.sin(roll)
    focal = 0.5 * size * distance / reach * rng.uniform(0.55, 0.95)
    return Camera.look_at(position, centre, focal, size, size, up=up)


def _file(directory: Path, number: int) -> Path:
    return directory / f"clip_{number:05d}.npz"


def _make_clip(job: DetectionJob) -> Callable[[int, Path, Callable[[], None]], int]:
    cv2.setNumThreads(1)
    model = load_body()
    engines = [BlazePose(*job.models[name], threads=1) for name in COMPLEXITIES]

    def make(number: int, out: Path, check: Callable[[], None]) -> int:
        config = job.config
        rng = clip_stream(config.seed, number)
        motion = random_clip(job.recordings, rng, config.frames, config.motions)
        shape = body_of_clip(config.seed, "detections", number)
        bones = retarget(motion, model, shape)
        points = body_points(model, shape, bones.transforms).astype(np.float64)
        camera = random_camera(rng, points.reshape(-1, 3), config.shots)
        setting = random_setting(model, shape, points, rng)
        images = filmed(setting, bones.transforms, camera, rng, check)
        truth = camera.project(points)
        found = [follow(engine, images, truth[:, len(HUMAN36M) :]) for engine in engines]
        arrays: dict[str, Any] = {
            "points_mm": camera.to_camera_mm(points).astype(np.float32),
            "focal_px": np.float32(camera.focal_px[0]),
            "keypoints_px": np.stack(found, axis=1),
        }
        with writing_file(_file(out, number)) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)
        return number

    return make


def follow(engine: BlazePose, images: Sequence[np.ndarray], truth_px: np.ndarray) -> np.ndarray:
    """Run the landmark model over a clip as over a video: each region from the frame before.

    The first region, and one after the person was lost, comes from the true landmarks.

    Args:
        images: RGB frames.
        truth_px: (F, 33, 2) true landmarks.

    Returns:
        keypoints (F, 33, 3), NaN where the person was lost.
    """
    keypoints = np.full((len(images), len(BLAZEPOSE_33), 3), np.nan, np.float32)
    region: Region | None = None
    for frame, image in enumerate(images):
        region = region or _true_region(truth_px[frame])
        found = engine.landmarks(image, region)
        if found.presence >= PRESENT:
            keypoints[frame] = found.keypoints_px
            region = found.region
        else:
            region = None
    return keypoints


def _true_region(truth_px: np.ndarray) -> Region:
    hips = BLAZEPOSE_33.middle(truth_px, "hip")
    x, y = BLAZEPOSE_33.middle(truth_px, "shoulder") - hips
    reach = float(np.linalg.norm(truth_px - hips, axis=1).max())
    return Region(float(hips[0]), float(hips[1]), 2.3 * reach, math.atan2(x, -y))
