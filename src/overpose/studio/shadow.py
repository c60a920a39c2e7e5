"""Shadows by splatting: a small depth map seen from the light, and the darkness where feet touch.

The maps serve both the body's shading and the ground's; lights themselves belong to the scene.
"""

from typing import NamedTuple

import cv2
import numba
import numpy as np

from overpose.studio.noise import FAST_MATH

SHADOW_CELLS = 96
CONTACT_CELLS = 64
CONTACT_CELL_MM = 36.0
_CONTACT_REACH_MM = 90.0
_EMPTY = -1e9  # height along the light where nothing stands in its way


class ShadowMap(NamedTuple):
    """A grid across the light.

    Attributes:
        depth: (G, G) float32, height along the light of the surface nearest to it, mm; -1e9 where
            there is none.
        cover: (G, G) float32, how much of the light is taken, 0..1, blurred for the ground.
        from_world: (3, 4) world mm to column, row and height along the light.
    """

    depth: np.ndarray
    cover: np.ndarray
    from_world: np.ndarray


class ContactMap(NamedTuple):
    """A grid on the ground.

    Attributes:
        darkness: (G, G) float32, 0..1, how near to the ground the body is.
        from_world: (2, 3) world x, y mm and 1 to column and row.
    """

    darkness: np.ndarray
    from_world: np.ndarray


def cast_shadow(
    vertices_world_mm: np.ndarray, faces: np.ndarray, to_light: np.ndarray, softness_mm: float
) -> ShadowMap:
    """The shadow map of a mesh under a directional light.

    Args:
        vertices_world_mm: (V, 3) float32.
        faces: (F, 3) int32.
        to_light: (3,) unit direction towards the light, world.
        softness_mm: standard deviation of the blur of the shadow on the ground.
    """
    axis = np.eye(3)[np.argmin(np.abs(to_light))]
    right = np.cross(axis, to_light)
    right /= np.linalg.norm(right)
    basis = np.stack([right, np.cross(to_light, right), to_light])
    depth, cell, left, top = _splat_depth(
        vertices_world_mm, faces, basis.astype(np.float32), SHADOW_CELLS
    )
    from_world = np.zeros((3, 4), dtype=np.float32)
    from_world[:, :3] = basis / np.array([[cell], [cell], [1.0]])
    from_world[:2, 3] = -left / cell, -top / cell
    cover = (depth > _EMPTY).astype(np.float32)
    cover = cv2.GaussianBlur(cover, (0, 0), max(0.6, min(softness_mm / cell, 4.0)))
    return ShadowMap(depth, cover, from_world)


def touch_ground(vertices_world_mm: np.ndarray) -> ContactMap:
    """Where a body is close to the ground z = 0: the corner that ambient light does not reach.

    Args:
        vertices_world_mm: (V, 3) float32.
    """
    darkness, left, top = _splat_contact(vertices_world_mm, CONTACT_CELLS, CONTACT_CELL_MM)
    darkness = cv2.GaussianBlur(darkness, (0, 0), 1.6)
    scale = 1.0 / CONTACT_CELL_MM
    from_world = np.array([[scale, 0.0, -left * scale], [0.0, scale, -top * scale]])
    return ContactMap(darkness, from_world.astype(np.float32))


@numba.njit(cache=True, nogil=True, fastmath=FAST_MATH)
def _splat_depth(vertices, faces, basis, size):
    count = vertices.shape[0]
    points = np.empty((count, 3), np.float32)
    low_x, high_x, low_y, high_y = np.inf, -np.inf, np.inf, -np.inf
    for v in range(count):
        x, y, z = vertices[v, 0], vertices[v, 1], vertices[v, 2]
        along = basis[0, 0] * x + basis[0, 1] * y + basis[0, 2] * z
        up = basis[1, 0] * x + basis[1, 1] * y + basis[1, 2] * z
        points[v, 0], points[v, 1] = along, up
        points[v, 2] = basis[2, 0] * x + basis[2, 1] * y + basis[2, 2] * z
        low_x, high_x = min(low_x, along), max(high_x, along)
        low_y, high_y = min(low_y, up), max(high_y, up)
    # The border leaves room for the blur: beyond the grid there is no shadow.
    cell = max(high_x - low_x, high_y - low_y, 200.0) / (size - 12)
    left = 0.5 * (low_x + high_x) - 0.5 * size * cell
    top = 0.5 * (low_y + high_y) - 0.5 * size * cell
    sparse = np.full((size, size), _EMPTY, np.float32)
    scale, third = np.float32(1.0 / cell), np.float32(1.0 / 3.0)
    for v in range(count):
        points[v, 0] = (points[v, 0] - np.float32(left)) * scale
        points[v, 1] = (points[v, 1] - np.float32(top)) * scale
        row, column = int(points[v, 1]), int(points[v, 0])
        sparse[row, column] = max(sparse[row, column], points[v, 2])
    for f in range(faces.shape[0]):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        column = int((points[i, 0] + points[j, 0] + points[k, 0]) * third)
        row = int((points[i, 1] + points[j, 1] + points[k, 1]) * third)
        height = (points[i, 2] + points[j, 2] + points[k, 2]) * third
        sparse[row, column] = max(sparse[row, column], height)
    # Large triangles leave holes between the splats: an empty cell takes its neighbours' height.
    filled = sparse.copy()
    for row in range(1, size - 1):
        for column in range(1, size - 1):
            if sparse[row, column] == _EMPTY:
                best = np.float32(_EMPTY)
                for i in range(row - 1, row + 2):
                    for j in range(column - 1, column + 2):
                        best = max(best, sparse[i, j])
                filled[row, column] = best
    return filled, cell, left, top


@numba.njit(cache=True, nogil=True, fastmath=FAST_MATH)
def _splat_contact(vertices, size, cell):
    total, x_mean, y_mean = 1e-9, 0.0, 0.0
    for v in range(vertices.shape[0]):
        if vertices[v, 2] < 3.0 * _CONTACT_REACH_MM:
            total += 1.0
            x_mean += vertices[v, 0]
            y_mean += vertices[v, 1]
    left = x_mean / total - 0.5 * size * cell
    top = y_mean / total - 0.5 * size * cell
    darkness = np.zeros((size, size), np.float32)
    for v in range(vertices.shape[0]):
        z = vertices[v, 2]
        if z < 3.0 * _CONTACT_REACH_MM:
            column = int((vertices[v, 0] - left) / cell)
            row = int((vertices[v, 1] - top) / cell)
            if 0 <= column < size and 0 <= row < size:
                value = np.exp(-max(z, np.float32(0.0)) / _CONTACT_REACH_MM)
                darkness[row, column] = max(darkness[row, column], value)
    return darkness, left, top
