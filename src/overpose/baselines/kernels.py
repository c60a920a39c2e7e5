"""Two kernels, exact and as explicit features: exp(-g chi2) on histograms, a Gaussian on poses.

Nothing is learned here.
"""

from functools import cache

import numpy as np
from numba import njit, prange

CHEBYSHEV_TERMS = 5
_REFERENCE = 1.0 / 765
"""The mean entry of a PHOG descriptor. The kernel does not change when both its arguments are
multiplied, so the map is centred there, where its few terms serve best."""
_LOG_RANGE, _LOG_STEPS, _ANGLES = 24.0, 9601, 4096


def chi2_distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(N, M) float32: sum (a - b)^2 / (a + b) of histograms (N, D) and (M, D), 0 / 0 being 0."""
    return _chi2_distance(
        np.ascontiguousarray(first, np.float32), np.ascontiguousarray(second, np.float32)
    )


def squared_distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(N, M): squared Euclidean distances of rows (N, D) and (M, D)."""
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)[None]
    return np.maximum(squares - 2 * first @ second.T, 0)


def chi2_features(histograms: np.ndarray) -> np.ndarray:
    """Chebyshev feature map of the chi2 kernel (Li, Lebanon and Sminchisescu, CVPR 2012).

    2 x y / (x + y) is the mean of sqrt(x y) cos(w (log x - log y)) over w with density sech(pi w).
    With t = tanh(pi w) that density is Chebyshev's own, 1 / (pi sqrt(1 - t^2)), so the waves are
    expanded in Chebyshev's polynomials of t, of which the first 5 are kept. Squared distances of
    features are close to chi2 distances.

    Args:
        histograms: (N, D), not negative.

    Returns:
        (N, 5 D) float32.
    """
    logs, table = _chebyshev_table()
    positive = np.maximum(histograms, 1e-30).astype(np.float32)
    place = np.log(positive / _REFERENCE)
    height = np.sqrt(np.where(histograms > 0, positive, 0))
    terms = [np.interp(place, logs, column) * height for column in table]
    return np.concatenate(terms, axis=1).astype(np.float32)


@cache
def _chebyshev_table() -> tuple[np.ndarray, np.ndarray]:
    """Logarithms (n,), and for each the 5 coefficients (5, n) of the waves."""
    logs = np.linspace(-_LOG_RANGE, _LOG_RANGE, _LOG_STEPS)
    angles = (np.arange(_ANGLES) + 0.5) * np.pi / _ANGLES
    frequencies = np.arctanh(np.cos(angles)) / np.pi
    table = np.empty((CHEBYSHEV_TERMS, _LOG_STEPS))
    for start in range(0, _LOG_STEPS, 512):
        phase = logs[start : start + 512, None] * frequencies
        waves = np.cos(phase), np.sin(phase)
        for term in range(CHEBYSHEV_TERMS):
            scale = 1.0 if term == 0 else np.sqrt(2.0)
            weighed = waves[term % 2] @ np.cos(term * angles)
            table[term, start : start + 512] = scale * weighed / _ANGLES
    return logs, table


def fourier_directions(
    rng: np.random.Generator, inputs: int, features: int, gamma: float
) -> tuple[np.ndarray, np.ndarray]:
    """Random Fourier features of exp(-gamma d^2) (Rahimi and Recht 2007).

    Args:
        rng: what draws them.
        inputs: D, size of what the kernel compares.
        features: how many.
        gamma: of the kernel.

    Returns:
        directions (D, features) float32 and phases (features,) float32: the features are
        sqrt(2 / features) cos(x directions + phases).
    """
    directions = rng.standard_normal((inputs, features), dtype=np.float32)
    phases = rng.random(features, dtype=np.float32)
    return directions * np.float32(np.sqrt(2 * gamma)), phases * np.float32(2 * np.pi)


def fourier_features(values: np.ndarray, directions: np.ndarray, phases: np.ndarray) -> np.ndarray:
    """(N, features) float32 of (N, D) values; dot products are close to the kernel."""
    waves = values.astype(np.float32) @ directions
    waves += phases
    np.cos(waves, out=waves)
    waves *= np.float32(np.sqrt(2 / len(phases)))
    return waves


@njit(cache=True, parallel=True, fastmath=True)
def _chi2_distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    result = np.empty((len(first), len(second)), np.float32)
    for i in prange(len(first)):
        for j in range(len(second)):
            total = np.float32(0)
            for k in range(first.shape[1]):
                difference = first[i, k] - second[j, k]
                both = first[i, k] + second[j, k] + np.float32(1e-30)
                total += difference * difference / both
            result[i, j] = total
    return result
