"""Clips whose camera turns: errors of the turns, and what they are worth."""

from dataclasses import replace

import numpy as np
import pytest
from made_up import FOCAL_PX, FPS, HEIGHT, WIDTH, track_of
from turning_scenes import panning, picture, surroundings

from overpose.camera import Camera
from overpose.experiments.world.clips import WorldClip, world_of
from overpose.experiments.world.parts import shipped_estimator
from overpose.experiments.world.turning import FOUND, MOVES, TRUE, steady_errors, turning_parts
from overpose.experiments.world.turning_cameras import CAMERA_WAYS, turning, turns_between
from overpose.layouts import BLAZEPOSE_33, FOOT_KEYPOINTS
from overpose.skeleton import FOOT_ANKLES, HUMAN36M
from overpose.video.posing import turned
from overpose.video.world.background import small_picture
from overpose.video.world.level import Level

FRAMES = 40


def camera() -> Camera:
    """Level, 1.5 m above a floor with z up, that looks along y."""
    rotation = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
    center = np.array([WIDTH, HEIGHT]) / 2
    place = -rotation @ np.array([0.0, 0.0, 1500.0])
    return Camera(np.repeat(FOCAL_PX, 2), center, rotation, place, WIDTH, HEIGHT)


def walker() -> WorldClip:
    """Somebody who walks before a camera that pans, with keypoints without error."""
    turns = panning(12.0, FRAMES)
    turns = turns[0].T @ turns
    track = track_of(("walking",), FRAMES)
    joints = (track.poses_mm + track.root_mm[:, :, None])[0]
    feet = joints[:, FOOT_ANKLES] + np.float32([0, 70, 0])
    joints, feet = (turned(points, turns.swapaxes(1, 2)) for points in (joints, feet))
    keypoints = np.full((FRAMES, 33, 3), np.nan, np.float32)
    places = {name: joints[:, HUMAN36M.index(name)] for name in HUMAN36M.joint_names}
    places |= dict(zip(FOOT_KEYPOINTS, feet.swapaxes(0, 1), strict=True))
    for name in set(BLAZEPOSE_33.names) & set(places):
        seen = places[name]
        place = BLAZEPOSE_33.index(name)
        keypoints[:, place, :2] = (
            np.array([WIDTH, HEIGHT]) / 2 + FOCAL_PX * seen[:, :2] / seen[:, 2:]
        )
        keypoints[:, place, 2] = 1
    scene = surroundings()
    pictures = np.stack([small_picture(picture(scene, turn), ())[0] for turn in turns])
    world = Level(np.array([0.0, -1.0, 0.0]), 1000.0).camera_to_world()
    contact = np.zeros((FRAMES, 2), bool)
    return WorldClip("walking", keypoints, joints, feet, contact, world, FOCAL_PX, WIDTH, HEIGHT,
                     turns, pictures)  # fmt: skip


def test_turns_that_are_found_are_worth_what_true_ones_are() -> None:
    clip = walker()
    tracks, turns = turning_parts(shipped_estimator(), clip)
    errors = {name: steady_errors(track, clip).position_mm for name, track in tracks.items()}
    assert errors[FOUND] < 0.5 * errors[MOVES]
    assert errors[FOUND] < errors[TRUE] + 20
    assert turns.found == 1
    assert turns.known_focal_deg < 0.2
    assert turns.turned_deg == pytest.approx(12.0, abs=1.5)
    assert turns.look_ms > 0


def test_a_clip_without_background_has_no_turns() -> None:
    clip = walker()
    assert clip.pictures is not None
    blank = replace(clip, pictures=np.full_like(clip.pictures, 90))
    tracks, turns = turning_parts(shipped_estimator(), blank)
    assert turns.found == 0
    assert np.isnan(turns.turn_deg)
    assert turns.focal_share == turns.assumed_share
    assert tracks[FOUND].world is None
    assert tracks[TRUE].world is not None


@pytest.mark.parametrize("way", CAMERA_WAYS)
def test_turning_cameras_stay_in_their_place(way: str) -> None:
    track = track_of(("walking",), FRAMES)
    level = camera()
    points = level.to_world_mm((track.poses_mm + track.root_mm[:, :, None])[0])
    cameras = turning(level, points, FPS, way, np.random.default_rng(0))
    places = np.stack([each.position_mm for each in cameras])
    np.testing.assert_allclose(places, np.tile(level.position_mm, (FRAMES, 1)), atol=1e-6)
    turns = turns_between(cameras)
    np.testing.assert_allclose(turns[0], np.eye(3), atol=1e-12)
    steps = np.linalg.norm(np.diff(turns, axis=0), axis=(1, 2))
    assert 0 < steps.max() < 0.1
    # what a frame sees lies, turned back and taken to the world, where it is
    seen = cameras[-1].to_camera_mm(points[-1])
    world = world_of(cameras[0])
    there = seen @ turns[-1].T @ world[:3, :3].T + world[:3, 3]
    assert there[:, 1] == pytest.approx(points[-1, :, 2])
