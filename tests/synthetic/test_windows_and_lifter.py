"""The frame that keypoints are normalised in, and the network that takes them."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from overpose.layouts import BLAZEPOSE_33, COCO_17
from overpose.methods import load_model
from overpose.networks.configs import KeypointEncoderConfig, PosePredictorConfig
from overpose.networks.keypoint_windows import (
    INPUT_NAMES,
    MAIN,
    input_size,
    look_along,
    make_windows,
)
from overpose.networks.pose_predictor import PosePredictor
from overpose.networks.storage import save_model
from overpose.support.errors import InputError
from overpose.video.lifting import lift

TEMPORAL = (-2, 0, 2)


def points(seed: int, batch: int = 2, frames: int = 3) -> np.ndarray:
    """Random keypoints in front of a camera, mm."""
    rng = np.random.default_rng(seed)
    spread = rng.normal(0, 400, (batch, frames, len(INPUT_NAMES), 3))
    return spread + np.array([300, -200, 4000])


def rays_of(points_mm: np.ndarray) -> np.ndarray:
    return points_mm[..., :2] / points_mm[..., 2:]


def test_look_along_turns_the_z_axis_onto_the_direction_without_roll() -> None:
    directions = np.random.default_rng(0).normal(size=(50, 3)) + np.array([0, 0, 3])
    turns = look_along(directions)
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    assert np.allclose(turns @ (0, 0, 1), unit)
    assert np.allclose(turns @ turns.swapaxes(1, 2), np.eye(3), atol=1e-12)
    axes = Rotation.from_matrix(turns).as_rotvec()
    assert np.allclose(axes[:, 2], 0, atol=1e-9)  # the shortest way


def test_turning_the_camera_changes_nothing_but_the_way_back() -> None:
    """The same people, seen by a camera that looks elsewhere, give the same features."""
    seen = points(1)
    turn = Rotation.from_euler("y", 12, degrees=True).as_matrix()
    scores = np.ones(seen.shape[:3])
    one = make_windows(rays_of(seen), scores, 1)
    other = make_windows(rays_of(seen @ turn.T), scores, 1)
    # Not exactly: the middle of the projected points depends on the view, and roll does so too.
    assert np.abs(one.features - other.features).max() < 0.08
    assert np.abs(other.to_camera - turn @ one.to_camera).max() < 0.05


def test_missing_keypoints_become_zeros() -> None:
    seen = rays_of(points(2))
    seen[0, :, 5] = np.nan
    windows = make_windows(seen, np.ones(seen.shape[:3]), 1)
    frames = windows.features[:, :-1].reshape(2, 3, -1)
    keypoints = frames[:, :, : 3 * len(INPUT_NAMES)].reshape(2, 3, -1, 3)
    assert not keypoints[0, :, 5].any()
    assert (keypoints[1, :, 5, 2] == 1).all()
    assert np.isfinite(make_windows(seen * np.nan, np.ones(seen.shape[:3]), 1).features).all()


def test_without_main_keypoints_in_the_middle_the_camera_looks_at_those_of_other_frames() -> None:
    seen = rays_of(points(4))
    seen[0, 1, MAIN] = np.nan
    seen[0, 0, MAIN[0]] = np.nan
    known = np.concatenate([seen[0, 0, MAIN[1:]], seen[0, 2, MAIN]])
    known = np.column_stack([known, np.ones(len(known))])
    windows = make_windows(seen, np.ones(seen.shape[:3]), 1)
    forward = windows.to_camera[0, :, 2]
    # The mean of each keypoint over its frames, then of all: the one seen once counts as the rest.
    by_keypoint = np.vstack([known[:11].sum(axis=0) + known[12:].sum(axis=0), 2 * known[11]])
    expected = by_keypoint.sum(axis=0)
    assert np.allclose(forward, expected / np.linalg.norm(expected))
    assert np.allclose(
        windows.to_camera[1], make_windows(seen[1:], np.ones((1, 3, 37)), 1).to_camera
    )


def frames_of(features: np.ndarray, frames: int) -> np.ndarray:
    """(batch, frames, 37, 3) x, y, sureness."""
    return features[:, :-1].reshape(len(features), frames, len(INPUT_NAMES), 3)


def test_the_last_feature_tells_how_large_the_person_appears() -> None:
    """Twice as near is twice as large: one more ln 2, and nothing else changes."""
    seen = np.random.default_rng(5).normal(0, 0.1, (2, 3, len(INPUT_NAMES), 2))
    seen[:, :, MAIN] -= seen[:, 1:2, MAIN].mean(axis=2, keepdims=True)  # about the optical axis
    scores = np.ones(seen.shape[:3])
    far, near = (make_windows(scale * seen, scores, 1).features for scale in (1.0, 2.0))
    assert np.allclose(near[:, -1] - far[:, -1], np.log(2.0), atol=1e-5)
    assert np.allclose(near[:, :-1], far[:, :-1], atol=1e-5)
    rms = np.sqrt(np.square(seen[:, :, MAIN]).sum(axis=-1).mean(axis=(1, 2)))
    assert np.allclose(far[:, -1], np.log(rms * np.exp(1.5)), atol=1e-5)  # 0 where rms is e^-1.5


def test_points_are_divided_by_the_size_of_the_main_ones() -> None:
    windows = make_windows(rays_of(points(6)), np.ones((2, 3, len(INPUT_NAMES))), 1)
    placed = frames_of(windows.features, 3)[..., :2]
    radius = np.square(placed[:, :, MAIN]).sum(axis=-1)
    assert np.allclose(radius.mean(axis=(1, 2)), 1.0, atol=1e-5)
    assert np.abs(placed[:, 1, MAIN].mean(axis=1)).max() < 0.05  # about the middle frame's centre


def test_a_seen_point_of_no_score_is_told_from_a_missing_one() -> None:
    seen = rays_of(points(7))
    seen[:, :, 3] = np.nan
    sureness = [
        frames_of(make_windows(seen, np.full(seen.shape[:3], score), 1).features, 3)[..., 2]
        for score in (0.0, 0.5, 1.0)
    ]
    for found in sureness:
        assert (found[:, :, 3] == 0).all()
    none, half, sure = (np.delete(found, 3, axis=2) for found in sureness)
    assert np.allclose(none, 0.25)
    assert np.allclose(half, (none + sure) / 2)
    assert np.allclose(sure, 1.0)


@pytest.mark.parametrize("kind", ["direct", "latent", "finetuned"])
def test_a_saved_lifter_predicts_the_same(tmp_path: Path, kind: str) -> None:
    sizes = () if kind == "direct" else (60, 51)
    config = PosePredictorConfig(kind, KeypointEncoderConfig(TEMPORAL, 32, 1), decoder_sizes=sizes)  # pyright: ignore
    model = PosePredictor(config, seed=3)
    save_model(model, tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert isinstance(again, PosePredictor)
    features = np.random.default_rng(0).normal(size=(5, input_size(3))).astype(np.float32)
    assert np.array_equal(model.predict(features), again.predict(features))
    assert (model.predict(features)[:, 0] == 0).all()


def test_lifter_configurations_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="decoder_sizes"):
        PosePredictorConfig("latent")
    with pytest.raises(InputError, match="offsets"):
        KeypointEncoderConfig(offsets=(1, 2))
    with pytest.raises(InputError, match="features"):
        PosePredictor(PosePredictorConfig("direct", KeypointEncoderConfig())).predict(
            np.zeros((2, 7), np.float32)
        )


def test_lifting_in_one_go_equals_lifting_the_middle_of_a_longer_video() -> None:
    model = PosePredictor(
        PosePredictorConfig("direct", KeypointEncoderConfig(TEMPORAL, 32, 1)), seed=1
    )
    rng = np.random.default_rng(4)
    keypoints = np.concatenate(
        [rng.uniform(100, 500, (20, 33, 2)), rng.random((20, 33, 1))], axis=2
    ).astype(np.float32)
    options = {"focal_px": 600.0, "center_px": (320.0, 240.0), "fps": 25.0}
    whole = lift(model, keypoints, BLAZEPOSE_33, **options).poses_mm
    part = lift(model, keypoints[5:15], BLAZEPOSE_33, **options).poses_mm
    assert np.allclose(whole[7:13], part[2:8], atol=1e-2)


def test_frames_without_keypoints_have_no_pose() -> None:
    model = PosePredictor(PosePredictorConfig("direct", KeypointEncoderConfig((0,), 32, 1)), seed=1)
    keypoints = np.random.default_rng(0).uniform(100, 500, (4, 17, 3)).astype(np.float32)
    keypoints[2, :, :2] = np.nan
    camera = {"focal_px": 500.0, "center_px": (320.0, 240.0), "fps": 30.0}
    poses = lift(model, keypoints, COCO_17, **camera).poses_mm
    assert np.isnan(poses).all(axis=(1, 2)).tolist() == [False, False, True, False]
