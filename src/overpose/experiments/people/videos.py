"""What the finder of people finds in real videos, and ghosts made on purpose where nobody is."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from overpose.experiments.people.clips import find_tracks, follow_ghost
from overpose.keypoints.blazepose import BlazePose, Region
from overpose.media.video import open_media
from overpose.support.seeding import random_stream

FRAMES = 60
FORCED = 3


@dataclass(frozen=True, eq=False)
class VideoTracks:
    """Tracks found in a video.

    Attributes:
        found: of everybody found, each (frames, 33, 3) float32; NaN where not seen.
        forced: of ghosts made on purpose.
        fps, width, height, frames: of the video, as far as it was looked at.
    """

    found: list[np.ndarray]
    forced: list[np.ndarray]
    fps: float
    width: int
    height: int
    frames: int


def video_tracks(path: Path, models: tuple[Path, Path]) -> VideoTracks:
    """Look at the first `FRAMES` frames of a video.

    Args:
        path: the video.
        models: files of the detector and of the landmark model.

    Raises:
        InputError: it cannot be read.
    """
    with open_media(path) as media:
        info = media.info
        images = [frame.image for frame in islice(media, FRAMES)]
    engine = BlazePose(*models, threads=1)
    found = find_tracks(engine, images, info.fps)
    seeds = empty_regions(found, images[0].shape[1], images[0].shape[0], path.stem)
    forced = [follow_ghost(engine, images, seed, held=i % 2 == 0) for i, seed in enumerate(seeds)]
    height, width = images[0].shape[:2]
    return VideoTracks(found, forced, info.fps, width, height, len(images))


def empty_regions(found: list[np.ndarray], width: int, height: int, name: str) -> list[Region]:
    """Regions in which no keypoint of anybody ever lies."""
    rng = random_stream(0, "empty regions", name)
    points = np.concatenate([np.empty((0, 2)), *(each[..., :2].reshape(-1, 2) for each in found)])
    points = points[np.isfinite(points).all(axis=1)]
    seeds: list[Region] = []
    for _ in range(1000):
        size = rng.uniform(0.15, 0.6) * min(width, height)
        place = rng.uniform(0.0, (width, height))
        if not (np.abs(points - place) < 0.35 * size).all(axis=1).any():
            seeds.append(Region(float(place[0]), float(place[1]), size, 0.0))
    return seeds[:FORCED]
