"""From raw poses to finished ones: gaps, smoothness, proportions, place, scale."""

from typing import Any

import numpy as np
import pytest

from overpose.layouts import HUMAN36M_17
from overpose.metrics import limb_length_std
from overpose.networks.lifted import Lifted, ankles_mm
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.video.options import PredictOptions
from overpose.video.placement import stature_mm
from overpose.video.posing import WINDOW_COUNTS, View, finished_poses, lifted

VIEW = View(640, 480, 30.0, 700.0)
ROOT = np.array([200.0, -100.0, 4000.0])


def walking(frames: int = 60, noise_mm: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Poses (frames, 17, 3) whose limbs swing, and their keypoints."""
    rng = np.random.default_rng(0)
    base = rng.normal(0, 300, (17, 3))
    swing = np.sin(np.arange(frames) / 15)[:, None, None] * rng.normal(0, 40, (17, 3))
    poses = base + swing
    poses -= poses[:, :1]
    camera = poses + ROOT
    pixels = camera[..., :2] / camera[..., 2:] * VIEW.focal_px + VIEW.center_px
    keypoints = np.concatenate([pixels, np.ones((frames, 17, 1))], axis=-1).astype(np.float32)
    noisy = poses + rng.normal(0, noise_mm, poses.shape) if noise_mm else poses
    return (noisy - noisy[:, :1]).astype(np.float32), keypoints


def finished(poses: np.ndarray, *known: Any) -> tuple[np.ndarray, np.ndarray]:
    """Finished poses and roots."""
    done, root = finished_poses(Lifted(poses), *known)
    return done.poses_mm, root


def test_the_root_is_where_pose_and_keypoints_put_it() -> None:
    poses, keypoints = walking()
    options = PredictOptions(smooth="none", constant_limbs=False)
    same, root = finished(poses, keypoints, HUMAN36M_17, VIEW, options)
    assert np.allclose(same, poses)
    assert np.allclose(root, ROOT, atol=2.0)


@pytest.mark.parametrize("smooth", ["zero-phase", "one-euro"])
def test_smoothing_takes_jitter_away(smooth: str) -> None:
    poses, keypoints = walking(noise_mm=15.0)
    done, _ = finished(
        poses,
        keypoints,
        HUMAN36M_17,
        VIEW,
        PredictOptions(smooth=smooth),  # pyright: ignore
    )
    jitter = np.linalg.norm(np.diff(poses, 2, axis=0), axis=-1).mean()
    left = np.linalg.norm(np.diff(done, 2, axis=0), axis=-1).mean()
    assert left < 0.5 * jitter


def test_limbs_have_one_length_unless_told_otherwise() -> None:
    poses, keypoints = walking(noise_mm=15.0)
    done, _ = finished(poses, keypoints, HUMAN36M_17, VIEW, PredictOptions())
    assert limb_length_std(done) < 0.01
    free = PredictOptions(constant_limbs=False)
    assert limb_length_std(finished(poses, keypoints, HUMAN36M_17, VIEW, free)[0]) > 1


def test_gaps_are_bridged_up_to_the_stated_length_only() -> None:
    poses, keypoints = walking()
    for gap in (slice(10, 14), slice(30, 45)):
        poses[gap], keypoints[gap] = np.nan, np.nan
    options = PredictOptions(bridge_s=0.2)  # 6 frames
    done, root = finished(poses, keypoints, HUMAN36M_17, VIEW, options)
    assert np.isfinite(done[10:14]).all()
    assert np.isfinite(root[10:14]).all()
    assert np.isnan(done[30:45]).all()
    assert np.isnan(root[30:45]).all()


def test_height_sets_the_scale_of_pose_and_distance() -> None:
    poses, keypoints = walking()
    plain, root = finished(poses, keypoints, HUMAN36M_17, VIEW, PredictOptions())
    tall, far = finished(poses, keypoints, HUMAN36M_17, VIEW, PredictOptions(height_m=1.9))
    assert stature_mm(tall) == pytest.approx(1900, abs=1)
    assert np.allclose(far / root, tall[:, 1:].std() / plain[:, 1:].std(), rtol=1e-3)


def test_an_absurd_distance_counts_as_unknown() -> None:
    poses, keypoints = walking()
    middle = np.array([*VIEW.center_px, 0.0], np.float32)
    keypoints[20:30] = middle + 0.001 * (keypoints[20:30] - middle) + (0, 0, 1)
    options = PredictOptions(smooth="none", bridge_s=0)
    done, root = finished(poses, keypoints, HUMAN36M_17, VIEW, options)
    assert np.isnan(root[20:30]).all()
    assert np.isfinite(done).all()


def test_somebody_never_seen_stays_unseen() -> None:
    nothing = np.full((5, len(HUMAN36M), 3), np.nan, np.float32)
    poses, root = finished(nothing, nothing, HUMAN36M_17, VIEW, PredictOptions(height_m=1.8))
    assert np.isnan(poses).all()
    assert np.isnan(root).all()


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"people": 0}, "people"),
        ({"track": -1}, "track"),
        ({"focal_px": -3.0}, "focal_px"),
        ({"focal_px": 500.0, "fov_deg": 60.0}, "one of them"),
        ({"fov_deg": 200.0}, "field of view"),
        ({"height_m": 17.0}, "height_m"),
        ({"smooth": "very"}, "smooth"),
        ({"bridge_s": -1.0}, "bridge_s"),
    ],
)
def test_wrong_options_are_refused(wrong: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        PredictOptions(**wrong)


def test_feet_keep_their_size_and_are_smoothed_bridged_and_scaled_with_the_pose() -> None:
    poses, keypoints = walking()
    rng = np.random.default_rng(3)
    points = np.float32([[0, 40, 60], [0, 60, -150], [0, 40, 60], [0, 60, -150]])
    hanging = points + rng.normal(0, 8, (len(poses), 4, 3)).astype(np.float32)
    errors = np.full((len(poses), 17), 30, np.float32)
    raw = Lifted(poses, ankles_mm(poses) + hanging, errors)
    for part in (raw.poses_mm, raw.feet_mm, keypoints, errors):
        assert part is not None
        part[10:13] = np.nan
    done, _ = finished_poses(raw, keypoints, HUMAN36M_17, VIEW, PredictOptions(bridge_s=0.2))
    assert done.feet_mm is not None
    found = done.feet_mm - ankles_mm(done.poses_mm)
    lengths = np.linalg.norm(found, axis=-1)
    assert np.ptp(lengths, axis=0).max() < 0.1
    np.testing.assert_allclose(lengths[0, :2], lengths[0, 2:], atol=0.1)
    np.testing.assert_allclose(lengths[0, :2], np.linalg.norm(points[:2], axis=-1), rtol=0.05)
    assert np.diff(found, 2, axis=0).std() < 0.5 * np.diff(hanging[20:], 2, axis=0).std()
    np.testing.assert_array_equal(done.joint_error_mm, np.float32(30))
    tall, _ = finished_poses(
        raw, keypoints, HUMAN36M_17, VIEW, PredictOptions(bridge_s=0.2, height_m=1.9)
    )
    scale = stature_mm(tall.poses_mm) / stature_mm(done.poses_mm)
    np.testing.assert_allclose(tall.feet_mm, done.feet_mm * scale, atol=0.1)
    np.testing.assert_allclose(tall.joint_error_mm, 30 * scale, rtol=1e-4)


class Says:
    """A lifter that says the same of every frame."""

    def __init__(self, offsets: tuple[int, ...], mm: float) -> None:
        self.offsets = offsets
        self.mm = mm

    def predict(self, features: np.ndarray, /) -> np.ndarray:
        return np.full((len(features), 17, 3), (0.0, self.mm, 0.0), np.float32)


def test_a_lifter_that_sees_several_frames_counts_more() -> None:
    _, keypoints = walking()
    photo, video = Says((0,), 100.0), Says((-1, 0, 1), 200.0)

    def height(*lifters: Says) -> float:
        return float(lifted(lifters, keypoints, HUMAN36M_17, VIEW).poses_mm[0, 5, 1])

    alone = height(photo)
    assert height(video) == pytest.approx(2 * alone)
    assert height(photo, video) == pytest.approx(
        alone * (1 + 2 * WINDOW_COUNTS) / (1 + WINDOW_COUNTS)
    )
    assert height(video, photo) == pytest.approx(height(photo, video))
