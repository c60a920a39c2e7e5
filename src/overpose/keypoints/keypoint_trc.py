"""Sports2D's keypoints in pixels: one TRC file for each person, NAME_px_person00.trc.

TRC files in metres belong to `mocap.trc`.
"""

import math
from pathlib import Path

import numpy as np

from overpose.keypoints.keypoint_parts import MAX_FRAMES, MISSING, FoundKeypoints, cleaned
from overpose.layouts import layout_of
from overpose.mocap.textfile import parse_number, read_lines
from overpose.support.errors import InputError


def read_trc_files(paths: list[Path]) -> FoundKeypoints:
    """Read a file for each person; there are no scores in them, so all are 1.

    Raises:
        InputError: a file is garbled, has an unknown name, or is not in pixels.
    """
    people, layout = {}, None
    for path in paths:
        names, track = _read(path)
        try:
            own = layout_of(names)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        if layout is not None and own.names != layout.names:
            raise InputError(f"{path}: got other keypoints than {paths[0]}, expected the same")
        layout = own
        people[path.stem] = track
    assert layout is not None
    frames = 1 + max((frame for track in people.values() for frame in track), default=-1)
    return FoundKeypoints(layout, frames, people=people)


def _read(path: Path) -> tuple[list[str], dict[int, np.ndarray]]:
    """Names of the keypoints, and the (K, 3) of every frame by number, from the times."""
    lines = read_lines(path)
    if len(lines) < 5 or not lines[0].startswith("PathFileType"):
        raise InputError(f"{path}:1: not a TRC file; expected it to start with PathFileType")
    header = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=False))
    fps = parse_number(f"{path}:3", header.get("DataRate", ""))
    names = [name.strip() for name in lines[3].split("\t")[2:] if name.strip()]
    track: dict[int, np.ndarray] = {}
    for number, line in enumerate(lines[5:], 6):
        if not line.strip():
            continue
        at, cells = f"{path}:{number}", line.split("\t")
        if len(cells) < 2 + 3 * len(names):
            raise InputError(f"{at}: got {len(cells)} cells, expected {2 + 3 * len(names)}")
        time_s = parse_number(at, cells[1])
        frame = time_s * fps
        if not 0 <= frame < MAX_FRAMES or not math.isfinite(frame):
            raise InputError(f"{at}: got time {cells[1]!r}, expected seconds from the beginning")
        numbers = [_coordinate(at, cell) for cell in cells[2 : 2 + 3 * len(names)]]
        points = np.array(numbers).reshape(-1, 3)
        if np.nan_to_num(points[:, 2]).any():
            raise InputError(
                f"{at}: got 3D points, expected keypoints in pixels, whose z is 0: Sports2D's "
                "NAME_px_person00.trc"
            )
        points[:, 2] = 1.0
        half = np.isnan(points[:, :2]).any(axis=1)
        points[half] = MISSING
        track[round(frame)] = cleaned(points, at)
    return names, track


def _coordinate(at: str, cell: str) -> float:
    text = cell.strip()
    return math.nan if not text or text.lower() == "nan" else parse_number(at, text)
