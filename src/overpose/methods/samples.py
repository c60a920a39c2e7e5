"""A dataset as methods see it: its splits, and images that are read when first needed, with or
without what the person's mask tells.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from overpose.baselines.phog import dilated
from overpose.datasets.store import Dataset
from overpose.support.errors import InputError
from overpose.support.seeding import random_stream
from overpose.training.observations import ImageObservations

Inputs = Literal["image", "masked_image"]
"""What every method is given: the picture, or the picture and the person's mask."""
INPUTS: tuple[Inputs, ...] = get_args(Inputs)


@dataclass(frozen=True, eq=False)
class Samples:
    """A dataset's splits; the images are read when first needed and then stay in memory.

    Attributes:
        dataset: rows of all splits.
        inputs: what every method is given, in training and in test.
    """

    dataset: Dataset
    inputs: Inputs = "image"

    @cached_property
    def train(self) -> Dataset:
        """Rows of split "train"."""
        return self._split("train")

    @cached_property
    def test(self) -> Dataset:
        """Rows of split "test"."""
        return self._split("test")

    @cached_property
    def val(self) -> Dataset:
        """Rows of split "val", used to watch training only; there may be none."""
        return self._split("val")

    @cached_property
    def train_images(self) -> np.ndarray:
        """(N, side, side, 3) uint8 RGB.

        Raises:
            InputError: there are none.
        """
        require_training(self.train)
        return pictures(self.train, self.inputs)(np.arange(len(self.train)))

    @property
    def train_poses_mm(self) -> np.ndarray:
        """(N, 17, 3), camera axes, root-relative; a copy: a dataset's columns may be read-only."""
        return self.train.poses_mm.copy()

    @cached_property
    def validation(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Images and poses of split "val"; None if there are none."""
        if len(self.val) == 0:
            return None
        images = pictures(self.val, self.inputs)(np.arange(len(self.val)))
        return images, self.val.poses_mm.copy()

    @property
    def observations(self) -> ImageObservations:
        """What the regression stages learn from.

        Raises:
            InputError: there are no training images.
        """
        return ImageObservations(self.train_images, self.train_poses_mm, self.validation)

    def part(self, count: int, seed: int) -> "Samples":
        """At most `count` training rows, chosen at random, and all others.

        Larger parts of the same seed hold the smaller ones.
        """
        rows = np.flatnonzero(self.dataset.splits == "train")
        order = random_stream(seed, "part", "train").permutation(len(rows))
        others = np.flatnonzero(self.dataset.splits != "train")
        chosen = np.sort(np.concatenate([others, rows[order[:count]]]))
        return Samples(self.dataset.select(chosen), self.inputs)

    def free_images(self) -> None:
        """Let go of the images; they are read again if needed."""
        for name in ("train_images", "validation"):
            self.__dict__.pop(name, None)

    def _split(self, name: str) -> Dataset:
        return self.dataset.select(self.dataset.splits == name)


def pictures(
    rows: Dataset, inputs: Inputs, *, mask_channel: bool = False
) -> Callable[[np.ndarray], np.ndarray]:
    """What reads the images of some of the rows as a method is given them, by indices.

    Args:
        rows: of any split.
        inputs: with "masked_image" everything outside the mask is black, see `blackened`.
        mask_channel: the method takes (n, side, side, 4): the picture as it is and, as fourth
            channel, the mask; all 0 where it is not given.
    """
    if inputs == "masked_image":
        if mask_channel:
            return rows.masked_images
        return lambda indices: blackened(rows.masked_images(indices))
    if mask_channel:
        return lambda indices: np.pad(rows.images(indices), [(0, 0)] * 3 + [(0, 1)])
    return rows.images


def blackened(images: np.ndarray) -> np.ndarray:
    """Pictures (n, side, side, 3) of images with masks (n, side, side, 4), black outside the mask
    dilated as PHOG dilates it; one without a mask stays as it is."""
    shown = images[..., :3].copy()
    for picture, mask in zip(shown, images[..., 3], strict=True):
        if mask.any():
            picture[~dilated(mask > 127)] = 0
    return shown


def require_training(train: Dataset) -> None:
    """Refuse to learn from nothing.

    Raises:
        InputError: there are no rows.
    """
    if len(train) == 0:
        raise InputError("dataset: got no samples of split 'train', expected at least one")
