"""The running average of a network's weights, which is often better than the last ones."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class RunningAverage:
    """The average of the weights of a network, and of its measured statistics, over its steps.

    Args:
        model: the network, on its device; the average begins with its weights of now.
        decay: share of the average that stays in a step, at most: after n steps it is
            (1 + n) / (10 + n), so that the first weights are soon forgotten.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        state = model.state_dict()
        self._now = {name: each for name, each in state.items() if each.is_floating_point()}
        self._decay = decay
        self._average = self.weights()

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after a step, counted from 0 over the whole stage."""
        share = 1 - min(self._decay, (1 + step) / (10 + step))
        for name, tensor in self._now.items():
            self._average[name].lerp_(tensor, share)

    def restore(self, weights: Mapping[str, Tensor]) -> None:
        """Go on from a checkpoint: the average is in the network now, its own weights are given."""
        self._average = self.weights()
        self._fill(weights)

    def weights(self) -> dict[str, Tensor]:
        """A copy of what is in the network now."""
        return {name: tensor.clone() for name, tensor in self._now.items()}

    @contextmanager
    def shown(self) -> Iterator[dict[str, Tensor]]:
        """The average in the network, which gets back its own weights; they are what is given."""
        own = self.weights()
        self.keep()
        try:
            yield own
        finally:
            self._fill(own)

    def keep(self) -> None:
        """Leave the average in the network."""
        self._fill(self._average)

    @torch.no_grad()
    def _fill(self, weights: Mapping[str, Tensor]) -> None:
        for name, tensor in self._now.items():
            tensor.copy_(weights[name])
