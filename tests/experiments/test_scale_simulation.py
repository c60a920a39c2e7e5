"""The cluster on paper obeys what is known of any: sums, bounds, conservation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overpose.experiments.scale.simulation import Driver, Machines, simulate

UNITS = st.lists(st.floats(0.1, 50), min_size=1, max_size=40)
WORKERS = st.integers(1, 12)


@given(UNITS)
def test_one_worker_takes_the_sum_of_the_units(seconds: list[float]) -> None:
    assert simulate(seconds, Machines(1)).total_s == pytest.approx(sum(seconds))


@given(UNITS)
def test_a_worker_for_each_unit_takes_the_longest(seconds: list[float]) -> None:
    found = simulate(seconds, Machines(len(seconds), start_s=3.0, ready_s=(2.0,)))
    assert found.total_s == pytest.approx(5.0 + max(seconds))


@given(UNITS, WORKERS)
def test_workers_take_no_less_than_their_share_and_no_more_than_the_longest_unit_besides(
    seconds: list[float], workers: int
) -> None:
    share = sum(seconds) / workers
    total_s = simulate(seconds, Machines(workers)).total_s
    assert max(share, max(seconds)) * 0.999 <= total_s <= (share + max(seconds)) * 1.001


@given(UNITS, WORKERS)
def test_more_workers_take_no_longer(seconds: list[float], workers: int) -> None:
    fewer, more = (simulate(seconds, Machines(count)).total_s for count in (workers, workers + 1))
    assert more <= fewer * 1.000001


@given(UNITS, WORKERS, st.lists(st.floats(0, 100), max_size=5))
@settings(deadline=None)
def test_every_unit_is_done_once_whatever_dies(
    seconds: list[float], workers: int, kills: list[float]
) -> None:
    machines = Machines(
        workers, ready_s=(0.5, 2.0), per_machine=2, hours_between_failures=0.03, return_s=20.0
    )
    found = simulate(seconds, machines, Driver(0.01, 0.02, 0.03), kills=kills)
    assert found.done == len(seconds)
    assert found.work_s == pytest.approx(sum(seconds))
    assert found.driver_s == pytest.approx(0.03 * len(seconds))
    assert found.link_s == pytest.approx(0.03 * len(seconds))


def test_a_killed_worker_loses_its_unit_and_starts_again() -> None:
    machines = Machines(1, start_s=1.0, ready_s=(2.0,))
    # Begins at 3, is killed at 7 with 4 s done, is back at 9.
    found = simulate([10.0, 10.0], machines, kills=[7.0])
    assert found.total_s == pytest.approx(9 + 20)
    assert (found.losses, found.lost_s) == (1, pytest.approx(4))


def test_a_machine_that_fails_takes_all_its_workers_with_it() -> None:
    machines = Machines(4, per_machine=4, hours_between_failures=30 / 3600, return_s=5.0)
    found = simulate([10.0] * 40, machines, seed=3)
    assert found.losses > 0
    assert found.losses % 4 == 0


def test_a_driver_that_is_slower_than_the_workers_decides() -> None:
    found = simulate(np.full(500, 1.0), Machines(100), Driver(hand_s=0.1, take_s=0.2))
    assert found.total_s == pytest.approx(500 * 0.3, rel=0.05)
    assert found.bound_by == "driver"


def test_a_link_that_is_slower_than_the_workers_decides() -> None:
    found = simulate(np.full(500, 1.0), Machines(100), Driver(0.001, 0.001, link_s=0.2))
    assert found.total_s == pytest.approx(500 * 0.2, rel=0.05)
    assert found.bound_by == "link"


def test_what_bounds_a_few_long_units_are_the_ends() -> None:
    assert simulate([1.0] * 9, Machines(2, start_s=60)).bound_by == "ends"
    assert simulate([1.0] * 900, Machines(2)).bound_by == "workers"


def test_the_same_seed_gives_the_same() -> None:
    machines = Machines(3, ready_s=(1.0, 2.0, 3.0), hours_between_failures=0.01)
    first, second, third = (simulate([5.0] * 30, machines, seed=s).total_s for s in (1, 1, 2))
    assert first == second != third
