"""Named random streams: reproducible, distinct, fixed for good."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from overpose.support.seeding import random_stream, stream_seed

keys = st.tuples(st.integers(-(2**40), 2**40), st.lists(st.text(max_size=5), max_size=3))


@given(one=keys, other=keys)
def test_streams_are_equal_exactly_when_seed_and_names_are(one: tuple, other: tuple) -> None:
    assert (stream_seed(one[0], *one[1]) == stream_seed(other[0], *other[1])) == (one == other)


@given(key=keys)
def test_seeds_fit_what_torch_accepts(key: tuple) -> None:
    assert 0 <= stream_seed(key[0], *key[1]) < 2**63


def test_names_do_not_run_into_one_another() -> None:
    assert stream_seed(0, "a/b") != stream_seed(0, "a", "b")
    assert stream_seed(0, "1") != stream_seed(0, "1", "")


def test_a_seed_never_changes() -> None:
    """Published results depend on it."""
    assert stream_seed(7, "clothes", "subject 3") == 8402908269668809235


def test_the_same_stream_gives_the_same_numbers_whatever_was_drawn_before() -> None:
    expected = random_stream(1, "camera", 2).random(5)
    random_stream(1, "light").random(100)
    np.testing.assert_array_equal(random_stream(1, "camera", 2).random(5), expected)


def test_numpy_integers_are_the_same_as_pythons() -> None:
    assert stream_seed(np.int64(3), np.int32(4)) == stream_seed(3, 4)  # pyright: ignore[reportArgumentType]
