"""Lens models: their derivatives, and the way back that stays on the unfolded part."""

import numpy as np
import pytest

from overpose import lens
from overpose.lens import distort, undistort

LENSES = [
    ("opencv", (-0.2, 0.05, 0.01, -0.02, 0.03, 0.02, -0.01, 0.005, 0.02, -0.03, 0.01, 0.04)),
    ("opencv", (0.4, -0.3, 0.05, -0.02, 0.03)),
    ("opencv", (-0.5, 0.0, 0.0, 0.0)),
    ("human36m", (-0.2, 0.24, -0.002, 0.004, -0.003)),
]


def derivatives(slopes: np.ndarray, model: str, coefficients: tuple[float, ...]) -> np.ndarray:
    """(n, 2, 2) by central differences: outputs by inputs."""
    step = 1e-6 * np.eye(2)
    columns = [
        (distort(slopes + move, model, coefficients) - distort(slopes - move, model, coefficients))
        / 2e-6
        for move in step
    ]
    return np.stack(columns, axis=-1)


@pytest.mark.parametrize(("model", "coefficients"), LENSES)
def test_derivatives_are_those_of_small_steps(model, coefficients):
    slopes = np.random.default_rng(0).normal(0, 0.4, (50, 2))
    found = lens._distort_with_jacobian(slopes, model, coefficients)[1]
    np.testing.assert_allclose(found, derivatives(slopes, model, coefficients), atol=1e-6)


@pytest.mark.parametrize(("model", "coefficients"), LENSES)
def test_the_way_back_ends_where_the_image_is_not_turned_over(model, coefficients):
    """Past the fold of a model a second slope leads to the same place; it is never the answer."""
    slopes = np.random.default_rng(1).normal(0, 0.9, (2000, 2))
    found = undistort(slopes, model, coefficients)
    found = found[np.isfinite(found).all(axis=1)]
    assert len(found) > 200
    slope = derivatives(found, model, coefficients)
    assert (np.linalg.det(slope) > 0).all()
    assert (np.trace(slope, axis1=1, axis2=2) > 0).all()
