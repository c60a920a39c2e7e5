"""Cameras that turn in their place: how they turned, seen from the background, and people before
them in one world."""

from dataclasses import replace

import numpy as np
import pytest
from made_up import FOCAL_PX, FPS, HEIGHT, WIDTH, track_of
from scipy.spatial.transform import Rotation
from turning_scenes import panning, picture, surroundings

from overpose.formats.points import joints_y_up_mm
from overpose.keypoints.people import Person
from overpose.poses import PoseTrack
from overpose.video.options import PredictOptions
from overpose.video.posing import View, turned
from overpose.video.world.background import Background
from overpose.video.world.contact import contact_of
from overpose.video.world.feet import Feet
from overpose.video.world.fit import fitted_joints
from overpose.video.world.placing import in_world
from overpose.video.world.sightings import MOST_KEYS, Sightings
from overpose.video.world.turns import Turns, turns_of, view_of_turns

FRAMES = 60
EXACT = View(WIDTH, HEIGHT, FPS, FOCAL_PX)
ASSUMED = View(WIDTH, HEIGHT, FPS, 0.8 * FOCAL_PX, True, 0.16 * FOCAL_PX)


def looked(images: list[np.ndarray], people: list[list[Person]] | None = None) -> Sightings:
    sightings = Sightings()
    background = Background(FPS, sightings)
    for frame, image in enumerate(images):
        background.look(image, people[frame] if people else [], frame)
    return sightings


def degrees_between(found: Turns, truth: np.ndarray) -> np.ndarray:
    off = found.rotations.swapaxes(1, 2) @ (truth[0].T @ truth)
    return np.degrees(np.linalg.norm(Rotation.from_matrix(off).as_rotvec(), axis=-1))


def test_turns_are_found_and_the_way_back_leads_to_the_beginning() -> None:
    truth, scene = panning(), surroundings()
    found = turns_of(looked([picture(scene, turn) for turn in truth]), FRAMES, EXACT)
    assert found is not None
    assert degrees_between(found, truth).max() < 0.15
    assert degrees_between(found, truth)[-1] < 0.05
    assert found.focal_px_std is None
    assert found.focal_px == pytest.approx(FOCAL_PX)


def test_the_focal_length_shows_in_how_the_picture_bends_while_the_camera_pans() -> None:
    scene = surroundings()
    found = turns_of(looked([picture(scene, turn) for turn in panning()]), FRAMES, ASSUMED)
    assert found is not None
    assert found.focal_px == pytest.approx(FOCAL_PX, rel=0.05)
    assert found.focal_px_std is not None
    assert found.focal_px_std < 0.06 * FOCAL_PX


def test_people_are_no_background() -> None:
    truth, scene = panning(8.0), surroundings()
    rng = np.random.default_rng(1)
    images, people = [], []
    for frame, turn in enumerate(truth):
        image = picture(scene, turn)
        x = 60 + 6 * frame
        image[60:330, x : x + 110] = rng.integers(0, 255, (270, 110, 3))
        points = np.float32([[x, 60, 1], [x + 110, 60, 1], [x, 330, 1], [x + 110, 330, 1]])
        images.append(image)
        people.append([Person(1, np.repeat(points, 9, axis=0)[:33])])
    found = turns_of(looked(images, people), FRAMES, EXACT)
    assert found is not None
    assert degrees_between(found, truth).max() < 0.2


def test_a_camera_that_starts_late_is_followed_from_the_look_before() -> None:
    truth = np.concatenate([np.tile(np.eye(3), (30, 1, 1)), panning(10.0)])
    scene = surroundings()
    sightings = looked([picture(scene, turn) for turn in truth])
    assert len(sightings.found) < len(truth) - 10  # not every frame while it stood still
    found = turns_of(sightings, len(truth), EXACT)
    assert found is not None
    assert degrees_between(found, truth).max() < 0.5


@pytest.mark.parametrize("how", ["zooms", "travels", "is cut to another"])
def test_a_camera_that_does_something_else_has_no_turns(how: str) -> None:
    scene, other = surroundings(), surroundings(5)
    near = surroundings(7)
    images = []
    for frame in range(FRAMES):
        zoom = 1 + 0.5 * frame / FRAMES if how == "zooms" else 1.0
        cut = how == "is cut to another" and frame > 30
        image = picture(other if cut else scene, np.eye(3), zoom)
        if how == "travels":  # what is near goes by faster
            image = picture(np.roll(scene, -2 * frame, axis=1), np.eye(3))
            floor = picture(np.roll(near, -5 * frame, axis=1), np.eye(3))
            image[HEIGHT // 2 :] = floor[HEIGHT // 2 :]
        images.append(image)
    assert turns_of(looked(images), FRAMES, EXACT) is None


def test_nothing_to_be_seen_gives_no_turns() -> None:
    blank = [np.full((HEIGHT, WIDTH, 3), 90, np.uint8)] * 20
    assert turns_of(looked(blank), 20, EXACT) is None


@pytest.mark.parametrize(("share", "stood_still"), [(0.05, True), (0.5, False)])
def test_a_camera_that_hardly_turns_stood_still(share: float, stood_still: bool) -> None:
    """Few looks at a poor picture may have said otherwise."""
    scene, ways = surroundings(), Rotation.from_matrix(panning(5.0, 20)).as_rotvec()
    turns = Rotation.from_rotvec(share * ways).as_matrix()
    sightings = looked([picture(scene, turn) for turn in turns])
    view, static = view_of_turns(sightings, 20, EXACT)
    assert static is stood_still
    assert (view.turns is None) is stood_still


def test_a_frame_once_more_is_turned_like_the_one_before() -> None:
    truth, scene = panning(5.0, 20), surroundings()
    sightings = Sightings()
    background = Background(FPS, sightings)
    for frame, turn in enumerate(truth):
        if frame == 9:
            background.repeat(frame)
        else:
            background.look(picture(scene, turn), [], frame)
    found = turns_of(sightings, 20, EXACT)
    assert found is not None
    np.testing.assert_allclose(found.rotations[9], found.rotations[8], atol=1e-9)


def walk() -> tuple[PoseTrack, PoseTrack, np.ndarray]:
    """Somebody who walks before a still camera, and before one that pans in the same place."""
    still = track_of(("walking",), FRAMES)
    turns = panning(10.0)
    turns = turns[0].T @ turns
    joints = (still.poses_mm + still.root_mm[:, :, None])[0].astype(np.float64)
    seen = turned(joints, turns.swapaxes(1, 2))
    keypoints = np.full((FRAMES, 17, 3), 0.9, np.float32)
    keypoints[..., :2] = np.array([WIDTH, HEIGHT]) / 2 + FOCAL_PX * seen[..., :2] / seen[..., 2:]
    moving = replace(
        still,
        poses_mm=(seen - seen[:, :1])[None].astype(np.float32),
        root_mm=seen[None, :, 0].astype(np.float32),
        keypoints_px=keypoints[None],
    )
    return still, moving, turns


def test_people_before_a_camera_that_pans_are_where_they_are_before_a_still_one() -> None:
    still, moving, turns = walk()
    options = PredictOptions()
    one = in_world(still, EXACT, options, is_static=True, name="still")
    other = in_world(moving, replace(EXACT, turns=turns), options, is_static=False, name="pans")
    assert other.camera_to_world is None
    assert other.moving_camera_to_world is not None
    apart = joints_y_up_mm(one) - joints_y_up_mm(other)
    assert np.linalg.norm(apart, axis=-1).max() < 30
    assert one.foot_contact is not None
    assert other.foot_contact is not None
    assert (one.foot_contact == other.foot_contact).mean() > 0.85


def test_without_turns_a_moving_camera_has_no_world() -> None:
    _, moving, _ = walk()
    track = in_world(moving, EXACT, PredictOptions(), is_static=False, name="moves")
    assert track.world is None
    np.testing.assert_array_equal(track.poses_mm, moving.poses_mm)


def test_the_fit_projects_onto_the_keypoints_of_every_frame() -> None:
    _, moving, turns = walk()
    joints = (moving.poses_mm + moving.root_mm[:, :, None])[0].astype(np.float64)
    rays = joints[..., :2] / joints[..., 2:]
    feet = Feet(np.full((FRAMES, 4, 3), np.nan), np.zeros((FRAMES, 4), bool))
    contact = contact_of(feet, None, FPS, turns)
    shaken = turned(joints, turns) + np.random.default_rng(0).normal(0, 25, joints.shape)
    fitted = fitted_joints(shaken, rays, np.ones((FRAMES, 17)), contact, None, FPS, turns=turns)
    seen = turned(fitted, turns.swapaxes(1, 2))
    before = turned(shaken, turns.swapaxes(1, 2))

    def off(points: np.ndarray) -> float:
        return float(np.abs(points[..., :2] / points[..., 2:] - rays).mean())

    assert off(seen) < 0.6 * off(before)


def test_key_pictures_do_not_pile_up_while_a_camera_travels() -> None:
    sightings = Sightings()
    background = Background(FPS, sightings)
    scene = surroundings()
    for frame in range(180):
        image = picture(np.roll(scene, -31 * frame, axis=1), np.eye(3))
        background.look(image, [], frame)
    assert len(sightings.found) > 60
    assert len(sightings._keys) <= MOST_KEYS


def test_a_background_that_was_out_of_sight_for_long_is_given_up() -> None:
    scene, truth = surroundings(), panning(8.0, 40)
    blank = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    images = [picture(scene, turn) for turn in truth]
    sightings = looked([*images, *[blank] * 30, *images])
    assert sightings.found[-1].frame < 40
    assert turns_of(sightings, 110, EXACT) is None
