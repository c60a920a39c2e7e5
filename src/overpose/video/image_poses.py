"""Poses straight from images, by a model that `overpose train` made: each person cut out, as in
training, and given to it.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from overpose.boxes import cut_out
from overpose.keypoints.people import Person
from overpose.skeleton import HUMAN36M

_MARGIN = 0.08
"""The paper's box reaches 115 to 140 mm beyond the outer joints: this part of a standing person."""


@runtime_checkable
class ImageModel(Protocol):
    """What makes poses of images of people: `networks.PosePredictor` of images."""

    @property
    def image_size(self) -> int:
        """Height and width of the images, pixels."""
        ...

    def predict(self, images: np.ndarray, /) -> np.ndarray:
        """Poses (N, 17, 3) float32, mm, of RGB images (N, size, size, 3) uint8."""
        ...


def poses_from_image(model: ImageModel, image: np.ndarray, people: Sequence[Person]) -> np.ndarray:
    """Poses of the people in an RGB image.

    Args:
        model: an image model.
        image: (height, width, 3) uint8.
        people: who is in it.

    Returns:
        (people, 17, 3) float32, mm, camera axes, relative to the root.
    """
    if not people:
        return np.empty((0, len(HUMAN36M), 3), np.float32)
    size = model.image_size
    crops = [cut_out(image, _square(image, person.keypoints_px), size) for person in people]
    return model.predict(np.stack(crops))


def _square(image: np.ndarray, keypoints_px: np.ndarray) -> tuple[float, float, float]:
    """Left, top and side of the box about a person: clipped to the image, its shorter side
    enlarged, as in the training images (`boxes.paper_box`)."""
    points = keypoints_px[np.isfinite(keypoints_px[:, :2]).all(axis=1), :2].astype(np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    margin = _MARGIN * float((high - low).max())
    size = np.array(image.shape[1::-1], dtype=np.float64)
    low, high = np.clip(low - margin, 0, size - 1), np.clip(high + margin, 1, size)
    side = max(float((high - low).max()), 1.0)
    left, top = (low + high - side) / 2
    return float(left), float(top), side
