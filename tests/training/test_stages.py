"""The stages learn what they should, and refuse what they cannot learn from."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from overpose.metrics import limb_ratio_error, mpjpe
from overpose.networks.autoencoder import AutoencoderConfig, PoseAutoencoder
from overpose.networks.codes import reconstruct_poses
from overpose.networks.configs import ImageEncoderConfig, KeypointEncoderConfig
from overpose.networks.pca import fit_pca
from overpose.networks.pose_predictor import PosePredictor
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.training import (
    AutoencoderStage,
    FinetuneStage,
    ImageObservations,
    LoopConfig,
    RegressionStage,
    Runtime,
    read_metrics,
    train_autoencoder,
    train_direct,
    train_finetune,
    train_latent,
)
from overpose.training.loop import learning_rate

RUNTIME = Runtime("cpu", 1)
ENCODER = ImageEncoderConfig(16, 16, (3, 3), (8, 8), (256,), dropout=0.0)

FAST = LoopConfig(epochs=25, batch_size=4, learning_rate=3e-3, schedule="cosine")


@pytest.fixture(scope="module")
def autoencoder(
    bodies: np.ndarray, held_out_bodies: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> PoseAutoencoder:
    config = AutoencoderStage(
        AutoencoderConfig((400,), (40.0,)), LoopConfig(epochs=16, schedule="cosine")
    )
    out = tmp_path_factory.mktemp("autoencoder")
    return train_autoencoder(bodies, held_out_bodies, config, out, runtime=RUNTIME)


def stretched(poses_mm: np.ndarray) -> np.ndarray:
    """The same poses with every limb's length multiplied by a random number."""
    factors = np.random.default_rng(3).uniform(0.6, 1.5, (len(poses_mm), 17, 1))
    result = np.zeros_like(poses_mm)
    for parent, joint in HUMAN36M.limbs:
        limb = poses_mm[:, joint] - poses_mm[:, parent]
        result[:, joint] = result[:, parent] + factors[:, joint] * limb
    return result


def with_swapped_legs(poses_mm: np.ndarray) -> np.ndarray:
    order = np.arange(17)
    for part in ("hip", "knee", "ankle"):
        pair = HUMAN36M.indices([f"left_{part}", f"right_{part}"])
        order[pair] = pair[::-1]
    return poses_mm[:, order]


def distance_to_bodies(poses_mm: np.ndarray, bodies: np.ndarray) -> float:
    """Mean over poses of the distance to the nearest body, in mm a joint."""
    nearest = [np.linalg.norm(bodies - pose, axis=-1).mean(1).min() for pose in poses_mm]
    return float(np.mean(nearest))


def test_autoencoder_removes_noise_from_bodies_it_has_not_seen(
    autoencoder: PoseAutoencoder, held_out_bodies: np.ndarray
) -> None:
    noise = np.random.default_rng(0).normal(0, 40, held_out_bodies.shape).astype(np.float32)
    noisy = held_out_bodies + noise - noise[:, :1]
    denoised = reconstruct_poses(autoencoder, noisy)
    assert mpjpe(denoised, held_out_bodies) < 0.85 * mpjpe(noisy, held_out_bodies)
    assert limb_ratio_error(denoised, held_out_bodies) < 0.75 * limb_ratio_error(
        noisy, held_out_bodies
    )


def test_autoencoder_pulls_impossible_limb_lengths_towards_bodies(
    autoencoder: PoseAutoencoder, bodies: np.ndarray, held_out_bodies: np.ndarray
) -> None:
    impossible = stretched(held_out_bodies)
    pulled = reconstruct_poses(autoencoder, impossible)
    before = limb_ratio_error(impossible, held_out_bodies)
    assert limb_ratio_error(pulled, held_out_bodies) < 0.9 * before
    assert mpjpe(pulled, held_out_bodies) < mpjpe(impossible, held_out_bodies)
    few = slice(0, 60)
    assert distance_to_bodies(pulled[few], bodies) < distance_to_bodies(impossible[few], bodies)


def test_autoencoder_pulls_swapped_legs_towards_bodies(
    autoencoder: PoseAutoencoder, bodies: np.ndarray, held_out_bodies: np.ndarray
) -> None:
    swapped = with_swapped_legs(held_out_bodies)[:60]
    pulled = reconstruct_poses(autoencoder, swapped)
    assert distance_to_bodies(pulled, bodies) < 0.95 * distance_to_bodies(swapped, bodies)


def test_contraction_makes_the_jacobian_smaller(bodies: np.ndarray, tmp_path: Path) -> None:
    penalties = []
    for contraction in (0.0, 1e6):
        config = AutoencoderStage(
            AutoencoderConfig((60,), (40.0,), contraction), LoopConfig(epochs=4, learning_rate=3e-3)
        )
        out = tmp_path / str(contraction)
        model = train_autoencoder(bodies[:1000], None, config, out, runtime=RUNTIME)
        poses = model.normalization.to_normalised(torch.from_numpy(bodies[:200]))
        penalties.append(float(model.contractive_penalty(poses).mean().detach()))
    assert penalties[1] < 0.7 * penalties[0]


def test_stacked_autoencoder_improves_layer_by_layer(
    bodies: np.ndarray, held_out_bodies: np.ndarray, tmp_path: Path
) -> None:
    config = AutoencoderStage(
        AutoencoderConfig((80, 80), (40.0, 20.0)), LoopConfig(epochs=4), greedy_epochs=3
    )
    train_autoencoder(bodies, held_out_bodies, config, tmp_path, runtime=RUNTIME)
    first, second = (read_metrics(tmp_path / name) for name in ("layer1", "layer2"))
    whole = read_metrics(tmp_path)
    assert first[-1]["train_loss"] < first[0]["train_loss"]
    assert second[-1]["train_loss"] < second[0]["train_loss"]
    assert whole[-1]["val_mpjpe_mm"] < second[-1]["val_mpjpe_mm"]


@pytest.fixture(scope="module")
def few(bodies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    images = np.random.default_rng(0).integers(0, 256, (32, 16, 16, 3), dtype=np.uint8)
    return images, bodies[:32]


@pytest.fixture(scope="module")
def direct(few, tmp_path_factory: pytest.TempPathFactory) -> PosePredictor:
    config = RegressionStage(ENCODER, FAST)
    return train_direct(
        ImageObservations(*few), config, tmp_path_factory.mktemp("d"), runtime=RUNTIME
    )


def spread_mm(poses_mm: np.ndarray) -> float:
    """Error of predicting the mean pose."""
    return float(mpjpe(np.broadcast_to(poses_mm.mean(0), poses_mm.shape), poses_mm))


def test_direct_regression_fits_a_few_images(few, direct: PosePredictor) -> None:
    images, poses = few
    assert mpjpe(direct.predict(images), poses) < 0.4 * spread_mm(poses)


@pytest.mark.parametrize(
    ("activation", "weighting", "rate", "part"),
    [
        ("linear", "plain", 3e-3, 0.5),
        ("relu", "plain", 5e-4, 0.85),
        ("linear", "decoder", 3e-3, 0.5),
    ],
)
def test_latent_regression_fits_a_few_images(
    activation,
    weighting,
    rate: float,
    part: float,
    few,
    autoencoder: PoseAutoencoder,
    tmp_path: Path,
) -> None:
    images, poses = few
    config = RegressionStage(ENCODER, replace(FAST, learning_rate=rate), activation, weighting)
    latent = train_latent(
        ImageObservations(images, poses), autoencoder, config, tmp_path, runtime=RUNTIME
    )
    assert mpjpe(latent.predict(images), poses) < part * spread_mm(poses)


def test_a_pca_serves_as_code(few, tmp_path: Path) -> None:
    images, poses = few
    config = RegressionStage(ENCODER, FAST)
    latent = train_latent(
        ImageObservations(images, poses), fit_pca(poses, 20), config, tmp_path, runtime=RUNTIME
    )
    assert latent.config.decoder_sizes == (20, 51)
    assert mpjpe(latent.predict(images), poses) < 0.5 * spread_mm(poses)


@pytest.fixture(scope="module")
def latent(few, autoencoder: PoseAutoencoder, tmp_path_factory: pytest.TempPathFactory):
    config = RegressionStage(ENCODER, LoopConfig(epochs=10, batch_size=16))
    out = tmp_path_factory.mktemp("latent")
    return train_latent(ImageObservations(*few), autoencoder, config, out, runtime=RUNTIME)


def test_latent_stage_keeps_the_decoder_of_the_autoencoder(
    latent: PosePredictor, autoencoder: PoseAutoencoder
) -> None:
    assert latent.decoder is not None
    assert torch.equal(latent.decoder.layers[0].weight, autoencoder.weights[0].t())
    assert torch.equal(latent.normalization.scale_mm, autoencoder.normalization.scale_mm)


@pytest.mark.parametrize("scale", [1.0, 0.1, 0.0])
def test_fine_tuning_reduces_the_error_and_moves_the_decoder_as_told(
    scale: float, few, latent: PosePredictor, tmp_path: Path
) -> None:
    images, poses = few
    before = {name: value.clone() for name, value in latent.state_dict().items()}
    config = FinetuneStage(LoopConfig(epochs=15, batch_size=4), scale)
    tuned = train_finetune(
        ImageObservations(images, poses), latent, config, tmp_path, runtime=RUNTIME
    )
    assert tuned.config.kind == "finetuned"
    assert mpjpe(tuned.predict(images), poses) < 0.8 * mpjpe(latent.predict(images), poses)
    assert all(torch.equal(value, before[name]) for name, value in latent.state_dict().items())
    moved = (
        tuned.state_dict()["decoder.layers.0.weight"] - before["decoder.layers.0.weight"]
    ).abs()
    # Adam moves a weight by about its learning rate at a step, at most: 120 steps here
    assert float(moved.max()) <= scale * 1e-3 * 120 * 1.5
    assert (float(moved.max()) > 0) == (scale > 0)


def test_metrics_and_model_say_what_was_trained(few, tmp_path: Path) -> None:
    config = RegressionStage(ENCODER, LoopConfig(epochs=2, batch_size=16))
    train_direct(
        ImageObservations(*few, few),
        config,
        tmp_path,
        provenance={"dataset": "few"},
        runtime=RUNTIME,
    )
    records = read_metrics(tmp_path)
    assert [(record["stage"], record["epoch"]) for record in records] == [
        ("direct", 0),
        ("direct", 1),
    ]
    assert all(record["val_mpjpe_mm"] > 0 and record["train_s"] > 0 for record in records)
    text = (tmp_path / "last" / "config.json").read_text()
    assert '"dataset": "few"' in text
    assert '"batch_size": 16' in text


@pytest.mark.parametrize(("known", "said"), [(True, "bfloat16"), (False, "float32")])
def test_half_precision_is_used_where_the_processor_knows_it(
    known: bool, said: str, few, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overpose.support.bfloat16.knows_bfloat16", lambda device: known)
    seen: list[torch.dtype] = []
    convolve = torch.nn.functional.conv2d

    def watched(*arguments: torch.Tensor | object) -> torch.Tensor:
        result = convolve(*arguments)  # type: ignore[arg-type]
        seen.append(result.dtype)
        return result

    monkeypatch.setattr(torch.nn.functional, "conv2d", watched)
    config = RegressionStage(ENCODER, LoopConfig(epochs=1, batch_size=16), bfloat16=True)
    train_direct(ImageObservations(*few), config, tmp_path, runtime=RUNTIME)
    assert {str(dtype) for dtype in seen} == {f"torch.{said}"}
    assert [record["dtype"] for record in read_metrics(tmp_path)] == [said]


def test_cosine_schedule_goes_from_the_full_rate_to_zero() -> None:
    loop = LoopConfig(learning_rate=0.01, schedule="cosine")
    rates = [learning_rate(loop, step, 100) for step in range(101)]
    assert rates[0] == 0.01
    assert rates[50] == pytest.approx(0.005)
    assert rates[100] == pytest.approx(0)
    assert rates == sorted(rates, reverse=True)
    assert learning_rate(LoopConfig(), 77, 100) == 1e-3


def test_a_diverging_run_stops_with_one_line(bodies: np.ndarray, tmp_path: Path) -> None:
    config = AutoencoderStage(
        AutoencoderConfig((8,), (40.0,)), LoopConfig(epochs=2, learning_rate=1e30)
    )
    with pytest.raises(InputError, match="lower the learning rate"):
        train_autoencoder(bodies[:600], None, config, tmp_path, runtime=RUNTIME)


IMAGES = np.zeros((4, 16, 16, 3), np.uint8)
POSES = np.random.default_rng(0).normal(0, 100, (4, 17, 3)).astype(np.float32)
SEEN = ImageObservations(IMAGES, POSES)
STAGE = RegressionStage(ENCODER, LoopConfig(epochs=1))


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda out: train_autoencoder(POSES[:, :16], None, AutoencoderStage(), out),
            "poses_mm.*shape",
        ),
        (lambda out: train_autoencoder(POSES, IMAGES, AutoencoderStage(), out), "val_poses_mm"),
        (lambda out: ImageObservations(IMAGES.astype(float), POSES), "images.*dtype"),
        (lambda out: ImageObservations(IMAGES[:, :15], POSES), "images.*shape"),
        (lambda out: ImageObservations(IMAGES[:3], POSES), "3 images and 4 poses"),
        (lambda out: ImageObservations(IMAGES, POSES, (IMAGES, POSES[:1])), "validation"),
        (
            lambda out: train_latent(SEEN, PosePredictor, STAGE, out),  # type: ignore
            "code: got type",
        ),
        (
            lambda out: train_direct(SEEN, RegressionStage(), out),
            "got 16 px, expected 128 px",
        ),
        (
            lambda out: train_direct(SEEN, RegressionStage(KeypointEncoderConfig()), out),
            "got one of keypoints, expected one of images",
        ),
        (
            lambda out: train_finetune(SEEN, fit_pca(POSES, 3), FinetuneStage(), out),  # type: ignore
            "latent: got PosePCA",
        ),
        (
            lambda out: train_direct(SEEN, STAGE, out, runtime=Runtime("tpu")),
            "device: got 'tpu'",
        ),
    ],
)
def test_what_cannot_be_trained_on_is_refused(
    call: Callable[[Path], object], said: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said):
        call(tmp_path)


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: LoopConfig(epochs=0), "epochs"),
        (lambda: LoopConfig(batch_size=0), "batch_size"),
        (lambda: LoopConfig(learning_rate=0.0), "learning_rate"),
        (lambda: LoopConfig(schedule="step"), "schedule"),  # type: ignore[arg-type]
        (lambda: AutoencoderStage(greedy_epochs=0), "greedy_epochs"),
        (lambda: RegressionStage(latent_weighting="other"), "latent_weighting"),  # type: ignore[arg-type]
        (lambda: FinetuneStage(decoder_lr_scale=-1.0), "decoder_lr_scale"),
    ],
)
def test_impossible_choices_are_refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make()


def test_metrics_of_a_place_without_training_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_metrics(tmp_path)
