"""Equations 2 and 3, their variants, and that the stages are trained on the ones asked for."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_run import AUTOENCODER, IMAGE_STAGE, LOOP, tiny_samples

from overpose.metrics import limb_lengths, mpjpe
from overpose.networks.autoencoder import PoseAutoencoder
from overpose.networks.codes import PoseDecoder
from overpose.networks.normalization import PoseNormalization
from overpose.training import (
    DrawnWindows,
    FinetuneStage,
    ImageObservations,
    Runtime,
    stages,
    train_direct,
    train_finetune,
    train_latent,
)
from overpose.training.loop import Task
from overpose.training.losses import latent_loss, limb_loss, pose_loss
from overpose.training.samples import Drawn


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_squares_are_summed_over_numbers_and_averaged_over_a_batch() -> None:
    predicted, target = random(6, 51), random(6, 51, seed=1)
    expected = np.square((predicted - target).numpy()).sum() / 6
    assert float(pose_loss(predicted, target)) == pytest.approx(float(expected), rel=1e-5)
    codes = predicted[:, :30], target[:, :30]
    expected = np.square((codes[0] - codes[1]).numpy()).sum() / 6
    decoder = PoseDecoder((30, 51))
    assert float(latent_loss(*codes, decoder)) == pytest.approx(float(expected), rel=1e-5)


def test_the_distance_of_poses_is_mpjpe_in_network_units() -> None:
    normalization = PoseNormalization.fit(tiny_samples()[1])
    predicted, target = random(6, 51), random(6, 51, seed=1)
    poses_mm = (normalization.to_mm(poses).numpy() for poses in (predicted, target))
    found = float(pose_loss(predicted, target, "distance")) * float(normalization.scale_mm)
    assert found == pytest.approx(float(mpjpe(*poses_mm)), rel=1e-4)


def body_normalization() -> PoseNormalization:
    return PoseNormalization.fit(tiny_samples()[1])


def test_the_limb_term_is_zero_for_the_true_pose_wherever_it_stands() -> None:
    pose, moved = random(6, 51), torch.tensor([0.3, -0.1, 2.0]).repeat(17)
    assert float(limb_loss(pose, pose, body_normalization())) == 0
    assert float(limb_loss(pose + moved, pose, body_normalization())) < 1e-4


def test_the_limb_term_counts_each_limb_by_the_logarithm_of_its_length() -> None:
    normalization = body_normalization()
    predicted, target = random(6, 51), random(6, 51, seed=1)
    lengths = [limb_lengths(normalization.to_mm(poses).numpy()) for poses in (predicted, target)]
    expected = np.abs(np.log((lengths[0] + 1) / (lengths[1] + 1))).sum(axis=1).mean()
    assert float(limb_loss(predicted, target, normalization)) == pytest.approx(expected, rel=1e-4)


def test_a_body_of_another_size_costs_the_same_whether_larger_or_smaller() -> None:
    """And nearly the logarithm of its scale for each of the 16 limbs: the floor is 1 mm."""
    normalization = body_normalization()
    pose_mm = normalization.to_mm(random(6, 51))
    pose, twice = (normalization.to_normalised(scale * pose_mm) for scale in (1, 2))
    larger, smaller = (limb_loss(*pair, normalization) for pair in ((twice, pose), (pose, twice)))
    torch.testing.assert_close(larger, smaller)
    assert float(larger) == pytest.approx(16 * np.log(2), rel=0.02)


def test_the_gradient_of_the_limb_term_is_right_and_finite_for_a_limb_of_no_length() -> None:
    normalization = body_normalization().double()
    predicted = random(3, 51).double().requires_grad_()
    target = random(3, 51, seed=1).double()
    assert torch.autograd.gradcheck(lambda pose: limb_loss(pose, target, normalization), predicted)
    point = normalization.to_normalised(torch.zeros(1, 17, 3).double()).requires_grad_()
    limb_loss(point, target[:1], normalization).backward()
    assert point.grad is not None
    assert point.grad.isfinite().all()


def test_weighted_by_the_decoder_an_error_counts_as_what_it_does_to_the_pose() -> None:
    decoder = PoseDecoder((30, 51))
    predicted, code = random(6, 30), random(6, 30, seed=1)
    with torch.no_grad():
        moved = (decoder(predicted) - decoder(code)).square().sum(1).mean()
        found = latent_loss(predicted, code, decoder, "decoder")
    torch.testing.assert_close(found, moved, rtol=1e-4, atol=1e-5)


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """What the stages would train on, in the order of the calls; nothing is trained."""
    found: list[Task] = []
    monkeypatch.setattr(stages, "fit", lambda task, *rest: found.append(task))
    return found


def code() -> PoseAutoencoder:
    normalization = PoseNormalization.fit(tiny_samples()[1])
    return PoseAutoencoder(AUTOENCODER.autoencoder, normalization, seed=3)


def all_among(found: torch.Tensor, known: torch.Tensor) -> bool:
    """Whether every row of one is a row of the other."""
    apart = (found[:, None] - known).abs().amax(dim=-1)
    return bool((apart.amin(dim=1) < 1e-4).all())


@pytest.mark.parametrize("weighting", ["plain", "decoder"])
def test_stage_b_is_trained_on_the_code_of_the_clean_pose(
    weighting: str, tasks: list[Task], tmp_path: Path
) -> None:
    images, poses = tiny_samples()
    stage = replace(IMAGE_STAGE, latent_weighting=weighting)
    whole = code()
    model = train_latent(
        ImageObservations(images, poses), whole, stage, tmp_path, runtime=Runtime("cpu", 1)
    )
    assert model.decoder is not None
    crops, codes = next(iter(tasks[0].batches(0)))
    every = whole.encode(whole.normalization.to_normalised(torch.from_numpy(poses)))
    assert all_among(codes, every)
    predicted = model.target(crops.float())
    wanted = latent_loss(predicted, codes, model.decoder, weighting)  # type: ignore[arg-type]
    torch.testing.assert_close(tasks[0].loss((crops, codes)), wanted)


@pytest.mark.parametrize(("error", "limbs"), [("squared", 0), ("distance", 0), ("squared", 0.3)])
def test_the_pose_is_trained_on_the_error_asked_for(
    error: str, limbs: float, tasks: list[Task], tmp_path: Path
) -> None:
    """Straight, and in stage (c) through the decoder."""
    images, poses = tiny_samples()
    seen, runtime = ImageObservations(images, poses), Runtime("cpu", 1)
    latent = train_latent(seen, code(), IMAGE_STAGE, tmp_path / "b", runtime=runtime)
    stage = replace(IMAGE_STAGE, pose_error=error, limb_weight=limbs)
    models = (
        train_direct(seen, stage, tmp_path / "a", runtime=runtime),
        train_finetune(
            seen,
            latent,
            FinetuneStage(LOOP, pose_error=error, limb_weight=limbs),  # type: ignore[arg-type]
            tmp_path / "c",
            runtime=runtime,
        ),
    )
    for task, model in zip(tasks[1:], models, strict=True):
        crops, target = next(iter(task.batches(0)))
        normalised = model.normalization.to_normalised(torch.from_numpy(poses))
        assert all_among(target, normalised)
        predicted = model(crops.float())
        wanted = pose_loss(predicted, target, error)  # type: ignore[arg-type]
        if limbs:
            wanted = wanted + limbs * limb_loss(predicted, target, model.normalization)
        torch.testing.assert_close(task.loss((crops, target)), wanted)


def test_stage_c_trains_the_decoder_at_its_own_pace_or_not_at_all(
    tasks: list[Task], tmp_path: Path
) -> None:
    seen, runtime = ImageObservations(*tiny_samples()), Runtime("cpu", 1)
    latent = train_latent(seen, code(), IMAGE_STAGE, tmp_path / "b", runtime=runtime)
    for scale in (0.25, 0.0):
        stage = FinetuneStage(LOOP, decoder_lr_scale=scale)
        model = train_finetune(seen, latent, stage, tmp_path / str(scale), runtime=runtime)
        assert model.decoder is not None
        paces = {id(one): pace for group, pace in tasks[-1].groups for one in group}
        decoder = {id(parameter) for parameter in model.decoder.parameters()}
        expected = {id(one): 1.0 for one in model.parameters() if id(one) not in decoder}
        if scale:
            expected |= dict.fromkeys(decoder, scale)
        assert paces == expected


class Numbers:
    """Windows that are the random numbers they are drawn with."""

    offsets = np.zeros(1, np.int64)

    def __init__(self) -> None:
        self.sought: list[int] = []

    def draw(self, count: int, rng: np.random.Generator) -> Drawn:
        body = np.zeros((count, 21, 3), np.float32)
        return Drawn(rng.random((count, 112), np.float32), body[:, :17], body[:, 17:])

    def poses(self, count: int, rng: np.random.Generator) -> np.ndarray:
        return rng.random((count, 17, 3), np.float32)

    def seek(self, step: int) -> None:
        self.sought.append(step)

    def fingerprint(self) -> str:
        return "numbers"


def test_steps_are_counted_over_all_stages_for_a_pool_that_is_renewed() -> None:
    source = Numbers()
    windows = DrawnWindows(source, 3, first_step=100)
    batches = windows.batches(IMAGE_STAGE.encoder, torch.from_numpy, LOOP, "finetuned")
    source.sought.clear()
    assert len(list(batches(2))) == 3
    assert source.sought == [106, 107, 108]


def test_windows_are_drawn_anew_in_every_step_epoch_stage_and_seed() -> None:
    windows = DrawnWindows(Numbers(), 2)
    first = []
    for seed, stage, epoch in ((0, "direct", 0), (0, "direct", 1), (0, "latent", 0), (1, "x", 0)):
        loop = replace(LOOP, seed=seed)
        batches = windows.batches(IMAGE_STAGE.encoder, torch.from_numpy, loop, stage)
        for _ in range(2):
            drawn = [features for features, *_ in batches(epoch)]
            first.append(tuple(float(features[0, 0]) for features in drawn))
    assert first[0::2] == first[1::2]  # the same for the same names
    numbers = {number for pair in first for number in pair}
    assert len(numbers) == 4 * 2
