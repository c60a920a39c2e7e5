"""Angles: one tidy table of joint angles, and along with it those of OpenSim."""

import csv
import math
from pathlib import Path
from typing import TYPE_CHECKING

from overpose.formats import mot
from overpose.formats.format import Format

if TYPE_CHECKING:
    import overpose.poses

COLUMNS = ("person", "frame", "time_s", "seen")
"""Before the angles."""
DECIMALS = 2


def check(track: "overpose.poses.PoseTrack", path: Path) -> None:
    """Refuse a track with joints other than those of `HUMAN36M`."""
    from overpose.formats.points import require_house_joints

    require_house_joints(track, path, "angles")


def write(track: "overpose.poses.PoseTrack", path: Path) -> None:
    """One row for each person and frame: `COLUMNS`, then `ANGLES` in degrees; empty cells where not
    seen, or where an angle is unclear. Ankles have columns where feet are known."""
    from overpose.formats.points import track_angles
    from overpose.support.files import writing_file

    angles, seen = track_angles(track), track.seen
    with (
        writing_file(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow((*COLUMNS, *angles))
        for person in range(track.people):
            for frame in range(track.frames):
                values = [float(values[person, frame]) for values in angles.values()]
                cells = [f"{v:.{DECIMALS}f}" if math.isfinite(v) else "" for v in values]
                time = f"{frame / track.fps:.6f}"
                writer.writerow((person + 1, frame, time, int(seen[person, frame]), *cells))


FORMAT = Format(
    "angles", "_angles.csv", "joint angles as one tidy table, degrees; brings `mot` along", write,
    check=check, along=(mot.FORMAT,),
)  # fmt: skip
