"""The loop: fresh randomness in every epoch, no dropout while validating, the best model kept."""

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file

from overpose.networks.autoencoder import AutoencoderConfig, PoseAutoencoder
from overpose.training import LoopConfig
from overpose.training.loop import Runtime, Task, fit, read_metrics


def train(
    out: Path,
    *,
    stage: str = "toy",
    seed: int = 0,
    epochs: int = 3,
    seen: list[float] | None = None,
    validate: Callable[[PoseAutoencoder], float] | None = None,
) -> PoseAutoencoder:
    """Two steps an epoch towards zero weights; `seen` gets a random number of each step."""
    model = PoseAutoencoder(AutoencoderConfig((3,), (0.0,)))

    def loss(batch: int) -> torch.Tensor:
        assert model.training
        if seen is not None:
            seen.append(float(torch.rand(())))
        return model.weights[0].square().sum()

    task = Task(
        stage=stage,
        model=model,
        groups=[([model.weights[0]], 1.0)],
        steps=2,
        samples=2,
        batches=lambda epoch: range(2),
        loss=loss,
        validate=(lambda: validate(model)) if validate else None,
        record={"stage": stage},
    )
    fit(task, LoopConfig(epochs=epochs, learning_rate=0.1, seed=seed), out, Runtime("cpu", 1))
    return model


def test_every_epoch_and_stage_and_seed_has_random_numbers_of_its_own(tmp_path: Path) -> None:
    runs: list[list[float]] = []
    for stage, seed in (("toy", 0), ("toy", 0), ("other", 0), ("toy", 1)):
        runs.append([])
        train(tmp_path / str(len(runs)), stage=stage, seed=seed, seen=runs[-1])
    first, again, *others = runs
    assert first == again
    numbers = [number for run in (first, *others) for number in run]
    assert len(set(numbers)) == len(numbers) == 3 * 3 * 2


def test_validation_sees_the_model_in_evaluation_mode(tmp_path: Path) -> None:
    modes: list[bool] = []

    def validate(model: PoseAutoencoder) -> float:
        modes.append(model.training)
        return 1.0

    train(tmp_path, validate=validate)
    assert modes == [False] * 3


def test_the_model_kept_is_that_of_the_last_epoch(tmp_path: Path) -> None:
    errors = iter([5.0, 3.0, 4.0])
    weights: list[torch.Tensor] = []

    def validate(model: PoseAutoencoder) -> float:
        weights.append(model.weights[0].detach().clone())
        return next(errors)

    train(tmp_path, validate=validate)
    assert [entry["val_mpjpe_mm"] for entry in read_metrics(tmp_path)] == [5.0, 3.0, 4.0]
    kept = load_file(tmp_path / "last" / "weights.safetensors")["weights.0"]
    assert torch.equal(kept, weights[2])
