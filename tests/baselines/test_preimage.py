"""Many small minimisations at once."""

import numpy as np
import pytest
from scipy.optimize import minimize, rosen, rosen_der

from overpose.baselines.preimage import minimize_batch


def many_rosenbrocks(points, which):
    return np.array([rosen(p) for p in points]), np.stack([rosen_der(p) for p in points])


def test_it_finds_what_scipy_finds_for_each_start():
    starts = np.random.default_rng(0).uniform(-1.5, 1.5, (6, 2))
    found = minimize_batch(many_rosenbrocks, starts, iterations=200, tolerance=1e-14)
    for start, point in zip(starts, found, strict=True):
        expected = minimize(rosen, start, jac=rosen_der, method="BFGS").x
        np.testing.assert_allclose(point, expected, atol=1e-3)


def test_the_problems_do_not_disturb_each_other():
    starts = np.random.default_rng(1).uniform(-1.5, 1.5, (5, 4))
    together = minimize_batch(many_rosenbrocks, starts, iterations=30)
    alone = [minimize_batch(many_rosenbrocks, start[None], iterations=30)[0] for start in starts]
    np.testing.assert_allclose(together, alone, rtol=1e-9)


@pytest.mark.parametrize("iterations", [1, 3, 10])
def test_no_point_is_worse_than_its_start(iterations):
    starts = np.random.default_rng(2).uniform(-2, 2, (20, 3))
    found = minimize_batch(many_rosenbrocks, starts, iterations=iterations)
    assert (many_rosenbrocks(found, None)[0] <= many_rosenbrocks(starts, None)[0]).all()


def test_the_objective_is_told_which_problems_are_asked_for():
    aims = np.arange(12.0).reshape(4, 3)

    def objective(points, which):
        return ((points - aims[which]) ** 2).sum(axis=1), 2 * (points - aims[which])

    np.testing.assert_allclose(minimize_batch(objective, np.zeros((4, 3))), aims, atol=1e-4)


def test_at_a_minimum_nothing_moves():
    start = np.ones((2, 3))
    np.testing.assert_array_equal(minimize_batch(many_rosenbrocks, start), start)
