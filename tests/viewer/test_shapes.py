"""Meshes of the live viewer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from overpose.viewer.shapes import ball, cylinder, joint_radius_m, limb_transforms

LIMBS = np.array([[0, 1], [1, 2]])
POINTS = arrays(np.float64, (3, 3), elements=st.floats(-5, 5))


@given(POINTS)
def test_a_cylinder_ends_where_its_joints_are(joints: np.ndarray) -> None:
    wxyz, middles, scales = limb_transforms(joints, LIMBS, np.array([0.1, 0.2]))
    np.testing.assert_allclose(np.linalg.norm(wxyz, axis=-1), 1, atol=1e-6)
    turns = Rotation.from_quat(wxyz, scalar_first=True)
    for end, sign in ((0, -0.5), (1, 0.5)):
        reached = middles + turns.apply(np.array([[0, 0, sign]]) * scales)
        np.testing.assert_allclose(reached, joints[LIMBS[:, end]], atol=1e-4)


def test_a_limb_that_points_backwards_is_turned_over() -> None:
    joints = np.array([[0.0, 0, 1], [0, 0, 0], [0, 0, -1]])
    wxyz, _, scales = limb_transforms(joints, LIMBS, np.array([0.1, 0.2]))
    along = Rotation.from_quat(wxyz, scalar_first=True).apply([0.0, 0.0, 1.0])
    np.testing.assert_allclose(along, [[0, 0, -1]] * 2, atol=1e-9)
    np.testing.assert_allclose(scales, [[0.1, 0.1, 1], [0.2, 0.2, 1]])


@pytest.mark.parametrize("mesh", [cylinder, ball])
def test_faces_look_outwards(mesh) -> None:
    vertices, faces = mesh()
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    normals, outward = np.cross(b - a, c - a), (a + b + c) / 3
    if mesh is cylinder:
        outward = outward * (1, 1, 0)
    proper = np.linalg.norm(normals, axis=-1) > 1e-9  # at the poles of the ball some vanish
    assert proper.sum() >= 0.7 * len(faces)
    assert ((normals * outward).sum(axis=-1)[proper] > 0).all()


def test_both_sides_are_equally_thick() -> None:
    assert (
        joint_radius_m("left_knee") == joint_radius_m("right_knee") > joint_radius_m("left_wrist")
    )
    assert joint_radius_m("something else") > 0
