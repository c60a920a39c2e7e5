"""Measurements of training for `overpose bench`: ratios of times taken in one run, in turns."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from overpose.networks.autoencoder import AutoencoderConfig, PoseAutoencoder
from overpose.networks.configs import PosePredictorConfig
from overpose.networks.image_encoder import ImageEncoder, ImageEncoderConfig
from overpose.networks.pose_predictor import PosePredictor
from overpose.support.allocator import in_large_pages, keep_freed_memory
from overpose.support.bfloat16 import training_dtype
from overpose.support.seeding import random_stream
from overpose.support.workers import in_fresh_process
from overpose.training.data import crop_batches, prefetched
from overpose.training.losses import autoencoding_loss, squared_error

BATCH = 128
LATENT = 2000
_REFERENCE_PX = 56
Batch = tuple[Tensor, Tensor]


def bench_training(
    image_encoders: Sequence[ImageEncoderConfig], *, rounds: int = 3, steps: int = 6
) -> dict[str, float]:
    """Measure the budgets of training on this machine's CPU, on random data.

    Args:
        image_encoders: sizes of image networks, of different crops.
        rounds: how often the alternatives take turns; the medians count.
        steps: steps in a turn, for crops of 56 px; as many fewer as crops are larger.

    Returns:
        `contractive_step_ratio`: step of the one-layer autoencoder with the contractive term over
        one without (budget: at most 1.3); for each crop of N px `train_images_per_s_N`, with the
        real loader, in bfloat16 where the processor knows it; `times_plain_loop_N`: that over a
        plain eager loop of the same network in float32 (budget: 2.5 at 112 px with bfloat16);
        `loader_speed_ratio_N`: that over the speed on a constant batch (budget: at least 0.95).
    """
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        plain, contractive = _autoencoder_steps()
        plain_s, contractive_s = _in_turns(
            [lambda: _repeat(plain, steps), lambda: _repeat(contractive, steps)], rounds
        )
        numbers = {"contractive_step_ratio": median(np.divide(contractive_s, plain_s).tolist())}
        for config in image_encoders:
            numbers |= _image_numbers(config, rounds, steps)
    return numbers


def _image_numbers(config: ImageEncoderConfig, rounds: int, steps: int) -> dict[str, float]:
    """Each loop in a process of its own, as what training does with memory stays with a process."""
    count = max(2, round(steps * (_REFERENCE_PX / config.crop_size) ** 2))
    ours: list[tuple[float, ...]] = []
    plain: list[tuple[float, ...]] = []
    for _ in range(rounds):
        ours.append(in_fresh_process(_seconds_of_ours, config, count, environment=in_large_pages()))
        plain.append(in_fresh_process(_seconds_of_plain, config, count))
    constant_s, loaded_s = np.array(ours).T
    (plain_s,) = np.array(plain).T
    numbers = {
        "train_images_per_s": BATCH * count / median(loaded_s.tolist()),
        "times_plain_loop": median((plain_s / loaded_s).tolist()),
        "loader_speed_ratio": median((constant_s / loaded_s).tolist()),
    }
    return {f"{name}_{config.crop_size}": value for name, value in numbers.items()}


def _seconds_of_ours(config: ImageEncoderConfig, count: int) -> tuple[float, ...]:
    """Seconds of some steps of stage (b) on a constant batch, and with the loader."""
    keep_freed_memory()
    load = _loader(config, count)
    step = _image_step(config)
    constant = next(iter(load()))
    works = (
        lambda: _each(step, [constant] * count),
        lambda: _each(step, prefetched(load())),
    )
    return tuple(seconds[0] for seconds in _in_turns(works, 1))


def _seconds_of_plain(config: ImageEncoderConfig, count: int) -> tuple[float, ...]:
    """Seconds of as many steps of a plain eager loop."""
    load, step = _loader(config, count), _plain_image_step(config)
    return tuple(seconds[0] for seconds in _in_turns([lambda: _each(step, load())], 1))


def _loader(config: ImageEncoderConfig, count: int) -> Callable[[], Iterator[Batch]]:
    torch.manual_seed(0)
    size, samples = config.image_size, BATCH * count
    images = random_stream(0, "bench").integers(0, 256, (samples, size, size, 3), dtype=np.uint8)
    targets = torch.randn(samples, LATENT)
    named: dict[str, Any] = {"batch_size": BATCH, "seed": 0, "stage": "bench", "epoch": 0}
    return lambda: crop_batches(images, targets, config.crop_size, **named)


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


def _image_step(config: ImageEncoderConfig) -> Callable[[Batch], None]:
    """As stage (b) trains."""
    model = _network(config)
    model.training_dtype = training_dtype(True)
    trained = [*model.encoder.parameters(), *model.head.parameters()]
    return _stepper(model.target, torch.optim.Adam(trained, lr=1e-4, fused=True))


def _plain_image_step(config: ImageEncoderConfig) -> Callable[[Batch], None]:
    """The same layers as torch makes them: its own memory layout and Adam, all in float32."""
    model = _network(config)
    encoder = model.encoder
    assert isinstance(encoder, ImageEncoder)
    layers: list[nn.Module] = []
    for convolution in encoder.convolutions:
        layers += [convolution, nn.ReLU(), nn.MaxPool2d(2)]
    layers.append(nn.Flatten())
    for connected in encoder.connected:
        layers += [connected, nn.ReLU(), nn.Dropout(config.dropout)]
    network = nn.Sequential(*layers, model.head)
    network.to(memory_format=torch.contiguous_format)  # pyright: ignore

    def predict(crops: Tensor) -> Tensor:
        images = (crops.contiguous().float() - encoder.channel_mean) / encoder.channel_std
        return network(images)

    return _stepper(predict, torch.optim.Adam(network.parameters(), lr=1e-4))


def _network(config: ImageEncoderConfig) -> PosePredictor:
    return PosePredictor(PosePredictorConfig("latent", config, decoder_sizes=(LATENT, 51))).train()


def _stepper(
    predict: Callable[[Tensor], Tensor], optimizer: torch.optim.Optimizer
) -> Callable[[Batch], None]:
    def step(batch: Batch) -> None:
        crops, target = batch
        optimizer.zero_grad(set_to_none=True)
        squared_error(predict(crops), target).backward()
        optimizer.step()

    return step


def _repeat(step: Callable[[], None], times: int) -> None:
    for _ in range(times):
        step()


def _each(step: Callable[[Batch], None], batches: Iterable[Batch]) -> None:
    for batch in batches:
        step(batch)


def _in_turns(works: Sequence[Callable[[], None]], rounds: int) -> list[list[float]]:
    """Seconds of each work in each round."""
    for work in works:
        work()
    times: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for taken, work in zip(times, works, strict=True):
            started = time.perf_counter()
            work()
            taken.append(time.perf_counter() - started)
    return times
