"""One-Euro, zero-phase and gap filling."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overpose.support.errors import InputError
from overpose.video.smoothing import OneEuro, bridge_gaps, one_euro, smooth_zero_phase


def reference_one_euro(
    values: list[float], fps: float, min_cutoff: float, beta: float, derivative_cutoff: float
) -> list[float]:
    """Algorithm 1 and equations 2-7 of the paper, one number at a time."""

    def alpha(cutoff: float) -> float:
        return 1 / (1 + (1 / (2 * math.pi * cutoff)) * fps)

    filtered, speed = [values[0]], 0.0
    for value in values[1:]:
        a = alpha(derivative_cutoff)
        speed = a * (value - filtered[-1]) * fps + (1 - a) * speed
        a = alpha(min_cutoff + beta * abs(speed))
        filtered.append(a * value + (1 - a) * filtered[-1])
    return filtered


def walk(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 10, shape).cumsum(axis=0)


@given(
    seed=st.integers(0, 1000),
    fps=st.floats(10, 120),
    beta=st.floats(0, 1),
    cutoff=st.floats(0.1, 10),
)
@settings(max_examples=20, deadline=None)
def test_one_euro_is_the_filter_of_the_paper(seed, fps, beta, cutoff):
    values = walk(seed, 30)
    found = one_euro(
        values[:, None], fps, min_cutoff_hz=cutoff, beta=beta, derivative_cutoff_hz=2.0
    )
    expected = reference_one_euro(values.tolist(), fps, cutoff, beta, 2.0)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-9, atol=1e-9)


def test_one_euro_of_many_points_is_that_of_each_point_alone():
    values = walk(1, 20, 4, 5, 3)
    alone = one_euro(values[:, 2, 3:4], 30.0, beta=0.1)
    np.testing.assert_allclose(one_euro(values, 30.0, beta=0.1)[:, 2, 3:4], alone)


def test_one_euro_commutes_with_rotation():
    values = walk(2, 40, 6, 3)
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    np.testing.assert_allclose(
        one_euro(values @ turn, 25.0, beta=0.05), one_euro(values, 25.0, beta=0.05) @ turn
    )


def test_one_euro_never_looks_ahead():
    values = walk(4, 30, 2, 3)
    changed = values.copy()
    changed[20:] += 100
    np.testing.assert_array_equal(one_euro(values, 30.0)[:20], one_euro(changed, 30.0)[:20])


def test_one_euro_steadies_a_point_at_rest_and_follows_a_fast_one():
    noise = np.random.default_rng(5).normal(0, 1, (300, 1))
    assert one_euro(noise, 30.0, beta=0.01)[100:].std() < 0.5 * noise[100:].std()
    fast = np.linspace(0, 30_000, 300)[:, None]
    lag = fast - one_euro(fast, 30.0, beta=0.01)
    assert lag[100:].max() < 100  # one frame of travel


def test_one_euro_passes_gaps_through_and_continues_after_a_short_one():
    values = walk(6, 30, 1, 2)
    values[10:13] = np.nan
    found = one_euro(values, 30.0, max_gap_s=0.1)
    assert np.array_equal(np.isnan(found), np.isnan(values))
    assert not np.allclose(found[13], values[13])


def test_one_euro_starts_afresh_after_a_long_gap():
    values = walk(7, 30, 1, 2)
    values[10:14] = np.nan
    found = one_euro(values, 30.0, max_gap_s=0.1)
    np.testing.assert_array_equal(found[14:], one_euro(values[14:], 30.0, max_gap_s=0.1))


def test_one_euro_keeps_the_dtype_and_leaves_its_input_alone():
    values = walk(8, 5, 2, 3).astype(np.float32)
    before = values.copy()
    assert one_euro(values, 30.0).dtype == np.float32
    np.testing.assert_array_equal(values, before)


def test_one_euro_refuses_another_shape_until_reset():
    smooth = OneEuro(30.0)
    smooth(np.zeros((2, 3)))
    with pytest.raises(InputError, match=r"got shape \(3, 3\), expected \(2, 3\)"):
        smooth(np.zeros((3, 3)))
    smooth.reset()
    assert smooth(np.ones((3, 3))).shape == (3, 3)


@pytest.mark.parametrize("settings_", [{"min_cutoff_hz": 0}, {"beta": -1}, {"max_gap_s": -0.1}])
def test_one_euro_refuses_settings_without_meaning(settings_):
    with pytest.raises(InputError, match=next(iter(settings_))):
        OneEuro(30.0, **settings_)
    with pytest.raises(InputError, match="fps"):
        OneEuro(float("nan"))


def test_zero_phase_halves_the_power_at_the_cutoff():
    frames = np.arange(6000) / 100.0
    values = np.sin(2 * np.pi * 5.0 * frames)
    found = smooth_zero_phase(values, 100.0, 5.0)[2000:4000]
    assert np.sqrt(2 * np.mean(found**2)) == pytest.approx(np.sqrt(0.5), abs=0.01)


def test_zero_phase_has_no_delay():
    frames = np.arange(400) / 50.0
    slow, noisy = np.sin(2 * np.pi * 0.5 * frames), np.sin(2 * np.pi * 20 * frames)
    found = smooth_zero_phase(slow + 0.2 * noisy, 50.0, 4.0)
    np.testing.assert_allclose(found[50:-50], slow[50:-50], atol=0.01)


@given(seed=st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_zero_phase_commutes_with_reversing_time(seed):
    values = walk(seed, 200)
    forwards = smooth_zero_phase(values, 30.0, 3.0)
    backwards = smooth_zero_phase(values[::-1].copy(), 30.0, 3.0)[::-1]
    np.testing.assert_allclose(forwards[40:-40], backwards[40:-40], atol=0.5)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 10, 60])
def test_zero_phase_keeps_straight_lines(frames):
    line = np.linspace(5, 70, frames)[:, None] * [1, -2, 0]
    np.testing.assert_allclose(smooth_zero_phase(line, 30.0, 2.0), line, atol=1e-6)


def test_zero_phase_filters_each_stretch_by_itself():
    values = walk(9, 100, 3, 2)
    values[40:50, 1] = np.nan
    values[:5, 2, 0] = np.nan
    found = smooth_zero_phase(values, 30.0, 3.0)
    assert np.array_equal(np.isnan(found), np.isnan(values))
    for part in (slice(0, 40), slice(50, 100)):
        alone = smooth_zero_phase(values[part, 1], 30.0, 3.0)
        np.testing.assert_allclose(found[part, 1], alone)
    np.testing.assert_allclose(found[5:, 2, 0], smooth_zero_phase(values[5:, 2, 0], 30.0, 3.0))


def test_zero_phase_changes_nothing_at_half_the_frame_rate_and_above():
    values = walk(10, 50, 3)
    np.testing.assert_array_equal(smooth_zero_phase(values, 10.0, 5.0), values)


@pytest.mark.parametrize("values", [np.zeros((0, 17, 3)), np.full((20, 3), np.nan)])
def test_zero_phase_and_bridging_take_nothing_and_nobody(values):
    np.testing.assert_array_equal(smooth_zero_phase(values, 30.0, 3.0), values)
    np.testing.assert_array_equal(bridge_gaps(values, 5), values)


def test_zero_phase_refuses_settings_without_meaning():
    with pytest.raises(InputError, match="cutoff_hz: got 0"):
        smooth_zero_phase(np.zeros(5), 30.0, 0)
    with pytest.raises(InputError, match="dtype int64"):
        smooth_zero_phase(np.zeros(5, dtype=np.int64), 30.0, 3)


@given(seed=st.integers(0, 10_000), longest=st.integers(0, 6))
@settings(max_examples=40, deadline=None)
def test_bridging_fills_exactly_the_short_inner_gaps_as_interpolation_does(seed, longest):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(40, 3))
    values[rng.random((40, 3)) < 0.5] = np.nan
    found = bridge_gaps(values, longest)
    for column, filled in zip(values.T, found.T, strict=True):
        seen = np.flatnonzero(np.isfinite(column))
        expected = column.copy()
        for first, last in itertools.pairwise(seen):
            if 1 < last - first <= longest + 1:
                inner = np.arange(first, last + 1)
                expected[inner] = np.interp(inner, [first, last], column[[first, last]])
        np.testing.assert_allclose(filled, expected)


def test_bridging_refuses_a_negative_length():
    with pytest.raises(InputError, match="max_frames: got -1"):
        bridge_gaps(np.zeros((3, 1)), -1)
