"""The file of what was measured, measured.json: read and checked."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from overpose.experiments.scale.driver import DriverCosts
from overpose.experiments.scale.measuring import LiftRun, Run
from overpose.experiments.scale.options import MOST
from overpose.support.errors import InputError

_Count = Annotated[int, msgspec.Meta(ge=1)]
_Rate = Annotated[float, msgspec.Meta(gt=0)]


class Renderings(msgspec.Struct):
    """Datasets that were rendered: `images` each, in shards of `images_per_shard`."""

    images_per_shard: _Count
    image_size: _Count
    images: _Count
    runs: list[Run]


class Lifts(msgspec.Struct):
    """Clips that were predicted, all the same one."""

    clip: str
    runs: list[LiftRun]


class Training(msgspec.Struct):
    """A network that was trained: images a second on `cores`, and the size of its gradients."""

    images_per_s: _Rate
    cores: _Count
    gradient_bytes: _Count


class Measured(msgspec.Struct):
    """All of it, of one machine."""

    commit: str
    machine: str
    date: str
    render: Renderings
    lift: Lifts
    driver: DriverCosts
    hash_bytes_per_s: _Rate
    train: Training


def measured_of(found: Mapping[str, Any]) -> Measured:
    """What the values of a file say.

    Raises:
        InputError: they are not such ones.
    """
    try:
        _require_amounts(found)
        return msgspec.convert(found, Measured)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise InputError(
            f"measured: {error}; expected the measured.json of an earlier run"
        ) from None


def _require_amounts(value: Any) -> None:
    if isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            _require_amounts(item)
    elif isinstance(value, int | float) and not 0 <= value < MOST:
        raise ValueError(f"got the number {value}, expected one from 0 to {MOST:g}")
