"""True steps of feet that stand, and errors against them."""

import numpy as np
import pytest
from walking_person import FPS, walking

from overpose.experiments.world.steps import Step, feet_that_stand, step_errors, true_steps
from overpose.movement.gait import walks_of

STEP_FRAMES, STEP_MM = 15, 600.0


def stepping(frames: int = 120) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Feet that stand in turn, each for two thirds of two steps, 600 mm before the other."""
    stands = np.zeros((frames, 2), dtype=bool)
    ankles = np.zeros((frames, 2, 3))
    for number in range(frames // STEP_FRAMES):
        start, side = number * STEP_FRAMES, number % 2
        stands[start : start + 20, side] = True
        ankles[start : start + 30, side, 0] = number * STEP_MM
        ankles[start + 20 : start + 30, side, 0] = number * STEP_MM + 300
    pelvis = np.zeros((frames, 3))
    pelvis[:, 0] = np.arange(frames) * STEP_MM / STEP_FRAMES
    return stands, ankles, pelvis


def test_steps_lead_from_one_foot_coming_to_stand_to_the_other() -> None:
    stands, ankles, pelvis = stepping()
    stands[22, 1] = False  # a flicker within a stand is none
    steps = true_steps(stands, ankles, pelvis, FPS)
    assert [round(step.begin_s * FPS) for step in steps] == [15, 30, 45, 60, 75, 90]
    for step in steps:
        assert step.end_s - step.begin_s == pytest.approx(STEP_FRAMES / FPS)
        assert step.length_mm == pytest.approx(STEP_MM)
        assert step.speed_mm_s == pytest.approx(STEP_MM * FPS / STEP_FRAMES)


def test_a_foot_that_rolls_off_where_it_stands_takes_no_step() -> None:
    stands, ankles, pelvis = stepping()
    stands[23:26, 0] = True  # later than a flicker, where it was
    ankles[20:30, 0] = 0
    assert [round(step.begin_s * FPS) for step in true_steps(stands, ankles, pelvis, FPS)] == [
        15, 30, 45, 60, 75, 90,
    ]  # fmt: skip


def test_feet_of_runners_stand_that_are_much_slower_than_the_body() -> None:
    pelvis = np.zeros((60, 3))
    pelvis[:, 0] = np.arange(60) * 3000.0 / FPS
    feet = np.zeros((60, 2, 2, 3))
    feet[:, 0, :, 0] = np.arange(60)[:, None] * 900.0 / FPS
    feet[:, 1, :, 0] = np.arange(60)[:, None] * 3000.0 / FPS
    stands = feet_that_stand(feet, pelvis, FPS)
    assert stands[10:-10, 0].all()
    assert not stands[:, 1].any()


def test_errors_are_told_of_steps_within_the_walk_that_was_found() -> None:
    walks = walks_of(walking(150, step_s=0.5, speed_mm_s=1200), FPS, on_floor=True)
    inside = [Step(0.5 * n, 0.5 * n + 0.5, 580.0, 1150.0) for n in range(1, 7)]
    outside = Step(90.0, 91.0, 1.0, 1.0)
    found = step_errors(walks, [*inside, outside], FPS)
    assert found is not None
    assert (found.true_cadence, found.true_step_mm) == pytest.approx((120, 580))
    assert found.cadence == pytest.approx(120, abs=1)
    assert found.step_mm == pytest.approx(600, abs=15)
    assert found.speed_mm_s == pytest.approx(1200, rel=0.01)
    assert step_errors((), inside, FPS) is None
    assert step_errors(walks, [outside], FPS) is None
