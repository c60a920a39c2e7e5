"""Explicit features against the exact kernels."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from overpose.baselines.kernels import (
    chi2_distance,
    chi2_features,
    fourier_directions,
    fourier_features,
    squared_distance,
)


def histograms(count: int, seed: int = 0) -> np.ndarray:
    """Sparse ones that sum to 1, like PHOG."""
    rng = np.random.default_rng(seed)
    found = rng.gamma(0.5, size=(count, 765)) * (rng.random((count, 765)) < 0.4)
    return (found / found.sum(axis=1, keepdims=True)).astype(np.float32)


def test_chi2_is_what_its_formula_says():
    first, second = histograms(4), histograms(6, seed=1)
    with np.errstate(invalid="ignore"):
        terms = (first[:, None] - second) ** 2 / (first[:, None] + second)
    np.testing.assert_allclose(chi2_distance(first, second), np.nansum(terms, axis=-1), rtol=1e-4)


def test_squared_distances_agree_with_scipy():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(5, 7)), rng.normal(size=(3, 7))
    expected = cdist(first, second, "sqeuclidean")
    np.testing.assert_allclose(squared_distance(first, second), expected, rtol=1e-9)


def test_distances_of_chebyshev_features_are_close_to_chi2():
    found = histograms(30)
    features = chi2_features(found).astype(np.float64)
    assert features.shape == (30, 5 * 765)
    others = ~np.eye(30, dtype=bool)
    exact = chi2_distance(found, found)[others]
    np.testing.assert_allclose(squared_distance(features, features)[others], exact, rtol=0.1)


def test_squares_of_chebyshev_features_sum_to_the_entries():
    entries = np.geomspace(1e-4, 0.1, 20)[None].astype(np.float32)
    features = chi2_features(entries).reshape(5, 20)
    np.testing.assert_allclose((features**2).sum(axis=0), entries[0], rtol=0.25)
    assert (chi2_features(np.zeros((1, 3), np.float32)) == 0).all()


def test_the_kernel_of_two_entries_is_twice_their_product_over_their_sum():
    x, y = np.array([[1 / 765]], np.float32), np.array([[2 / 765]], np.float32)
    got = float((chi2_features(x) * chi2_features(y)).sum())
    assert got == pytest.approx(float((2 * x * y / (x + y)).item()), rel=0.01)


@pytest.mark.parametrize("gamma", [0.3, 1.7])
def test_random_features_are_close_to_the_gaussian(gamma):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(20, 12)) / 4
    features = fourier_features(points, *fourier_directions(rng, 12, 20_000, gamma))
    exact = np.exp(-gamma * squared_distance(points, points))
    np.testing.assert_allclose(features @ features.T, exact, atol=0.03)
