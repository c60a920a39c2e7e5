"""Small trainings that several processes share, for tests: a process a rank, over gloo."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from tiny_dataset import random_bodies

from overpose.baselines.convolutions import ConvolutionsConfig, SharedConvolutions
from overpose.baselines.structnet import StructNetConfig
from overpose.methods import structnet
from overpose.networks.autoencoder import AutoencoderConfig, PoseAutoencoder
from overpose.networks.configs import (
    ImageEncoderConfig,
    KeypointEncoderConfig,
    PosePredictorConfig,
)
from overpose.networks.normalization import PoseNormalization
from overpose.networks.pose_predictor import PosePredictor
from overpose.support.errors import InputError
from overpose.training import LoopConfig, Runtime
from overpose.training.data import crop_batches, pose_batches
from overpose.training.loop import Task, fit, read_metrics
from overpose.training.losses import autoencoding_loss, squared_error
from overpose.training.processes import number, together

SAMPLES, STEPS = 115, 10  # the last steps of an epoch have one sample less
CPU = Runtime("cpu", 1)
LOOP = LoopConfig(epochs=5, batch_size=12, learning_rate=1e-3)
KINDS = ("keypoints", "images", "autoencoder", "structnet")


def task_of(kind: str, dtype: torch.dtype) -> Task:
    """A task with all that depends on who has which sample: crops, noise, dropout, statistics."""
    bodies = random_bodies(SAMPLES)
    if kind == "structnet":
        task = structnet_of(bodies)
        task.model.to(dtype)
        return task
    normalization = PoseNormalization.fit(bodies)
    poses = normalization.to_normalised(torch.from_numpy(bodies)).to(dtype)
    given = {"batch_size": LOOP.batch_size, "seed": 0, "stage": kind}
    model: Any
    if kind == "autoencoder":
        model = PoseAutoencoder(AutoencoderConfig((80, 60), (40.0, 20.0)), normalization, seed=1)
        batches = partial(pose_batches, poses, **given)
        loss = partial(autoencoding_loss, model, sigma=0.3, contraction=0.01)
    elif kind == "images":
        encoder = ImageEncoderConfig(16, 12, (3,), (6,), (32,), dropout=0.4)
        model = PosePredictor(PosePredictorConfig("direct", encoder), normalization, seed=1)
        images = np.random.default_rng(0).integers(0, 256, (SAMPLES, 16, 16, 3), np.uint8)
        batches = partial(crop_batches, images, poses, 12, **given)
        loss = partial(loss_of, model)
    else:
        encoder = KeypointEncoderConfig(width=32, blocks=1, offsets=(-1, 0, 1), dropout=0.2)
        model = PosePredictor(PosePredictorConfig("direct", encoder), normalization, seed=1)
        batches = partial(windows_of, model, poses, given)
        loss = partial(loss_of, model)
    model.to(dtype)
    return Task(kind, model, [(list(model.parameters()), 1.0)], STEPS, SAMPLES,
                lambda epoch: batches(epoch=epoch), loss, None, {"kind": kind})  # fmt: skip


def structnet_of(bodies: np.ndarray) -> Task:
    """What `train_structnet` hands to the loop."""
    convolutions = ConvolutionsConfig(32, 28, (5, 3, 3), (8, 8, 8))
    config = StructNetConfig(convolutions, (16, 32), 32, 16, pose_hidden=32, dropout=0.3)
    images = np.random.default_rng(0).integers(0, 256, (SAMPLES, 32, 32, 3), np.uint8)
    torch.manual_seed(1)
    begun, tasks = SharedConvolutions(convolutions), list[Task]()
    with patch.object(structnet, "fit", lambda task, *_: tasks.append(task)):
        structnet.train_structnet(images, bodies, None, begun, config, LOOP, Path(), runtime=CPU)
    return tasks[0]


def loss_of(model: PosePredictor, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    return squared_error(model.head(model.encoder(batch[0])), batch[1])


def windows_of(
    model: PosePredictor, poses: torch.Tensor, given: dict[str, Any], *, epoch: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    from overpose.networks.keypoint_windows import input_size

    size = input_size(3)
    mixed = torch.from_numpy(np.random.default_rng(1).normal(size=(51, size))).to(poses.dtype)
    for batch in pose_batches(poses, **given, epoch=epoch):
        yield batch @ mixed, batch


def trained(out: Path, dtype: torch.dtype, epochs: int = 5, dies: int = -1) -> None:
    """Train all kinds into directories of `out`; rank `dies` ends in the middle of it."""
    from dataclasses import replace

    def on_batch(epoch: int, step: int) -> None:
        if os.environ.get("RANK") == str(dies) and (epoch, step) == (1, 3):
            os._exit(9)

    for kind in KINDS:
        task = task_of(kind, dtype)
        fit(task, replace(LOOP, epochs=epochs), out / kind, Runtime("cpu", 1, on_batch))


def losses(out: Path, kind: str) -> np.ndarray:
    return np.array([entry["train_loss"] for entry in read_metrics(out / kind)])


def begin(count: int, *arguments: object, program: str = __file__) -> list[subprocess.Popen[str]]:
    """The ranks of a training, begun as `torchrun` does: with the same environment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(count)}
    started = []
    for rank in range(count):
        own = {"RANK": str(rank), "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1"}
        given = [sys.executable, program, *map(str, arguments)]
        paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
        environment = {**os.environ, **place, **own, **paths}
        started.append(subprocess.Popen(given, env=environment, stderr=subprocess.PIPE, text=True))
    return started


def main() -> None:
    out, dtype, epochs, dies = sys.argv[1:]
    try:
        with together("cpu"):
            assert number() == int(os.environ["WORLD_SIZE"])
            trained(Path(out), getattr(torch, dtype), int(epochs), int(dies))
    except InputError as error:
        print(f"overpose: error: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
