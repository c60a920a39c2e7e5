"""Batches for training, as a function of seed, stage and epoch only; of several processes each has
its part of every batch.

Images stay uint8 in memory; a background thread cuts the crops of the next batches while the
network works on the present one.
"""

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from overpose.support.seeding import random_stream
from overpose.training.processes import own_share

_Item = TypeVar("_Item")


def epoch_indices(
    samples: int, batch_size: int, seed: int, stage: str, epoch: int
) -> list[np.ndarray]:
    """A random order of all samples, cut into steps of nearly equal size, at most `batch_size`."""
    order = random_stream(seed, stage, epoch, "order").permutation(samples)
    return np.array_split(order, steps_per_epoch(samples, batch_size))


def own(whole: np.ndarray) -> np.ndarray:
    """The part of a batch that this process has, of what comes one for each sample."""
    share = own_share(len(whole))
    return whole if share is None else whole[share.start : share.stop]


def steps_per_epoch(samples: int, batch_size: int) -> int:
    """Number of steps that `epoch_indices` gives."""
    return -(-samples // batch_size)


def crop_steps(
    images: np.ndarray, crop_size: int, *, batch_size: int, seed: int, stage: str, epoch: int
) -> Iterator[tuple[Tensor, np.ndarray, np.ndarray]]:
    """Batches of one epoch: random crops, one for each image.

    Args:
        images: (N, S, S, 3) uint8.
        crop_size: side of the crops in px.
        batch_size: images in a batch, at most.
        seed, stage, epoch: name the random order and crops.

    Yields:
        crops, uint8 (batch, 3, crop, crop) stored channels last; the numbers of their images,
        (batch,); row and column of their corners, (batch, 2).
    """
    play = images.shape[1] - crop_size + 1
    corners = random_stream(seed, stage, epoch, "crops").integers(0, play, (len(images), 2))
    for whole in epoch_indices(len(images), batch_size, seed, stage, epoch):
        indices = own(whole)
        crops = np.empty((len(indices), crop_size, crop_size, 3), dtype=np.uint8)
        for slot, index in enumerate(indices):
            top, left = corners[index]
            crops[slot] = images[index, top : top + crop_size, left : left + crop_size]
        yield torch.from_numpy(crops).permute(0, 3, 1, 2), indices, corners[indices]


def crop_batches(
    images: np.ndarray,
    targets: Tensor,
    crop_size: int,
    *,
    batch_size: int,
    seed: int,
    stage: str,
    epoch: int,
) -> Iterator[tuple[Tensor, Tensor]]:
    """`crop_steps` with the images' targets (N, ...), in whose place `crop_steps` has numbers.

    The target of an image does not depend on its crop, as in the paper.
    """
    steps = crop_steps(
        images, crop_size, batch_size=batch_size, seed=seed, stage=stage, epoch=epoch
    )
    for crops, indices, _ in steps:
        yield crops, targets[torch.from_numpy(indices)]


def pose_batches(
    poses: Tensor, *, batch_size: int, seed: int, stage: str, epoch: int
) -> Iterator[Tensor]:
    """Batches (batch, 51) of normalised poses (N, 51), in the epoch's random order."""
    for whole in epoch_indices(len(poses), batch_size, seed, stage, epoch):
        yield poses[torch.from_numpy(own(whole)).to(poses.device)]


def prefetched(items: Iterable[_Item], depth: int = 3) -> Iterator[_Item]:
    """The same items, made ahead by a background thread, at most `depth` of them waiting.

    An exception in the making is raised here; leaving early stops the thread.
    """
    waiting: queue.Queue[tuple[bool, _Item | BaseException | None]] = queue.Queue(depth)
    stopped = threading.Event()

    def put(item: tuple[bool, _Item | BaseException | None]) -> None:
        while not stopped.is_set():
            try:
                waiting.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            for item in items:
                put((True, item))
                if stopped.is_set():
                    return
            put((False, None))
        except BaseException as error:
            put((False, error))

    thread = threading.Thread(target=work, name="overpose-prefetch", daemon=True)
    thread.start()
    try:
        while True:
            more, item = waiting.get()
            if more:
                yield item  # pyright: ignore[reportReturnType]
            elif isinstance(item, BaseException):
                raise item
            else:
                return
    finally:
        stopped.set()
        thread.join()
