"""One training in several processes, as `torchrun` starts them: each has a part of every batch, and
all take the same steps. What is drawn at random is drawn per sample (`networks.sharing`).
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn

from overpose.networks.sharing import Share
from overpose.support.errors import InputError

LONGEST_WAIT = timedelta(hours=12)
"""For the first process, which validates and writes alone. One that dies is noticed at once."""


def number() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def is_first() -> bool:
    """Whether this is the process that validates, writes and says something."""
    if distributed.is_initialized():
        return distributed.get_rank() == 0
    return os.environ.get("RANK", "0") == "0"  # before and after they are together


def own_share(total: int) -> Share | None:
    """The part of a batch of `total` samples that this process has; None: all, there is no other.

    Raises:
        InputError: there are fewer samples than processes.
    """
    count = number()
    if count == 1:
        return None
    if total < count:
        raise InputError(
            f"processes: got {count} for a batch of {total} samples, expected at most that many"
        )
    rank = distributed.get_rank()
    return Share(rank * total // count, (rank + 1) * total // count, total)


@contextmanager
def together(device: str = "auto") -> Iterator[None]:
    """Join the other processes, if `torchrun` started this one with others.

    Args:
        device: where training runs; on CUDA each process has the GPU of its local rank.

    Raises:
        InputError: another process ended before its work was done.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or distributed.is_initialized():
        yield
        return
    on_gpu = device != "cpu" and torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    distributed.init_process_group("nccl" if on_gpu else "gloo", timeout=LONGEST_WAIT)
    try:
        with others_alive():
            yield
            distributed.barrier()
    finally:
        distributed.destroy_process_group()


@contextmanager
def others_alive() -> Iterator[None]:
    """Another process that ends while this one waits for it is one line."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, distributed.DistBackendError | distributed.DistError) and not any(
            text in str(error) for text in _SAID_OF_OTHERS
        ):
            raise
        raise InputError(
            "train: another process of this training ended; run the same command again to go on "
            "from the last epoch"
        ) from None


_SAID_OF_OTHERS = ("onnection closed by peer", "onnection reset by peer", "Broken pipe", "gloo")


def require_one_process(stage: str, why: str) -> None:
    """Refuse several processes for a stage that does not share batches out.

    Raises:
        InputError: there are several.
    """
    if number() > 1:
        raise InputError(f"{stage}: {why}; train this stage without torchrun, then go on with it")


def add_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Every process gets the sum of all processes' gradients, the same bits everywhere."""
    if number() == 1:
        return
    gradients = [each.grad for each in parameters if each.grad is not None]
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    distributed.all_reduce(flat)
    parts = flat.split([gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def summed(losses: Sequence[Tensor]) -> Tensor:
    """The losses of some steps, each the sum over the processes, float64."""
    total = torch.stack(list(losses)).double()
    if number() > 1:
        distributed.all_reduce(total)
    return total


def wait_for_all() -> None:
    """Until every process is here."""
    if number() > 1:
        distributed.barrier()
