"""The running average of the weights: what it is, and that a run goes on with it exactly."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_run import IMAGE_STAGE, tiny_samples
from torch import nn

from overpose.support.errors import InputError
from overpose.training import ImageObservations, LoopConfig, Runtime, train_direct
from overpose.training.averaging import RunningAverage
from overpose.training.loop import OnBatch

LOOP = LoopConfig(epochs=3, batch_size=8, average=0.9)


def train(out: Path, loop: LoopConfig = LOOP, on_batch: OnBatch | None = None) -> nn.Module:
    seen = ImageObservations(*tiny_samples(), tiny_samples(6, seed=1))
    return train_direct(
        seen, replace(IMAGE_STAGE, loop=loop), out, runtime=Runtime("cpu", 1, on_batch)
    )


def test_the_average_is_that_of_all_steps_each_with_its_share() -> None:
    model = nn.Linear(1, 1, bias=False)
    values = [0.0, 1.0, 5.0, 2.0]
    model.weight.data.fill_(values[0])
    average, expected = RunningAverage(model, 0.15), values[0]
    for step, value in enumerate(values[1:]):
        model.weight.data.fill_(value)
        average.update(step)
        kept = min(0.15, (1 + step) / (10 + step))
        expected = kept * expected + (1 - kept) * value
    with average.shown():
        assert float(model.weight.item()) == pytest.approx(expected)
    assert float(model.weight.item()) == values[-1]


def test_averaging_changes_what_is_kept_and_not_the_training(tmp_path: Path) -> None:
    train(tmp_path / "plain", replace(LOOP, average=0.0))
    train(tmp_path / "averaged")
    plain, averaged, now = (
        load_file(tmp_path / place)
        for place in (
            "plain/last/weights.safetensors",
            "averaged/last/weights.safetensors",
            "averaged/last/weights_now.safetensors",
        )
    )
    for name, tensor in now.items():
        assert torch.equal(tensor, plain[name]), name
    assert not torch.equal(plain["head.weight"], averaged["head.weight"])


def test_an_interrupted_run_ends_with_the_same_average(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole")

    def interrupt(epoch: int, step: int) -> None:
        if (epoch, step) == (1, 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "cut", on_batch=interrupt)
    for _ in range(2):  # gone on with, then read back
        resumed = train(tmp_path / "cut").state_dict()
        for name, tensor in whole.state_dict().items():
            assert torch.equal(tensor, resumed[name]), name


def test_a_run_without_average_is_not_gone_on_with_as_one(tmp_path: Path) -> None:
    train(tmp_path / "run", replace(LOOP, average=0.0))
    with pytest.raises(InputError, match=r"config\.loop\.average = 0\.0, this run has 0\.9"):
        train(tmp_path / "run")


def test_decays_that_are_none_are_refused() -> None:
    with pytest.raises(InputError, match="average"):
        LoopConfig(average=1.0)
