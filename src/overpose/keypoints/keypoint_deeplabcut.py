"""DeepLabCut's CSV files: three or four rows of header, then one row a frame.

The other forms of tables belong to `keypoint_csv`.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from overpose.keypoints.keypoint_parts import (
    MAX_FRAMES,
    MISSING,
    FoundKeypoints,
    cell_number,
    cleaned,
    last_number,
)
from overpose.layouts import canonical_name, known_names, layout_of
from overpose.support.errors import InputError
from overpose.support.progress import say

_ROWS = ("individuals", "bodyparts", "coords")
_PARTS = {"x": 0, "y": 1, "likelihood": 2}


def read_deeplabcut(
    path: Path, rows: Iterator[tuple[str, list[str]]], width: int
) -> FoundKeypoints:
    """Read the rows below that of the scorer; body parts that no layout has are left out, and said.

    Args:
        path: the file, for messages.
        rows: where in the file, and the cells.
        width: cells of a row.

    Raises:
        InputError: it is garbled, or none of the body parts is a known keypoint.
    """
    header: dict[str, list[str]] = {}
    while "coords" not in header:
        where, cells = next(rows, (str(path), [""]))
        name = cells[0].strip().lower()
        if name not in _ROWS or len(cells) != width:
            raise InputError(
                f"{where}: got {cells[0][:30]!r}, expected DeepLabCut's rows scorer, "
                "individuals (of several), bodyparts and coords"
            )
        header[name] = [cell.strip() for cell in cells]
    if "bodyparts" not in header:
        raise InputError(f"{path}: no row bodyparts; expected DeepLabCut's header")
    # The first column, or with labelled pictures the first three, names the frame.
    columns = [at for at in range(width) if header["coords"][at].lower() in _PARTS]
    if not columns:
        raise InputError(f"{path}: no columns x, y and likelihood; expected DeepLabCut's")
    names = [canonical_name(header["bodyparts"][at]) for at in columns]
    known = list(dict.fromkeys(name for name in names if name in known_names()))
    unknown = [name for name in dict.fromkeys(names) if name not in known_names()]
    if not known:
        raise InputError(
            f"{path}: none of the body parts {', '.join(unknown[:5])} is a known keypoint; "
            "name them left_shoulder, right_knee, …"
        )
    if unknown:
        say(f"{path}: body parts that are no known keypoint are left out: {', '.join(unknown[:5])}")
    layout = layout_of(known)
    people: dict[str, dict[int, np.ndarray]] = {}
    for where, cells in rows:
        if len(cells) != width:
            raise InputError(f"{where}: got {len(cells)} values, expected {width}")
        number = last_number(cells[columns[0] - 1].rpartition(".")[0] or cells[columns[0] - 1])
        if number is None or number[0] >= MAX_FRAMES:
            raise InputError(f"{where}: got {cells[0][:30]!r}, expected a frame number")
        found: dict[str, np.ndarray] = {}
        for at, name in zip(columns, names, strict=True):
            if name in layout:
                person = header["individuals"][at] if "individuals" in header else "1"
                points = found.setdefault(person, np.full((len(layout), 3), (np.nan, np.nan, 1.0)))
                part = _PARTS[header["coords"][at].lower()]
                points[layout.index(name), part] = cell_number(cells[at], where)
        for person, points in found.items():
            points[np.isnan(points[:, :2]).any(axis=1)] = MISSING
            track = people.setdefault(person, {})
            if number[0] in track:
                raise InputError(f"{where}: frame {number[0]} is there twice")
            if np.isfinite(points[:, 0]).any():
                track[number[0]] = cleaned(points, where)
    if not people:
        raise InputError(f"{path}: no rows below the header; nothing to read")
    return FoundKeypoints(layout, people=people, numbered=True, from_one=False)
