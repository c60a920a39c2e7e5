"""What the readers of keypoint files share: limits, points, and the form they hand on.

The formats themselves belong to `keypoint_json` and `keypoint_csv`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from overpose.layouts import KeypointLayout, layout_of
from overpose.support.errors import InputError

MAX_BYTES = 2**30
MAX_FRAMES = 1_000_000
MISSING = (np.nan, np.nan, 0.0)


@dataclass(frozen=True, eq=False)
class FoundKeypoints:
    """Keypoints as a file gives them, with or without identities.

    Attributes:
        layout: names of the K keypoints.
        frames: how many frames there are.
        people: by identity, then frame: (K, 3); None where identities are not given.
        crowd: by frame: (K, 3) of each person; None where identities are given.
        fps: as in the file, not checked yet; likewise width and height.
    """

    layout: KeypointLayout
    frames: int
    people: dict[str, dict[int, np.ndarray]] | None = None
    crowd: dict[int, list[np.ndarray]] | None = None
    fps: float | None = None
    width: int | None = None
    height: int | None = None


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


def flat_points_of(value: object, where: str, layout: KeypointLayout | None) -> np.ndarray:
    """(K, 3) float64 of a flat list x, y, score, x, y, score, …; 0, 0, 0 is missing.

    Raises:
        InputError: not such a list, or its length fits no layout.
    """
    if not isinstance(value, list):
        raise InputError(f"{where}: got {kind(value)}, expected a list of numbers")
    if layout is not None and len(value) != 3 * len(layout):
        raise InputError(
            f"{where}: got {len(value)} values, expected {3 * len(layout)} (x, y, score of the "
            f"{len(layout)} keypoints of {layout.name})"
        )
    if layout is None and (len(value) % 3 or not value):
        raise InputError(f"{where}: got {len(value)} values, expected x, y, score of each keypoint")
    numbers = [_number(each, f"{where}[{index}]") for index, each in enumerate(value)]
    return cleaned(np.array(numbers, dtype=np.float64).reshape(-1, 3), where)


def cleaned(points: np.ndarray, where: str) -> np.ndarray:
    """(K, 3) with missing ones as NaN, NaN, 0 and scores within 0 to 1.

    Missing are x and y that are NaN, and 0, 0 with score 0.

    Raises:
        InputError: infinity, only one of x and y, no score beside x and y, or a score over 2.
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
    highest = np.nanmax(points[~gone[:, 0], 2], initial=0.0)
    if highest > 2:  # COCO marks what is visible with 2, and some engines go a little beyond 1
        raise InputError(f"{where}: got a score of {highest:g}, expected 0 to 1")
    points[:, 2] = np.clip(points[:, 2], 0.0, 1.0)
    points[gone[:, 0] | (points == 0).all(axis=-1)] = MISSING
    return points


def counted_layout(count: int, layout: KeypointLayout | None, where: str) -> KeypointLayout:
    """The layout of so many keypoints, the given one if there is one.

    Raises:
        InputError: the count fits no layout, or not the given one.
    """
    if layout is None:
        try:
            return layout_of(count)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
    if count != len(layout):
        raise InputError(f"{where}: got {count} keypoints, expected {len(layout)} ({layout.name})")
    return layout


def frame_rows(numbers: Sequence[int], where: str) -> tuple[dict[int, int], int]:
    """Row of each frame number, and how many frames; counted from 1 if the lowest is 1, else 0.

    Raises:
        InputError: a number is negative or too large.
    """
    lowest, highest = min(numbers), max(numbers)
    first = 1 if lowest == 1 else 0
    if lowest < 0 or highest - first >= MAX_FRAMES:
        raise InputError(
            f"{where}: got frame numbers {lowest} to {highest}, expected 0 to {MAX_FRAMES - 1}"
        )
    return {number: number - first for number in numbers}, highest - first + 1


def kind(value: object) -> str:
    """What a JSON value is, in words."""
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    if value is None:
        return "null"
    return names.get(type(value), "a number")


def _point(value: object, where: str) -> tuple[float, float, float]:
    if value is None:
        return MISSING
    if not isinstance(value, list) or len(value) not in (2, 3):
        got = f"{len(value)} values" if isinstance(value, list) else kind(value)
        raise InputError(f"{where}: got {got}, expected [x, y, score], [x, y] or null")
    x, y, *score = (_number(each, where) for each in value)
    return x, y, score[0] if score else 1.0


def _number(value: object, where: str) -> float:
    if value is None:
        return float("nan")
    if isinstance(value, bool) or not isinstance(value, int | float):
        got = repr(value) if isinstance(value, str) and len(value) < 30 else kind(value)
        raise InputError(f"{where}: got {got}, expected a number")
    try:
        return float(value)
    except OverflowError:
        raise InputError(f"{where}: got a number of {len(str(value))} digits") from None
