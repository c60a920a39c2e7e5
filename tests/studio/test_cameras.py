"""The rig of cameras: where Human3.6M's would stand, and pointed at the person."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overpose.studio.cameras import place_cameras
from overpose.support.errors import InputError

SEEDS = st.integers(0, 2**32 - 1)
PLACES = st.tuples(*[st.floats(-9000, 9000)] * 2)


@given(SEEDS, PLACES)
def test_cameras_stand_four_to_six_metres_away_at_the_height_of_a_head(seed, place) -> None:
    for camera in place_cameras(np.random.default_rng(seed), place):
        away = np.linalg.norm(camera.position_mm[:2] - place)
        assert 4000 <= away <= 6000
        assert 1400 <= camera.position_mm[2] <= 1600


@given(SEEDS, st.integers(1, 8))
def test_there_is_one_camera_in_each_sector(seed, count) -> None:
    cameras = place_cameras(np.random.default_rng(seed), (0.0, 0.0), count)
    azimuths = np.array([np.arctan2(c.position_mm[1], c.position_mm[0]) for c in cameras])
    gaps = np.diff(np.append(azimuths, azimuths[0]) % (2 * np.pi)) % (2 * np.pi)
    if count > 1:
        assert gaps.min() > 0.4 * 2 * np.pi / count - 1e-9
        np.testing.assert_allclose(gaps.sum(), 2 * np.pi)


@given(SEEDS, PLACES)
def test_a_person_within_a_metre_of_the_middle_is_in_every_picture(seed, place) -> None:
    x, y = place
    away = np.array([[0, 0], [900, 0], [-900, 0], [0, 900], [0, -900]])
    trunk = np.array([[x + dx, y + dy, z] for dx, dy in away for z in (300.0, 1000.0, 1600.0)])
    for camera in place_cameras(np.random.default_rng(seed), place):
        pixels = camera.project(trunk)
        assert (pixels > 0).all()
        assert (pixels < 1000).all()


def test_up_is_up_in_the_picture() -> None:
    for camera in place_cameras(np.random.default_rng(0), (0.0, 0.0)):
        feet, head = camera.project(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1700.0]]))
        assert head[1] < feet[1] - 200
        assert abs(head[0] - feet[0]) < 30


def test_the_same_random_state_gives_the_same_rig() -> None:
    one, two = (place_cameras(np.random.default_rng(5), (1.0, 2.0)) for _ in range(2))
    for first, second in zip(one, two, strict=True):
        np.testing.assert_array_equal(first.rotation, second.rotation)
        np.testing.assert_array_equal(first.translation_mm, second.translation_mm)


def test_a_rig_without_cameras_is_refused() -> None:
    with pytest.raises(InputError, match="at least 1"):
        place_cameras(np.random.default_rng(0), (0.0, 0.0), 0)
