"""Clips to draw training windows from: joints and landmarks of moving bodies, always new ones.

They are made in blocks, each a file, by a process beside training (`renewing`), and replaced block
by block: what a step sees depends on its number alone. How clips come about belongs to `motions`;
what a camera sees of them, to `batches`.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from overpose.studio.body import load_body
from overpose.studio.retarget import retarget
from overpose.support.errors import InputError
from overpose.support.files import writing_file
from overpose.support.locks import locked
from overpose.support.progress import progress_bar
from overpose.support.workers import beside, do_jobs
from overpose.synthetic.bodies import CLIPS_PER_BODY, body_of_clip
from overpose.synthetic.landmarks import POINTS, body_points
from overpose.synthetic.motions import MotionConfig, Recordings, clip_stream, random_clip

STEP_MM = 0.25
"""Coordinates are stored as whole multiples of this."""
PATIENCE_S = 300.0
"""How long training waits for clips that nobody is making."""


@dataclass(frozen=True)
class PoolConfig:
    """What is in the pool, and how it is renewed.

    Attributes:
        clips: how many it holds.
        block: how many are replaced at a time, the oldest first.
        steps: training steps until a block is replaced.
        frames: length of each, at `motions.CLIP_FPS`.
        seed: of everything drawn.
        motions: what clips are made of.

    Raises:
        InputError: the pool is not a whole number of blocks.
    """

    clips: int = 6000
    block: int = 300
    steps: int = 200
    frames: int = 64
    seed: int = 0
    motions: MotionConfig = field(default_factory=MotionConfig)

    def __post_init__(self) -> None:
        if min(self.clips, self.block, self.steps, self.frames) < 1 or self.clips % self.block:
            raise InputError(
                f"pool: got {self.clips} clips in blocks of {self.block}, {self.steps} steps and "
                f"{self.frames} frames; expected positive numbers, and whole blocks"
            )

    def blocks(self, steps: int) -> int:
        """How many blocks that many steps of training see."""
        return self.clips // self.block + max(0, steps - 1) // self.steps


class ClipPool:
    """The pool as training sees it, step by step.

    Args:
        directory: of the blocks.
        config: how it is renewed.
    """

    def __init__(self, directory: Path, config: PoolConfig) -> None:
        self.directory = directory
        self.config = config
        self._held: list[int] = [-1] * (config.clips // config.block)
        self._clips = np.empty((config.clips, config.frames, POINTS, 3), np.int16)

    def at(self, step: int) -> np.ndarray:
        """The clips for a step, waiting for them if they are still being made.

        Args:
            step: of training, from 0.

        Returns:
            (clips, frames, 50, 3) int16: world coordinates, z up, about each clip's own middle, in
            steps of `STEP_MM`. The next call changes the array.

        Raises:
            InputError: a block is damaged or of another shape, or nobody makes it.
        """
        oldest = step // self.config.steps
        for block in range(oldest, oldest + len(self._held)):
            place = block % len(self._held)
            if self._held[place] != block:
                first = place * self.config.block
                self._clips[first : first + self.config.block] = self._read(block)
                self._held[place] = block
        return self._clips

    def _read(self, block: int) -> np.ndarray:
        path = _block_file(self.directory, block)
        _wait_for(path)
        try:
            clips = np.load(path, allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise InputError(f"{path}: damaged ({error}); delete it and run again") from None
        expected = (self.config.block, self.config.frames, POINTS, 3)
        if clips.shape != expected or clips.dtype != np.int16:
            raise InputError(f"{path}: got {clips.dtype} {clips.shape}, expected int16 {expected}")
        return clips


@contextmanager
def renewing(
    recordings: Recordings, config: PoolConfig, directory: Path, *, steps: int, processes: int
) -> Iterator[None]:
    """Make the pool, then renew it in a process beside whatever is done meanwhile.

    Blocks that are there already are kept.

    Args:
        recordings: what people move like.
        config: what to make of it.
        directory: of the blocks, one file each.
        steps: of training, which tell how many blocks it takes.
        processes: that make the first pool; one renews it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    first, last = config.blocks(0), config.blocks(steps)
    with locked(directory):
        make_blocks(recordings, config, directory, range(first), processes=processes)
    with beside(_renew, recordings, config, directory, range(first, last)):
        yield


def make_blocks(
    recordings: Recordings,
    config: PoolConfig,
    directory: Path,
    blocks: range,
    *,
    processes: int = 1,
    quiet: bool = False,
) -> None:
    """Make the blocks of a range that are missing, in their order; `quiet` without a word."""
    missing = [block for block in blocks if not _block_file(directory, block).is_file()]
    # Clips with the same body go to the same process.
    parts = [(block, start) for block in missing for start in range(0, config.block, _PART)]
    clips: dict[int, np.ndarray] = {}
    left = dict.fromkeys(missing, len(range(0, config.block, _PART)))
    silent = nullcontext(lambda clips: None)
    with silent if quiet else progress_bar("make motions", len(missing) * config.block) as advance:
        for block, start, made in do_jobs(parts, _make_part, (recordings, config), processes):
            shape = (config.block, config.frames, POINTS, 3)
            clips.setdefault(block, np.empty(shape, np.int16))[start : start + len(made)] = made
            left[block] -= 1
            advance(len(made))
            if not left[block]:
                path = _block_file(directory, block)
                with writing_file(path) as temporary, temporary.open("wb") as file:
                    np.save(file, clips.pop(block))


def as_steps(points_mm: np.ndarray) -> np.ndarray:
    """(frames, 50, 3) int16: points about their middle, in steps of `STEP_MM`."""
    steps = np.rint((points_mm - points_mm.mean(axis=(0, 1))) / STEP_MM)
    return np.clip(steps, -32768, 32767).astype(np.int16)


_PART = 3 * CLIPS_PER_BODY


def _make_part(
    argument: tuple[Recordings, PoolConfig],
) -> Callable[[tuple[int, int], Callable[[], None]], tuple[int, int, np.ndarray]]:
    recordings, config = argument
    model = load_body()

    def make(part: tuple[int, int], check: Callable[[], None]) -> tuple[int, int, np.ndarray]:
        block, start = part
        clips = []
        for place in range(start, min(start + _PART, config.block)):
            check()
            number = block * config.block + place
            rng = clip_stream(config.seed + 1, number)
            motion = random_clip(recordings, rng, config.frames, config.motions)
            shape = body_of_clip(config.seed, "pool", number)
            bones = retarget(motion, model, shape)
            clips.append(as_steps(body_points(model, shape, bones.transforms)))
        return block, start, np.stack(clips)

    return make


def _renew(recordings: Recordings, config: PoolConfig, directory: Path, blocks: range) -> None:
    held: bool | None = False
    while held is False:  # for a moment, somebody may look whether it is
        with locked(directory) as held:
            if held is not False:
                make_blocks(recordings, config, directory, blocks, quiet=True)
        time.sleep(0.05)


def _wait_for(path: Path) -> None:
    """Until a block is there.

    Raises:
        InputError: no process has the lock on its directory.
    """
    idle_since = time.monotonic()
    while not path.is_file():
        with locked(path.parent) as free:
            if free is not True:
                idle_since = time.monotonic()
        if time.monotonic() - idle_since > PATIENCE_S:
            raise InputError(
                f"{path}: not there, and no process makes it; run the training again, which goes "
                "on where it was"
            )
        time.sleep(0.2)


def _block_file(directory: Path, block: int) -> Path:
    return directory / f"block_{block:05d}.npy"
