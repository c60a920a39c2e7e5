"""Smooth procedural noise for the studio's compiled kernels; colours and scenes do not live here.

Numba caches a compiled caller by the caller's own file only: after editing this file, touch those
that use it (or remove their __pycache__).
"""

import numba
import numpy as np

FAST_MATH = {"nsz", "arcp", "contract", "afn", "reassoc"}
"""Liberties the compiler may take with rounding; NaN and infinity keep their meaning."""

_PERIOD = 128  # lattice points before the noise repeats; the table stays in the processor's cache
_MASK = _PERIOD - 1
_LATTICE = np.random.default_rng(0).random((_PERIOD, _PERIOD), dtype=np.float32)


@numba.njit(cache=True, nogil=True, inline="always")
def whole(x):
    """Floor as an integer; numba's own is a call to the C library, slow inside a hot loop."""
    i = int(x)
    return i - 1 if x < i else i


@numba.njit(cache=True, nogil=True, inline="always")
def hash_unit(x, y, seed):
    """A fixed pseudo-random number in 0..1 for a lattice point (whole numbers)."""
    return _LATTICE[(y + 61 * seed) & _MASK, (x + 37 * seed) & _MASK]


@numba.njit(cache=True, nogil=True, fastmath=FAST_MATH)
def noise2(x, y, seed):
    """Value noise of the plane in 0..1 with unit lattice, smooth; `seed` is a whole number."""
    j, i = whole(x), whole(y)
    u, v = np.float32(x - j), np.float32(y - i)
    j, i = j + 37 * seed, i + 61 * seed
    j0, j1, i0, i1 = j & _MASK, (j + 1) & _MASK, i & _MASK, (i + 1) & _MASK
    three, two = np.float32(3.0), np.float32(2.0)
    u, v = u * u * (three - two * u), v * v * (three - two * v)
    low = _LATTICE[i0, j0] + (_LATTICE[i0, j1] - _LATTICE[i0, j0]) * u
    high = _LATTICE[i1, j0] + (_LATTICE[i1, j1] - _LATTICE[i1, j0]) * u
    return low + (high - low) * v


@numba.njit(cache=True, nogil=True, fastmath=FAST_MATH)
def noise3(x, y, z):
    """Value noise of space in 0..1 with unit lattice, smooth."""
    k = whole(z)
    w = np.float32(z - k)
    w = w * w * (np.float32(3.0) - np.float32(2.0) * w)
    low, high = noise2(x, y, k), noise2(x, y, k + 1)
    return low + (high - low) * w
