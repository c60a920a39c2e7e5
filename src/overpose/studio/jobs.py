"""What the orchestrator hands to the processes that render: the options, and who renders what.

No work is done here.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from overpose.datasets.layout import Sample
from overpose.errors import InputError
from overpose.mocap.motion import Motion
from overpose.studio.plan import RenderSequence


@dataclass(frozen=True)
class RenderConfig:
    """Everything that decides what the images are, but for the motions.

    Attributes:
        image_size: height and width of the images, pixels.
        supersample: samples per pixel along each side.
        seed: of all that is drawn at random.
        fps: frame rate that motions are taken at.
        cameras: cameras around each sequence.
        takes: how often each trial is rendered, each time with other clothes, light and place.
        sequence_s: longest time, in seconds of the motion, with the same clothes, light and place.
        jpeg_quality: lowest and highest quality of the stored images.
        backgrounds: a directory of photos to use as backgrounds too; None for none.
        max_train, max_val, max_test: most samples of each split; None: all there are.
        samples_per_shard: how many samples are written, and lost by an interruption, at once.
    """

    image_size: int = 128
    supersample: int = 2
    seed: int = 0
    fps: float = 25.0
    cameras: int = 4
    takes: int = 1
    sequence_s: float = 4.0
    jpeg_quality: tuple[int, int] = (60, 95)
    backgrounds: Path | None = None
    max_train: int | None = None
    max_val: int | None = None
    max_test: int | None = None
    samples_per_shard: int = 256

    def __post_init__(self) -> None:
        for name in ("image_size", "supersample", "cameras", "takes", "samples_per_shard"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: got {getattr(self, name)}, expected at least 1")
        if not 0 < self.fps <= 1000:
            raise InputError(f"fps: got {self.fps}, expected above 0 and at most 1000")
        if not 0 < self.sequence_s < math.inf:
            raise InputError(f"sequence_s: got {self.sequence_s}, expected a positive number")
        low, high = self.jpeg_quality
        if not 1 <= low <= high <= 100:
            raise InputError(f"jpeg_quality: got {low} to {high}, expected 1 <= lowest <= highest")
        for name in ("max_train", "max_val", "max_test"):
            limit = getattr(self, name)
            if limit is not None and limit < 0:
                raise InputError(f"{name}: got {limit}, expected at least 0")

    @property
    def longest(self) -> int:
        """Most frames of a sequence."""
        return max(1, round(self.sequence_s * self.fps))

    @property
    def limits(self) -> dict[str, int | None]:
        """Most samples of each split."""
        return {"train": self.max_train, "val": self.max_val, "test": self.max_test}


@dataclass(frozen=True, eq=False)
class Piece:
    """Samples `start` to `stop` of a sequence, and the motion of the whole trial."""

    sequence: RenderSequence
    start: int
    stop: int
    motion: Motion


@dataclass(frozen=True, eq=False)
class ShardJob:
    """What one shard holds."""

    number: int
    pieces: tuple[Piece, ...]


Renderer = Callable[[ShardJob, Callable[[], None]], list[Sample]]
"""Renders a shard's samples, in order; calls its second argument between samples."""
