"""How people are filmed: focal lengths of real cameras, and distances that go with them."""

import numpy as np
import pytest

from overpose.synthetic.batches import ASSUMED_MM
from overpose.synthetic.lenses import FRAME_MM, LENSES, Lens, Shots
from overpose.video.focal import default_focal


def test_lenses_are_those_of_their_kind_as_often_as_stated() -> None:
    focal, distance = Shots().draw(4000, np.random.default_rng(0))
    assert focal.min() >= 21.6
    assert focal.max() <= 85.0
    phones = Shots((LENSES[0],)).draw(500, np.random.default_rng(0))[0]
    assert 24 <= phones.min() < phones.max() <= 31
    assert (focal > 37.5).mean() == pytest.approx(
        0.3 * np.log(85 / 37.5) / np.log(85 / 28), abs=0.03
    )
    assert 1300 <= distance.min() < distance.max() <= 14_000


def test_people_fill_the_picture_as_stated() -> None:
    """Whatever the lens: twice as long is twice as far."""
    for millimetres in (25.0, 50.0):
        shots = Shots((Lens("one", 1.0, (millimetres, millimetres)),), distance_m=(0.1, 100.0))
        focal, distance = shots.draw(2000, np.random.default_rng(1))
        high = 1700.0 * focal / distance  # on the film, mm
        assert high.min() >= 0.25 * 24
        assert high.max() <= 1.1 * 36
        assert np.median(high) == pytest.approx(0.52 * 29.4, rel=0.1)  # geometric means


def test_what_is_assumed_of_an_unknown_camera_is_what_video_assumes() -> None:
    high, wide = (round(100 * side) for side in FRAME_MM)
    assert pytest.approx(default_focal(wide, high) / 100) == ASSUMED_MM
