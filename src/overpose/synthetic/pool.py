"""A pool of clips to draw training windows from: joints and landmarks of moving bodies.

How clips come about belongs to `motions`; what a camera sees of them, to `batches`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from overpose.studio.body import load_body
from overpose.support.errors import InputError
from overpose.support.files import writing_file
from overpose.support.progress import progress_bar
from overpose.support.workers import do_jobs
from overpose.synthetic.landmarks import POINTS, body_points
from overpose.synthetic.motions import Recordings, body_for, clip_stream, random_clip

STEP_MM = 0.25
"""Coordinates are stored as whole multiples of this."""


@dataclass(frozen=True)
class PoolConfig:
    """What is in a pool.

    Attributes:
        clips: how many.
        frames: length of each, at `motions.CLIP_FPS`.
        seed: of everything drawn.
        jitter: factor on the random angles of joints, see `motions.random_clip`.
    """

    clips: int = 6000
    frames: int = 64
    seed: int = 0
    jitter: float = 1.3


def make_pool(
    recordings: Recordings, config: PoolConfig, path: Path, *, processes: int = 1
) -> np.ndarray:
    """The pool, read from `path` if it is there, else made and written.

    Returns:
        (clips, frames, 50, 3) int16: world coordinates, z up, about the clip's own middle, in steps
        of `STEP_MM`.

    Raises:
        InputError: what is at `path` is damaged or of another shape.
    """
    shape = (config.clips, config.frames, POINTS, 3)
    if path.is_file():
        try:
            pool = np.load(path, allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise InputError(f"{path}: damaged ({error}); delete it and run again") from None
        if pool.shape != shape or pool.dtype != np.int16:
            raise InputError(f"{path}: got {pool.dtype} {pool.shape}, expected int16 {shape}")
        return pool
    pool = np.empty(shape, np.int16)
    with progress_bar("make motions", config.clips) as advance:
        jobs = range(config.clips)
        for number, clip in do_jobs(jobs, _make_clip, (recordings, config), processes):
            pool[number] = clip
            advance(1)
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing_file(path) as temporary, temporary.open("wb") as file:
        np.save(file, pool)
    return pool


def _make_clip(
    argument: tuple[Recordings, PoolConfig],
) -> Callable[[int, Callable[[], None]], tuple[int, np.ndarray]]:
    recordings, config = argument
    model = load_body()

    def make(number: int, check: Callable[[], None]) -> tuple[int, np.ndarray]:
        check()
        rng = clip_stream(config.seed + 1, number)
        motion = random_clip(recordings, rng, config.frames, jitter=config.jitter)
        shape, bones = body_for(model, motion, config.seed, f"pool {number}")
        return number, as_steps(body_points(model, shape, bones.transforms))

    return make


def as_steps(points_mm: np.ndarray) -> np.ndarray:
    """(frames, 50, 3) int16: points about their middle, in steps of `STEP_MM`."""
    steps = np.rint((points_mm - points_mm.mean(axis=(0, 1))) / STEP_MM)
    return np.clip(steps, -32768, 32767).astype(np.int16)
