"""Squats and other repetitions that are known from how they were made."""

import numpy as np
import pytest
from walking_person import FPS, knee_of_depth_deg, squatting, walking

from overpose.angles import joint_angles
from overpose.movement.repetitions import BOTH, repetitions_of, squats_of
from overpose.skeleton import HUMAN36M

Y_UP = np.eye(3)


def free(joints_mm: np.ndarray) -> np.ndarray:
    return np.zeros(len(joints_mm), dtype=bool)


def test_squats_are_counted_and_as_deep_as_they_were_made() -> None:
    joints = squatting(240, depth_mm=420, each_s=2.0)
    angles = joint_angles(joints, None, Y_UP)
    squats = squats_of(joints, angles, FPS, free(joints))
    assert squats is not None
    assert squats.depth_mm is not None
    assert len(squats.spans) == 4
    np.testing.assert_allclose(squats.depth_mm, 420, rtol=0.03)
    np.testing.assert_allclose(squats.most_deg, knee_of_depth_deg(420), atol=2)
    np.testing.assert_allclose(squats.peaks, FPS * np.arange(1, 8, 2), atol=1)
    assert (np.diff(squats.spans, axis=1) < 2.0 * FPS).all()


def test_one_squat_counts_and_shallow_ones_lunges_and_walks_do_not() -> None:
    one = squatting(60, depth_mm=420, each_s=2.0)
    found = squats_of(one, joint_angles(one, None, Y_UP), FPS, free(one))
    assert found is not None
    assert len(found.spans) == 1
    shallow = squatting(240, depth_mm=200, each_s=2.0)
    lunge = squatting(240, depth_mm=420, each_s=2.0)
    forth = 500 * (1 - np.cos(np.pi * np.arange(240) / FPS)) / 2
    lunge[:, HUMAN36M.index("left_ankle"), 2] += forth
    for joints in (shallow, lunge, walking(240, step_s=0.55, speed_mm_s=1000)):
        assert squats_of(joints, joint_angles(joints, None, Y_UP), FPS, free(joints)) is None


def curls(counts: int, *, side: str = "right") -> dict[str, np.ndarray]:
    """Angles of somebody who bends an elbow from 10 to 100 degrees, once in 1.5 s."""
    frames = round(counts * 1.5 * FPS) + 1
    angles = joint_angles(squatting(frames, depth_mm=0, each_s=1.0), None, Y_UP)
    bent = 10 + 45 * (1 - np.cos(2 * np.pi * np.arange(frames) / (1.5 * FPS)))
    for each in ("left", "right") if side == BOTH else (side,):
        angles[f"{each}_elbow_flexion"] = bent
    return angles


@pytest.mark.parametrize("side", ["right", BOTH])
def test_repetitions_are_found_in_the_angle_that_moves(side: str) -> None:
    angles = curls(5, side=side)
    (found,) = repetitions_of(angles, FPS, np.zeros(len(angles["trunk_lean"]), dtype=bool))
    assert (found.angle, found.side, len(found.spans)) == ("elbow_flexion", side, 5)
    assert found.depth_mm is None
    np.testing.assert_allclose(found.most_deg, 100, atol=2)
    np.testing.assert_allclose(np.diff(found.peaks), 1.5 * FPS, atol=1)
    assert (found.most_deg - found.least_deg > 70).all()


def test_two_times_is_no_repetition_nor_is_what_grows_each_time() -> None:
    twice, growing = curls(2), curls(5)
    frames = np.arange(len(growing["right_elbow_flexion"]))
    growing["right_elbow_flexion"] = growing["right_elbow_flexion"] * 1.6 ** (frames / 45)
    for angles in (twice, growing):
        busy = np.zeros(len(angles["trunk_lean"]), dtype=bool)
        assert repetitions_of(angles, FPS, busy) == ()


def test_nothing_is_looked_for_where_the_person_is_busy() -> None:
    angles = curls(6)
    busy = np.zeros(len(angles["trunk_lean"]), dtype=bool)
    busy[: len(busy) // 2] = True
    (found,) = repetitions_of(angles, FPS, busy)
    assert len(found.spans) == 3
    assert found.spans[0, 0] >= len(busy) // 2
    assert repetitions_of(angles, FPS, ~np.zeros_like(busy)) == ()
