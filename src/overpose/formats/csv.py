"""CSV: one tidy table, for spreadsheets, pandas and R."""

import csv
import math
from pathlib import Path
from typing import TYPE_CHECKING

from overpose.formats.format import Format

if TYPE_CHECKING:
    import overpose.poses

COLUMNS = (
    "person", "frame", "time_s", "joint", "x_mm", "y_mm", "z_mm", "confidence", "seen",
)  # fmt: skip


def write(track: "overpose.poses.PoseTrack", path: Path) -> None:
    """One row for each person, frame and joint, `COLUMNS`; empty cells where not seen."""
    from overpose.formats.points import DECIMALS, joint_confidence, joints_camera_mm
    from overpose.support.files import writing_file

    joints, seen, confidence = joints_camera_mm(track), track.seen, joint_confidence(track)
    with (
        writing_file(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for person in range(track.people):
            for frame in range(track.frames):
                time = f"{frame / track.fps:.6f}"
                for joint, name in enumerate(track.joint_names):
                    point, sure = joints[person, frame, joint], confidence[person, frame, joint]
                    there = all(map(math.isfinite, point))
                    cells = [f"{value:.{DECIMALS}f}" if there else "" for value in point]
                    cells.append(f"{sure:.3f}" if math.isfinite(sure) else "")
                    last = int(seen[person, frame])
                    writer.writerow((person + 1, frame, time, text_cell(name), *cells, last))


def text_cell(text: str) -> str:
    """Text as a cell that no spreadsheet takes for a formula: with an apostrophe where it could."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


FORMAT = Format("csv", ".csv", "one tidy table, for spreadsheets, pandas and R", write)
