"""Feet and expected errors beside the pose: what is learned, and that poses do not change."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from overpose.networks.autoencoder import AutoencoderConfig
from overpose.networks.configs import ERROR_UNIT_MM, KeypointEncoderConfig
from overpose.networks.lifted import ankles_mm
from overpose.networks.normalization import PoseNormalization
from overpose.networks.pose_predictor import PosePredictor
from overpose.support.errors import InputError
from overpose.training import (
    AutoencoderStage,
    DrawnWindows,
    ErrorStage,
    FinetuneStage,
    ImageObservations,
    LoopConfig,
    RegressionStage,
    Runtime,
    train_autoencoder,
    train_direct,
    train_errors,
    train_finetune,
    train_latent,
)
from overpose.training.losses import error_loss, feet_loss
from overpose.training.samples import Drawn

LOOP = LoopConfig(epochs=5, batch_size=128, learning_rate=1e-2, schedule="cosine")
STAGE = RegressionStage(KeypointEncoderConfig((0,), 32, 1, 0.0), LOOP, pose_error="distance")
RUNTIME = Runtime("cpu", 1)


class Toy:
    """Bodies whose pose is a number seen, blurred as much as another number says; feet hang on the
    ankles, turned by a third number."""

    offsets = np.zeros(1, np.int64)

    def draw(self, count: int, rng: np.random.Generator) -> Drawn:
        features = np.zeros((count, 112), np.float32)
        features[:, :3] = rng.uniform(-1.5, 1.5, (count, 3))
        features[:, 1] = np.sign(features[:, 1])
        blur = 10.0 + 90.0 * (features[:, 1] > 0)
        poses = np.zeros((count, 17, 3), np.float32)
        poses[:, 1:, 0] = 300 * features[:, :1]
        poses[:, 1:] += blur[:, None, None] * rng.normal(size=(count, 16, 3))
        turn = np.stack([np.sin(features[:, 2]), np.cos(features[:, 2]), 0 * features[:, 2]], -1)
        feet = ankles_mm(poses) + np.float32([-60, 150, -60, 150])[:, None] * turn[:, None]
        return Drawn(features, poses, feet.astype(np.float32))

    def poses(self, count: int, rng: np.random.Generator) -> np.ndarray:
        return self.draw(count, rng).poses_mm

    def seek(self, step: int) -> None:
        pass

    def fingerprint(self) -> str:
        return "toy"


WINDOWS = DrawnWindows(Toy(), 25)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[PosePredictor]:
    """Straight, and through a code."""
    out = tmp_path_factory.mktemp("beside")
    stage = replace(STAGE, feet_weight=1.0)
    direct = train_direct(WINDOWS, stage, out / "direct", runtime=RUNTIME)
    code = train_autoencoder(
        WINDOWS.poses_mm[:2000],
        None,
        AutoencoderStage(AutoencoderConfig((60,), (20.0,)), LoopConfig(epochs=2)),
        out / "code",
        runtime=RUNTIME,
    )
    latent = train_latent(WINDOWS, code, stage, out / "latent", runtime=RUNTIME)
    assert latent.feet_head is None
    tuning = FinetuneStage(LOOP, pose_error="distance", feet_weight=1.0)
    return [direct, train_finetune(WINDOWS, latent, tuning, out / "tuned", runtime=RUNTIME)]


def test_feet_are_learned(models: list[PosePredictor]) -> None:
    drawn = Toy().draw(200, np.random.default_rng(7))
    wanted = drawn.feet_mm - ankles_mm(drawn.poses_mm)
    for model in models:
        lifted = model.predict_all(drawn.features)
        assert lifted.feet_mm is not None
        found = lifted.feet_mm - ankles_mm(lifted.poses_mm)
        assert np.linalg.norm(found - wanted, axis=-1).mean() < 20  # of 105 mm


def test_expected_errors_are_those_that_are_made(
    models: list[PosePredictor], tmp_path: Path
) -> None:
    """In windows that are blurred and in those that are not, each by itself; poses stay."""
    drawn = Toy().draw(2000, np.random.default_rng(8))
    blurred = drawn.features[:, 1] > 0
    for model in models:
        out = tmp_path / model.config.kind
        told = train_errors(WINDOWS, model, ErrorStage(LOOP), out, runtime=RUNTIME)
        lifted, plain = told.predict_all(drawn.features), model.predict_all(drawn.features)
        np.testing.assert_array_equal(lifted.poses_mm, plain.poses_mm)
        np.testing.assert_array_equal(lifted.feet_mm, plain.feet_mm)
        assert plain.joint_error_mm is None
        assert lifted.joint_error_mm is not None
        made = np.linalg.norm(lifted.poses_mm - drawn.poses_mm, axis=-1)
        for some in (blurred, ~blurred):
            expected = lifted.joint_error_mm[some, 1:].mean()
            assert expected == pytest.approx(made[some, 1:].mean(), rel=0.1)


def test_the_least_loss_is_at_the_mean_of_the_errors() -> None:
    normalization = PoseNormalization()
    normalization.scale_mm.fill_(100.0)
    pose = torch.zeros(64, 51)
    predicted = torch.randn(64, 51, generator=torch.Generator().manual_seed(0))
    apart = normalization.to_mm(predicted)
    errors = (apart - apart[:, :1]).norm(dim=-1)[:, 1:] / ERROR_UNIT_MM
    told = torch.zeros(17, requires_grad=True)
    best = errors.mean(0).log()
    for shift, sign in ((0.0, 0.0), (0.3, 1.0), (-0.3, -1.0)):
        with torch.no_grad():
            told[1:] = best + shift
        told.grad = None
        error_loss(told.expand(64, 17), predicted, pose, normalization).backward()
        assert told.grad is not None
        slope = told.grad[1:]
        assert told.grad[0] == 0
        assert (slope.sign() == sign).all() if sign else (slope.abs() < 1e-6).all()


def test_the_loss_of_feet_is_a_distance() -> None:
    truth = torch.zeros(2, 4, 3)
    moved = truth.clone()
    moved[0, 1] = torch.tensor([3.0, 4.0, 0.0])
    assert float(feet_loss(moved, truth)) == pytest.approx(5 / 8, rel=1e-3)


def test_images_have_no_feet(tmp_path: Path) -> None:
    from tiny_run import IMAGE_STAGE, tiny_samples

    stage = replace(IMAGE_STAGE, feet_weight=1.0)
    with pytest.raises(InputError, match="expected windows of keypoints"):
        train_direct(ImageObservations(*tiny_samples()), stage, tmp_path, runtime=RUNTIME)
