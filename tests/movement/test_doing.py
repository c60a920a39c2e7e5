"""What is said of what a person of a track does, and curves over a cycle of it."""

from dataclasses import replace

import numpy as np
import pytest
from walking_person import FPS, squatting, standing, track_of, walking

from overpose.movement.cycles import cycle_mean
from overpose.movement.doing import doing_of
from overpose.movement.numbers import notes_of, sections_of
from overpose.poses import PoseTrack


def test_the_mean_of_cycles_is_over_their_share_and_differs_by_their_spread() -> None:
    share = np.linspace(0, 1, 31)
    values = np.concatenate([share * 10, share[1:] * 10 + 4, [np.nan]])
    mean = cycle_mean(values, np.array([[0, 30], [31, 60]]))
    assert mean is not None
    assert mean.count == 2
    np.testing.assert_allclose(mean.mean[[0, 100]], [2 + 1 / 6, 12], atol=1e-6)
    np.testing.assert_allclose(mean.spread[100], np.sqrt(8))
    assert cycle_mean(values, np.array([[0, 30]])) is None
    assert cycle_mean(values, np.array([[0, 30], [31, 61]])) is None


def test_cycles_of_other_lengths_are_stretched_to_one() -> None:
    short, long = (100 * np.sin(np.pi * np.linspace(0, 1, n)) for n in (20, 50))
    mean = cycle_mean(np.concatenate([short, long]), np.array([[0, 19], [20, 69]]))
    assert mean is not None
    np.testing.assert_allclose(mean.mean, 100 * np.sin(np.pi * np.linspace(0, 1, 101)), atol=0.5)
    assert mean.spread.max() < 0.5


def test_a_walk_in_a_world_has_speed_cadence_and_steps() -> None:
    track = track_of(walking(150, step_s=0.5, speed_mm_s=1300)[None])
    doing = doing_of(track, 0)
    ((heading, rows),) = sections_of(doing)
    values = dict(rows)
    assert heading == "Walking and running"
    assert values["speed"] == "1.30 m/s"
    assert values["cadence"] == "120 steps/min"
    assert values["step length, left"].startswith("0.65 ± 0.0")
    assert values["step time, right"].startswith("0.50 ± 0.00")
    assert notes_of(doing) == ["No squats, and nothing else is done three times alike."]
    assert doing.cycles is not None
    assert doing.cycles.title == "strides"
    name = "left_knee_flexion"
    mean = doing.cycles.mean_of(name, doing.angles[name])
    assert mean is not None
    assert mean.count == len(doing.cycles.spans["left"])
    assert mean.spread.max() < 1.0


def test_without_a_world_no_speed_and_no_length_are_made_up() -> None:
    joints = walking(150, step_s=0.5, speed_mm_s=1300)[None]
    placed = track_of(joints)
    homeless = replace(placed, root_mm=np.full_like(placed.root_mm, np.nan))
    for track in (track_of(joints, world=False), homeless):
        doing = doing_of(track, 0)
        names = [name for _, rows in sections_of(doing) for name, _ in rows]
        assert names == ["steps", "cadence", "step time, left", "step time, right"]
        assert notes_of(doing)[0].startswith("No world: speed and step length are left out")


def test_squats_are_told_with_depth_and_become_the_cycles() -> None:
    doing = doing_of(track_of(squatting(180, depth_mm=420, each_s=2.0)[None]), 0)
    ((heading, rows),) = sections_of(doing)
    values = dict(rows)
    assert (heading, values["number"]) == ("Squats", "3")
    assert values["depth"].startswith("0.42 ± 0.0")
    assert doing.cycles is not None
    assert doing.cycles.title == "squats"


@pytest.mark.parametrize(
    ("track", "said"),
    [
        (track_of(standing(20)[None]), "Seen for 0.7 s: too short"),
        (track_of(walking(60, step_s=0.5, speed_mm_s=1300)[None], fps=6.0), "6 frames a second"),
        (track_of(standing(90)[None]), "No walking"),
    ],
)
def test_what_cannot_be_told_is_said_in_a_line(track: PoseTrack, said: str) -> None:
    doing = doing_of(track, 0)
    assert sections_of(doing) == []
    assert notes_of(doing)[0].startswith(said)
    assert doing.cycles is None


def test_other_joints_than_the_houses_give_nothing() -> None:
    track = track_of(walking(150, step_s=0.5, speed_mm_s=1300)[None])
    other = replace(track, joint_names=tuple(f"j{n}" for n in range(17)))
    doing = doing_of(other, 0)
    assert (doing.angles, doing.walks, sections_of(doing)) == ({}, (), [])
    assert notes_of(doing)[0].startswith("Other joints")


def test_a_person_is_read_from_the_own_frames() -> None:
    both = np.stack([standing(150), walking(150, step_s=0.5, speed_mm_s=1300)])
    both[1, :40] = np.nan
    track = track_of(both)
    assert doing_of(track, 0).walks == ()
    (walk,) = doing_of(track, 1).walks
    assert walk.contacts[0].frame >= 40
    assert doing_of(track, 1).seen_s == pytest.approx(110 / FPS)
