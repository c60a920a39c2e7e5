"""What decides the rendered images, but for the motions. Imports nothing heavy: the command line
shows these options."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from overpose.support.errors import InputError

_Bodies = Literal["subject", "take"]


@dataclass(frozen=True)
class RenderConfig:
    """Everything that decides what the images are, except the motions.

    Raises:
        InputError: a value is out of its range.
    """

    image_size: int = 128
    """Height and width of the images, pixels."""
    supersample: int = 2
    """Samples per pixel along each side."""
    seed: int = 0
    """Seed of everything drawn at random."""
    fps: float = 25.0
    """Frame rate that motions are taken at."""
    cameras: int = 4
    """Cameras around each sequence."""
    takes: int = 1
    """How often each trial is rendered, each time with different clothes, light and place."""
    bodies: _Bodies = "subject"
    """Whose body moves: that of the recorded subject, or for each take of a training trial another
    one, of random proportions. Test subjects always have their own."""
    sequence_s: float = 4.0
    """Longest time with the same clothes, light and place, seconds of the motion."""
    jpeg_quality: tuple[int, int] = (60, 95)
    """Lowest and highest quality of the stored images."""
    backgrounds: Path | None = None
    """A directory of photos to use as backgrounds."""
    max_train: int | None = None
    """Most training samples; all if not given."""
    max_val: int | None = None
    """Most validation samples; all if not given."""
    max_test: int | None = None
    """Most test samples; all if not given."""
    samples_per_shard: int = 256
    """Samples in a shard, the unit that is written at once and lost if interrupted."""

    def __post_init__(self) -> None:
        for name in ("image_size", "supersample", "cameras", "takes", "samples_per_shard"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: got {getattr(self, name)}, expected at least 1")
        if not 0 < self.fps <= 1000:
            raise InputError(f"fps: got {self.fps}, expected above 0 and at most 1000")
        if not 0 < self.sequence_s < math.inf:
            raise InputError(f"sequence_s: got {self.sequence_s}, expected a positive number")
        if self.bodies not in get_args(_Bodies):
            raise InputError(f"bodies: got {self.bodies!r}, expected subject or take")
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
