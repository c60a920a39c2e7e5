"""Curves over one cycle, a stride or a repetition: the mean of all cycles and how they differ.

Where cycles begin and end is found by `gait` and `repetitions`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

POINTS = 101
"""Of a curve over a cycle: 0 to 100 %."""
LEAST_CYCLES = 2
"""A single one has no mean, and shows nothing of how they differ."""


@dataclass(frozen=True, eq=False)
class CycleMean:
    """A curve over one cycle.

    Attributes:
        mean, spread: (`POINTS`,) the mean over cycles and their standard deviation.
        count: how many cycles.
    """

    mean: np.ndarray
    spread: np.ndarray
    count: int


@dataclass(frozen=True, eq=False)
class Cycles:
    """Cycles of one person.

    Attributes:
        title: what they are, such as "strides".
        spans: (n, 2) frames from the begin of a cycle to its end, by the side whose angles they are
            for: "left", "right" and "middle".
    """

    title: str
    spans: Mapping[str, np.ndarray]

    def mean_of(self, name: str, values: np.ndarray) -> CycleMean | None:
        """The mean of an angle (frames,) by its name; None of fewer than `LEAST_CYCLES` cycles in
        which it is known throughout."""
        side = name.partition("_")[0]
        return cycle_mean(values, self.spans[side if side in self.spans else "middle"])


def cycle_mean(values: np.ndarray, spans: np.ndarray) -> CycleMean | None:
    """The mean of (frames,) values over cycles (n, 2), each stretched to `POINTS` points; None of
    fewer than `LEAST_CYCLES` in which the values are finite throughout."""
    frames, share = np.arange(len(values)), np.linspace(0, 1, POINTS)
    curves = []
    for begin, end in spans:
        inside = values[int(np.floor(begin)) : int(np.ceil(end)) + 1]
        if np.isfinite(inside).all():
            at = begin + share * (end - begin)
            near = slice(max(0, int(begin) - 1), int(end) + 3)
            curves.append(np.interp(at, frames[near], values[near]))
    if len(curves) < LEAST_CYCLES:
        return None
    return CycleMean(np.mean(curves, axis=0), np.std(curves, axis=0, ddof=1), len(curves))
