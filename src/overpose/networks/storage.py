"""Models on disk: a directory of `config.json` and `weights.safetensors`, never a pickle.

`config.json` holds what rebuilds the model and says where it came from. Training state lies beside
these files and belongs to `training.checkpoint`.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from overpose.networks.model_files import (
    FORMAT_VERSION,
    dataclass_from_json,
    read_model_config,
    read_tensors,
    require_fit,
)
from overpose.support.digests import sha256
from overpose.support.errors import InputError
from overpose.support.files import require_writable, write_json, writing_directory
from overpose.support.object_storage import path_of
from overpose.support.version import VERSION, source_commit

_MOST_PIXELS = 1 << 16
Model = torch.nn.Module
"""A module of a class that is saved: with a `config`, a frozen dataclass, and with `saved_as`, the
name of its kind in `config.json`."""


@dataclass(frozen=True)
class Kind:
    """A kind of saved model.

    Attributes:
        model: its class, which is made with one configuration.
        config: the class of these.
        was: names it had in `config.json` before.
        read_config: makes the configuration of all of `config.json`, and the file's name for
            messages; None: `config` has the fields of its entry `model`.
        before: fields of `config` that older files lack, and the value of each there.
        current_names: gives tensors that were saved before the names of now.
    """

    model: type[Any]
    config: type[Any]
    was: tuple[str, ...] = ()
    read_config: Callable[[Mapping[str, Any], str], Any] | None = None
    before: tuple[tuple[str, Any], ...] = ()
    current_names: Callable[[Mapping[str, Tensor]], dict[str, Tensor]] = dict

    @property
    def name(self) -> str:
        """In `config.json`."""
        return self.model.saved_as

    @property
    def names(self) -> tuple[str, ...]:
        """In `config.json`, now and before."""
        return (self.name, *self.was)


def save_model(
    model: Model,
    directory: Path,
    provenance: Mapping[str, Any] | None = None,
    *,
    half: bool = False,
    overwrite: bool = False,
) -> None:
    """Write a model as a directory, whole or not at all.

    Args:
        model: an autoencoder, a pose predictor or a baseline.
        directory: where to.
        provenance: what reproduces the model (data, seed, training configuration): JSON values.
        half: whether to write weights in half precision: half the size, read back as float32.
        overwrite: whether an existing directory may be replaced.

    Raises:
        InputError: `directory` exists and `overwrite` is false, or a weight is too large for half
            precision.
    """
    require_writable(directory, overwrite=overwrite)
    with writing_directory(directory) as temporary:
        write_model_files(model, temporary, provenance, half=half)


def write_model_files(
    model: Model,
    directory: Path,
    provenance: Mapping[str, Any] | None = None,
    *,
    half: bool = False,
) -> None:
    """Put the two files of a model into an existing directory."""
    weights = dict(model.state_dict())
    if half:
        weights = {name: _halved(name, tensor) for name, tensor in weights.items()}
    digest = write_tensors(directory / "weights.safetensors", weights)
    config = {
        "format_version": FORMAT_VERSION,
        "kind": model.saved_as,
        "model": asdict(model.config),  # pyright: ignore[reportArgumentType]
        "weights_sha256": digest,
        "versions": {"overpose": VERSION, "torch": str(torch.__version__)},
        "commit": source_commit(),
        "provenance": dict(provenance or {}),
    }
    write_json(directory / "config.json", config)


def _halved(name: str, tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        return tensor
    half = tensor.to(torch.float16)
    if not half.isfinite().all():
        raise InputError(
            f"{name}: values up to {tensor.abs().max():.3g}; write it in full precision"
        )
    return half


def load_model(directory: Path, kinds: Sequence[Kind], device: str = "cpu") -> Any:
    """Read a model that `save_model` wrote, in evaluation mode.

    Args:
        directory: of the model.
        kinds: those that it may be of.
        device: where to put it.

    Raises:
        InputError: a file is missing or damaged, of another format version or of none of the kinds,
            or the weights do not fit the configuration.
    """
    directory = path_of(directory)
    config = read_model_config(directory)
    path = directory / "config.json"
    known = {name: kind for kind in kinds for name in kind.names}
    found = config.get("kind")
    kind = known.get(found) if isinstance(found, str) else None
    if kind is None:
        names = ", ".join(kind.name for kind in kinds)
        raise InputError(f"{path}: got model kind {found!r}, expected one of {names}")
    if kind.read_config is not None:
        model_config = kind.read_config(config, str(path))
    else:
        model_config = dataclass_from_json(
            kind.config, config.get("model"), f"{path}: model", dict(kind.before)
        )
    weights_path = directory / "weights.safetensors"
    weights = read_tensors(weights_path, config.get("weights_sha256"), load)
    weights = kind.current_names(weights)
    _require_sizes(model_config, weights, path)
    try:
        with torch.device("meta"):  # takes no memory, whatever sizes the configuration says
            planned = kind.model(model_config)
    except InputError:
        raise
    except (TypeError, ValueError, RuntimeError, ArithmeticError) as error:
        line = str(error).partition("\n")[0]
        raise InputError(f"{path}: no such model can be made ({line})") from None
    require_fit(weights_path, _shapes(weights), _shapes(planned.state_dict()))
    model = kind.model(model_config)
    fill_model(model, weights, weights_path)
    return model.eval().to(device)


def _require_sizes(config: Any, weights: Mapping[str, Tensor], path: Path) -> None:
    """Refuse numbers of layers, units or pixels beyond what so many weights can belong to."""
    most = max(_MOST_PIXELS, sum(tensor.numel() for tensor in weights.values()))
    for number in _whole_numbers(to_json(config)):
        if abs(number) > most:
            raise InputError(
                f"{path}: model: got {number}, expected at most {most}: the weights are no more"
            )


def _whole_numbers(value: Any) -> Iterator[int]:
    if isinstance(value, int):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _whole_numbers(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name != "seed":
                yield from _whole_numbers(item)


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> str:
    """Write named tensors as safetensors; return the SHA-256 of the file."""
    data = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    path.write_bytes(data)
    return sha256(data)


def fill_model(model: torch.nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Copy weights into a model, in place.

    Raises:
        InputError: names or shapes differ; the first one that does is named.
    """
    state = model.state_dict()
    require_fit(path, _shapes(weights), _shapes(state))
    with torch.no_grad():
        for name, tensor in state.items():
            tensor.copy_(weights[name])


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[tuple[int, ...], str]]:
    return {
        name: (tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
        for name, tensor in tensors.items()
    }


def to_json(config: object) -> Any:
    """A configuration dataclass as it comes back from JSON (tuples become lists)."""
    return json.loads(json.dumps(asdict(config), allow_nan=False))  # pyright: ignore
