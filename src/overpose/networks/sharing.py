"""One batch shared out to several processes that train one network: who has which samples of it.

Every process draws the random numbers of the whole batch and takes those of its samples, so that
what a sample gets does not depend on who has it. With one process nothing here does anything.
Starting processes, and gradients, belong to `training.processes`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed, nn


@dataclass(frozen=True)
class Share:
    """Samples `start` to `stop` of a batch of `total`."""

    start: int
    stop: int
    total: int

    @property
    def weight(self) -> float:
        """Part of the mean over the batch that the mean over these samples is."""
        return (self.stop - self.start) / self.total

    def rows(self, found: int) -> tuple[int, slice]:
        """Rows of the whole batch, and which are here, where there are `found` of them here: a
        multiple of the samples, as when every frame of a window has one."""
        each = found // (self.stop - self.start)
        return each * self.total, slice(each * self.start, each * self.stop)


_share: ContextVar[Share | None] = ContextVar("share", default=None)


@contextmanager
def sharing(share: Share | None) -> Iterator[None]:
    """Networks and losses see these samples of a batch; None: all."""
    token = _share.set(share)
    try:
        yield
    finally:
        _share.reset(token)


def normal_like(here: Tensor) -> Tensor:
    """Standard normal numbers for the samples here, one for each value."""
    share = _share.get()
    if share is None:
        return torch.randn_like(here)
    whole, own = share.rows(len(here))
    shape = (whole, *here.shape[1:])
    return torch.randn(shape, dtype=here.dtype, device=here.device)[own]


def first_of_batch(here: Tensor, count: int) -> Tensor:
    """Those samples here that are among the first `count` of the batch."""
    share = _share.get()
    return here[: count if share is None else max(0, count - share.start)]


def mean_of_first(values: Tensor, count: int) -> Tensor:
    """Mean over the first `count` samples of the batch, of the values of `first_of_batch`: what of
    it is due to the samples here, so that the means of all processes add up as batches' do."""
    share = _share.get()
    if share is None:
        return values.mean()
    return values.sum() / (min(count, share.total) * share.weight)


def sum_of_shares(here: Tensor) -> Tensor:
    """What was counted of the samples here, added up over the whole batch; without gradients."""
    if _share.get() is not None:
        distributed.all_reduce(here)
    return here


class Dropout(nn.Dropout):
    """Dropout of which each sample has its own, whoever has the sample."""

    def forward(self, input: Tensor) -> Tensor:
        share = _share.get()
        if share is None or not self.training or self.p == 0:
            return super().forward(input)
        whole, own = share.rows(len(input))
        kept = torch.empty((whole, *input.shape[1:]), dtype=input.dtype, device=input.device)
        return input * kept.bernoulli_(1 - self.p)[own].div_(1 - self.p)


class BatchNorm1d(nn.BatchNorm1d):
    """Batch normalisation by the statistics of the whole batch, whoever has its samples."""

    def forward(self, input: Tensor) -> Tensor:
        share = _share.get()
        if share is None or not self.training:
            return super().forward(input)
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        rows, _ = share.rows(len(input))
        values = input.to(self.weight.dtype)
        mean = all_sum(values.sum(0)) / rows
        variance = all_sum((values - mean).square().sum(0)) / rows
        with torch.no_grad():
            momentum = 0.1 if self.momentum is None else self.momentum
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * (rows / max(1, rows - 1)), momentum)
        normal = (values - mean) * torch.rsqrt(variance + self.eps)
        return (normal * self.weight + self.bias).to(input.dtype)


def all_sum(here: Tensor) -> Tensor:
    """The sum over all processes; gradients flow back to all of them."""
    return _AllSum.apply(here)  # pyright: ignore[reportReturnType]


class _AllSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, here: Tensor) -> Tensor:
        total = here.contiguous().clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        distributed.all_reduce(total)
        return total
