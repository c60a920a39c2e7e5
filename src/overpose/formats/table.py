"""One table of many tracks, a Parquet file of person-frames, for DuckDB, Spark, pandas and Polars.

Formats of one track have cards and files of their own.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from overpose.formats.points import require_house_joints
from overpose.poses import PoseTrack
from overpose.skeleton import FEET, HUMAN36M
from overpose.support.errors import InputError
from overpose.support.files import require_writable, writing_file
from overpose.support.progress import progress_bar
from overpose.video.judging import DOUBTFUL

ROWS = 1 << 16
"""Of a row group, about 60 MB of numbers: that many rows and one track are in memory at once."""
_MOST_NAMED = 5
"""Files that are named, of those that cannot be read."""
_KEPT: Mapping[str, Any] = MappingProxyType(
    {
        "use_dictionary": ["source", "model", "keypoints_px.list.element.name"],
        "write_statistics": ["source", "person", "frame", "time_s", "person_score"],
    }
)
"""Columns of few different texts, and those of which each row group says least and greatest."""


def _struct(names: Sequence[str], kind: pa.DataType) -> pa.DataType:
    return pa.struct([(name, kind) for name in names])


_NUMBER = pa.float32()
_PLACE = _struct("xyz", _NUMBER)
_KEYPOINT = pa.struct([("name", pa.string()), *((name, _NUMBER) for name in ("x", "y", "score"))])
_SIDES = ("left", "right")
SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("person", pa.int32()),
        ("frame", pa.int32()),
        ("time_s", pa.float64()),
        ("seen", pa.bool_()),
        ("person_score", _NUMBER),
        ("doubtful", pa.bool_()),
        ("keypoints_px", pa.list_(_KEYPOINT)),
        ("pose_mm", _struct(HUMAN36M.joint_names, _PLACE)),
        ("root_mm", _PLACE),
        ("world_mm", _struct(HUMAN36M.joint_names, _PLACE)),
        ("joint_error_mm", _struct(HUMAN36M.joint_names, _NUMBER)),
        ("feet_mm", _struct(FEET.names, _PLACE)),
        ("foot_contact", _struct(_SIDES, pa.bool_())),
        ("fps", pa.float64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("focal_px", pa.float64()),
        ("model", pa.string()),
    ]
)
"""Columns; what is not known is null. docs/formats.md says what each holds."""


def write_table(given: Sequence[Path], out: Path, *, overwrite: bool = False) -> str:
    """Write the person-frames of many tracks as one Parquet file, whole or not at all.

    Rows are in order of the tracks' names, people and frames; person-frames of which nothing is
    known have none. Memory does not grow with the number of tracks.

    Args:
        given: tracks (`.npz`), and directories of them.
        out: the file, whose name ends in .parquet.
        overwrite: whether it may be replaced.

    Returns:
        What was written, in a line.

    Raises:
        InputError: there are no tracks, two of one name, or some that are damaged, foreign or of
            other joints: all of them are read, and the first few named; or `out` cannot be written.
    """
    if out.suffix != ".parquet":
        raise InputError(f"{out}: expected a file name that ends in .parquet")
    require_writable(out, overwrite=overwrite)
    paths = _tracks_in(given)
    wrong: list[str] = []
    rows = 0
    with (
        writing_file(out) as temporary,
        pq.ParquetWriter(temporary, SCHEMA, compression="zstd", **_KEPT) as writer,
    ):
        for group in _grouped(_batches(paths, wrong)):
            if not wrong:
                writer.write_table(group, row_group_size=ROWS)
            rows += group.num_rows
        if wrong:
            more = f"; and {len(wrong) - _MOST_NAMED} more" if len(wrong) > _MOST_NAMED else ""
            raise InputError(
                f"table: {len(wrong)} of {len(paths)} files cannot be taken, so nothing is "
                f"written: {'; '.join(wrong[:_MOST_NAMED])}{more}"
            )
    return f"{len(paths)} tracks, {rows} person-frames: {out}"


def _tracks_in(given: Sequence[Path]) -> list[Path]:
    """The files, in order of their names."""
    found: dict[str, Path] = {}
    for each in given:
        files = sorted(each.glob("*.npz")) if each.is_dir() else [each]
        if not files:
            raise InputError(f"{each}: holds no .npz; expected a directory that predict wrote to")
        for path in files:
            if not path.is_file():
                raise InputError(f"{path}: no such file; expected pose tracks or a directory")
            if path.suffix != ".npz":
                raise InputError(f"{path}: expected a pose track (.npz) or a directory of them")
            other = found.setdefault(path.stem, path)
            if other is not path:
                raise InputError(
                    f"{path} and {other} have the same name, which is what tells sources apart; "
                    "expected tracks of different names"
                )
    if not found:
        raise InputError("table: got no file, expected pose tracks (.npz) or directories of them")
    return [found[name] for name in sorted(found)]


def _batches(paths: Sequence[Path], wrong: list[str]) -> Iterator[pa.Table]:
    """Rows of the tracks, at most `ROWS` at a time; what is wrong with some goes to a list."""
    with progress_bar("table", len(paths)) as advance:
        for path in paths:
            try:
                track = PoseTrack.load(path)
                require_house_joints(track, path, "a table")
            except InputError as error:
                wrong.append(str(error))
            else:
                yield from track_rows(track, path.stem)
            advance(1)


def _grouped(batches: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same rows, `ROWS` at a time, so that short tracks share a row group."""
    waiting, count = [SCHEMA.empty_table()], 0
    for batch in batches:
        waiting.append(batch)
        count += batch.num_rows
        if count >= ROWS:
            joined = pa.concat_tables(waiting)
            yield joined.slice(0, ROWS)
            waiting, count = [joined.slice(ROWS)], count - ROWS
    yield pa.concat_tables(waiting)


def track_rows(track: PoseTrack, source: str) -> Iterator[pa.Table]:
    """The person-frames of a track of which something is known, at most `ROWS` at a time.

    Args:
        track: with the joints of `HUMAN36M`.
        source: its name.
    """
    known = np.zeros((track.people, track.frames), dtype=np.bool_)
    for values in (track.poses_mm, track.root_mm, track.keypoints_px):
        known |= np.isfinite(values).any(axis=tuple(range(2, values.ndim)))
    person, frame = np.nonzero(known)
    for begin in range(0, len(person), ROWS):
        some = slice(begin, begin + ROWS)
        yield _rows(track, source, person[some], frame[some])


def _rows(track: PoseTrack, source: str, person: np.ndarray, frame: np.ndarray) -> pa.Table:
    """Rows of the people (n,) and frames (n,) of a track."""
    count = len(person)

    def of(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else values[person, frame]

    poses, roots = track.poses_mm[person, frame], track.root_mm[person, frame]
    score = None if track.person_score is None else track.person_score[person]
    doubtful = None if score is None else pa.array(score < DOUBTFUL, mask=np.isnan(score))
    columns = {
        "source": pa.repeat(source, count),
        "person": person + 1,
        "frame": frame,
        "time_s": frame / track.fps,
        "seen": track.seen[person, frame],
        "person_score": None if score is None else pa.array(score, from_pandas=True),
        "doubtful": doubtful,
        "keypoints_px": _keypoints(track.keypoint_names, track.keypoints_px[person, frame]),
        "pose_mm": _nested(poses, HUMAN36M.joint_names, "xyz"),
        "root_mm": _nested(roots, "xyz"),
        "world_mm": _nested(_in_world(track, poses, roots, frame), HUMAN36M.joint_names, "xyz"),
        "joint_error_mm": _nested(of(track.joint_error_mm), HUMAN36M.joint_names),
        "feet_mm": _nested(of(track.feet_mm), FEET.names, "xyz"),
        "foot_contact": _nested(of(track.foot_contact), _SIDES),
        **{
            name: pa.repeat(getattr(track, name), count)
            for name in ("fps", "width", "height", "focal_px", "model")
        },
    }
    none = {name for name, column in columns.items() if column is None}
    arrays = [
        pa.nulls(count, field.type)
        if field.name in none
        else pa.array(columns[field.name]).cast(field.type)
        for field in SCHEMA
    ]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _in_world(
    track: PoseTrack, poses: np.ndarray, roots: np.ndarray, frame: np.ndarray
) -> np.ndarray | None:
    """(n, 17, 3) float32 mm of joints, those of frames (n,), in the track's world; None where none
    is known."""
    if track.world is None:
        return None
    world = track.world[frame]
    camera = poses.astype(np.float64) + roots.astype(np.float64)[:, None]
    return (camera @ world[:, :3, :3].swapaxes(1, 2) + world[:, None, :3, 3]).astype(np.float32)


def _nested(values: np.ndarray | None, *names: Sequence[str]) -> pa.Array | None:
    """(n, names, names of the next, …) as structs of structs; null for NaN."""
    if values is None:
        return None
    if not names:
        return pa.array(np.ascontiguousarray(values), from_pandas=True)
    own, *further = names
    parts = [_nested(values[:, place], *further) for place in range(len(own))]
    return pa.StructArray.from_arrays(parts, names=list(own))


def _keypoints(names: Sequence[str], values: np.ndarray) -> pa.Array:
    """(n, K, 3) x, y, score as lists of named keypoints."""
    count, points = values.shape[:2]
    flat = values.reshape(count * points, 3)
    named: Any = pa.array(names, pa.string()).take(pa.array(np.tile(np.arange(points), count)))
    numbers = [pa.array(np.ascontiguousarray(column), from_pandas=True) for column in flat.T]
    offsets = pa.array(np.arange(count + 1) * points, pa.int32())
    return pa.ListArray.from_arrays(
        offsets, pa.StructArray.from_arrays([named, *numbers], fields=list(_KEYPOINT))
    )
