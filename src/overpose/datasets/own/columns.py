"""Reading the table of a user's own images and poses; what is wrong with its columns.

As much is read as can be, so that everything can be named at once; whether the numbers make sense
is asked by `own_checks`.
"""

import csv
import re
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from overpose.datasets.own.table import (
    BOX,
    CENTER,
    NAMES,
    OPTIONAL_NAMES,
    OPTIONAL_NUMBERS,
    TABLES,
    Findings,
    OwnTable,
    pose_columns,
    rows_text,
)
from overpose.skeleton import HUMAN36M

_JOINT_COLUMN = re.compile(r"(.+)_[xyz](_\w+)?")
_SIMILAR = 0.8
_LISTED = 3
_LONGEST_SHOWN = 40
_UNREADABLE = (pa.ArrowException, OSError, ValueError)
_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs"}


def read_own_table(directory: Path, findings: Findings) -> OwnTable | None:
    """Read a directory's table, adding to `findings` what is wrong with its columns.

    Numbers that cannot be read are NaN in the result, columns of names that are missing or cannot
    be read are left out of it. None if nothing can be read, or there are no rows.
    """
    read = _arrow_table(directory, findings)
    if read is None:
        return None
    _check_column_names(read.column_names, findings)
    if read.num_rows == 0:
        findings.problems.append("the table has no rows, expected one a sample")
        return None
    others: list[str] = []
    poses = _point_columns(read, pose_columns(), "the pose", others, findings)
    points = None
    if any(name in read.column_names for name in pose_columns("px")):
        points = _point_columns(read, pose_columns("px"), "the 2D joints", others, findings)
        points = points.reshape(-1, len(HUMAN36M), 2)
    numbers = {}
    for name in OPTIONAL_NUMBERS:
        if name in read.column_names:
            numbers[name], holes = _numbers(read, name, others)
            findings.group(f"{name} is not a number", np.flatnonzero(holes))
    findings.problems += others[:_LISTED]
    if len(others) > _LISTED:
        findings.problems.append(f"{len(others) - _LISTED} more columns do not hold numbers")
    text = {}
    for name in (*NAMES, *OPTIONAL_NAMES):
        if name in read.column_names:
            values = _text(read, name, findings)
            if values is not None:
                text[name] = values
        elif name in OPTIONAL_NAMES:
            text[name] = np.full(read.num_rows, "", dtype=str)
    return OwnTable(directory, text, numbers, poses.reshape(-1, len(HUMAN36M), 3), points)


def _arrow_table(directory: Path, findings: Findings) -> pa.Table | None:
    there = [directory / name for name in TABLES if (directory / name).is_file()]
    if len(there) != 1:
        got = "both" if there else "neither"
        findings.problems.append(f"got {got} of {' and '.join(TABLES)}, expected one of them")
        return None
    path = there[0]
    try:
        if path.suffix == ".parquet":
            table = pq.read_table(path, memory_map=False)
        else:
            table = _csv_table(path, findings)
        if table is not None:
            table.validate(full=True)
            _ = table.column_names  # which may be no text
        return table
    except UnicodeDecodeError:
        findings.problems.append(f"{path.name}: got text that is not UTF-8; save it as UTF-8")
        return None
    except (*_UNREADABLE, csv.Error) as error:
        line = (str(error).splitlines() or ["damaged"])[0]
        findings.problems.append(f"{path.name}: not a readable table ({line})")
        return None


def _csv_table(path: Path, findings: Findings) -> pa.Table | None:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        header = next(csv.reader(file), [])
    joined = ",".join(header)
    for separator, name in _OTHER_SEPARATORS.items():
        if joined.count(separator) > joined.count(","):
            findings.problems.append(
                f"{path.name}: looks separated by {name}; expected commas, and a point in "
                "decimal numbers"
            )
            return None
    # All as text: what is no number is then shown as it was written, not as a date or a bool.
    options = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(header, pa.string()),
        null_values=[""],  # "NA" and "null" are names like others
        strings_can_be_null=True,
    )
    return pyarrow.csv.read_csv(path, convert_options=options)


def _check_column_names(there: list[str], findings: Findings) -> None:
    known = [*NAMES, *OPTIONAL_NAMES, *OPTIONAL_NUMBERS, *pose_columns(), *pose_columns("px")]
    _check_unknown([name for name in there if name not in known], known, there, findings)
    twice = [name for name in known if there.count(name) > 1]
    if twice:
        findings.problems.append(f"columns {', '.join(twice)} are there more than once")
    missing = [name for name in NAMES if name not in there]
    if missing:
        findings.problems.append(f"columns {', '.join(missing)} are missing")
    joints = [
        joint
        for joint in HUMAN36M.joint_names
        if not all(f"{joint}_{axis}_mm" in there for axis in "xyz")
    ]
    if joints:
        findings.problems.append(
            f"got x, y and z in mm of {len(HUMAN36M) - len(joints)} joints, expected "
            f"{len(HUMAN36M)}: {', '.join(joints)} missing (columns such as {joints[0]}_x_mm)"
        )
    partly = [name for name in pose_columns("px") if name not in there]
    if partly and len(partly) < len(pose_columns("px")):
        findings.problems.append(f"2D joints: columns {', '.join(partly)} are missing")
    for group in (CENTER, BOX):
        found = [name for name in group if name in there]
        if found and len(found) < len(group):
            findings.problems.append(f"got {', '.join(found)}, expected {', '.join(group)}")


def _check_unknown(
    unknown: list[str], known: list[str], there: list[str], findings: Findings
) -> None:
    free = [name for name in known if name not in there]
    needed = [name for name in free if name in (*NAMES, *pose_columns())]
    meant: dict[str, str] = {}
    others: list[str] = []
    for name in unknown:
        close = get_close_matches(name, needed, 1, _SIMILAR)
        if close or (close := get_close_matches(name, free, 1, _SIMILAR)):
            meant[name] = close[0]
        elif matched := _JOINT_COLUMN.fullmatch(name):
            others.append(matched[1])
    for name in list(meant)[:_LISTED]:
        findings.problems.append(f"column {name!r} is not known; did you mean {meant[name]!r}?")
    if len(meant) > _LISTED:
        findings.problems.append(f"{len(meant) - _LISTED} more columns with such names")
    if others:
        findings.notes.append(
            f"columns of {', '.join(dict.fromkeys(others))} are not used: not among the "
            f"{len(HUMAN36M)} joints"
        )


def _point_columns(
    read: pa.Table, names: list[str], what: str, others: list[str], findings: Findings
) -> np.ndarray:
    """(N, names) float64; NaN in columns that are missing."""
    values = np.full((read.num_rows, len(names)), np.nan)
    any_holes = np.zeros(read.num_rows, dtype=bool)
    for place, name in enumerate(names):
        if name in read.column_names:
            values[:, place], holes = _numbers(read, name, others)
            any_holes |= holes
    findings.group(f"NaN or infinity in {what}", np.flatnonzero(any_holes))
    return values


def _numbers(read: pa.Table, name: str, others: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """A column as (N,) float64, and (N,) bool: where it is empty or not finite.

    What is not a number, such as text, is NaN; a line on it is added to `others`.
    """
    column = _column(read, name)
    try:
        cast = column.cast(pa.float64())
        values = np.array(cast.to_numpy(zero_copy_only=False), dtype=np.float64)
        return values, ~np.isfinite(values)
    except _UNREADABLE:
        pass
    try:
        cells = column.to_pylist()
    except _UNREADABLE:
        others.append(f"column {name!r} holds {column.type}, expected numbers")
        return np.full(len(column), np.nan), np.zeros(len(column), dtype=bool)
    found = [_number(cell) for cell in cells]
    values = np.array([np.nan if value is None else value for value in found], dtype=np.float64)
    other = np.array([value is None for value in found])
    if other.any():
        shown = str(cells[int(np.argmax(other))])
        shown = shown if len(shown) <= _LONGEST_SHOWN else shown[: _LONGEST_SHOWN - 1] + "…"
        kind = "text" if _is_text(column.type) else str(column.type)
        others.append(
            f"column {name!r} holds {kind}, expected numbers: {shown!r} "
            f"({rows_text(np.flatnonzero(other))})"
        )
    return values, ~np.isfinite(values) & ~other


def _number(cell: object) -> float | None:
    """A cell as a number, NaN if it is empty, None if it is something else."""
    if cell is None:
        return float("nan")
    try:
        return float(cell)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError, OverflowError):
        return None


def _text(read: pa.Table, name: str, findings: Findings) -> np.ndarray | None:
    """A column of names as (N,) str, "" where it is empty; None if it holds something else."""
    column = _column(read, name)
    try:
        return np.array(pc.fill_null(column.cast(pa.string()), "").to_pylist(), dtype=str)
    except _UNREADABLE:
        kind = str(column.type)
        if _is_text(column.type) or pa.types.is_binary(column.type):
            kind = "bytes that are not UTF-8"
        findings.problems.append(f"column {name!r} holds {kind}, expected text")
        return None


def _column(read: pa.Table, name: str) -> pa.ChunkedArray:
    return read.column(read.column_names.index(name))


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)
