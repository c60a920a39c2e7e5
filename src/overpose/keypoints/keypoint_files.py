"""2D keypoints that somebody already has, from a file or a directory of a detector's files.

The formats are described in `docs/keypoint-files.md`, and read in the other modules `keypoint_*`;
finding keypoints in images belongs to the engines.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from overpose.keypoints.keypoint_csv import read_csv
from overpose.keypoints.keypoint_directory import read_directory
from overpose.keypoints.keypoint_json import read_json_file
from overpose.keypoints.keypoint_parts import FoundKeypoints
from overpose.keypoints.keypoint_settling import in_place, scale_scores, scale_to_pixels
from overpose.keypoints.keypoint_trc import read_trc_files
from overpose.keypoints.likeness import suppress_duplicates
from overpose.keypoints.selection import select_people
from overpose.keypoints.tracking import NOBODY, Tracker
from overpose.layouts import LAYOUTS, KeypointLayout, converted, layout_of
from overpose.support.checks import check_array
from overpose.support.errors import InputError
from overpose.support.files import require_writable, writing_file
from overpose.support.object_storage import path_of

_USUAL_FPS = 30.0
_MOST_VALUES = 100_000_000
_VALUES_ANYWAY = 20_000_000
_VALUES_PER_BYTE = 50
"""How many values a file may ask to be held: so many, or so many for each of its bytes."""
MAX_FPS = 10_000.0
MAX_PIXELS = 1_000_000


@dataclass(frozen=True, eq=False)
class KeypointFile:
    """What a keypoint file holds.

    Attributes:
        layout: names of the K keypoints.
        keypoints: (people, frames, K, 3) float32 x, y px and score 0 to 1; missing ones have x, y
            NaN and score 0.
        fps: frames a second, None where not known.
        width: of the image, pixels, None where not known.
        height: of the image, pixels, None where not known.

    Raises:
        InputError: as `check_keypoints`.
    """

    layout: KeypointLayout
    keypoints: np.ndarray
    fps: float | None = None
    width: int | None = None
    height: int | None = None

    def __post_init__(self) -> None:
        check_keypoints(self.keypoints, self.layout)


MOST_PX = 1e6
"""How far a keypoint may be from the corner of the picture."""
_ROUNDING = 1e-3


def check_keypoints(keypoints: object, layout: KeypointLayout) -> np.ndarray:
    """Return an array (people, frames, K, 3) float32 of x, y px and score 0 to 1 if it is one.

    Raises:
        InputError: it is not.
    """
    shape = ("people", "frames", len(layout), 3)
    found = check_array("keypoints", keypoints, shape, dtype=np.float32)
    seen = found[np.isfinite(found[..., :2]).all(axis=-1)]
    for what, values, least, most in (
        ("score", seen[:, 2], 0.0, 1.0), ("coordinate", seen[:, :2], -MOST_PX, MOST_PX),
    ):  # fmt: skip
        wrong = values[(values < least) | (values > most + _ROUNDING)]
        if len(wrong):
            raise InputError(
                f"keypoints: got a {what} of {wrong[0]:g}, expected {least:g} to {most:g}"
            )
    return found


def read_keypoints(
    path: Path | str,
    *,
    layout: str | KeypointLayout | None = None,
    fps: float | None = None,
    width: int | None = None,
    height: int | None = None,
    shown: np.ndarray | Callable[[], np.ndarray] | None = None,
) -> KeypointFile:
    """Read 2D keypoints from a file, or from a directory with a file for every frame.

    Where a file does not say who is who, people are tracked, and those seen for less than 0.3 s
    left out. Keypoints that are a part of a known layout come in that layout. Coordinates given as
    shares of the image become pixels, scores beyond 1 come within 0 to 1.

    Args:
        path: `.json`, `.csv`, `.tsv`, `.trc`, or a directory.
        layout: of keypoints without names; otherwise their number decides (`layout_of`).
        fps: where the file does not say.
        width: of the image, where the file does not say.
        height: of the image, where the file does not say.
        shown: (frames,) int64: for each frame of the video at its constant rate the number, from 0,
            of the file's frame that it shows; or what finds that out, if it is needed. Keypoints of
            a file that does not say its own rate are then at the times of their frames, and as many
            as the video has.

    Raises:
        InputError: missing, unreadable, too large or none of the formats; a wrong count, an unknown
            name, a value that is no number; shares of an image of unknown size; more frames than
            the video has.
    """
    path = path_of(path)
    named = layout_of(layout) if isinstance(layout, str) else layout
    found = _read(path, named)
    if found.fps is not None:
        shown = None
    elif callable(shown):
        shown = shown()
    found = replace(
        found,
        fps=_positive(path, "fps", found.fps if found.fps is not None else fps, MAX_FPS),
        width=_whole(path, "width", found.width if found.width is not None else width),
        height=_whole(path, "height", found.height if found.height is not None else height),
    )
    where = str(path)
    video_frames = None if shown is None else int(shown.max(initial=-1)) + 1
    found = in_place(found, where, video_frames)
    _check_amount(path, found)
    scale_scores(found, where)
    scale_to_pixels(found, where)
    tracks = _identified(found) if found.crowd is not None else _ordered(found)
    keypoints = _stacked(path, tracks, found, shown)
    settled = _known_layout(found.layout)
    if settled is not found.layout:
        keypoints = converted(keypoints, found.layout, settled)
    size = {"width": found.width, "height": found.height}
    return KeypointFile(settled, keypoints, found.fps, **size)


def write_keypoints(path: Path | str, file: KeypointFile, *, overwrite: bool = False) -> None:
    """Write keypoints as our own JSON (`docs/keypoint-files.md`), whole or not at all.

    Coordinates are rounded to a hundredth of a pixel, scores to a thousandth.

    Raises:
        InputError: the name does not end in .json, or the file exists and `overwrite` is false.
    """
    path = path_of(path)
    if path.suffix.lower() != ".json":
        raise InputError(f"{path}: expected a file name that ends in .json")
    require_writable(path, overwrite=overwrite)
    layout = file.layout.name if file.layout in LAYOUTS else list(file.layout.names)
    value: dict[str, object] = {"layout": layout}
    for name in ("fps", "width", "height"):
        if getattr(file, name) is not None:
            value[name] = getattr(file, name)
    value["people"] = [
        {"id": number, "frames": [_frame_value(points) for points in track]}
        for number, track in enumerate(file.keypoints, start=1)
    ]
    with writing_file(path) as temporary:
        text = json.dumps(value, separators=(",", ":"), allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def _frame_value(points: np.ndarray) -> list[list[float] | None] | None:
    seen = np.isfinite(points[:, 0] + points[:, 1])
    if not seen.any():
        return None
    return [
        [round(float(x), 2), round(float(y), 2), round(float(score), 3)] if there else None
        for there, (x, y, score) in zip(seen, points, strict=True)
    ]


def _read(path: Path, layout: KeypointLayout | None) -> FoundKeypoints:
    suffix = path.suffix.lower()
    if path.is_dir():
        return read_directory(path, layout)
    if suffix == ".json":
        return read_json_file(path, layout)
    if suffix in (".csv", ".tsv"):
        return read_csv(path)
    if suffix == ".trc":
        return read_trc_files([path])
    if not path.exists():
        raise InputError(f"{path}: no such file; expected keypoints (.json, .csv)")
    advice = "; convert it with DeepLabCut's analyze_videos_converth5_to_csv"
    raise InputError(
        f"{path}: got a name that ends in {suffix or 'nothing'}, expected .json, .csv, .trc or a "
        f"directory with a file for every frame{advice if suffix in ('.h5', '.hdf5') else ''}"
    )


def _check_amount(path: Path, found: FoundKeypoints) -> None:
    """Refuse frame numbers that ask for far more memory than the file has content."""
    files = filter(Path.is_file, path.iterdir()) if path.is_dir() else [path]
    size = sum(file.stat().st_size for file in files)
    people = 1 if found.people is None else len(found.people)
    values = people * found.frames * len(_known_layout(found.layout)) * 3
    if values > _VALUES_ANYWAY + _VALUES_PER_BYTE * size:
        raise InputError(
            f"{path}: got {found.frames} frames in {size} bytes; expected keypoints in most of "
            "them: are the frame numbers right?"
        )


def _stacked(
    path: Path,
    tracks: list[dict[int, np.ndarray]],
    found: FoundKeypoints,
    shown: np.ndarray | None,
) -> np.ndarray:
    """(people, frames, K, 3) float32, at the frames shown if these are known."""
    frames = found.frames if shown is None else len(shown)
    shape = (len(tracks), frames, len(found.layout), 3)
    if math.prod(shape) > _MOST_VALUES:
        raise InputError(
            f"{path}: got {len(tracks)} people in {frames} frames, too many to hold; split the "
            "file into shorter ones"
        )
    keypoints = np.full(shape, (np.nan, np.nan, 0.0), dtype=np.float32)
    numbers = range(frames) if shown is None else shown.tolist()
    for row, track in enumerate(tracks):
        for frame, number in enumerate(numbers):
            if number in track:
                keypoints[row, frame] = track[number]
    return keypoints


def _ordered(found: FoundKeypoints) -> list[dict[int, np.ndarray]]:
    """Tracks in the order of their numbers, or of appearance where they are not numbered."""
    people = found.people or {}
    try:
        order = sorted(people, key=int)
    except ValueError:
        order = list(people)
    return [people[name] for name in order]


def _identified(found: FoundKeypoints) -> list[dict[int, np.ndarray]]:
    """Tracks of people whose identities the file does not give."""
    fps = found.fps or _USUAL_FPS
    tracker = Tracker(fps, least_score=0.2)
    tracks: dict[int, dict[int, np.ndarray]] = {}
    for frame, everybody in sorted((found.crowd or {}).items()):
        kept = suppress_duplicates(everybody)
        numbers = tracker.update(frame, [everybody[index] for index in kept])
        for index, number in zip(kept, numbers, strict=True):
            if number != NOBODY:
                tracks.setdefault(number, {})[frame] = everybody[index]
    order = select_people(tracker.presences, fps=fps, total_frames=found.frames)
    return [tracks[number] for number in order]


def _known_layout(layout: KeypointLayout) -> KeypointLayout:
    """The smallest known layout that has all these keypoints; `layout` itself if none has."""
    if layout in LAYOUTS:
        return layout
    fitting = [known for known in LAYOUTS if set(layout.names) <= set(known.names)]
    return min(fitting, key=len, default=layout)


def _positive(path: Path, name: str, value: object, most: float) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{path}: {name}: got {value!r}, expected a number")
    if not 0 < value <= most:  # not so of NaN; true of integers of any size
        got = value if isinstance(value, float) or abs(value) < 10**20 else "a far larger number"
        raise InputError(
            f"{path}: {name}: got {got}, expected a positive number of at most {most:g}"
        )
    return float(value)


def _whole(path: Path, name: str, value: object) -> int | None:
    number = _positive(path, name, value, MAX_PIXELS)
    if number is None:
        return None
    if number != int(number):
        raise InputError(f"{path}: {name}: got {value}, expected a whole number of pixels")
    return int(number)
