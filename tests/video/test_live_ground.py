"""Gravity, floor and standing feet as the frames come."""

import numpy as np
import pytest
from made_up import FOCAL_PX, HEIGHT, WIDTH, track_of

from overpose.experiments.streaming import _on_floor
from overpose.keypoints.people import Person
from overpose.skeleton import FOOT_ANKLES, HUMAN36M
from overpose.video.judging import Judge
from overpose.video.live import LivePerson, LivePoser
from overpose.video.models import shipped_judge
from overpose.video.options import PredictOptions
from overpose.video.posing import View
from overpose.video.world.feet import Feet
from overpose.video.world.level import Level
from overpose.video.world.live_ground import LiveFeet, LiveGround

FPS, FRAMES = 25.0, 60
VIEW = View(WIDTH, HEIGHT, FPS, FOCAL_PX)
DARK = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
SOLE_MM = 70.0


def standing_joints() -> np.ndarray:
    """(17, 3) somebody who stands 4 m away, camera axes."""
    track = track_of(("gesturing",), 1)
    return (track.poses_mm + track.root_mm[:, :, None])[0, 0].astype(np.float64)


def feet_of(joints: np.ndarray) -> np.ndarray:
    return joints[FOOT_ANKLES] + (0.0, SOLE_MM, 0.0)


def test_feet_that_stand_do_not_slide_and_pictures_stay() -> None:
    joints, rng = standing_joints(), np.random.default_rng(0)
    pose, root = joints - joints[0], joints[0]
    feet, depths, given = LiveFeet(FPS), [], []
    for _ in range(FRAMES):
        seen_at = root * (1 + 0.03 * rng.normal())  # nearer and farther along the line of sight
        stands = feet.stands(feet_of(pose + seen_at), None)
        held = feet.held(pose, seen_at, stands)
        assert np.allclose(held / held[2], seen_at / seen_at[2])
        depths.append(held[2])
        given.append(seen_at[2])
    assert np.std(np.diff(depths)) < 0.2 * np.std(np.diff(given))


def test_who_jumps_or_is_lost_is_where_the_keypoints_say() -> None:
    joints = standing_joints()
    pose, feet = joints - joints[0], LiveFeet(FPS)
    for frame in range(20):
        root = joints[0] + (0.0, -60.0 * frame, 40.0 * frame)
        stands = feet.stands(feet_of(pose + root), None)
        assert not stands.any()
        assert np.allclose(feet.held(pose, root, stands), root)
    lost = np.full(3, np.nan)
    assert np.isnan(feet.held(pose, lost, np.ones(2, bool))).all()
    assert np.allclose(feet.held(pose, joints[0], np.ones(2, bool)), joints[0])


def test_a_foot_that_is_held_up_does_not_stand_on_the_floor() -> None:
    joints = standing_joints()
    feet = feet_of(joints)
    feet[:2, 1] -= 400.0
    level = Level(np.array([0.0, -1.0, 0.0]), float(feet[2:, 1].max()))
    kept = LiveFeet(FPS)
    kept.stands(feet, level)
    assert kept.stands(feet, level).tolist() == [False, True]


def grounded(
    frames: int, options: PredictOptions, judge: Judge | None = None, shaken_px: float = 0.0
) -> LiveGround:
    joints, rng = standing_joints(), np.random.default_rng(0)
    keypoints = track_of(("gesturing",), 1).keypoints_px[0, 0]
    ground = LiveGround(VIEW, options, HUMAN36M.layout, judge)
    for _ in range(frames):
        ground.look(DARK, [])
        seen = keypoints.copy()
        seen[:, :2] += shaken_px * rng.normal(size=(len(seen), 2))
        ground.saw(1, joints, Feet(feet_of(joints)[None], np.ones((1, 4), bool)), seen)
    return ground


def test_the_floor_is_found_below_who_stands_after_a_second() -> None:
    assert grounded(20, PredictOptions()).level is None
    level = grounded(80, PredictOptions()).level
    assert level is not None
    lowest = float(feet_of(standing_joints())[:, 1].max())
    assert level.height_mm == pytest.approx(lowest, rel=0.25)
    assert level.up[1] < -0.98
    assert grounded(80, PredictOptions(ground=False)).level is None


def test_what_is_no_person_shows_no_floor() -> None:
    judge = shipped_judge()
    assert grounded(30, PredictOptions(), judge).level is not None
    assert grounded(30, PredictOptions(), judge, shaken_px=60.0).level is None
    assert grounded(30, PredictOptions(keep_doubtful=True), judge, 60.0).level is not None


def test_a_camera_that_moves_has_no_floor() -> None:
    ground = grounded(80, PredictOptions())
    rng = np.random.default_rng(0)
    wall = np.kron(rng.integers(0, 255, (40, 80, 1)), np.ones((16, 16, 3))).astype(np.uint8)
    assert ground.camera_is_static is not False
    for frame in range(60):
        ground.look(wall[:HEIGHT, 6 * frame : 6 * frame + WIDTH], [])
    assert ground.level is None
    assert ground.camera_is_static is False


def test_live_people_say_which_foot_stands_and_how_the_camera_hangs() -> None:
    track = track_of(("gesturing",), 1)
    layout = HUMAN36M.layout
    poser = LivePoser(shipped_judge().photo, layout, VIEW, PredictOptions())
    for _ in range(30):
        (person,) = poser.pose(DARK, [Person(1, track.keypoints_px[0, 0])])
    assert person.foot_contact is not None
    assert person.foot_contact.all()
    assert poser.camera_to_world is not None
    bare = LivePoser(shipped_judge().photo, layout, VIEW, PredictOptions(ground=False))
    (person,) = bare.pose(DARK, [Person(1, track.keypoints_px[0, 0])])
    assert person.foot_contact is None
    assert bare.camera_to_world is None


def test_people_who_are_streamed_stand_on_the_floor() -> None:
    joints = standing_joints()
    level = Level(np.array([0.0, -np.cos(0.3), -np.sin(0.3)]), 1500.0)
    person = LivePerson(
        1, np.float32(joints - joints[0]), np.float32(joints[0]), np.zeros((33, 3), np.float32)
    )
    pose, root = _on_floor(person, level.camera_to_world())
    heights = level.heights_mm(joints)
    assert np.allclose(-(pose + root)[:, 1], heights, atol=0.1)
    same = _on_floor(person, None)
    assert (same[0] == person.pose_mm).all()
    assert (same[1] == person.root_mm).all()
