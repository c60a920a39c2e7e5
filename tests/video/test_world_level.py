"""Gravity and floor from people before a static camera, and the matrix to the world."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up import FOCAL_PX, HEIGHT, WIDTH, track_of

from overpose.camera import Camera
from overpose.poses import PoseTrack
from overpose.skeleton import HUMAN36M
from overpose.video.options import PredictOptions
from overpose.video.posing import View
from overpose.video.world.feet import Feet, feet_of
from overpose.video.world.gravity import level_of_people
from overpose.video.world.level import Level, up_of
from overpose.video.world.placing import in_world

VIEW = View(WIDTH, HEIGHT, 25.0, FOCAL_PX)


def filmed(
    tilt_deg: float,
    roll_deg: float,
    height_mm: float = 1500.0,
    actions: tuple[str, ...] = ("walking",),
) -> tuple[PoseTrack, Level]:
    """People on a floor, as a camera sees them that hangs like that, 4 m away."""
    level = track_of(actions, 60)
    joints = (level.poses_mm + level.root_mm[:, :, None]).astype(np.float64)
    lowest = joints[..., HUMAN36M.indices(("left_ankle", "right_ankle")), 1].max()
    joints[..., 1] += height_mm - 70.0 - lowest  # ankles 70 mm above the sole
    truth = Level(up_of(math.radians(tilt_deg), math.radians(roll_deg)), height_mm)
    to_level = np.diag([1.0, -1.0, -1.0]) @ truth.camera_to_world()[:3, :3]
    seen = joints @ to_level
    camera = Camera(
        np.repeat(FOCAL_PX, 2), np.array([WIDTH, HEIGHT]) / 2, np.eye(3), np.zeros(3), WIDTH, HEIGHT
    )
    keypoints = np.concatenate(
        [camera.project_camera(seen), np.full((*seen.shape[:3], 1), 0.9)], -1
    )
    track = replace(
        level,
        poses_mm=(seen - seen[:, :, :1]).astype(np.float32),
        root_mm=seen[:, :, 0].astype(np.float32),
        keypoints_px=keypoints.astype(np.float32),
    )
    return track, truth


def found(
    track: PoseTrack, view: View = VIEW, *, static: bool | None = True, **options
) -> PoseTrack:
    return in_world(track, view, PredictOptions(**options), is_static=static, name="clip")


@pytest.mark.parametrize(("tilt", "roll"), [(0.0, 0.0), (12.0, -4.0), (20.0, 3.0)])
def test_the_camera_hangs_as_people_show(tilt: float, roll: float) -> None:
    track, truth = filmed(tilt, roll, 1200.0)
    placed = found(track)
    assert placed.camera_to_world is not None
    assert placed.world_is_estimated is True
    up = placed.camera_to_world[1, :3]
    assert math.degrees(math.acos(up @ truth.up)) < 6
    assert placed.camera_to_world[1, 3] == pytest.approx(truth.height_mm, rel=0.25)


def test_the_matrix_is_the_one_that_is_promised() -> None:
    """Right-handed, y up, the floor at 0, the camera above the origin, its axis along -z."""
    level = Level(up_of(0.3, -0.2), 1500.0)
    matrix = level.camera_to_world()
    assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1)
    assert np.allclose(matrix @ [0, 0, 0, 1], [0, 1500, 0, 1])
    assert np.allclose(matrix[:3, :3] @ level.up, [0, 1, 0])
    axis = matrix[:3, :3] @ [0, 0, 1]
    assert axis[0] == pytest.approx(0, abs=1e-12)
    assert axis[2] < 0
    assert axis[1] == pytest.approx(-math.sin(0.3))  # it looks down
    assert (level.tilt, level.roll) == (pytest.approx(0.3), pytest.approx(-0.2))
    points = np.random.default_rng(0).normal(size=(5, 3))
    assert np.allclose(points @ matrix[1, :3] + matrix[1, 3], level.heights_mm(points))


def test_level_says_that_the_camera_is_neither_tilted_nor_rolled() -> None:
    track, _ = filmed(8.0, 0.0)
    matrix = found(track, level=True).camera_to_world
    assert matrix is not None
    assert np.allclose(matrix[:3, :3], np.diag([1, -1, -1]))


def test_what_is_estimated_is_said_with_how_surely(capsys) -> None:
    track, _ = filmed(12.0, 0.0, 1200.0)
    found(track, replace(VIEW, focal_is_estimated=True, focal_px_std=104.0))
    said = capsys.readouterr().err
    assert "m above the floor, looks down" in said
    assert "focal length assumed, 520 ±104 px)" in said


@pytest.mark.parametrize("how", ["no-ground", "moving"])
def test_there_is_no_world_where_none_is_wanted_or_the_camera_moves(how: str, capsys) -> None:
    track, _ = filmed(5.0, 0.0)
    placed = found(track, static=how != "moving", ground=how != "no-ground")
    assert placed.camera_to_world is None
    assert placed.camera_is_static == (how != "moving")
    assert ("the camera moves" in capsys.readouterr().err) == (how == "moving")


@pytest.mark.parametrize("turn", ["lying", "handstand", "from above"])
def test_who_does_not_stand_says_nothing_of_gravity(turn: str, capsys) -> None:
    track, _ = filmed(0.0, 0.0)
    matrix = {
        "lying": np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]]),
        "handstand": np.diag([1, -1, -1]),
        "from above": np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]),
    }[turn]
    turned = replace(track, poses_mm=(track.poses_mm @ matrix.T).astype(np.float32))
    assert found(turned).camera_to_world is None
    assert "nothing tells where the floor is" in capsys.readouterr().err


def test_feet_that_are_never_in_the_picture_show_no_floor() -> None:
    track, _ = filmed(5.0, 0.0)
    keypoints = track.keypoints_px.copy()
    keypoints[:, :, HUMAN36M.indices(("left_ankle", "right_ankle")), 2] = 0.1
    assert found(replace(track, keypoints_px=keypoints)).camera_to_world is None


def test_where_everybody_is_in_the_air_nothing_shows_the_floor(capsys) -> None:
    track, _ = filmed(5.0, 0.0)
    falls = track.root_mm + np.linspace(0, 7000, track.frames)[:, None] * np.float32([0, 1, 0])
    assert found(replace(track, root_mm=falls.astype(np.float32))).camera_to_world is None
    assert "nothing tells where the floor is" in capsys.readouterr().err


def test_a_child_is_taken_for_an_adult_farther_away_and_stands_on_the_floor() -> None:
    track, _ = filmed(10.0, 0.0, 1200.0)
    taken = 1.6  # times the child's size, and distance
    bigger = replace(
        track,
        poses_mm=track.poses_mm * np.float32(taken),
        root_mm=track.root_mm * np.float32(taken),
    )
    child, adult = found(track).camera_to_world, found(bigger).camera_to_world
    assert child is not None
    assert adult is not None
    assert math.degrees(math.acos(min(1.0, child[1, :3] @ adult[1, :3]))) < 2
    assert adult[1, 3] == pytest.approx(taken * child[1, 3], rel=0.1)


def test_one_frame_is_less_sure_than_a_clip() -> None:
    track, _ = filmed(5.0, 0.0, actions=("gesturing",))
    joints = (track.poses_mm + track.root_mm[:, :, None])[0].astype(np.float64)
    feet = feet_of(joints, None, track.keypoints_px[0], HUMAN36M.layout, VIEW)
    one = Feet(feet.points_mm[:1], feet.seen[:1])
    clip = level_of_people([(joints, feet)], 25.0)
    photo = level_of_people([(joints[:1], one)], 1.0)
    assert clip is not None
    assert photo is not None
    assert photo.up_std_deg > 1.05 * clip.up_std_deg
    assert photo.height_std_mm > 1.05 * clip.height_std_mm


def test_a_measured_camera_gives_gravity_and_height() -> None:
    track, truth = filmed(15.0, -10.0)
    level = truth.camera_to_world()[:3, :3]
    world = np.stack([level[2], level[0], level[1]])  # z up, as mocap has it
    lens = Camera(
        VIEW_FOCAL, np.array([WIDTH, HEIGHT]) / 2, world.T, -world.T @ [100.0, 200.0, 1500.0],
        WIDTH, HEIGHT,
    )  # fmt: skip
    view = replace(VIEW, lens=lens, is_placed=True, is_metric=True)
    placed = found(track, view)
    assert placed.world_is_estimated is False
    assert placed.camera_to_world is not None
    assert np.allclose(placed.camera_to_world, truth.camera_to_world(), atol=1e-6)
    unscaled = found(track, replace(view, is_metric=False))
    assert unscaled.world_is_estimated is True
    assert unscaled.camera_to_world is not None
    assert np.allclose(unscaled.camera_to_world[1, :3], truth.up)
    assert unscaled.camera_to_world[1, 3] == pytest.approx(1500, rel=0.1)


VIEW_FOCAL = np.repeat(FOCAL_PX, 2)


def test_the_world_is_kept_in_the_file(tmp_path: Path) -> None:
    placed = found(filmed(10.0, 0.0)[0])
    placed.save(tmp_path / "clip.npz")
    again = PoseTrack.load(tmp_path / "clip.npz")
    assert placed.camera_to_world is not None
    assert again.camera_to_world is not None
    assert (again.camera_to_world == placed.camera_to_world).all()
    assert (again.camera_is_static, again.world_is_estimated) == (True, True)
