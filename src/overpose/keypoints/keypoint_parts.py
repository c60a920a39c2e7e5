"""What the readers of keypoint files share: limits, points, and the form they hand on.

The formats themselves belong to the readers `keypoint_*`; what is true of a file as a whole
(scores, units, numbers of frames) to `keypoint_settling`.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from overpose.layouts import WITH_FACE_AND_HANDS, layout_of
from overpose.skeleton import KeypointLayout
from overpose.support.errors import InputError

MAX_JSON_BYTES = 75 * 2**20
"""Of one JSON value: what Python makes of it takes up to twelve times as much."""
MAX_LIST_BYTES = 300 * 2**20
"""Of a JSON file that is a list, whose elements are read one by one."""
MAX_TABLE_BYTES = 150 * 2**20
MAX_FRAMES = 1_000_000
MISSING = (np.nan, np.nan, 0.0)


@dataclass(frozen=True, eq=False)
class FoundKeypoints:
    """Keypoints as a file gives them, with or without identities.

    Attributes:
        layout: names of the K keypoints.
        frames: how many frames there are; 0 where their numbers alone tell.
        people: by identity, then frame: (K, 3); None where identities are not given.
        crowd: by frame: (K, 3) of each person; None where identities are given.
        fps: as in the file, not checked yet; likewise width and height.
        numbered: whether frames have numbers of their own, which may start anywhere.
        from_one: whether such numbers start at 1 and not at 0; None if they may do either.
    """

    layout: KeypointLayout
    frames: int = 0
    people: dict[str, dict[int, np.ndarray]] | None = None
    crowd: dict[int, list[np.ndarray]] | None = None
    fps: float | None = None
    width: int | None = None
    height: int | None = None
    numbered: bool = False
    from_one: bool | None = None

    def everybody(self) -> Iterator[np.ndarray]:
        """The (K, 3) of every person in every frame, to be changed in place."""
        for track in (self.people or {}).values():
            yield from track.values()
        for people in (self.crowd or {}).values():
            yield from people

    def numbers(self) -> set[int]:
        """Of the frames, those without anybody included where the file lists them."""
        tracks = (self.people or {}).values()
        return set(self.crowd or {}) | {frame for track in tracks for frame in track}


def check_text(path: Path, most_bytes: int) -> bytes:
    """The first bytes of a text file of bounded size, without the mark of UTF-8.

    Raises:
        InputError: the file is missing, cannot be read, is too large or in UTF-16.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(64)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected keypoints") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    if size > most_bytes:
        raise InputError(
            f"{path}: got {size / 2**20:.0f} MiB, expected at most {most_bytes >> 20}; split the "
            "file into shorter ones"
        )
    if start[:2] in (b"\xff\xfe", b"\xfe\xff") or start.count(0) > len(start) // 4:
        raise InputError(f"{path}: got UTF-16, not UTF-8; save the file as UTF-8")
    return start.removeprefix(b"\xef\xbb\xbf")


def read_text(path: Path, most_bytes: int) -> str:
    """The text of a file in UTF-8, of bounded size.

    Raises:
        InputError: as `check_text`, or the file is in another encoding.
    """
    check_text(path, most_bytes)
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not text in UTF-8 ({error}); save the file as UTF-8") from None


def points_of(value: object, where: str) -> np.ndarray:
    """(K, 3) float64 of a list of points, each [x, y, score], [x, y] or null; cleaned.

    Raises:
        InputError: not such a list.
    """
    if not isinstance(value, list):
        raise InputError(f"{where}: got {kind(value)}, expected a list of keypoints [x, y, score]")
    if all(isinstance(row, list) and len(row) == 3 for row in value) and {
        type(number) for row in value for number in row
    } <= {float}:  # the usual case, and quick
        return cleaned(np.array(value, dtype=np.float64).reshape(-1, 3), where)
    rows = [_point(point, f"{where}[{index}]") for index, point in enumerate(value)]
    return cleaned(np.array(rows, dtype=np.float64).reshape(-1, 3), where)


def flat_points_of(value: object, where: str) -> np.ndarray:
    """(K, 3) float64 of a flat list x, y, score, x, y, score, …; cleaned.

    Raises:
        InputError: not such a list.
    """
    numbers = numbers_of(value, where)
    if len(numbers) % 3 or not len(numbers):
        raise InputError(
            f"{where}: got {len(numbers)} values, expected x, y, score of each keypoint"
        )
    return cleaned(numbers.reshape(-1, 3), where)


def numbers_of(value: object, where: str) -> np.ndarray:
    """(n,) float64 of a list of numbers; null is NaN.

    Raises:
        InputError: not such a list.
    """
    if not isinstance(value, list):
        raise InputError(f"{where}: got {kind(value)}, expected a list of numbers")
    if {type(each) for each in value} <= {float}:
        return np.array(value, dtype=np.float64)
    numbers = [number_of(each, f"{where}[{index}]") for index, each in enumerate(value)]
    return np.array(numbers, dtype=np.float64)


def cleaned(points: np.ndarray, where: str) -> np.ndarray:
    """(K, 3) with missing ones as NaN, NaN, 0 and scores of at least 0.

    Missing are x and y that are NaN, both 0 or both -1, whatever the score.

    Raises:
        InputError: infinity, only one of x and y, or no score beside x and y.
    """
    bad = np.isinf(points).any(axis=-1)
    gone = np.isnan(points[:, :2])
    bad |= gone[:, 0] != gone[:, 1]
    bad |= np.isnan(points[:, 2]) & ~gone[:, 0]
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        got = ", ".join(f"{number:g}" for number in points[row])
        raise InputError(
            f"{where}: keypoint {row} is {got}; expected numbers, or no x and y at all where a "
            "keypoint is missing"
        )
    points[:, 2] = np.maximum(points[:, 2], 0.0)
    corner = (points[:, :2] == 0).all(axis=-1) | (points[:, :2] == -1).all(axis=-1)
    points[gone[:, 0] | corner] = MISSING
    return points


def known_points(
    points: np.ndarray, layout: KeypointLayout | None, where: str
) -> tuple[np.ndarray, KeypointLayout]:
    """The points that a layout names, and that layout: the given one, or by their number.

    Raises:
        InputError: the number fits no layout, or not the given one.
    """
    if layout is None:
        try:
            layout = layout_of(len(points))
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
    wanted = WITH_FACE_AND_HANDS.get(layout, len(layout))
    if len(points) not in (len(layout), wanted):
        raise InputError(f"{where}: got {len(points)} keypoints, expected {wanted} ({layout.name})")
    return (points if len(points) == len(layout) else points[: len(layout)].copy()), layout


def last_number(name: str) -> tuple[int, bool] | None:
    """The last number in a name, and whether it is written with leading zeros; None without."""
    digits = re.findall(r"\d{1,12}", name)
    if not digits:
        return None
    return int(digits[-1]), len(digits[-1]) > 1 and digits[-1].startswith("0")


def kind(value: object) -> str:
    """What a JSON value is, in words."""
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    if value is None:
        return "null"
    return names.get(type(value), "a number")


def number_of(value: object, where: str) -> float:
    """A number of a JSON file; null is NaN.

    Raises:
        InputError: it is none.
    """
    if value is None:
        return float("nan")
    if isinstance(value, bool) or not isinstance(value, int | float):
        got = repr(value) if isinstance(value, str) and len(value) < 30 else kind(value)
        raise InputError(f"{where}: got {got}, expected a number")
    try:
        return float(value)
    except OverflowError:
        digits = int(math.log10(abs(value))) + 1
        raise InputError(f"{where}: got a number of {digits} digits") from None


def cell_number(cell: str, where: str) -> float:
    """A number of a table; an empty cell is NaN.

    Raises:
        InputError: it is none.
    """
    text = cell.strip()
    if not text or text.lower() in ("nan", "na", "null", "none"):
        return float("nan")
    try:
        return float(text)
    except ValueError:
        comma = ", not a decimal comma" if re.fullmatch(r"[-+]?\d*,\d+", text) else ""
        raise InputError(f"{where}: got {cell[:30]!r}, expected a number{comma}") from None


def _point(value: object, where: str) -> tuple[float, float, float]:
    if value is None:
        return MISSING
    if not isinstance(value, list) or len(value) not in (2, 3):
        got = f"{len(value)} values" if isinstance(value, list) else kind(value)
        raise InputError(f"{where}: got {got}, expected [x, y, score], [x, y] or null")
    x, y, *score = (number_of(each, where) for each in value)
    return x, y, score[0] if score else 1.0
