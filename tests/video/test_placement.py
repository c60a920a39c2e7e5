"""The pelvis in camera space, focal lengths and scale."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.video.focal import default_focal, focal_from_fov
from overpose.video.placement import (
    place_root,
    scale_to_height,
    stature_mm,
)

WIDTH, HEIGHT, FOCAL = 1280, 720, 1000.0


def people(seed: int, frames: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Body-sized random poses (frames, 17, 3) and roots (frames, 3) in front of the camera."""
    rng = np.random.default_rng(seed)
    poses = rng.normal(0, 1, (frames, 17, 3)) * [200, 450, 200]
    poses -= poses[:, :1]
    depth = rng.uniform(2500, 12_000, frames)
    root = np.stack([rng.normal(0, 0.3, frames) * depth, rng.normal(0, 0.1, frames) * depth, depth])
    return poses, root.T


def project(poses: np.ndarray, root: np.ndarray, focal: float = FOCAL) -> np.ndarray:
    placed = poses + root[:, None]
    pixels = focal * placed[..., :2] / placed[..., 2:] + [WIDTH / 2, HEIGHT / 2]
    return np.concatenate([pixels, np.ones((*pixels.shape[:-1], 1))], axis=-1)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_an_exact_projection_gives_the_root_back(seed):
    poses, root = people(seed)
    found = place_root(poses, project(poses, root), FOCAL, WIDTH, HEIGHT)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, root, atol=0.5)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_up_to_three_joints_far_off_move_the_root_by_less_than_a_millimetre(seed):
    poses, root = people(seed)
    keypoints = project(poses, root)
    size = keypoints[..., 1].std(axis=1)
    wrong = np.random.default_rng(seed).choice(17, 3, replace=False)
    keypoints[:, wrong, 0] += 3 * size[:, None]
    keypoints[:, wrong[0], 1] -= 2 * size
    np.testing.assert_allclose(place_root(poses, keypoints, FOCAL, WIDTH, HEIGHT), root, atol=1.0)


def test_with_noise_it_is_about_as_good_as_an_independent_optimiser():
    poses, root = people(3, 40)
    rng = np.random.default_rng(4)
    keypoints = project(poses, root)
    keypoints[..., :2] += rng.normal(0, 3, (*keypoints.shape[:2], 2))

    def best(frame: int) -> np.ndarray:
        def misses(at: np.ndarray) -> np.ndarray:
            return (project(poses[[frame]], at[None]) - keypoints[[frame]])[..., :2].ravel()

        return least_squares(misses, root[frame], x_scale=1000).x

    error = np.linalg.norm(place_root(poses, keypoints, FOCAL, WIDTH, HEIGHT) - root, axis=1)
    reference = np.linalg.norm(np.stack([best(f) for f in range(40)]) - root, axis=1)
    assert np.median(error) < 1.3 * np.median(reference)


def test_the_score_weighs_a_joint_and_zero_leaves_it_out():
    poses, root = people(5)
    keypoints = project(poses, root)
    keypoints[:, :9, :2] += [[400, -50]]
    keypoints[:, :9, 2] = 0
    np.testing.assert_allclose(place_root(poses, keypoints, FOCAL, WIDTH, HEIGHT), root, atol=0.5)


def test_of_two_opinions_the_one_with_the_higher_scores_wins():
    """Half of the joints say that the person stands further right, with little confidence."""
    poses, root = people(5)
    keypoints = project(poses, root)
    aside = 0.5 * keypoints[..., 1].std(axis=1, keepdims=True)
    low = np.arange(17) % 2 == 0
    keypoints[:, low, 0] += aside
    keypoints[:, low, 2] = 0.1
    found = place_root(poses, keypoints, FOCAL, WIDTH, HEIGHT)
    moved = (found - root)[:, 0] / root[:, 2] * FOCAL
    assert (np.abs(moved) < 0.15 * aside[:, 0]).all()
    keypoints[:, low, 2], keypoints[:, ~low, 2] = 1.0, 0.1
    found = place_root(poses, keypoints, FOCAL, WIDTH, HEIGHT)
    moved = (found - root)[:, 0] / root[:, 2] * FOCAL
    assert (moved > 0.85 * aside[:, 0]).all()


def test_joints_without_keypoint_or_position_are_left_out():
    poses, root = people(6)
    keypoints = project(poses, root)
    keypoints[:, HUMAN36M.indices(["spine", "head_top"])] = (np.nan, np.nan, 0)
    poses[:, HUMAN36M.index("left_wrist")] = np.nan
    np.testing.assert_allclose(place_root(poses, keypoints, FOCAL, WIDTH, HEIGHT), root, atol=0.5)


def test_fewer_than_four_joints_give_nan_and_four_give_the_root():
    poses, root = people(7, 3)
    keypoints = project(poses, root)
    keypoints[0, 3:] = np.nan
    keypoints[1, 4:, 2] = 0
    poses[2] = np.nan
    found = place_root(poses, keypoints, FOCAL, WIDTH, HEIGHT)
    assert np.isnan(found[[0, 2]]).all()
    np.testing.assert_allclose(found[1], root[1], atol=0.5)


def test_keypoints_that_all_fall_on_one_point_give_nan():
    poses, _ = people(8, 1)
    keypoints = np.tile(np.array([100.0, 50.0, 1.0]), (1, 17, 1))
    assert np.isnan(place_root(poses, keypoints, FOCAL, WIDTH, HEIGHT)).all()


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_every_joint_is_in_front_of_the_camera_whatever_the_keypoints(seed):
    poses, _ = people(seed, 20)
    rng = np.random.default_rng(seed)
    keypoints = np.concatenate(
        [rng.uniform(0, 720, (20, 17, 2)), rng.uniform(0.1, 1, (20, 17, 1))], axis=-1
    )
    found = place_root(poses, keypoints, FOCAL, WIDTH, HEIGHT)
    assert (poses[..., 2] + found[:, None, 2] > 0).all()


def test_no_frames_give_no_roots():
    empty = np.zeros((0, 17, 3), dtype=np.float32)
    assert place_root(empty, empty, FOCAL, WIDTH, HEIGHT).shape == (0, 3)


def test_shapes_and_focal_length_are_checked():
    poses, root = people(9, 2)
    with pytest.raises(InputError, match="keypoints_px: got shape"):
        place_root(poses, project(poses, root)[:1], FOCAL, WIDTH, HEIGHT)
    with pytest.raises(InputError, match="focal_px: got 0"):
        place_root(poses, project(poses, root), 0, WIDTH, HEIGHT)


def test_the_field_of_view_spans_the_longer_side():
    focal = focal_from_fov(70, 1920, 1080)
    assert 2 * math.degrees(math.atan(1920 / 2 / focal)) == pytest.approx(70)
    assert focal_from_fov(70, 1080, 1920) == focal


@pytest.mark.parametrize("fov", [0, -5, 180, float("nan")])
def test_an_impossible_field_of_view_is_refused(fov):
    with pytest.raises(InputError, match="field of view"):
        focal_from_fov(fov, 100, 100)


def test_the_assumed_focal_length_is_that_of_phones():
    assert 36 * default_focal(1600, 1200) / 1600 == pytest.approx(28.8)
    assert default_focal(1200, 1600) == default_focal(1600, 900) == 0.8 * 1600


def upright(frames: int = 3) -> np.ndarray:
    """A body with head top 1700 mm and ankles 90 mm above the ground, arms anywhere."""
    heights = {
        "pelvis": 950, "right_hip": 950, "right_knee": 500, "right_ankle": 90, "left_hip": 950,
        "left_knee": 500, "left_ankle": 90, "spine": 1200, "neck": 1450, "nose": 1560,
        "head_top": 1700,
    }  # fmt: skip
    pose = np.zeros((17, 3))
    for name, height in heights.items():
        pose[HUMAN36M.index(name)] = (0, 950 - height, 0)
    return np.repeat(pose[None], frames, axis=0)


def test_stature_adds_up_the_body_and_the_foot():
    assert stature_mm(upright()) == pytest.approx((1700 - 90) / (1 - 0.039))


def test_bending_the_knees_does_not_change_the_stature():
    crouched = upright()
    knees = HUMAN36M.indices(["left_knee", "right_knee"])
    ankles = HUMAN36M.indices(["left_ankle", "right_ankle"])
    crouched[:, knees] = [0, 0, 450]
    crouched[:, ankles] = [0, 410, 450]
    assert stature_mm(crouched) == pytest.approx(stature_mm(upright()))


@given(height=st.floats(0.5, 2.5), seed=st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_scaling_gives_the_height_and_keeps_the_image(height, seed):
    poses, root = people(seed)
    scaled, moved = scale_to_height(poses, root, height)
    assert stature_mm(scaled) == pytest.approx(1000 * height)
    np.testing.assert_allclose(project(scaled, moved), project(poses, root), atol=1e-6)


@pytest.mark.parametrize("height", [0, 180, float("nan")])
def test_a_height_that_is_not_in_metres_is_refused(height):
    with pytest.raises(InputError, match=r"expected 0\.3 to 2\.8"):
        scale_to_height(upright(), np.zeros((3, 3)), height)


def test_a_track_without_a_whole_pose_has_no_stature():
    with pytest.raises(InputError, match="no frame has a whole pose"):
        stature_mm(np.full((4, 17, 3), np.nan))
