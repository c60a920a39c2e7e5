"""Losses of the autoencoder, beside the sums that the paper writes down."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import jacrev, vmap

from overpose.networks.autoencoder import AutoencoderConfig, PoseAutoencoder
from overpose.training import AutoencoderStage, LoopConfig, Runtime, pose_stage, train_autoencoder
from overpose.training.loop import Task

NOISE_MM = (40.0, 20.0)
CONTRACTION = 500.0
POSES = 16


def stages_of(
    hidden: tuple[int, ...], out: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[PoseAutoencoder, list[Task]]:
    """The untrained network and what each of its stages would be trained on."""
    tasks: list[Task] = []
    monkeypatch.setattr(pose_stage, "fit", lambda task, *rest: tasks.append(task))
    poses = np.random.default_rng(0).normal(0, 200, (POSES, 17, 3)).astype(np.float32)
    config = AutoencoderConfig(hidden, NOISE_MM[: len(hidden)], contraction=CONTRACTION)
    stage = AutoencoderStage(config, LoopConfig(epochs=1, batch_size=POSES))
    return train_autoencoder(poses, None, stage, out, runtime=Runtime("cpu", 1)), tasks


def loss_of(task: Task) -> tuple[Tensor, Tensor]:
    """The poses of the first batch, and the loss of it with random numbers from 0 on."""
    (poses,) = task.batches(0)
    torch.manual_seed(0)
    return poses, task.loss(poses).detach()


def noisy(clean: Tensor, noise_mm: float, model: PoseAutoencoder) -> Tensor:
    torch.manual_seed(0)
    return clean + noise_mm / float(model.normalization.scale_mm) * torch.randn_like(clean)


def expected(clean: Tensor, seen: Tensor, encode, decode, model: PoseAutoencoder) -> Tensor:
    """||y - f(y~)||^2 + lambda ||J(y~)||^2, the Jacobian by automatic differentiation."""
    weight = CONTRACTION / float(model.normalization.scale_mm) ** 2
    squares = (decode(encode(seen)) - clean).square().sum(dim=1)
    slopes = vmap(jacrev(lambda one: encode(one[None])[0]))(seen)
    return (squares + weight * slopes.square().sum(dim=(1, 2))).mean().detach()


@pytest.mark.parametrize("hidden", [(30,), (20, 12)])
def test_the_whole_is_trained_on_equation_1_with_noise_on_the_pose(
    hidden: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tasks = stages_of(hidden, tmp_path, monkeypatch)
    poses, found = loss_of(tasks[-1])
    seen = noisy(poses, NOISE_MM[0], model)
    wanted = expected(poses, seen, model.encode, model.decode, model)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layer", [0, 1])
def test_each_layer_is_trained_alone_on_clean_codes_with_noise_of_its_own(
    layer: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tasks = stages_of((20, 12), tmp_path, monkeypatch)
    poses, found = loss_of(tasks[layer])
    clean = poses if layer == 0 else model.encode_layer(0, poses).detach()
    seen = noisy(clean, NOISE_MM[layer], model)
    wanted = expected(
        clean,
        seen,
        lambda below: model.encode_layer(layer, below),
        lambda above: model.decode_layer(layer, above),
        model,
    )
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
