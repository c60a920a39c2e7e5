"""Named random streams: the same seed and names give the same numbers in any process and order."""

import hashlib

import numpy as np


def stream_seed(seed: int | np.integer, *names: str | int | np.integer) -> int:
    """A 63-bit seed that depends on `seed` and every name, stable across machines and versions."""
    key = repr([int(seed), *(str(name) for name in names)])
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") >> 1


def random_stream(seed: int | np.integer, *names: str | int | np.integer) -> np.random.Generator:
    """A generator for one named purpose, e.g. `random_stream(0, "clothes", subject)`."""
    return np.random.default_rng(stream_seed(seed, *names))
