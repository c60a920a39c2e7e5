"""Runs of True: in which frames in a row something holds."""

import numpy as np


def stretches(there: np.ndarray) -> list[tuple[int, int]]:
    """Start and stop of every run of True in (frames,) bool."""
    edges = np.flatnonzero(np.diff(there, prepend=False, append=False))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
