"""The cluster on paper, with the times of one measured run, held against other measured runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from overpose.experiments.scale.measuring import Run
from overpose.experiments.scale.simulation import Driver, Machines, simulate

DRAWS = 200


@dataclass(frozen=True)
class Calibration:
    """What one run says of any.

    Attributes:
        unit_s: seconds from the beginning of a unit to that of the worker's next one, or to the
            end of a worker's last one; without the first ones of a worker, which are slower.
        ready_s: from a worker's death to the beginning of the unit of the one that replaces it,
            and what its first unit takes longer than others.
        start_s: from the command's beginning until workers begin to start.
        end_s: from the end of the last unit to the command's.
    """

    unit_s: tuple[float, ...]
    ready_s: tuple[float, ...]
    start_s: float
    end_s: float


def calibrate(run: Run) -> Calibration:
    """What a run with one worker, who was killed now and then, says of any run.

    Raises:
        ValueError: it had several workers, or was not killed.
    """
    if run.workers != 1 or not run.kills_s:
        raise ValueError("expected a run of one worker who was killed")
    unit_s, first_s = [], []
    for before, unit, after in zip((None, *run.units), run.units, (*run.units[1:], None)):  # noqa: B905
        if unit.ended_s is not None:
            goes_on = after is not None and after.worker == unit.worker
            taken_s = (after.begun_s if goes_on and after else unit.ended_s) - unit.begun_s
            is_first = before is None or before.worker != unit.worker
            (first_s if is_first else unit_s).append(taken_s)
    slower_s = max(0.0, median(first_s) - median(unit_s))
    ready_s = tuple(
        min(unit.begun_s for unit in run.units if unit.begun_s > killed) - killed + slower_s
        for killed in run.kills_s
        if any(unit.begun_s > killed for unit in run.units)
    )
    ended_s = max(unit.ended_s or 0.0 for unit in run.units)
    return Calibration(
        unit_s=tuple(unit_s),
        ready_s=ready_s,
        start_s=max(0.0, run.units[0].begun_s + slower_s - median(ready_s)),
        end_s=run.total_s - ended_s,
    )


@dataclass(frozen=True)
class Prediction:
    """What was predicted of a run, and what it took.

    Attributes:
        workers, kills: of the run.
        measured_s: its length.
        predicted_s: the median of what was drawn.
        spread_s: its 5th and 95th percentile.
    """

    workers: int
    kills: int
    measured_s: float
    predicted_s: float
    spread_s: tuple[float, float]

    @property
    def error(self) -> float:
        """Of the prediction, as a share of what was measured."""
        return self.predicted_s / self.measured_s - 1


def predict_run(known: Calibration, run: Run, driver: Driver, *, draws: int = DRAWS) -> Prediction:
    """What the calibration says of a run: of how many units, by whom and with which kills is
    known of it, and nothing else.

    Args:
        known: of another run.
        run: the one to predict.
        driver: of its units.
        draws: how often it is simulated.
    """
    units = len({unit.number for unit in run.units})
    machines = Machines(run.workers, known.start_s, known.ready_s)
    found = [
        simulate(drawn(known.unit_s, units, seed), machines, driver, kills=run.kills_s,
                 seed=seed).total_s + known.end_s
        for seed in range(draws)
    ]  # fmt: skip
    low, middle, high = np.percentile(found, [5, 50, 95]).tolist()
    return Prediction(run.workers, len(run.kills_s), run.total_s, middle, (low, high))


def drawn(seconds: Sequence[float], units: int, seed: int, *, measured: int = 1) -> np.ndarray:
    """Seconds of units, each as long as some measured ones, drawn with replacement.

    Args:
        seconds: measured.
        units: how many.
        seed: of what is drawn.
        measured: how many measured units make one.
    """
    draw = np.random.default_rng([seed, units])
    total = np.zeros(units)
    for _ in range(measured):
        total += draw.choice(np.asarray(seconds), units)
    return total
