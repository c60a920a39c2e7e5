"""Measurements of training for `overpose bench`: ratios of times taken in one run, in turns."""

import time
from collections.abc import Callable, Iterable
from statistics import median

import numpy as np
import torch
from torch import Tensor

from overpose.networks.autoencoder import AutoencoderConfig, PoseAutoencoder
from overpose.networks.configs import PosePredictorConfig
from overpose.networks.image_encoder import ImageEncoderConfig
from overpose.networks.pose_predictor import PosePredictor
from overpose.support.seeding import random_stream
from overpose.training.data import crop_batches, prefetched
from overpose.training.losses import autoencoding_loss, squared_error

BATCH = 128


def bench_training(
    image_encoder: ImageEncoderConfig, *, rounds: int = 9, steps: int = 12
) -> dict[str, float]:
    """Measure the budgets of training on this machine's CPU, on random data.

    Args:
        image_encoder: sizes of the image network.
        rounds: how often the alternatives take turns; the medians count.
        steps: steps in a turn.

    Returns:
        `contractive_step_ratio`: step of the one-layer autoencoder with the contractive term over
        one without (budget: at most 1.3); `loader_speed_ratio`: training speed with the real loader
        over that on a constant batch (budget: at least 0.95); `train_images_per_s`: with loader.
    """
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        plain, contractive = _autoencoder_steps()
        plain_s, contractive_s = _in_turns(
            lambda: _repeat(plain, steps), lambda: _repeat(contractive, steps), rounds
        )
        step, load = _image_step(image_encoder, steps)
        constant = next(iter(load()))
        constant_s, loaded_s = _in_turns(
            lambda: _each(step, [constant] * steps), lambda: _each(step, load()), rounds
        )
    return {
        "contractive_step_ratio": median(np.divide(contractive_s, plain_s).tolist()),
        "loader_speed_ratio": median(np.divide(constant_s, loaded_s).tolist()),
        "train_images_per_s": BATCH * steps / median(loaded_s),
    }


def _autoencoder_steps() -> tuple[Callable[[], None], Callable[[], None]]:
    poses = torch.randn(BATCH, 51)

    def stepper(contraction: float) -> Callable[[], None]:
        model = PoseAutoencoder(AutoencoderConfig())
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

        def step() -> None:
            optimizer.zero_grad(set_to_none=True)
            autoencoding_loss(model, poses, sigma=0.2, contraction=contraction).backward()
            optimizer.step()

        return step

    return stepper(0.0), stepper(1e-6)


def _image_step(
    config: ImageEncoderConfig, steps: int
) -> tuple[Callable[[tuple[Tensor, Tensor]], None], Callable[[], Iterable[tuple[Tensor, Tensor]]]]:
    latent = 2000
    model = PosePredictor(PosePredictorConfig("latent", config, decoder_sizes=(latent, 51)))
    trained = [*model.encoder.parameters(), *model.head.parameters()]
    optimizer = torch.optim.Adam(trained, lr=1e-4, fused=True)
    size, count = config.image_size, BATCH * steps
    images = random_stream(0, "bench").integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    targets = torch.randn(count, latent)

    def step(batch: tuple[Tensor, Tensor]) -> None:
        crops, target = batch
        optimizer.zero_grad(set_to_none=True)
        squared_error(model.target(crops), target).backward()
        optimizer.step()

    def load() -> Iterable[tuple[Tensor, Tensor]]:
        return prefetched(
            crop_batches(
                images, targets, config.crop_size, batch_size=BATCH, seed=0, stage="bench", epoch=0
            )
        )

    return step, load


def _repeat(step: Callable[[], None], times: int) -> None:
    for _ in range(times):
        step()


def _each(step: Callable[[tuple[Tensor, Tensor]], None], batches: Iterable) -> None:
    for batch in batches:
        step(batch)


def _in_turns(
    first: Callable[[], None], second: Callable[[], None], rounds: int
) -> tuple[list[float], list[float]]:
    first()
    second()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for taken, function in zip(times, (first, second), strict=True):
            started = time.perf_counter()
            function()
            taken.append(time.perf_counter() - started)
    return times
