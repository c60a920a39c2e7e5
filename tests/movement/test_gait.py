"""Steps, speed and cadence of people who walk as a formula says."""

import numpy as np
import pytest
from walking_person import FPS, standing, walking

from overpose.movement.gait import walks_of
from overpose.skeleton import HUMAN36M


@pytest.mark.parametrize("towards_deg", [0.0, 75.0, 200.0])
def test_steps_of_an_even_walk_are_what_it_was_made_of(towards_deg: float) -> None:
    joints = walking(150, step_s=0.55, speed_mm_s=1200, towards_deg=towards_deg)
    (walk,) = walks_of(joints, FPS, on_floor=True)
    assert len(walk.step_s) >= 6
    np.testing.assert_allclose(walk.step_s, 0.55, atol=0.005)
    np.testing.assert_allclose(walk.step_mm, 0.55 * 1200, atol=15)
    assert walk.speed_mm_s == pytest.approx(1200, rel=0.01)


def test_a_foot_comes_down_where_it_is_farthest_ahead_and_strides_are_two_steps_long() -> None:
    (walk,) = walks_of(walking(150, step_s=0.6, speed_mm_s=1000), FPS, on_floor=True)
    first = walk.contacts[0]
    assert (first.side, first.frame) == ("left", pytest.approx(0.6 * FPS, abs=0.5))
    sides = [contact.side for contact in walk.contacts]
    assert sides == [("left", "right")[number % 2] for number in range(len(sides))]
    for side in ("left", "right"):
        strides = walk.strides(side)
        assert len(strides) >= 2
        np.testing.assert_allclose(np.diff(strides, axis=1), 1.2 * FPS, atol=0.3)
        np.testing.assert_array_equal(strides[1:, 0], strides[:-1, 1])


def test_steps_on_the_spot_are_a_walk_only_where_nobody_knows_the_floor() -> None:
    joints = walking(150, step_s=0.55, speed_mm_s=0)
    assert walks_of(joints, FPS, on_floor=True) == ()
    (walk,) = walks_of(joints, FPS, on_floor=False)
    np.testing.assert_allclose(walk.step_s, 0.55, atol=0.005)
    assert np.isnan(walk.step_mm).all()
    assert np.isnan(walk.speed_mm_s)


def test_who_stands_slides_or_takes_tiny_steps_does_not_walk() -> None:
    still = standing(150)
    sliding = still + np.linspace(0, 5000, 150)[:, None, None] * (0, 0, 1)
    tiny = walking(150, step_s=0.55, speed_mm_s=300, swing_mm=40)
    for joints in (still, sliding, tiny):
        assert walks_of(joints, FPS, on_floor=True) == ()


def test_legs_that_go_with_the_body_take_no_steps() -> None:
    """As where the left leg is taken for the right one, and on skates."""
    carried = walking(150, step_s=0.55, speed_mm_s=1200, swing_mm=60)
    assert walks_of(carried, FPS, on_floor=True) == ()
    assert len(walks_of(carried, FPS, on_floor=False)) == 1


def test_steps_of_no_length_between_others_are_no_walk() -> None:
    """Of a body that stops and goes on at every other step."""
    joints = walking(150, step_s=0.55, speed_mm_s=1200)
    times = np.arange(150) / FPS
    sways = 250 * np.cos(2 * np.pi * times / 1.1)
    joints[..., 2] += sways[:, None]
    assert walks_of(joints, FPS, on_floor=True) == ()


def test_steps_that_are_seen_too_short_take_as_long_as_they_do() -> None:
    """Of people who walk straight towards the camera, or away from it."""
    joints = walking(150, step_s=0.55, speed_mm_s=1200)
    pelvis = joints[:, HUMAN36M.index("pelvis"), 2]
    for side in ("left", "right"):
        ankle = joints[:, HUMAN36M.index(f"{side}_ankle")]
        ankle[:, 2] = pelvis + 0.4 * (ankle[:, 2] - pelvis)
    (walk,) = walks_of(joints, FPS, on_floor=True)
    assert len(walk.step_s) >= 6
    np.testing.assert_allclose(walk.step_s, 0.55, atol=0.01)


def test_no_step_leads_over_a_gap() -> None:
    joints = walking(240, step_s=0.55, speed_mm_s=1000)
    joints[110:125] = np.nan
    first, second = walks_of(joints, FPS, on_floor=True)
    assert first.contacts[-1].frame < 110
    assert second.contacts[0].frame >= 125
    for walk in (first, second):
        np.testing.assert_allclose(walk.step_s, 0.55, atol=0.03)


def test_a_limp_is_seen_in_the_steps_of_each_side() -> None:
    joints = walking(200, step_s=0.5, speed_mm_s=1000)
    longer = joints[:, HUMAN36M.index("left_ankle"), 2].copy()
    swing = longer - joints[:, HUMAN36M.index("pelvis"), 2]
    joints[:, HUMAN36M.index("left_ankle"), 2] += 0.4 * np.maximum(swing, 0)
    (walk,) = walks_of(joints, FPS, on_floor=True)
    sides = np.array([contact.side for contact in walk.contacts[1:]])
    apart = walk.step_mm[sides == "left"].mean() - walk.step_mm[sides == "right"].mean()
    assert apart == pytest.approx(2 * 0.4 * 300, abs=30)
