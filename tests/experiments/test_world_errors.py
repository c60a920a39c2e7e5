"""Errors of places in the world: right values for trajectories whose errors are known."""

import numpy as np
import pytest
from made_up import FOCAL_PX, HEIGHT, WIDTH, track_of

from overpose.camera import Camera
from overpose.experiments.world.clips import WorldClip, on_floor, random_camera, world_of
from overpose.experiments.world.errors import errors_of, level_errors
from overpose.skeleton import HUMAN36M
from overpose.video.world.level import Level, up_of

FRAMES = 100
ANKLES = HUMAN36M.indices(("left_ankle", "right_ankle"))
WORLD = Level(np.array([0.0, -1.0, 0.0]), 1500.0).camera_to_world()


def clip() -> WorldClip:
    """Somebody who stands for 50 frames, and then glides 2 m to the right."""
    track = track_of(("gesturing",), 1)
    joints = np.repeat((track.poses_mm + track.root_mm[:, :, None])[0], FRAMES, axis=0)
    joints[50:, :, 0] += np.linspace(0, 2000, 50, dtype=np.float32)[:, None]
    contact = np.zeros((FRAMES, 2), bool)
    contact[:50] = True
    feet = np.repeat(joints[:, ANKLES], 2, axis=1)
    keypoints = np.zeros((FRAMES, 33, 3), np.float32)
    return WorldClip("x", keypoints, joints, feet, contact, WORLD, FOCAL_PX, WIDTH, HEIGHT)


def test_a_perfect_track_has_no_errors() -> None:
    found = errors_of(clip().joints_mm, clip(), WORLD)
    for name in ("p_mpjpe_mm", "position_mm", "wa_mpjpe_mm", "w_mpjpe_mm", "slide_mm", "sink_mm"):
        assert getattr(found, name) == pytest.approx(0, abs=1e-3), name
    assert found.path_ratio == pytest.approx(1)


def test_where_the_camera_is_does_not_count_but_the_size_of_the_way_does() -> None:
    truth = clip()
    turn = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    moved = truth.joints_mm @ turn.T + (100.0, 200.0, 300.0)
    assert errors_of(moved, truth, None).position_mm == pytest.approx(0, abs=1e-3)
    twice = errors_of(2 * truth.joints_mm, truth, None)
    assert twice.position_mm > 100
    assert twice.wa_mpjpe_mm == pytest.approx(0, abs=1e-3)
    assert twice.path_ratio == pytest.approx(2)


def test_drift_counts_more_from_the_first_frames_on() -> None:
    truth = clip()
    drifts = truth.joints_mm + np.arange(FRAMES)[:, None, None] * np.array([0.0, 0.0, 4.0])
    found = errors_of(drifts, truth, None)
    assert found.w_mpjpe_mm > found.wa_mpjpe_mm > 0
    assert found.slide_mm == pytest.approx(4, abs=1e-3)


def test_feet_below_the_floor_sink() -> None:
    truth = clip()
    found = errors_of(truth.joints_mm + np.float32([0, 25, 0]), truth, WORLD)
    assert found.sink_mm == pytest.approx(25, abs=1e-3)
    above = errors_of(truth.joints_mm - np.float32([0, 25, 0]), truth, WORLD)
    assert (above.sink_mm, above.height_mm) == (0, pytest.approx(25, abs=1e-3))


def test_errors_of_a_camera_are_angles_and_height() -> None:
    own = Level(up_of(0.1, 0.0), 1600.0).camera_to_world()
    found = level_errors(own, Level(up_of(0.0, 0.0), 1500.0).camera_to_world())
    assert found["up_deg"] == pytest.approx(np.degrees(0.1))
    assert found["tilt_deg"] == pytest.approx(np.degrees(0.1))
    assert found["roll_deg"] == pytest.approx(0)
    assert found["height_mm"] == pytest.approx(100)


def test_the_world_of_a_rendered_camera_has_the_floor_at_zero() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform((-500, -500, 0), (500, 500, 1700), (50, 3))
    camera = random_camera(rng, points)
    seen = camera.to_camera_mm(points)
    matrix = world_of(camera)
    assert np.allclose(seen @ matrix[1, :3] + matrix[1, 3], points[:, 2])
    inside = camera.project(points)
    assert ((inside >= 0) & (inside <= (camera.width, camera.height))).mean() > 0.95
    assert isinstance(camera, Camera)


def test_feet_on_the_floor_are_low_and_still() -> None:
    feet = np.zeros((30, 4, 3))
    feet[10:20, :2, 2] = 200.0  # the left one is lifted
    feet[20:, 2:, 0] = np.linspace(0, 2000, 10)[:, None]  # the right one slides
    found = on_floor(feet, 25.0)
    assert found[:9, 0].all()
    assert not found[11:19, 0].any()
    assert not found[21:, 1].any()
