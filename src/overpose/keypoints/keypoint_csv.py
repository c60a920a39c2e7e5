"""Readers of keypoints in CSV: one row a keypoint (tidy), or one row a person and frame (wide).

The forms are described in `docs/keypoint-files.md`; choosing a reader belongs to `keypoint_files`,
DeepLabCut's own form to `keypoint_deeplabcut`.
"""

import csv
import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from overpose.keypoints.keypoint_deeplabcut import read_deeplabcut
from overpose.keypoints.keypoint_parts import (
    MAX_FRAMES,
    MAX_TABLE_BYTES,
    MISSING,
    FoundKeypoints,
    cell_number,
    check_text,
    cleaned,
)
from overpose.layouts import KeypointLayout, canonical_name, layout_of
from overpose.support.errors import InputError

_SCORES = ("score", "confidence", "visibility", "likelihood")
_Row = tuple[str, list[str]]  # where in the file, and the cells


def read_csv(path: Path) -> FoundKeypoints:
    """Read either form; commas, semicolons or tabs.

    Raises:
        InputError: not such a file, an unknown name, a value that is no number, a repeated row.
    """
    check_text(path, MAX_TABLE_BYTES)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            delimiter = max(",;\t", key=first.count)
            return _read(path, _rows(path, csv.reader(file, delimiter=delimiter, strict=True)))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not text in UTF-8 ({error}); save the file as UTF-8") from None
    except csv.Error as error:
        raise InputError(f"{path}: not a CSV file ({error})") from None


def _read(path: Path, rows: Iterator[_Row]) -> FoundKeypoints:
    place, header = next(rows, (str(path), []))
    columns = [name.strip().lower() for name in header]
    if columns[:1] == ["scorer"]:
        return read_deeplabcut(path, rows, len(header))
    if len(set(columns)) != len(columns):
        raise InputError(f"{place}: column names repeat")
    if "frame" not in columns:
        raise InputError(
            f"{path}: no column named frame; expected person, frame, keypoint, x, y, score or "
            "frame, nose_x, nose_y, nose_score, …, or DeepLabCut's header of several rows"
        )
    tidy = {"keypoint", "x", "y"} <= set(columns)
    return _read_tidy(path, rows, columns) if tidy else _read_wide(path, rows, header)


def _rows(path: Path, reader: Iterator[list[str]]) -> Iterator[_Row]:
    for number, cells in enumerate(reader, start=1):
        if any(cell.strip() for cell in cells):
            yield f"{path}: row {number}", cells


def _read_tidy(path: Path, rows: Iterator[_Row], columns: list[str]) -> FoundKeypoints:
    at = {name: columns.index(name) for name in columns}
    score_at = next((at[name] for name in _SCORES if name in at), None)
    names: dict[str, int] = {}
    spelled: dict[str, int] = {}
    points: dict[tuple[str, int], dict[int, tuple[float, float, float]]] = {}
    for where, cells in rows:
        _check_width(where, cells, columns)
        person = cells[at["person"]].strip() if "person" in at else "1"
        key = (person, _frame(cells[at["frame"]], where))
        given = cells[at["keypoint"]]
        if given not in spelled:
            spelled[given] = names.setdefault(canonical_name(given), len(names))
        values = (
            cell_number(cells[at["x"]], where),
            cell_number(cells[at["y"]], where),
            1.0 if score_at is None else cell_number(cells[score_at], where),
        )
        if spelled[given] in points.setdefault(key, {}):
            raise InputError(f"{where}: person {person}, frame {key[1]} has {given} twice")
        points[key][spelled[given]] = values
    layout = _layout(path, list(names))
    people: dict[str, dict[int, np.ndarray]] = {}
    for (person, frame), found in points.items():
        array = np.full((len(layout), 3), MISSING)
        for row, values in found.items():
            array[row] = values
        place = f"{path}: person {person}, frame {frame}"
        people.setdefault(person, {})[frame] = cleaned(array, place)
    return _found(path, layout, people)


def _read_wide(path: Path, rows: Iterator[_Row], header: list[str]) -> FoundKeypoints:
    columns = [name.strip() for name in header]
    at: dict[str, dict[str, int]] = {}
    for column, name in enumerate(columns):
        match = re.fullmatch(rf"(.+)[ _.](x|y|{'|'.join(_SCORES)})", name, re.IGNORECASE)
        if match:
            part = match[2].lower() if match[2].lower() in ("x", "y") else "score"
            places = at.setdefault(canonical_name(match[1]), {})
            if part in places:
                raise InputError(f"{path}: columns {columns[places[part]]} and {name} are the same")
            places[part] = column
    at = {name: places for name, places in at.items() if places.keys() & {"x", "y"}}
    halves = [name for name, places in at.items() if not {"x", "y"} <= set(places)]
    if halves:
        raise InputError(f"{path}: keypoint {halves[0]} has only one of the columns _x and _y")
    layout = _layout(path, list(at))
    lower = [name.lower() for name in columns]
    person_at = lower.index("person") if "person" in lower else None
    frame_at = lower.index("frame")
    people: dict[str, dict[int, np.ndarray]] = {}
    for where, cells in rows:
        _check_width(where, cells, columns)
        person = "1" if person_at is None else cells[person_at].strip()
        frame = _frame(cells[frame_at], where)
        if frame in people.setdefault(person, {}):
            advice = "" if person_at is not None else "; with several people add a column person"
            raise InputError(f"{where}: person {person} has frame {frame} twice{advice}")
        array = np.full((len(layout), 3), MISSING)
        for row, places in enumerate(at.values()):
            for part, column in enumerate(("x", "y", "score")):
                value = cell_number(cells[places[column]], where) if column in places else 1.0
                array[row, part] = value
        people[person][frame] = cleaned(array, where)
    return _found(path, layout, people)


def _found(
    path: Path, layout: KeypointLayout, people: dict[str, dict[int, np.ndarray]]
) -> FoundKeypoints:
    if not people:
        raise InputError(f"{path}: no rows below the column names; nothing to read")
    return FoundKeypoints(layout, people=people, numbered=True, from_one=False)


def _layout(path: Path, names: list[str]) -> KeypointLayout:
    if not names:
        raise InputError(f"{path}: no keypoints in it; expected columns like nose_x, nose_y")
    try:
        return layout_of(names)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _check_width(where: str, cells: list[str], columns: list[str]) -> None:
    if len(cells) != len(columns):
        commas = "; are there decimal commas?" if len(cells) > len(columns) else ""
        raise InputError(f"{where}: got {len(cells)} values, expected {len(columns)}{commas}")


def _frame(cell: str, where: str) -> int:
    value = cell_number(cell, where)
    if not (math.isfinite(value) and value == int(value) and 0 <= value < MAX_FRAMES):
        raise InputError(
            f"{where}: frame: got {cell!r}, expected a whole number from 0 to {MAX_FRAMES - 1}"
        )
    return int(value)
