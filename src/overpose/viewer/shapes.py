"""Meshes of the live viewer: bodies out of cylinders and balls.

Which people stand where is `shown`'s matter.
"""

import numpy as np

from overpose.skeleton import side_and_part

_RADII_M = {
    "hip": 0.046, "knee": 0.044, "ankle": 0.034, "spine": 0.050, "neck": 0.046, "shoulder": 0.036,
    "elbow": 0.032, "wrist": 0.026, "nose": 0.030, "head_top": 0.042,
}  # fmt: skip
_OTHER_RADIUS_M = 0.040


def joint_radius_m(name: str) -> float:
    """How thick a limb is that ends in a joint, metres; by the joint's name without its side."""
    return _RADII_M.get(side_and_part(name)[1], _OTHER_RADIUS_M)


def cylinder(sides: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """An open cylinder of radius 1 along z from -0.5 to 0.5: vertices (V, 3), faces (F, 3)."""
    angles = np.arange(sides) * 2 * np.pi / sides
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    ends = [np.column_stack([ring, np.full(sides, height)]) for height in (-0.5, 0.5)]
    low = np.arange(sides)
    next_low = (low + 1) % sides
    faces = [(low, next_low, next_low + sides), (low, next_low + sides, low + sides)]
    return np.concatenate(ends), np.concatenate([np.stack(face, axis=-1) for face in faces])


def ball(rings: int = 8, sides: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """A ball of radius 1: vertices (V, 3), faces (F, 3), outside counterclockwise."""
    polar = np.linspace(0, np.pi, rings + 1)[:, None]
    around = np.arange(sides)[None] * 2 * np.pi / sides
    vertices = np.stack(
        [
            np.sin(polar) * np.cos(around),
            np.sin(polar) * np.sin(around),
            np.cos(polar) + 0 * around,
        ],
        axis=-1,
    ).reshape(-1, 3)
    ring, place = (grid.ravel() for grid in np.mgrid[:rings, :sides])
    a, b = ring * sides + place, ring * sides + (place + 1) % sides
    faces = [(a, a + sides, b + sides), (a, b + sides, b)]
    return vertices, np.concatenate([np.stack(face, axis=-1) for face in faces])


def limb_transforms(
    joints_m: np.ndarray, limbs: np.ndarray, radii_m: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How to put unit cylinders along the limbs.

    Args:
        joints_m: (joints, 3) positions.
        limbs: (limbs, 2) joints at both ends.
        radii_m: (limbs,).

    Returns:
        Rotations (limbs, 4) as unit quaternions w, x, y, z that turn z along the limb, middles
        (limbs, 3) in metres, and scales (limbs, 3).
    """
    start, end = joints_m[limbs[:, 0]], joints_m[limbs[:, 1]]
    along = end - start
    length = np.linalg.norm(along, axis=-1)
    direction = along / np.maximum(length, 1e-9)[:, None]
    # the half-way quaternion from z to d is (1 + d_z, z x d), and a half turn about x where d = -z
    wxyz = np.stack(
        [1 + direction[:, 2], -direction[:, 1], direction[:, 0], np.zeros(len(limbs))], axis=-1
    )
    norm = np.linalg.norm(wxyz, axis=-1, keepdims=True)
    wxyz = np.where(norm > 1e-6, wxyz / np.maximum(norm, 1e-6), (0.0, 1.0, 0.0, 0.0))
    scales = np.stack([radii_m, radii_m, length], axis=-1)
    return wxyz, (start + end) / 2, scales
