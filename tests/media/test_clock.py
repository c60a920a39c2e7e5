"""From the times that files state to frames at a constant rate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overpose.media.clock import LONGEST_GAP_S, Clock, constant_rate_fps, longest_gap_s, placed

stamps = st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), min_size=1, max_size=60)
rates = st.floats(1, 1000)


@given(stamps, rates)
def test_frames_keep_their_order_whatever_their_stamps(
    times: list[float | None], fps: float
) -> None:
    clock = Clock(fps)
    places = [clock.place(time) for time in times]
    assert places[0] == 0
    assert places == sorted(places)


@given(stamps, rates)
def test_no_gap_is_longer_than_the_longest(times: list[float | None], fps: float) -> None:
    clock = Clock(fps)
    places = [clock.place(time) for time in times]
    assert np.diff(places, prepend=0).max() <= longest_gap_s(fps) * fps + 2


@given(st.integers(1, 200), st.sampled_from([24.0, 25.0, 30000 / 1001, 50.0, 59.94, 240.0]))
def test_even_stamps_are_frame_by_frame_even_if_rounded(count: int, fps: float) -> None:
    times = [round(i / fps, 3) for i in range(count)]
    clock = placed(times, fps)
    assert (clock.index, clock.uneven, clock.jumps) == (count - 1, False, [])


@given(st.lists(st.floats(0.001, LONGEST_GAP_S - 0.01), max_size=50), rates)
def test_frames_are_at_most_a_frame_from_their_true_times(steps: list[float], fps: float) -> None:
    times = np.cumsum([0.0, *steps])
    clock = Clock(fps)
    for time in times:
        place = clock.place(float(time))
        assert abs(place - time * fps) <= 0.76


@pytest.mark.parametrize(
    ("second", "said_s"),
    [
        ([0.0, 0.04, 0.08], -0.08),  # starts again
        ([100.0, 100.04, 100.08], 99.92),  # forwards
        ([-100.0, -99.96, -99.92], -100.08),  # backwards
        ([2**33 / 90000 + 0.0, 2**33 / 90000 + 0.04, 2**33 / 90000 + 0.08], 95443.6377),  # 33 bits
    ],
)
def test_a_clock_that_jumps_goes_on_with_the_next_frame(second: list[float], said_s: float) -> None:
    clock = placed([0.0, 0.04, 0.08, *second], 25.0)
    assert clock.index == 5
    assert [frames for frames, _ in clock.jumps] == [3]
    assert clock.jumps[0][1] == pytest.approx(said_s, abs=1e-3)


def test_frames_that_were_lost_take_their_time() -> None:
    clock = Clock(25.0)
    clock.place(0.0)
    assert clock.place(30.0, lost=749) == 750
    assert not clock.jumps
    assert not clock.uneven
    assert clock.place(None, lost=2) == 753


def test_the_rate_is_that_of_most_frames_not_their_average() -> None:
    times = [*np.arange(20) / 30, *(20 / 30 + np.arange(1, 6) / 6)]
    assert constant_rate_fps(times, [250 / 11]) == pytest.approx(30)


def test_what_the_file_states_is_taken_if_it_is_true_but_for_rounding() -> None:
    stated = 30000 / 1001
    times = [round(i / stated, 3) for i in range(5)]
    assert constant_rate_fps(times, [stated], tick_s=0.001) == stated
    assert constant_rate_fps([i / 25 for i in range(50)], [1000.0]) == pytest.approx(25)


def test_jittering_stamps_of_a_browser_give_their_mean_rate() -> None:
    rng = np.random.default_rng(0)
    times = np.round(np.arange(100) / 30 + rng.uniform(-0.01, 0.01, 100), 3)
    assert constant_rate_fps(times.tolist(), [1000.0], tick_s=0.001) == pytest.approx(30, rel=0.02)


@pytest.mark.parametrize("times", [[], [0.0], [5.0, 5.0, 5.0], [0.0, 100.0, 50.0]])
def test_without_times_the_stated_rate_is_taken_or_25(times: list[float]) -> None:
    assert constant_rate_fps(times, [1000.0, 50.0]) == 50
    assert constant_rate_fps(times, [1000.0]) == 25
    assert constant_rate_fps(times, [0.001, 1e9]) == 25


@given(st.lists(st.floats(0, 20), min_size=1, max_size=300))
def test_bursts_with_long_pauses_do_not_make_mostly_repeats(steps: list[float]) -> None:
    times = np.cumsum(steps).tolist()
    fps = constant_rate_fps(times)
    assert placed(times, fps).index <= 10 * len(times) + 1010
