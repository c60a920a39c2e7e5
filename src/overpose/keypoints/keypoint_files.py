"""2D keypoints that somebody already has, from a JSON or CSV file or a directory of OpenPose's.

The formats are described in `docs/keypoint-files.md`, and read in `keypoint_json` and
`keypoint_csv`; finding keypoints in images belongs to the engines.
"""

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from overpose.keypoints.keypoint_csv import read_csv
from overpose.keypoints.keypoint_json import read_json_file, read_openpose_directory
from overpose.keypoints.keypoint_parts import MAX_BYTES, FoundKeypoints
from overpose.keypoints.selection import select_people
from overpose.keypoints.tracking import NOBODY, Tracker, suppress_duplicates
from overpose.layouts import LAYOUTS, KeypointLayout, converted, layout_of
from overpose.support.checks import check_array
from overpose.support.errors import InputError
from overpose.support.files import require_writable, writing_file

_USUAL_FPS = 30.0
_MOST_VALUES = 500_000_000


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
        InputError: wrong shape or dtype.
    """

    layout: KeypointLayout
    keypoints: np.ndarray
    fps: float | None = None
    width: int | None = None
    height: int | None = None

    def __post_init__(self) -> None:
        shape = ("people", "frames", len(self.layout), 3)
        check_array("keypoints", self.keypoints, shape, dtype=np.float32)


def read_keypoints(
    path: Path | str,
    *,
    layout: str | KeypointLayout | None = None,
    fps: float | None = None,
    width: int | None = None,
    height: int | None = None,
) -> KeypointFile:
    """Read 2D keypoints from a file, or from a directory of OpenPose's `*_keypoints.json`.

    Where a file does not say who is who, people are tracked, and those seen for less than 0.3 s
    left out. Keypoints that are a part of a known layout come in that layout. Coordinates given as
    shares of the image become pixels.

    Args:
        path: `.json`, `.csv`, or a directory.
        layout: of keypoints without names; otherwise their number decides (`layout_of`).
        fps: where the file does not say.
        width: of the image, where the file does not say.
        height: of the image, where the file does not say.

    Raises:
        InputError: missing, unreadable, too large or none of the formats; a wrong count, an unknown
            name, a value that is no number; shares of an image of unknown size.
    """
    path = Path(path)
    named = layout_of(layout) if isinstance(layout, str) else layout
    if path.is_dir():
        found = read_openpose_directory(path, named)
    else:
        _check_file(path)
        if path.suffix.lower() == ".json":
            found = read_json_file(path, named)
        elif path.suffix.lower() in (".csv", ".tsv"):
            found = read_csv(path)
        else:
            raise InputError(
                f"{path}: got a name that ends in {path.suffix or 'nothing'}, expected .json, .csv "
                "or a directory of *_keypoints.json"
            )
    found = replace(
        found,
        fps=_positive(path, "fps", found.fps if found.fps is not None else fps),
        width=_whole(path, "width", found.width if found.width is not None else width),
        height=_whole(path, "height", found.height if found.height is not None else height),
    )
    tracks = _identified(found) if found.crowd is not None else _ordered(found)
    if len(tracks) * found.frames * len(found.layout) * 3 > _MOST_VALUES:
        raise InputError(
            f"{path}: got {len(tracks)} people in {found.frames} frames, too many to hold; "
            "split the file into shorter ones"
        )
    shape = (len(tracks), found.frames, len(found.layout), 3)
    keypoints = np.full(shape, (np.nan, np.nan, 0.0), dtype=np.float32)
    for row, track in enumerate(tracks):
        for frame, points in track.items():
            keypoints[row, frame] = points
    _to_pixels(path, keypoints, found)
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
    path = Path(path)
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


def _check_file(path: Path) -> None:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected keypoints (.json, .csv)") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    if size > MAX_BYTES:
        raise InputError(
            f"{path}: got {size / 2**20:.0f} MiB, expected at most {MAX_BYTES / 2**20:.0f}; split "
            "the file into shorter ones"
        )


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
    scale = _share_scale(found)
    for frame, everybody in sorted((found.crowd or {}).items()):
        people = [points * scale for points in everybody]
        kept = suppress_duplicates(people)
        numbers = tracker.update(frame, [people[index] for index in kept])
        for index, number in zip(kept, numbers, strict=True):
            if number != NOBODY:
                tracks.setdefault(number, {})[frame] = everybody[index]
    order = select_people(tracker.presences, fps=fps, total_frames=found.frames)
    return [tracks[number] for number in order]


def _share_scale(found: FoundKeypoints) -> np.ndarray:
    """(3,): makes shares of the image square and large enough for the tracker's sizes."""
    everybody = [points for people in (found.crowd or {}).values() for points in people]
    if not everybody or not _are_shares(np.stack(everybody)):
        return np.ones(3)
    return np.array([found.width or 1000, found.height or 1000, 1.0])


def _are_shares(keypoints: np.ndarray) -> bool:
    """Whether coordinates are shares of the image (0 to 1, a little outside) and not pixels."""
    values = keypoints[..., :2]
    values = values[np.isfinite(values)]
    return bool(len(values)) and float(np.median(np.abs(values))) < 2.0


def _to_pixels(path: Path, keypoints: np.ndarray, found: FoundKeypoints) -> None:
    if not _are_shares(keypoints):
        return
    if found.width is None or found.height is None:
        raise InputError(
            f"{path}: coordinates are shares of the image (0 to 1), and its size is not known; "
            "give width and height in the file, or the video"
        )
    keypoints[..., 0] *= found.width
    keypoints[..., 1] *= found.height


def _known_layout(layout: KeypointLayout) -> KeypointLayout:
    """The smallest known layout that has all these keypoints; `layout` itself if none has."""
    if layout in LAYOUTS:
        return layout
    fitting = [known for known in LAYOUTS if set(layout.names) <= set(known.names)]
    return min(fitting, key=len, default=layout)


def _positive(path: Path, name: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{path}: {name}: got {value!r}, expected a number")
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{path}: {name}: got {value}, expected a positive number")
    return float(value)


def _whole(path: Path, name: str, value: object) -> int | None:
    number = _positive(path, name, value)
    if number is None:
        return None
    if number != int(number):
        raise InputError(f"{path}: {name}: got {value}, expected a whole number of pixels")
    return int(number)
