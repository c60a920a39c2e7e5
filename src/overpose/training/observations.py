"""What the regression stages learn from: images in memory, or windows of keypoints drawn anew.

One interface for both, so that the stages know neither images nor keypoints. Where windows come
from belongs to `synthetic`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from overpose.networks.configs import EncoderConfig, ImageEncoderConfig, KeypointEncoderConfig
from overpose.networks.image_encoder import ImageEncoder
from overpose.networks.keypoint_encoder import KeypointEncoder
from overpose.networks.lifted import ankles_mm
from overpose.support.errors import InputError
from overpose.support.seeding import random_stream
from overpose.training.config import LoopConfig
from overpose.training.data import crop_steps, steps_per_epoch
from overpose.training.processes import own_share
from overpose.training.samples import Drawn, Samples, check_samples

Batch = tuple[Tensor, ...]
"""What the encoder takes, what the head is to predict, and where it is known how heels and toes lie
to their ankles (batch, 4, 3), mm."""
Targets = Callable[[np.ndarray], Tensor]
"""Poses (N, 17, 3) in mm to what the head is to predict, (N, outputs)."""
_STATISTICS = 16384
"""Poses drawn to measure mean and scale on."""


@runtime_checkable
class Observations(Protocol):
    """What a regression stage learns from."""

    @property
    def poses_mm(self) -> np.ndarray:
        """(N, 17, 3) float32: the training poses, or as many as statistics need."""
        ...

    @property
    def validation(self) -> Samples | None:
        """Held-out observations, as `PosePredictor.predict` takes them, and poses; or None."""
        ...

    @property
    def identity(self) -> tuple[np.ndarray | str, ...]:
        """What tells these observations from others, for the record of a run."""
        ...

    def require_fit(self, encoder: EncoderConfig) -> None:
        """Raise InputError if the encoder takes other observations."""
        ...

    def prepare(self, encoder: ImageEncoder | KeypointEncoder) -> None:
        """Fit what of the encoder is measured and not learned."""
        ...

    def steps(self, loop: LoopConfig) -> int:
        """Batches in an epoch."""
        ...

    def samples(self, loop: LoopConfig) -> int:
        """Observations in an epoch."""
        ...

    def batches(
        self, encoder: EncoderConfig, targets: Targets, loop: LoopConfig, stage: str
    ) -> Callable[[int], Iterator[Batch]]:
        """By number of the epoch, batch by batch."""
        ...


@dataclass(frozen=True, eq=False)
class ImageObservations:
    """Images in memory: an epoch is each of them once, by a random crop.

    The target of an image does not depend on its crop, as in the paper.

    Attributes:
        images: (N, S, S, 3) uint8 RGB.
        poses_mm: (N, 17, 3) float32, camera axes, relative to the root.
        validation: held-out images and poses, or None.

    Raises:
        InputError: they are not such arrays.
    """

    images: np.ndarray
    poses_mm: np.ndarray
    validation: Samples | None = None

    def __post_init__(self) -> None:
        images, poses_mm = check_samples(self.images, self.poses_mm, None)
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "poses_mm", poses_mm)
        if self.validation is not None:
            checked = check_samples(*self.validation, images.shape[1], "validation ")
            object.__setattr__(self, "validation", checked)

    @property
    def identity(self) -> tuple[np.ndarray | str, ...]:
        """The arrays."""
        return (self.images, self.poses_mm, *(self.validation or ()))

    def require_fit(self, encoder: EncoderConfig) -> None:
        """Raise InputError if the encoder takes keypoints, or images of another size."""
        size = self.images.shape[1]
        if not isinstance(encoder, ImageEncoderConfig):
            raise InputError("encoder: got one of keypoints, expected one of images")
        if encoder.image_size != size:
            raise InputError(
                f"images: got {size} px, expected {encoder.image_size} px, what the encoder takes"
            )

    def prepare(self, encoder: ImageEncoder | KeypointEncoder) -> None:
        """Measure the colours."""
        assert isinstance(encoder, ImageEncoder)  # `require_fit` has said so
        encoder.fit_channels(self.images)

    def steps(self, loop: LoopConfig) -> int:
        """Batches in an epoch."""
        return steps_per_epoch(len(self.images), loop.batch_size)

    def samples(self, loop: LoopConfig) -> int:
        """Observations in an epoch."""
        return len(self.images)

    def batches(
        self, encoder: EncoderConfig, targets: Targets, loop: LoopConfig, stage: str
    ) -> Callable[[int], Iterator[Batch]]:
        """Random crops, uint8 (batch, 3, crop, crop), and targets, which are made once."""
        assert isinstance(encoder, ImageEncoderConfig)
        made = targets(self.poses_mm)

        def epoch_batches(epoch: int) -> Iterator[Batch]:
            steps = crop_steps(
                self.images,
                encoder.crop_size,
                batch_size=loop.batch_size,
                seed=loop.seed,
                stage=stage,
                epoch=epoch,
            )
            for crops, indices, _ in steps:
                yield crops, made[torch.from_numpy(indices)]

        return epoch_batches


@runtime_checkable
class WindowSource(Protocol):
    """What draws windows of keypoints, e.g. `synthetic.batches.BatchSource`."""

    offsets: np.ndarray

    def draw(self, count: int, rng: np.random.Generator) -> Drawn:
        """Windows with what is true of them."""
        ...

    def poses(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Poses alone."""
        ...

    def seek(self, step: int) -> None:
        """Draw from now on what a step of training is to see, counted over all its stages."""
        ...

    def fingerprint(self) -> str:
        """What tells the source from others."""
        ...


@dataclass(frozen=True, eq=False)
class DrawnWindows:
    """Windows of keypoints, drawn anew in every epoch.

    Attributes:
        source: draws them.
        steps_per_epoch: batches in an epoch.
        validation: held-out features and poses, or None.
        seed: of the poses that statistics are measured on.
        first_step: how many steps earlier stages have had.
    """

    source: WindowSource
    steps_per_epoch: int
    validation: Samples | None = None
    seed: int = 0
    first_step: int = 0
    poses_mm: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.source.seek(0)
        poses = self.source.poses(_STATISTICS, random_stream(self.seed, "lifter statistics"))
        object.__setattr__(self, "poses_mm", poses)

    @property
    def identity(self) -> tuple[np.ndarray | str, ...]:
        """Poses drawn, and what the source is."""
        return (self.poses_mm, self.source.fingerprint())

    def require_fit(self, encoder: EncoderConfig) -> None:
        """Raise InputError if the encoder takes images, or windows of other frames."""
        if not isinstance(encoder, KeypointEncoderConfig):
            raise InputError("encoder: got one of images, expected one of keypoints")
        offsets = tuple(self.source.offsets.tolist())
        if offsets != encoder.offsets:
            raise InputError(
                f"source: got windows of offsets {offsets}, expected those of the encoder, "
                f"{encoder.offsets}"
            )

    def prepare(self, encoder: ImageEncoder | KeypointEncoder) -> None:
        """Nothing: keypoints enter normalised."""

    def steps(self, loop: LoopConfig) -> int:
        """Batches in an epoch."""
        return self.steps_per_epoch

    def samples(self, loop: LoopConfig) -> int:
        """Observations in an epoch."""
        return self.steps_per_epoch * loop.batch_size

    def batches(
        self, encoder: EncoderConfig, targets: Targets, loop: LoopConfig, stage: str
    ) -> Callable[[int], Iterator[Batch]]:
        """Features, the targets of their poses, and their feet."""

        def epoch_batches(epoch: int) -> Iterator[Batch]:
            rng = random_stream(loop.seed, "lifter batches", stage, epoch)
            first = self.first_step + epoch * self.steps_per_epoch
            for step in range(first, first + self.steps_per_epoch):
                self.source.seek(step)
                drawn = self.source.draw(loop.batch_size, rng)
                hanging = drawn.feet_mm - ankles_mm(drawn.poses_mm)
                made = targets(drawn.poses_mm)
                share = own_share(loop.batch_size)
                here = slice(None) if share is None else slice(share.start, share.stop)
                yield (
                    torch.from_numpy(drawn.features[here]),
                    made[here],
                    torch.from_numpy(hanging[here]),
                )

        return epoch_batches
