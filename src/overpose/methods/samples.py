"""A dataset as methods see it: its splits, and images that are read when first needed."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from overpose.datasets.store import Dataset
from overpose.support.errors import InputError
from overpose.support.seeding import random_stream
from overpose.training.observations import ImageObservations


@dataclass(frozen=True, eq=False)
class Samples:
    """A dataset's splits; the images are read when first needed and then stay in memory.

    Attributes:
        dataset: rows of all splits.
    """

    dataset: Dataset

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
        return self.train.images(np.arange(len(self.train)))

    @property
    def train_poses_mm(self) -> np.ndarray:
        """(N, 17, 3), camera axes, root-relative; a copy: a dataset's columns may be read-only."""
        return self.train.poses_mm.copy()

    @cached_property
    def validation(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Images and poses of split "val"; None if there are none."""
        if len(self.val) == 0:
            return None
        return self.val.images(np.arange(len(self.val))), self.val.poses_mm.copy()

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
        return Samples(self.dataset.select(np.sort(np.concatenate([others, rows[order[:count]]]))))

    def free_images(self) -> None:
        """Let go of the images; they are read again if needed."""
        for name in ("train_images", "validation"):
            self.__dict__.pop(name, None)

    def _split(self, name: str) -> Dataset:
        return self.dataset.select(self.dataset.splits == name)


def require_training(train: Dataset) -> None:
    """Refuse to learn from nothing.

    Raises:
        InputError: there are no rows.
    """
    if len(train) == 0:
        raise InputError("dataset: got no samples of split 'train', expected at least one")
