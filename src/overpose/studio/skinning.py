"""Linear blend skinning: a body in a pose. Apart from `body`, because it needs numba."""

import numba
import numpy as np

from overpose.studio.body import BodyModel, BodyShape, pose_joints
from overpose.support.checks import check_array


def pose_body(
    model: BodyModel, shape: BodyShape, transforms: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The bare body, helper geometry included, in one pose.

    Args:
        transforms: (B, 3, 4) float32 rest to world of every bone, mm: one frame of
            `retarget(...).transforms`.

    Returns:
        vertices (V, 3) float32 and joints (17, 3) float32, both world mm.

    Raises:
        InputError: the transforms have another shape or kind.
    """
    bones = len(model.bone_names)
    check_array("transforms", transforms, (bones, 3, 4), dtype=(np.float32, np.float64))
    vertices = skin(shape.rest_mm, model.weight_indices, model.weights, transforms)
    return vertices, pose_joints(model, shape, transforms)


def skin(
    rest_mm: np.ndarray, weight_indices: np.ndarray, weights: np.ndarray, transforms: np.ndarray
) -> np.ndarray:
    """Linear blend skinning of one frame.

    Args:
        rest_mm: (V, 3) float32 vertices at rest.
        weight_indices, weights: (V, 4) uint8 and float32, see `BodyModel`.
        transforms: (B, 3, 4) rest to world.

    Returns:
        (V, 3) float32, world mm.
    """
    vertices = np.empty_like(rest_mm)
    _skin(rest_mm, weight_indices, weights, transforms.astype(np.float32), vertices)
    return vertices


@numba.njit(cache=True, nogil=True, fastmath=True)
def _skin(
    rest: np.ndarray,
    weight_indices: np.ndarray,
    weights: np.ndarray,
    transforms: np.ndarray,
    vertices: np.ndarray,
) -> None:  # pragma: no cover - compiled
    for v in range(rest.shape[0]):
        x, y, z = rest[v, 0], rest[v, 1], rest[v, 2]
        a = b = c = np.float32(0.0)
        for k in range(weights.shape[1]):
            w = weights[v, k]
            if w > 0:
                t = transforms[weight_indices[v, k]]
                a += w * (t[0, 0] * x + t[0, 1] * y + t[0, 2] * z + t[0, 3])
                b += w * (t[1, 0] * x + t[1, 1] * y + t[1, 2] * z + t[1, 3])
                c += w * (t[2, 0] * x + t[2, 1] * y + t[2, 2] * z + t[2, 3])
        vertices[v, 0], vertices[v, 1], vertices[v, 2] = a, b, c
