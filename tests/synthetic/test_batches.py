"""Training windows: made-up clips seen by random cameras through a model of the detector."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from overpose.layouts import BLAZEPOSE_33
from overpose.networks.autoencoder import AutoencoderConfig
from overpose.networks.configs import KeypointEncoderConfig
from overpose.networks.keypoint_windows import input_size
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.synthetic.batches import BatchConfig, BatchSource
from overpose.synthetic.detections import IMAGE_SIZE, Detections, read_detections
from overpose.synthetic.detector import DetectorModel
from overpose.synthetic.pool import STEP_MM
from overpose.training import (
    AutoencoderStage,
    DrawnWindows,
    FinetuneStage,
    LoopConfig,
    RegressionStage,
    train_autoencoder,
    train_direct,
    train_finetune,
    train_latent,
)

OFFSETS = (-3, 0, 3)
CLEAN = BatchConfig(
    detected=0.0, generic=0.0, shift=0.0, drop=0.0, drop_frame=0.0, swap=0.0,
    focal_error=0.0, assumed=0.0,
)  # fmt: skip
HEIGHTS = {
    "pelvis": 950, "hip": 880, "knee": 470, "ankle": 80, "spine": 1150, "neck": 1450, "nose": 1560,
    "head_top": 1720, "shoulder": 1420, "elbow": 1130, "wrist": 880,
}  # fmt: skip


def standing(frames: int) -> np.ndarray:
    """(frames, 50, 3) world, mm: somebody who stands, faces -y and sways; the left is at +x."""
    points = np.zeros((50, 3))
    names = (*HUMAN36M.joint_names, *BLAZEPOSE_33.names)
    for place, name in enumerate(names):
        part = name.removeprefix("left_").removeprefix("right_")
        height = HEIGHTS.get(part, 40 if part in ("heel", "foot_index") else 1560)
        height = 860 if part in ("pinky", "index", "thumb") else height
        side = 1 if "left" in name else -1 if "right" in name else 0
        points[place] = (150 * side, -90 if height == 1560 else 0, height)
    sway = 60 * np.sin(np.arange(frames) / 4)[:, None, None] * points[:, 2:] / 1700
    moved = np.repeat(points[None], frames, axis=0)
    moved[..., :1] += sway
    return moved


@pytest.fixture(scope="module")
def pool() -> np.ndarray:
    clip = standing(20)
    clips = np.stack([clip, 0.9 * clip, 1.1 * clip])
    return np.rint((clips - clips.mean(axis=(1, 2), keepdims=True)) / STEP_MM).astype(np.int16)


@pytest.fixture(scope="module")
def detections() -> Detections:
    """A detector that sees everything 2 % of the image too far right, and its own 3D is true."""
    world = standing(20) - (0, 0, 900)
    camera = np.stack([world[..., 0], -world[..., 2], world[..., 1] + 4000], axis=-1)
    camera = np.repeat(camera[None], 4, axis=0)
    camera[..., 0] += np.linspace(-300, 300, 4)[:, None, None]
    landmarks = camera[:, :, 17:]
    keypoints = np.ones((*landmarks.shape[:2], 2, 33, 3))
    pixels = landmarks[..., :2] / landmarks[..., 2:] * 300 + IMAGE_SIZE / 2
    keypoints[..., :2] = pixels[:, :, None] + (0.02 * IMAGE_SIZE, 0.0)
    return Detections(
        camera.astype(np.float32),
        np.full(4, 300, np.float32),
        keypoints.astype(np.float32),
    )


@pytest.fixture(scope="module")
def source(pool: np.ndarray, detections: Detections) -> BatchSource:
    return BatchSource(pool, DetectorModel.fit(detections), detections, OFFSETS)


def handedness(poses: np.ndarray) -> np.ndarray:
    """Sign of (left x up) . forward: the same for all who are not mirrored."""
    joint = {name: poses[:, HUMAN36M.index(name)] for name in HUMAN36M.joint_names}
    left = joint["left_hip"] - joint["right_hip"]
    up = joint["neck"] - joint["pelvis"]
    forward = joint["nose"] - joint["neck"]
    return np.sign(np.einsum("ij,ij->i", np.cross(left, up), forward))


def test_the_bias_of_a_detector_is_found(detections: Detections) -> None:
    model = DetectorModel.fit(detections)
    landmarks = detections.points_mm[:, :3, 17:].astype(np.float64)
    rays, scores = model.draw(landmarks, np.arange(3), np.random.default_rng(0))
    shift = (rays - landmarks[..., :2] / landmarks[..., 2:])[..., 0]
    assert np.allclose(shift, 0.02 * IMAGE_SIZE / 300, atol=0.002)
    assert scores.min() > 0.98


def test_batches_have_the_right_shapes_and_no_gaps(source: BatchSource) -> None:
    features, poses, feet = source.draw(64, np.random.default_rng(0))
    assert features.shape == (64, input_size(3))
    assert poses.shape == (64, 17, 3)
    assert feet.shape == (64, 4, 3)
    assert np.isfinite(features).all()
    assert (poses[:, HUMAN36M.index("pelvis")] == 0).all()


def test_nobody_is_turned_inside_out(source: BatchSource) -> None:
    """Mirroring swaps the sides and the image at once, in poses from the pool and from renders."""
    for config in (CLEAN, replace(CLEAN, detected=1.0), replace(CLEAN, generic=1.0)):
        drawn = BatchSource(source.pool, source.detector, source.detections, OFFSETS, config)
        _, poses, _ = drawn.draw(40, np.random.default_rng(1))
        assert len(set(handedness(poses))) == 1
    assert len(set(handedness(source.poses(40, np.random.default_rng(2))))) == 1


def test_mirroring_landmarks_twice_changes_nothing() -> None:
    points = np.random.default_rng(0).normal(size=(4, 33, 3))
    assert np.array_equal(BLAZEPOSE_33.mirrored(BLAZEPOSE_33.mirrored(points)), points)


def test_the_same_stream_gives_the_same_batch(source: BatchSource) -> None:
    one, other = (source.draw(16, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one[0], other[0])
    assert np.array_equal(one[1], other[1])


def test_missing_detections_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no detections"):
        read_detections(tmp_path)
    (tmp_path / "clip_00000.npz").write_bytes(b"damaged")
    with pytest.raises(InputError, match="damaged"):
        read_detections(tmp_path)


def test_the_three_stages_learn_and_resume(source: BatchSource, tmp_path: Path) -> None:
    """Each stage lowers its error on the windows it is shown, and a finished one is read back."""
    stage = RegressionStage(
        KeypointEncoderConfig(OFFSETS, 64, 1, 0.0),
        LoopConfig(epochs=3, batch_size=64, learning_rate=3e-3, schedule="cosine"),
        pose_error="distance",
        bfloat16=True,
    )
    tuning = FinetuneStage(stage.loop, pose_error="distance", bfloat16=True)
    rng = np.random.default_rng(5)
    seen = source.draw(128, rng)
    poses = source.poses(512, rng)
    untrained = float(np.linalg.norm(seen[1] - poses.mean(axis=0), axis=-1).mean())
    code = train_autoencoder(
        poses,
        None,
        AutoencoderStage(AutoencoderConfig((100,), (20.0,)), LoopConfig(epochs=20)),
        tmp_path / "code",
    )
    windows = DrawnWindows(source, 30, seen[:2])
    direct = train_direct(windows, stage, tmp_path / "direct")
    latent = train_latent(windows, code, stage, tmp_path / "latent")
    tuned = train_finetune(windows, latent, tuning, tmp_path / "tuned")
    errors = [
        float(np.linalg.norm(model.predict(seen[0]) - seen[1], axis=-1).mean())
        for model in (direct, latent, tuned)
    ]
    assert max(errors) < 0.6 * untrained
    assert errors[2] < errors[1]
    again = train_direct(windows, stage, tmp_path / "direct")
    assert np.array_equal(again.predict(seen[0]), direct.predict(seen[0]))
    with pytest.raises(InputError, match="kind latent"):
        train_finetune(windows, direct, tuning, tmp_path / "wrong")
    other = BatchSource(source.pool, source.detector, None, (0,))
    with pytest.raises(InputError, match="offsets"):
        train_direct(DrawnWindows(other, 30), stage, tmp_path / "wrong")
