"""What any method's predictions can have afterwards, all methods alike: the mean with the mirrored
picture, and limb lengths blended towards those of the training people.

Nothing in it knows of the person in the picture. Which share of the blend is taken is chosen on
training subjects that are held out, see `experiments.finishing_share`.
"""

from dataclasses import dataclass

import numpy as np

from overpose.baselines.structnet import with_limb_lengths
from overpose.methods.card import Predict
from overpose.metrics import limb_lengths
from overpose.skeleton import HUMAN36M

_LEAST_MM = 1e-3
"""Shorter limbs count as this long: a length of 0 has no logarithm."""


@dataclass(frozen=True, eq=False)
class CommonFinishing:
    """The finishing of one training set.

    Attributes:
        lengths_mm: (16,) of `mean_limb_lengths`.
        share: of these lengths, 0 (none) to 1 (all limbs have them).
    """

    lengths_mm: np.ndarray
    share: float

    def of(self, predict: Predict) -> Predict:
        """The function from images to finished poses."""
        return lambda images: blend_limbs(
            mirrored_mean(predict, images), self.lengths_mm, self.share
        )


def mirrored_mean(predict: Predict, images: np.ndarray) -> np.ndarray:
    """The mean (n, 17, 3) of the poses of images (n, side, side, channels) and of those of their
    mirror images, mirrored back."""
    mirrored = predict(np.ascontiguousarray(images[:, :, ::-1]))
    return (predict(images) + HUMAN36M.layout.mirrored(mirrored)) / 2


def mean_limb_lengths(poses_mm: np.ndarray) -> np.ndarray:
    """(16,) mm: the mean limb lengths, in the logarithm, of poses (n, 17, 3)."""
    lengths = np.maximum(limb_lengths(poses_mm.astype(np.float64)), _LEAST_MM)
    return np.exp(np.log(lengths).mean(axis=0))


def blend_limbs(poses_mm: np.ndarray, lengths_mm: np.ndarray, share: float) -> np.ndarray:
    """Poses (n, 17, 3) with limbs of lengths l^(1 - share) m^share; directions stay.

    Args:
        poses_mm: with lengths l.
        lengths_mm: (16,) m, in the order of `HUMAN36M.limbs`.
        share: 0 leaves the poses as they are, 1 gives all of them the lengths m.
    """
    if share == 0:
        return poses_mm
    lengths = np.maximum(limb_lengths(poses_mm.astype(np.float64)), _LEAST_MM)
    blended = (1 - share) * np.log(lengths) + share * np.log(lengths_mm)
    return with_limb_lengths(poses_mm, np.exp(blended))
