"""Whom to keep."""

import numpy as np
import pytest

from overpose.keypoints.selection import Presence, presences_of, select_people
from overpose.support.errors import InputError

CROWD = [
    Presence(1, first_frame=0, frames=5, area_px=9e9),
    Presence(2, first_frame=0, frames=100, area_px=2e6),
    Presence(3, first_frame=2, frames=80, area_px=3e6),
    Presence(4, first_frame=50, frames=9, area_px=1e6),
]


def test_fragments_go_and_the_order_is_that_of_appearance():
    assert select_people(CROWD, fps=30, total_frames=100) == [2, 3, 4]
    assert select_people(CROWD[::-1], fps=30, total_frames=100) == [2, 3, 4]


def test_a_short_double_of_somebody_is_nobody():
    whole = Presence(1, first_frame=0, frames=100, area_px=2e6)
    shadow = Presence(2, first_frame=40, frames=30, area_px=2e6, doubled=20)
    crossing = Presence(3, first_frame=40, frames=30, area_px=2e6, doubled=10)
    dancer = Presence(4, first_frame=0, frames=90, area_px=2e6, doubled=80)
    everybody = [whole, shadow, crossing, dancer]
    assert select_people(everybody, fps=30, total_frames=100) == [1, 4, 3]


def test_in_a_very_short_clip_half_of_it_is_enough():
    short = [Presence(1, 0, 2, 10.0), Presence(2, 0, 1, 10.0)]
    assert select_people(short, fps=30, total_frames=4) == [1]
    assert select_people([Presence(1, 0, 1, 10.0)], fps=1, total_frames=1) == [1]


def test_the_most_present_are_kept_without_changing_their_order():
    assert select_people(CROWD, fps=30, total_frames=100, people=2) == [2, 3]
    assert select_people(CROWD, fps=30, total_frames=100, people=1) == [3]
    assert select_people(CROWD, fps=30, total_frames=100, people=9) == [2, 3, 4]


def test_a_track_is_chosen_by_its_new_number():
    assert select_people(CROWD, fps=30, total_frames=100, track=3) == [4]
    assert select_people(CROWD, fps=30, total_frames=100, people=1, track=1) == [3]


def test_numbers_that_mean_nobody_are_refused():
    with pytest.raises(InputError, match="track: got 4, but there are 3 people"):
        select_people(CROWD, fps=30, total_frames=100, track=4)
    with pytest.raises(InputError, match="track: got 0"):
        select_people(CROWD, fps=30, total_frames=100, track=0)
    with pytest.raises(InputError, match="people: got 0"):
        select_people(CROWD, fps=30, total_frames=100, people=0)


def test_nobody_gives_nobody():
    assert select_people([], fps=30, total_frames=0) == []


def test_presences_of_an_array_count_what_is_seen():
    keypoints = np.full((2, 6, 4, 3), np.nan, dtype=np.float32)
    keypoints[1, 2:5, 1:] = [[0, 0, 1], [10, 5, 1], [4, 20, 1]]
    nobody, somebody = presences_of(keypoints)
    assert (nobody.person, nobody.frames, nobody.area_px) == (1, 0, 0.0)
    assert (somebody.person, somebody.first_frame, somebody.frames) == (2, 2, 3)
    assert somebody.area_px == pytest.approx(3 * 10 * 20)
