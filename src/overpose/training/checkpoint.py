"""The state of an unfinished stage on disk, so that a killed run goes on exactly where it was.

`last/` is a model directory with two more files: `training_state.json` (what was configured, the
epochs done, their metrics) and `optimizer.safetensors`; where the model is an average of weights
over time, also `weights_now.safetensors`, those that training goes on with. There is no random
state in it: every epoch's randomness follows from seed, stage and epoch.
"""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load
from torch import Tensor, nn

from overpose.networks.model_files import BEFORE_KINDS, read_model_config, read_tensors
from overpose.networks.storage import Model, fill_model, write_model_files, write_tensors
from overpose.support.errors import InputError
from overpose.support.files import read_json, recover_directory, write_json, writing_directory
from overpose.training.averaging import RunningAverage

STATE_VERSION = 1
_WEIGHTS_NOW = "weights_now.safetensors"
_BEFORE = {"average": 0.0, "feet_weight": 0.0, **BEFORE_KINDS}
"""What was not said by configurations of earlier versions, and what it was then."""


@dataclass
class Progress:
    """How far a stage is: one metrics record for each finished epoch."""

    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def epochs_done(self) -> int:
        """Number of finished epochs."""
        return len(self.history)


def save_checkpoint(
    directory: Path,
    model: Model,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    record: Mapping[str, Any],
    provenance: Mapping[str, Any],
    weights_now: Mapping[str, Tensor] | None = None,
) -> None:
    """Write model, optimiser and progress in place of the previous checkpoint, whole.

    Args:
        weights_now: those that training goes on with, where they are not the model's.
    """
    with writing_directory(directory) as temporary:
        write_model_files(model, temporary, {**provenance, **record})
        sha256 = write_tensors(
            temporary / "optimizer.safetensors", dict(_optimizer_tensors(model, optimizer))
        )
        now = {}
        if weights_now is not None:
            digest = write_tensors(temporary / _WEIGHTS_NOW, dict(weights_now))
            now = {"weights_now_sha256": digest}
        state = {
            **now,
            "state_version": STATE_VERSION,
            "record": dict(record),
            "optimizer_sha256": sha256,
            "history": progress.history,
        }
        write_json(temporary / "training_state.json", state)


def restore_checkpoint(
    directory: Path,
    model: Model,
    optimizer: torch.optim.Optimizer,
    record: Mapping[str, Any],
    average: RunningAverage | None = None,
) -> Progress:
    """Fill model and optimiser from a checkpoint, if there is one; and the average of the weights.

    Returns:
        the progress; without a checkpoint, that of a stage not begun.

    Raises:
        InputError: the checkpoint is of another version or configuration (the first field that
            differs is named), or damaged.
    """
    recover_directory(directory)
    for leftover in directory.parent.glob(f".{directory.name}.*.part"):
        shutil.rmtree(leftover, ignore_errors=True)
    if not directory.exists():
        return Progress()
    path = directory / "training_state.json"
    state = read_json(path)
    if state.get("state_version") != STATE_VERSION:
        raise InputError(
            f"{path}: got checkpoint version {state.get('state_version')}, expected "
            f"{STATE_VERSION}; train into another directory"
        )
    difference = first_difference(state.get("record"), dict(record))
    if difference is not None:
        name, saved, wanted = difference
        raise InputError(
            f"{directory}: the checkpoint there was made with {name} = {saved!r}, this run has "
            f"{wanted!r}; use the same configuration or another directory"
        )
    config = read_model_config(directory)
    weights_path = directory / "weights.safetensors"
    weights = read_tensors(weights_path, config.get("weights_sha256"), load)
    fill_model(model, weights, weights_path)
    optimizer_path = directory / "optimizer.safetensors"
    tensors = read_tensors(optimizer_path, state.get("optimizer_sha256"), load)
    _fill_optimizer(model, optimizer, tensors, optimizer_path)
    if average is not None:
        now_path = directory / _WEIGHTS_NOW
        average.restore(read_tensors(now_path, state.get("weights_now_sha256"), load))
    history = state.get("history")
    if not isinstance(history, list) or not all(
        isinstance(entry, dict) and isinstance(entry.get("score"), int | float) for entry in history
    ):
        raise InputError(f"{path}: no whole history of the epochs; train into another directory")
    return Progress(history)


def first_difference(saved: object, wanted: object, name: str = "") -> tuple[str, Any, Any] | None:
    """The first value in which two JSON values differ: its dotted name and both values."""
    if isinstance(saved, Mapping) and isinstance(wanted, Mapping):
        for key in [*wanted, *(key for key in saved if key not in wanted)]:
            inner = f"{name}.{key}" if name else str(key)
            before = saved.get(key, _BEFORE.get(key))
            found = first_difference(before, wanted.get(key), inner)
            if found:
                return found
        return None
    if isinstance(saved, list) and isinstance(wanted, list):
        for index, (a, b) in enumerate(zip_longest(saved, wanted)):
            found = first_difference(a, b, f"{name}[{index}]")
            if found:
                return name, saved, wanted
        return None
    return None if saved == wanted else (name, saved, wanted)


def _optimizer_tensors(
    model: nn.Module, optimizer: torch.optim.Optimizer
) -> Iterator[tuple[str, Tensor]]:
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            yield f"{name}/{key}", value


def _fill_optimizer(
    model: nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], path: Path
) -> None:
    parameters = dict(model.named_parameters())
    for full_name, value in tensors.items():
        name, _, key = full_name.rpartition("/")
        if name not in parameters or (key != "step" and parameters[name].shape != value.shape):
            raise InputError(f"{path}: {full_name!r} does not fit the model; train from the start")
        parameter = parameters[name]
        if key == "step":  # fused Adam counts on the device of its parameters
            restored = value.to(parameter.device)
        else:  # in the parameter's memory layout: fused Adam walks both in storage order
            restored = torch.empty_like(parameter, memory_format=torch.preserve_format)
            restored.copy_(value)
        optimizer.state[parameter][key] = restored.detach()
