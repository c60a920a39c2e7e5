"""Pose tracks in formats that other programs open.

The formats themselves are written by `mocap`; here is what goes into them. JSON and CSV are in the
camera's axes (x right, y down, z forward), TRC is y up: (x, -y, -z). All are in millimetres and in
camera coordinates, the root's place included where it is known.
"""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from overpose.errors import InputError
from overpose.files import require_writable, writing_file
from overpose.mocap.trc import PointTable, write_trc
from overpose.poses import PoseTrack

CSV_COLUMNS = ("person", "frame", "time_s", "joint", "x_mm", "y_mm", "z_mm", "seen")
_DECIMALS = 2


def export_files(
    paths: Sequence[Path], directory: Path, formats: Sequence[str], *, overwrite: bool = False
) -> list[Path]:
    """Write pose tracks from files in other formats; see `write_formats`."""
    stems = [path.stem for path in paths]
    repeated = sorted({stem for stem in stems if stems.count(stem) > 1})
    if not paths or repeated:
        got = f"{repeated[0]}.npz twice" if repeated else "no file"
        raise InputError(f"export: got {got}, expected pose tracks (.npz) of different names")
    tracks = [PoseTrack.load(path) for path in paths]
    return [
        written
        for stem, track in zip(stems, tracks, strict=True)
        for written in write_formats(track, directory, stem, formats, overwrite=overwrite)
    ]


def write_formats(
    track: PoseTrack,
    directory: Path,
    stem: str,
    formats: Sequence[str],
    *,
    overwrite: bool = False,
) -> list[Path]:
    """Write `directory/stem.FORMAT` for every format, each whole or not at all.

    Args:
        formats: some of `FORMATS`.

    Returns:
        the files written.

    Raises:
        InputError: an unknown format, a track without people, or a file that exists already; then
            nothing is written.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise InputError(
            f"formats: got {', '.join(unknown) or 'none'}, expected some of {', '.join(FORMATS)}"
        )
    if not track.seen.any():
        raise InputError(f"{stem}: nobody is seen in it; there is nothing to export")
    files = [directory / f"{stem}.{name}" for name in dict.fromkeys(formats)]
    for path in files:
        require_writable(path, overwrite=overwrite)
    for path in files:
        FORMATS[path.suffix[1:]](track, path)
    return files


def joints_camera_mm(track: PoseTrack) -> np.ndarray:
    """(people, frames, 17, 3) float64: joints in camera coordinates, about the root where its place
    is not known; NaN where not seen."""
    root = np.nan_to_num(track.root_mm.astype(np.float64))
    return track.poses_mm.astype(np.float64) + root[:, :, None]


def write_json_track(track: PoseTrack, path: Path) -> None:
    """One object: what the track says of itself, and for each person its frames, null where not
    seen; each frame a list of 17 positions, mm."""
    people: list[dict[str, Any]] = []
    for number, (poses, roots) in enumerate(zip(track.poses_mm, track.root_mm, strict=True), 1):
        people.append({"person": number, "poses_mm": _listed(poses), "root_mm": _listed(roots)})
    value = {
        "format": "overpose pose track",
        "overpose_version": track.overpose_version,
        "model": track.model,
        "fps": track.fps,
        "frames": track.frames,
        "width": track.width,
        "height": track.height,
        "focal_px": track.focal_px,
        "focal_is_estimated": track.focal_is_estimated,
        "axes": "camera: x right, y down, z forward",
        "joint_names": list(track.joint_names),
        "parents": list(track.parents),
        "people": people,
    }
    with writing_file(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, allow_nan=False)
        file.write("\n")


def write_csv_track(track: PoseTrack, path: Path) -> None:
    """One row for each person, frame and joint, `CSV_COLUMNS`; empty cells where not seen."""
    joints, seen = joints_camera_mm(track), track.seen
    with (
        writing_file(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(CSV_COLUMNS)
        for person in range(track.people):
            for frame in range(track.frames):
                time = f"{frame / track.fps:.6f}"
                for name, point in zip(track.joint_names, joints[person, frame], strict=True):
                    there = bool(np.isfinite(point).all())
                    cells = [f"{value:.{_DECIMALS}f}" if there else "" for value in point]
                    row = (person + 1, frame, time, name, *cells, int(seen[person, frame]))
                    writer.writerow(row)


def write_trc_track(track: PoseTrack, path: Path) -> None:
    """All people in one table, y up; with several, names start with person1_, person2_, …"""
    joints = joints_camera_mm(track) * (1.0, -1.0, -1.0)
    several = track.people > 1
    names = tuple(
        f"person{person}_{name}" if several else name
        for person in range(1, track.people + 1)
        for name in track.joint_names
    )
    points = np.moveaxis(joints, 0, 1).reshape(track.frames, len(names), 3)
    write_trc(PointTable(names, points, track.fps), path, overwrite=True)


def _listed(values: np.ndarray) -> list[Any]:
    """Frames (n, …) as nested lists, None for those that are not whole."""
    rounded = np.round(values.astype(np.float64), _DECIMALS)
    return [frame.tolist() if np.isfinite(frame).all() else None for frame in rounded]


FORMATS: dict[str, Callable[[PoseTrack, Path], None]] = {
    "json": write_json_track,
    "csv": write_csv_track,
    "trc": write_trc_track,
}
"""Writers by the ending of the file."""
