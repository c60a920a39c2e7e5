"""TRC files, OpenSim's table of named points through time: read and write.

Conventions: y up in most files, and in ours; a missing point is an empty cell. Turning into other
axes is up to the caller.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from overpose.mocap.textfile import parse_number, read_lines
from overpose.support.checks import check_array
from overpose.support.errors import InputError
from overpose.support.files import require_writable, writing_file
from overpose.support.object_storage import path_of

UNIT_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0}


@dataclass(frozen=True, eq=False)
class PointTable:
    """Named points through time.

    Attributes:
        names: of the points, all different.
        points_mm: (frames, points, 3) float64, the file's axes, mm; NaN where missing.
        fps: frames per second.
    """

    names: tuple[str, ...]
    points_mm: np.ndarray
    fps: float

    def __post_init__(self) -> None:
        check_array("points_mm", self.points_mm, ("frames", len(self.names), 3), dtype=np.float64)
        if len(set(self.names)) != len(self.names) or not all(self.names):
            raise InputError(f"names: got {', '.join(self.names)}, expected different names")
        if any(character in name for name in self.names for character in "\t\r\n"):
            raise InputError("names: a name holds a tab or a line break, expected plain text")
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise InputError(f"fps: got {self.fps}, expected a positive number")


def read_trc(path: Path) -> PointTable:
    """Read a file.

    Raises:
        InputError: it is absent or garbled; the message names file and line, what was got and what
            was expected.
    """
    path = path_of(path)
    lines = read_lines(path)
    if len(lines) < 5 or not lines[0].startswith("PathFileType"):
        raise InputError(f"{path}:1: not a TRC file; expected it to start with PathFileType")
    header = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=False))
    fps = parse_number(f"{path}:3", header.get("DataRate", ""))
    unit = header.get("Units", "").strip()
    if unit not in UNIT_MM:
        raise InputError(f"{path}:3: got Units {unit!r}, expected one of {', '.join(UNIT_MM)}")
    names = tuple(name.strip() for name in lines[3].split("\t")[2:] if name.strip())
    rows = [
        _row(f"{path}:{number}", line, len(names))
        for number, line in enumerate(lines[5:], 6)
        if line.strip()
    ]
    points = np.array(rows, dtype=np.float64).reshape(len(rows), len(names), 3)
    try:
        return PointTable(names, points * UNIT_MM[unit], fps)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _row(at: str, line: str, points: int) -> list[float]:
    cells = line.rstrip("\r\n").split("\t")[2:]
    wanted = 3 * points
    if len(cells) < wanted or any(cell.strip() for cell in cells[wanted:]):
        cells = line.split("\t")
        raise InputError(f"{at}: got {len(cells)} cells, expected {wanted + 2} for {points} points")
    return [
        parse_number(at, cell) if cell.strip() and cell.strip().lower() != "nan" else np.nan
        for cell in cells[:wanted]
    ]


def write_trc(table: PointTable, path: Path, *, overwrite: bool = False) -> None:
    """Write a file in millimetres, whole or not at all.

    Raises:
        InputError: there is a file already and `overwrite` is false.
    """
    path = path_of(path)
    require_writable(path, overwrite=overwrite)
    frames, count = table.points_mm.shape[:2]
    rate = f"{table.fps:.10g}"
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame"
        "\tOrigNumFrames",
        f"{rate}\t{rate}\t{frames}\t{count}\tmm\t{rate}\t1\t{frames}",
        "Frame#\tTime\t" + "\t\t\t".join(table.names) + "\t\t",
        "\t\t" + "\t".join(f"{axis}{i}" for i in range(1, count + 1) for axis in "XYZ"),
        "",
    ]
    for frame, points in enumerate(table.points_mm.reshape(frames, -1)):
        cells = ("" if np.isnan(value) else f"{value:.4f}" for value in points)
        lines.append(f"{frame + 1}\t{frame / table.fps:.6f}\t" + "\t".join(cells))
    with writing_file(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
