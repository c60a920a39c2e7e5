"""Clips made of several recordings, on random bodies, and the landmarks on these."""

import numpy as np
import pytest

from overpose.layouts import BLAZEPOSE_33
from overpose.mocap.procedural import PROCEDURAL_ACTIONS, procedural_motion
from overpose.skeleton import HUMAN36M
from overpose.studio.body import BodyModel, load_body
from overpose.support.errors import InputError
from overpose.synthetic.detections import random_camera
from overpose.synthetic.landmarks import POINTS, body_points, landmark_points
from overpose.synthetic.motions import Recordings, body_for, clip_stream, random_clip


@pytest.fixture(scope="module")
def model() -> BodyModel:
    try:
        return load_body()
    except InputError as error:
        pytest.skip(f"needs the body asset: {error}")


@pytest.fixture(scope="module")
def recordings() -> Recordings:
    return Recordings.of(
        procedural_motion(action, number % 2, number, 60)
        for number, action in enumerate(PROCEDURAL_ACTIONS)
    )


def test_clips_are_new_and_follow_from_their_number(recordings: Recordings) -> None:
    one, same = (random_clip(recordings, clip_stream(0, 4), 30) for _ in range(2))
    other = random_clip(recordings, clip_stream(0, 5), 30)
    assert len(one) == 30
    assert np.array_equal(one.rotations, same.rotations)
    assert not np.array_equal(one.rotations, other.rotations)
    assert not np.array_equal(one.skeleton.offsets_mm, other.skeleton.offsets_mm)


def test_limbs_are_alike_on_both_sides(recordings: Recordings) -> None:
    skeleton = random_clip(recordings, clip_stream(0, 1), 10).skeleton
    for part in ("femur", "tibia", "humerus", "radius"):
        left, right = (skeleton.lengths_mm[skeleton.index(f"{side}{part}")] for side in "lr")
        assert left == pytest.approx(right, rel=1e-3)


def test_recordings_that_are_all_too_short_are_refused(recordings: Recordings) -> None:
    with pytest.raises(InputError, match="at least a second"):
        Recordings.of(motion.slice(0, 5) for motion in recordings.motions)


def test_landmarks_lie_where_their_names_say(recordings: Recordings, model: BodyModel) -> None:
    """At rest the body faces -y, its left is at +x, z is up."""
    motion = random_clip(recordings, clip_stream(0, 2), 3)
    shape, bones = body_for(model, motion, 0, "somebody")
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
    shape, bones = body_for(model, motion, 0, "somebody")
    points = body_points(model, shape, bones.transforms).astype(np.float64).reshape(-1, 3)
    for seed in range(20):
        camera = random_camera(np.random.default_rng(seed), points)
        pixels = camera.project(points)
        assert pixels.min() > -0.1 * camera.width
        assert pixels.max() < 1.1 * camera.width
        assert np.ptp(pixels, axis=0).max() > 0.3 * camera.width
