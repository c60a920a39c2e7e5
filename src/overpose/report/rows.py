"""report.json: measured rows with what is needed to trust them (protocol, commit, machine, date).

Rows of several seeds are merged here. How a row is measured belongs to `measure`.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from overpose.methods import INPUTS, METHODS, Inputs
from overpose.report.header import report_header
from overpose.support.errors import InputError
from overpose.support.files import read_json, write_json

MEAN = "mean"
"""The action name of the row that holds the unweighted mean over the actions."""

MEASURES = (
    "mpjpe_mm",
    "p_mpjpe_mm",
    "limb_ratio_lower",
    "limb_ratio_upper",
    "limb_ratio_full",
    "train_s",
    "predict_ms_per_image",
)
"""The numbers of a row, in the order of report.json."""

Finishing = Literal["none", "common"]
"""What was done with predictions: nothing, or what every method can have, `methods.finishing`."""
FINISHINGS: tuple[Finishing, ...] = get_args(Finishing)


@dataclass(frozen=True)
class Row:
    """What one trained method did on one action of the test set.

    Attributes:
        method: e.g. "direct", "latent", "finetuned".
        action: one of the benchmark's actions, or "mean": the unweighted mean over them.
        seed: the seed that the method was trained with.
        mpjpe_mm: mean joint distance in mm over the 17 joints, the root included.
        p_mpjpe_mm: the same after a similarity Procrustes alignment of each pose.
        limb_ratio_lower, limb_ratio_upper, limb_ratio_full: limb-ratio error, without unit.
        train_s: seconds of training, of every stage that the method needs.
        predict_ms_per_image: milliseconds of prediction per image, decoding not counted.
        inputs: what the method was given, in training and in test.
        finishing: what was done with its predictions.
        privileged: whether it is told what no image tells.
        error: why there are no numbers; None where there are.
    """

    method: str
    action: str
    seed: int
    mpjpe_mm: float | None = None
    p_mpjpe_mm: float | None = None
    limb_ratio_lower: float | None = None
    limb_ratio_upper: float | None = None
    limb_ratio_full: float | None = None
    train_s: float | None = None
    predict_ms_per_image: float | None = None
    inputs: Inputs = "image"
    finishing: Finishing = "none"
    privileged: bool = False
    error: str | None = None

    def to_json(self) -> dict:
        """The row as report.json holds it; `error` only where the row failed."""
        values = asdict(self)
        if self.error is None:
            del values["error"]
        return values


@dataclass(frozen=True)
class Report:
    """A set of rows measured in one protocol; see the fields of `Row`."""

    protocol: str
    dataset: str
    commit: str
    machine: str
    date: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Summary:
    """Rows of one method and action merged over seeds.

    Attributes:
        mean: mean over the seeds of each of `MEASURES`; NaN where no seed has a number.
        std: sample standard deviation over the seeds; NaN with fewer than two seeds.
        seeds: the seeds that have numbers.
    """

    method: str
    action: str
    mean: dict[str, float]
    std: dict[str, float]
    seeds: tuple[int, ...]


_LARGEST = 1e300
"""Beyond any error or ratio."""


def new_report(protocol: str, dataset: str, rows: Iterable[Row]) -> Report:
    """A report of rows measured now, on this machine, with this code."""
    return Report(protocol, dataset, **report_header(), rows=tuple(rows))


def write_report(path: Path, report: Report) -> None:
    """Write report.json, whole or not at all."""
    write_json(path, asdict(report) | {"rows": [row.to_json() for row in report.rows]})


def read_report(path: Path) -> Report:
    """Read and check report.json.

    Raises:
        InputError: the file is absent, or a field is missing, unknown or of the wrong kind.
    """
    value = read_json(path)
    texts = ("protocol", "dataset", "commit", "machine", "date")
    _require_keys(value, required=(*texts, "rows"), optional=(), where=str(path))
    for name in texts:
        if not isinstance(value[name], str):
            raise InputError(f"{path}: {name} is a {type(value[name]).__name__}, expected a string")
    if not isinstance(value["rows"], list):
        raise InputError(f"{path}: rows is a {type(value['rows']).__name__}, expected a list")
    rows = tuple(parse_row(row, where=f"{path}: rows[{i}]") for i, row in enumerate(value["rows"]))
    seen: set[tuple[str, str, int, str, str]] = set()
    for row in rows:
        key = (row.method, row.action, row.seed, row.inputs, row.finishing)
        if key in seen:
            raise InputError(
                f"{path}: method, action, seed, inputs and finishing {key} appear twice, expected "
                "once"
            )
        seen.add(key)
    return Report(*(value[name] for name in texts), rows=rows)


def parse_row(value: object, *, where: str = "row") -> Row:
    """Check one row of report.json.

    Rows that were written before they had `inputs`, `finishing` and `privileged` get what was then
    true of their method: those that take masks had them, nothing was finished.

    Raises:
        InputError: it is not a row; the message starts with `where`.
    """
    if not isinstance(value, dict):
        raise InputError(f"{where}: got a {type(value).__name__}, expected an object")
    if isinstance(value.get("method"), str):
        value = _before_inputs(value["method"]) | value
    required = tuple(field.name for field in fields(Row) if field.name != "error")
    _require_keys(value, required=required, optional=("error",), where=where)
    for name, known in (("inputs", INPUTS), ("finishing", FINISHINGS)):
        if value[name] not in known:
            expected = " or ".join(known)
            raise InputError(f"{where}: {name} is {value[name]!r}, expected {expected}")
    if not isinstance(value["privileged"], bool):
        raise InputError(f"{where}: privileged is {value['privileged']!r}, expected true or false")
    for name in ("method", "action"):
        if not isinstance(value[name], str) or not value[name]:
            raise InputError(f"{where}: {name} is {value[name]!r}, expected a non-empty string")
    if not isinstance(value["seed"], int) or isinstance(value["seed"], bool):
        raise InputError(f"{where}: seed is {value['seed']!r}, expected an integer")
    error = value.get("error")
    if error is not None and not isinstance(error, str):
        raise InputError(f"{where}: error is {error!r}, expected a string")
    for name in MEASURES:
        number = value[name]
        if number is None and error is not None:
            continue
        if (
            not isinstance(number, int | float)
            or isinstance(number, bool)
            or not 0 <= number <= _LARGEST
        ):
            raise InputError(f"{where}: {name} is {number!r}, expected a number not below 0")
    return Row(**value)


def summarize(rows: Iterable[Row]) -> dict[tuple[str, str], Summary]:
    """Merge rows of one block over their seeds, by (method, action), in the order of appearance.

    A failed row adds no number; if every seed failed, the means are NaN and `seeds` is empty.
    """
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.method, row.action), []).append(row)
    return {key: _summary(*key, group) for key, group in groups.items()}


def actions_of(rows: Sequence[Row]) -> list[str]:
    """The actions in the order of first appearance, "mean" left out."""
    return list(dict.fromkeys(row.action for row in rows if row.action != MEAN))


def _before_inputs(method: str) -> dict[str, Any]:
    card = next((card for card in METHODS if card.name == method), None)
    return {
        "inputs": "masked_image" if card is not None and card.mask_channel else "image",
        "finishing": "none",
        "privileged": card is not None and card.privileged,
    }


def _summary(method: str, action: str, rows: list[Row]) -> Summary:
    measured = [row for row in rows if row.error is None]
    mean, std = {}, {}
    for name in MEASURES:
        values = np.array([getattr(row, name) for row in measured], dtype=np.float64)
        mean[name] = float(values.mean()) if len(values) else math.nan
        std[name] = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    return Summary(method, action, mean, std, tuple(row.seed for row in measured))


def _require_keys(
    value: dict, *, required: Sequence[str], optional: Sequence[str], where: str
) -> None:
    missing = [name for name in required if name not in value]
    unknown = [name for name in value if name not in (*required, *optional)]
    if missing or unknown:
        got = f"{'no ' + ', '.join(missing) if missing else ''}"
        got += f"{' and ' if missing and unknown else ''}"
        got += f"{'unknown ' + ', '.join(unknown) if unknown else ''}"
        raise InputError(f"{where}: {got}; expected exactly {', '.join(required)}")
