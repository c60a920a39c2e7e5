"""Clips made of several recordings, on random bodies, and the landmarks on these."""

from dataclasses import replace

import numpy as np
import pytest

from overpose.layouts import BLAZEPOSE_33
from overpose.mocap.motion import Motion
from overpose.mocap.procedural import PROCEDURAL_ACTIONS, procedural_motion
from overpose.skeleton import HUMAN36M
from overpose.studio.body import BodyModel, load_body
from overpose.studio.retarget import retarget
from overpose.support.errors import InputError
from overpose.synthetic.bodies import body_of_clip
from overpose.synthetic.detections import random_camera
from overpose.synthetic.landmarks import POINTS, body_points, landmark_points
from overpose.synthetic.motions import MotionConfig, Recordings, clip_stream, random_clip


@pytest.fixture(scope="module")
def model() -> BodyModel:
    try:
        return load_body()
    except InputError as error:
        pytest.skip(f"needs the body asset: {error}")


@pytest.fixture(scope="module")
def recordings() -> Recordings:
    return Recordings.of(
        {
            action: [procedural_motion(action, number % 2, number, 60)]
            for number, action in enumerate(PROCEDURAL_ACTIONS)
        }
    )


def test_clips_are_new_and_follow_from_their_number(recordings: Recordings) -> None:
    one, same = (random_clip(recordings, clip_stream(0, 4), 30) for _ in range(2))
    other = random_clip(recordings, clip_stream(0, 5), 30)
    assert len(one) == 30
    assert np.array_equal(one.rotations, same.rotations)
    assert not np.array_equal(one.rotations, other.rotations)


def test_recordings_that_are_all_too_short_are_refused(recordings: Recordings) -> None:
    with pytest.raises(InputError, match=r"at least 0\.3 seconds"):
        Recordings.of({"short": [motion.slice(0, 5) for motion in recordings.motions]})


def test_every_trial_is_drawn_however_short_and_classes_alike() -> None:
    """Of two classes each half of the clips, of trials of one class equally many."""
    long = procedural_motion("walking", 0, 0, 200)
    classes = {"walking": [long], "rare": [replace(long.slice(0, 9), trial=str(n)) for n in "ab"]}
    recordings = Recordings.of(classes)
    rng = np.random.default_rng(0)
    drawn = [recordings.draw(rng).trial for _ in range(800)]
    assert drawn.count("a") == pytest.approx(200, abs=50)
    assert drawn.count("b") == pytest.approx(200, abs=50)
    assert drawn.count(long.trial) == pytest.approx(400, abs=60)


def test_short_trials_are_played_to_and_fro() -> None:
    short = procedural_motion("dance", 0, 0, 12)
    window = Recordings.of({"dance": [short]}).window(np.random.default_rng(1), 60)
    steps = np.abs(np.diff(window.rotations, axis=0)).max(axis=(1, 2, 3))
    assert steps.max() < 0.5  # it never jumps
    assert steps.min() > 0  # and never stands still


def upward(clip: Motion) -> np.ndarray:
    """(frames,) how far the pelvis is upright: 1, upside down -1."""
    return clip.rotations[:, 0, 2, 2]


def test_a_share_of_clips_is_turned_any_way(recordings: Recordings) -> None:
    """By any angle alike: the cosine to upright of uniform rotations is uniform."""
    turned = MotionConfig(posed=0.0, shaken=0.0, turned=1.0)
    cosines = [upward(random_clip(recordings, clip_stream(0, n), 2, turned))[0] for n in range(80)]
    assert np.histogram(cosines, 4, (-1, 1))[0].min() > 8
    upright = replace(turned, turned=0.0)
    cosines = [upward(random_clip(recordings, clip_stream(0, n), 2, upright))[0] for n in range(20)]
    assert min(cosines) > 0.3


def test_legs_between_key_poses_carry_recorded_bodies(recordings: Recordings) -> None:
    """Everything from the waist up turns as in one of the recordings, the legs as in none."""
    mixed = MotionConfig(posed=1.0, mixed=1.0, turned=0.0)
    known = np.concatenate([motion.rotations for motion in recordings.motions])
    skeleton = recordings.motions[0].skeleton
    found, legs = set(), []
    for number in range(6):
        clip = random_clip(recordings, clip_stream(0, number), 4, mixed)
        near = {
            bone: np.abs(known[:, skeleton.index(bone)] - clip.rotations[0, skeleton.index(bone)])
            .max(axis=(1, 2))
            .min()
            for bone in ("lfemur", "lowerback", "lhumerus")
        }
        assert near["lhumerus"] < 0.1
        legs.append(near["lfemur"])
        found.add(bool(near["lowerback"] < 0.05))
    assert found == {True, False}  # arms alone, and the trunk with them
    assert np.median(legs) > 0.1


def test_landmarks_lie_where_their_names_say(recordings: Recordings, model: BodyModel) -> None:
    """At rest the body faces -y, its left is at +x, z is up."""
    motion = random_clip(recordings, clip_stream(0, 2), 3)
    shape = body_of_clip(0, "somebody", 0)
    bones = retarget(motion, model, shape)
    rest, _ = landmark_points(model, shape)
    place = dict(zip(BLAZEPOSE_33.names, rest, strict=True))
    for name, point in place.items():
        if "left" in name:
            other = place[name.replace("left", "right")]
            assert point[0] > other[0] + 5
            assert np.linalg.norm(point - other * (-1, 1, 1)) < 25
    assert place["left_heel"][1] > place["left_ankle"][1] > place["left_foot_index"][1]
    assert place["left_heel"][2] < 60
    assert place["nose"][1] < place["left_eye"][1] < place["left_ear"][1]
    assert place["left_eye"][2] > place["mouth_left"][2] > place["left_shoulder"][2]
    hand = place["left_wrist"]
    for finger in ("left_index", "left_pinky", "left_thumb"):
        assert 20 < np.linalg.norm(place[finger] - hand) < 160
    points = body_points(model, shape, bones.transforms)
    assert points.shape == (3, POINTS, 3)
    elbow = 17 + BLAZEPOSE_33.names.index("left_elbow")
    assert np.allclose(points[:, elbow], points[:, HUMAN36M.index("left_elbow")], atol=0.1)


def test_the_camera_sees_everything(recordings: Recordings, model: BodyModel) -> None:
    motion = random_clip(recordings, clip_stream(0, 3), 8)
    shape = body_of_clip(0, "somebody", 0)
    bones = retarget(motion, model, shape)
    points = body_points(model, shape, bones.transforms).astype(np.float64).reshape(-1, 3)
    for seed in range(20):
        camera = random_camera(np.random.default_rng(seed), points)
        assert camera.to_camera_mm(points)[:, 2].min() > 300
        pixels = camera.project(points)
        assert pixels.min() > -0.1 * camera.width
        assert pixels.max() < 1.1 * camera.width
        assert np.ptp(pixels, axis=0).max() > 0.3 * camera.width
