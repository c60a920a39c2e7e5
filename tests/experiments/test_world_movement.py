"""Errors of joint angles, squats and repetitions: of known differences."""

from dataclasses import replace

import numpy as np
import pytest
from walking_person import FPS, knee_of_depth_deg, squatting, track_of

from overpose.angles import joint_angles
from overpose.experiments.world.angle_errors import angle_pairs, angle_rows
from overpose.experiments.world.clips import WorldClip
from overpose.experiments.world.repetitions import Counted, repetition_row, squat_row
from overpose.movement.doing import Doing, doing_in
from overpose.movement.repetitions import BOTH, Repetitions


def squatter(depth_mm: float, frames: int = 150) -> Doing:
    joints = squatting(frames, depth_mm=depth_mm, each_s=2.0)
    return doing_in(joints, joint_angles(joints, None, np.eye(3)), FPS, on_floor=True)


def repeated(angle: str, times: int, range_deg: float, start: float = 0.0) -> Repetitions:
    begins = start + 30.0 * np.arange(times)
    spans, most = np.stack([begins, begins + 30], axis=-1), np.full(times, range_deg)
    return Repetitions(angle, BOTH, spans, begins.astype(int) + 15, np.zeros(times), most)


def test_squats_are_compared_one_by_one() -> None:
    row = squat_row([Counted(squatter(500.0), squatter(450.0))] * 2)
    assert (row["clips"], row["true"], row["found"], row["false"]) == (2, 4, 4, 0)
    assert row["counted_right"] == 2
    assert row["depth_mm_bias"] == pytest.approx(-50, abs=3)
    assert row["depth_mm_error"] == pytest.approx(50, abs=3)
    assert row["true_depth_mm"] == pytest.approx(500, abs=8)
    less = knee_of_depth_deg(450.0) - knee_of_depth_deg(500.0)
    assert row["knee_deg_bias"] == pytest.approx(less, abs=1)


def test_squats_that_are_missed_and_that_are_none_are_counted() -> None:
    squats, none = squatter(500.0), squatter(100.0)
    row = squat_row([Counted(squats, none), Counted(none, squats), Counted(none, none)])
    assert (row["true"], row["found"], row["false"], row["counted_right"]) == (2, 0, 2, 1)
    assert row["depth_mm_error"] is None


def test_repetitions_are_those_of_the_same_angle_at_the_same_time() -> None:
    none = squatter(100.0)
    true = replace(none, repetitions=(repeated("elbow_flexion", 5, 80.0),))
    found = [
        replace(none, repetitions=(each,))
        for each in (
            repeated("elbow_flexion", 4, 70.0),
            repeated("knee_flexion", 5, 80.0),
            repeated("elbow_flexion", 5, 80.0, start=400.0),
        )
    ]
    row = repetition_row([Counted(true, each) for each in found])
    assert (row["true"], row["found"], row["false"], row["counted_right"]) == (3, 1, 1, 0)
    assert (row["number_bias"], row["true_number"]) == (-1, 5)
    assert (row["range_deg_bias"], row["range_deg_error"]) == (-10, 10)


def test_angles_of_a_track_are_compared_with_those_of_the_joints_of_the_clip() -> None:
    joints = squatting(60, depth_mm=400.0, each_s=2.0)
    track = track_of(joints[None], fps=FPS)
    assert track.camera_to_world is not None
    true = (track.poses_mm + track.root_mm[:, :, None])[0]
    feet = np.zeros((60, 4, 3), np.float32)
    clip = WorldClip(
        "squats", track.keypoints_px[0], true, feet, np.zeros((60, 2), bool),
        track.camera_to_world, track.focal_px, track.width, track.height,
    )  # fmt: skip
    pairs = angle_pairs(track, clip)
    assert np.ptp(pairs["knee_flexion"][:, 0]) > 80
    assert all(np.allclose(each[:, 0], each[:, 1], atol=0.01) for each in pairs.values())
    flat = {name: each * (1.0, 0.5) for name, each in pairs.items()}
    knee = next(row for row in angle_rows([flat, flat]) if row["angle"] == "knee_flexion")
    most = pairs["knee_flexion"][:, 0].max()
    assert knee["bias_deg"] == pytest.approx(-pairs["knee_flexion"][:, 0].mean() / 2, abs=0.1)
    assert knee["error_deg"] == pytest.approx(-float(knee["bias_deg"]))
    assert -most / 2 <= float(knee["high_by_true_deg"]) < float(knee["low_by_true_deg"]) <= 0
