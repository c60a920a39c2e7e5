"""Prediction without dropout, whatever mode a network is in; it gets its mode back."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside. A model that is in it already is not touched."""
    if not model.training:
        yield
        return
    model.eval()
    try:
        yield
    finally:
        model.train()
