"""A tiny run of every stage; also a program that the resume test kills.

Usage: tiny_run.py OUT STAGE EPOCH STEP: kills itself after that step of that stage.
"""

import os
import signal
import sys
from pathlib import Path

import numpy as np

from overpose.methods import load_model
from overpose.networks.autoencoder import AutoencoderConfig
from overpose.networks.image_encoder import ImageEncoderConfig
from overpose.training import (
    AutoencoderStage,
    FinetuneStage,
    ImageObservations,
    LoopConfig,
    RegressionStage,
    Runtime,
    train_autoencoder,
    train_direct,
    train_finetune,
    train_latent,
)
from overpose.training.loop import OnBatch

LOOP = LoopConfig(epochs=3, batch_size=8, schedule="cosine")
ENCODER = ImageEncoderConfig(20, 16, (5, 3), (4, 6), (12, 10))
IMAGE_STAGE = RegressionStage(ENCODER, LOOP)
AUTOENCODER = AutoencoderStage(AutoencoderConfig((24, 20), (40.0, 20.0)), LOOP, greedy_epochs=2)


def tiny_samples(count: int = 32, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    poses = rng.normal(0, 200, (count, 17, 3)).astype(np.float32)
    return rng.integers(0, 256, (count, 20, 20, 3), dtype=np.uint8), poses - poses[:, :1]


def run_stage(out: Path, stage: str, on_batch: OnBatch | None = None) -> None:
    """Run one stage into `out / stage`; the latent stages need the ones before them in `out`."""
    images, poses = tiny_samples()
    validation = tiny_samples(6, seed=1)
    observations = ImageObservations(images, poses, validation)
    runtime = Runtime("cpu", 1, on_batch)
    last = out / stage
    if stage == "autoencoder":
        train_autoencoder(poses, validation[1], AUTOENCODER, last, runtime=runtime)
    elif stage == "direct":
        train_direct(observations, IMAGE_STAGE, last, runtime=runtime)
    elif stage == "latent":
        code = load_model(out / "autoencoder" / "last")
        train_latent(observations, code, IMAGE_STAGE, last, runtime=runtime)
    else:
        latent = load_model(out / "latent" / "last")
        train_finetune(observations, latent, FinetuneStage(LOOP), last, runtime=runtime)


if __name__ == "__main__":
    place, name, *when = sys.argv[1:]

    def die(epoch: int, step: int) -> None:
        if [epoch, step] == [int(number) for number in when]:
            os.kill(os.getpid(), signal.SIGKILL)

    run_stage(Path(place), name, die)
