"""CSV: one tidy table, for spreadsheets, pandas and R."""

import csv
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overpose.formats.format import Format

if TYPE_CHECKING:
    import overpose.poses

COLUMNS = (
    "person", "frame", "time_s", "joint", "x_mm", "y_mm", "z_mm", "confidence", "seen",
)  # fmt: skip


def write(track: "overpose.poses.PoseTrack", path: Path) -> None:
    """One row for each person, frame and joint, `COLUMNS`; empty cells where not seen.

    Heels and toes have rows after the joints, and the expected errors of joints a last column,
    where they are known. Where the world is, the first three rows of the frame's `camera_to_world`
    stand in twelve more columns: the same in every row, but where the camera turns.
    """
    import numpy as np

    from overpose.formats.points import DECIMALS, all_points, foot_confidence, joint_confidence
    from overpose.support.files import writing_file

    names, points = all_points(track)
    confidence = np.concatenate([joint_confidence(track), foot_confidence(track)], axis=2)
    seen, errors = track.seen, track.joint_error_mm
    joints = len(track.joint_names)
    matrix_names, matrix_cells = _matrices(track.world)
    with (
        writing_file(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow((*COLUMNS, *(() if errors is None else ("joint_error_mm",)), *matrix_names))
        for person in range(track.people):
            for frame in range(track.frames):
                time = f"{frame / track.fps:.6f}"
                for joint, name in enumerate(names):
                    point, sure = points[person, frame, joint], confidence[person, frame, joint]
                    there = all(map(math.isfinite, point))
                    cells = [f"{value:.{DECIMALS}f}" if there else "" for value in point]
                    cells += [_number(sure, 3), str(int(seen[person, frame]))]
                    if errors is not None:
                        known = joint < joints
                        off = float(errors[person, frame, joint]) if known else math.nan
                        cells.append(_number(off, DECIMALS))
                    cells += matrix_cells[frame] if matrix_cells else []
                    writer.writerow((person + 1, frame, time, text_cell(name), *cells))


def _matrices(world: Any) -> tuple[list[str], list[list[str]]]:
    """Names, and every frame's cells, of the columns for matrices (frames, 4, 4); none without."""
    if world is None:
        return [], []
    places = [(row, column) for row in range(3) for column in range(4)]
    names = [f"camera_to_world_{row + 1}{column + 1}" for row, column in places]
    return names, [[f"{matrix[place]:.6f}" for place in places] for matrix in world]


def _number(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if math.isfinite(value) else ""


def text_cell(text: str) -> str:
    """Text as a cell that no spreadsheet takes for a formula: with an apostrophe where it could."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


FORMAT = Format("csv", ".csv", "one tidy table, for spreadsheets, pandas and R", write)
