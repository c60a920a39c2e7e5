"""Pose tracks in formats that other programs open.

The formats themselves are written by `mocap`; here is what goes into them. JSON and CSV are in the
camera's axes (x right, y down, z forward), TRC, C3D and BVH are y up: (x, -y, -z). All are in
camera coordinates, the root's place included where it is known, in millimetres but for BVH's
centimetres. What only one format needs is imported when it is written.
"""

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from overpose.layouts import house_keypoints, layout_of
from overpose.mocap.trc import PointTable, write_trc
from overpose.poses import PoseTrack
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.support.files import Output, require_writable, writing_file
from overpose.support.progress import say
from overpose.video.proportions import typical_lengths

CSV_COLUMNS = (
    "person", "frame", "time_s", "joint", "x_mm", "y_mm", "z_mm", "confidence", "seen",
)  # fmt: skip
_DECIMALS = 2


def export_files(paths: Sequence[Path], output: Output, formats: Sequence[str]) -> list[Path]:
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
        for written in write_formats(track, output.out, stem, formats, overwrite=output.overwrite)
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

    A BVH holds one person: of several people, number n goes to `stem_person<n>.bvh`, and who is
    never seen gets none, which is said.

    Args:
        formats: some of `FORMATS`.

    Returns:
        the files written.

    Raises:
        InputError: an unknown format, a track without people or one that the format cannot hold,
            or a file that exists already: then nothing is written; or a file cannot be written:
            then those before it are there.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise InputError(
            f"formats: got {', '.join(unknown) or 'none'}, expected some of {', '.join(FORMATS)}"
        )
    if not track.seen.any():
        raise InputError(f"{stem}: nobody is seen in it; there is nothing to export")
    files: list[tuple[Path, PoseTrack]] = []
    for name in dict.fromkeys(formats):
        path = directory / f"{stem}.{name}"
        files += _one_person_each(track, path) if name == "bvh" else [(path, track)]
        if name == "c3d":
            from overpose.mocap.c3d import check_c3d

            check_c3d(_y_up_points(track), path)
    for path, _ in files:
        require_writable(path, overwrite=overwrite)
    for path, part in files:
        try:
            FORMATS[path.suffix[1:]](part, path)
        except OSError as error:
            raise InputError(
                f"{path}: cannot be written ({error.strerror or error}); make room or give another "
                "directory"
            ) from None
    return [path for path, _ in files]


def joints_camera_mm(track: PoseTrack) -> np.ndarray:
    """(people, frames, 17, 3) float64: joints in camera coordinates, about the root where its place
    is not known; NaN where not seen."""
    root = np.nan_to_num(track.root_mm.astype(np.float64))
    return track.poses_mm.astype(np.float64) + root[:, :, None]


def joint_confidence(track: PoseTrack) -> np.ndarray:
    """(people, frames, 17) float64, 0 to 1: scores of the keypoints that each joint lies on; NaN
    where there are none, or they are of no known layout."""
    shape = track.poses_mm.shape[:3]
    try:
        layout = layout_of(track.keypoint_names)
    except InputError:
        return np.full(shape, np.nan)
    points = house_keypoints(track.keypoints_px, layout)
    known = np.isfinite(points[..., :2]).all(axis=-1)
    return np.where(known, points[..., 2], np.nan).astype(np.float64)


def write_json_track(track: PoseTrack, path: Path) -> None:
    """One object: what the track says of itself, and for each person its frames, null where not
    seen; each frame a list of 17 positions, mm, or of 17 confidences."""
    confidence = joint_confidence(track)
    people: list[dict[str, Any]] = []
    for number, (poses, roots) in enumerate(zip(track.poses_mm, track.root_mm, strict=True), 1):
        people.append(
            {
                "person": number,
                "poses_mm": _listed(poses),
                "root_mm": _listed(roots),
                "confidence": _listed(confidence[number - 1]),
            }
        )
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
    joints, seen, confidence = joints_camera_mm(track), track.seen, joint_confidence(track)
    with (
        writing_file(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(CSV_COLUMNS)
        for person in range(track.people):
            for frame in range(track.frames):
                time = f"{frame / track.fps:.6f}"
                for joint, name in enumerate(track.joint_names):
                    point, sure = joints[person, frame, joint], confidence[person, frame, joint]
                    there = bool(np.isfinite(point).all())
                    cells = [f"{value:.{_DECIMALS}f}" if there else "" for value in point]
                    cells.append(f"{sure:.3f}" if np.isfinite(sure) else "")
                    row = (person + 1, frame, time, name, *cells, int(seen[person, frame]))
                    writer.writerow(row)


def write_trc_track(track: PoseTrack, path: Path) -> None:
    """All people in one table, y up; with several, names start with person1_, person2_, …"""
    write_trc(_y_up_points(track), path, overwrite=True)


def write_c3d_track(track: PoseTrack, path: Path) -> None:
    """All people as points, named and turned as in TRC."""
    from overpose.mocap.c3d import write_c3d

    write_c3d(_y_up_points(track), path, overwrite=True)


def write_bvh_track(track: PoseTrack, path: Path) -> None:
    """The only person of a track as bones of constant length, y up, cm; see `pose_motion`.

    Raises:
        InputError: there are several people or none, nobody is seen, or joints have other names
            than those of `HUMAN36M`.
    """
    from overpose.mocap.bvh import write_bvh
    from overpose.mocap.pose_motion import pose_motion

    _check_bvh(track, path)
    poses = np.where(track.seen[0, :, None, None], track.poses_mm[0], np.float32(np.nan))
    try:
        lengths = typical_lengths(poses)
        motion = pose_motion(poses, track.root_mm[0], lengths, track.fps, name=path.stem)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    write_bvh(motion, path, overwrite=True)


def _check_bvh(track: PoseTrack, path: Path) -> None:
    if track.people != 1 or track.joint_names != HUMAN36M.joint_names:
        raise InputError(
            f"{path}: got {track.people} people with the joints {', '.join(track.joint_names)}; "
            f"expected one with those of {HUMAN36M.name}, for a BVH"
        )


def _y_up_points(track: PoseTrack) -> PointTable:
    joints = joints_camera_mm(track) * (1.0, -1.0, -1.0)
    several = track.people > 1
    names = tuple(
        f"person{person}_{name}" if several else name
        for person in range(1, track.people + 1)
        for name in track.joint_names
    )
    points = np.moveaxis(joints, 0, 1).reshape(track.frames, len(names), 3)
    return PointTable(names, points, track.fps)


def _one_person_each(track: PoseTrack, path: Path) -> list[tuple[Path, PoseTrack]]:
    """A file for each person who is seen, with the part of the track that goes into it."""
    files = []
    for person in range(track.people):
        suffix = f"_person{person + 1}" if track.people > 1 else ""
        own = path.with_name(f"{path.stem}{suffix}{path.suffix}")
        if not track.seen[person].any():
            say(f"{path.stem}: person {person + 1} is never seen, so there is no {own.name}")
            continue
        one = slice(person, person + 1)
        part = replace(
            track,
            poses_mm=track.poses_mm[one],
            root_mm=track.root_mm[one],
            keypoints_px=track.keypoints_px[one],
        )
        _check_bvh(part, own)
        files.append((own, part))
    return files


def _listed(values: np.ndarray) -> list[Any]:
    """Frames (n, …) as nested lists, None for those that are not whole."""
    rounded = np.round(values.astype(np.float64), _DECIMALS)
    return [frame.tolist() if np.isfinite(frame).all() else None for frame in rounded]


FORMATS: dict[str, Callable[[PoseTrack, Path], None]] = {
    "json": write_json_track,
    "csv": write_csv_track,
    "trc": write_trc_track,
    "bvh": write_bvh_track,
    "c3d": write_c3d_track,
}
"""Writers by the ending of the file."""
