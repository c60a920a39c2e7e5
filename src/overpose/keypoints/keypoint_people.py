"""One person's keypoints as OpenPose, COCO, MMPose and Ultralytics write them in JSON.

How these lie in files and directories belongs to `keypoint_json` and `keypoint_directory`.
"""

import numpy as np

from overpose.keypoints.keypoint_parts import (
    FoundKeypoints,
    flat_points_of,
    kind,
    known_points,
    number_of,
    numbers_of,
    points_of,
)
from overpose.layouts import KeypointLayout
from overpose.support.errors import InputError

_IDENTITIES = ("track_id", "instance_id", "person_id")
Person = tuple[str | None, np.ndarray]
"""Who it is, if that is said, and the (K, 3) keypoints."""


def is_person(value: object) -> bool:
    """Whether this is an object of one person's keypoints."""
    return isinstance(value, dict) and ("keypoints" in value or "pose_keypoints_2d" in value)


def people_in(value: object) -> list | None:
    """The list of people that a frame's value holds; None if it is no frame."""
    if isinstance(value, dict):
        value = next((value[key] for key in ("people", "instances") if key in value), None)
    if isinstance(value, list) and all(is_person(each) for each in value):
        return value
    return None


class Collector:
    """Gathers the people of frames as they come.

    Args:
        where: the file or directory, for messages.
        layout: of the keypoints, if it is known.
    """

    def __init__(self, where: str, layout: KeypointLayout | None) -> None:
        self._where = where
        self._layout = layout
        self._frames: dict[int, list[Person]] = {}

    def frame(self, number: int) -> None:
        """A frame there is, with or without people."""
        self._frames.setdefault(number, [])

    def person(self, number: int, value: dict, where: str) -> None:
        """A person of a frame; one without any keypoint is nobody.

        Raises:
            InputError: the keypoints are not laid out in any known way.
        """
        points = _points(value, where)
        if points is not None:
            points, self._layout = known_points(points, self._layout, where)
            self._frames.setdefault(number, []).append((_identity(value), points))

    def found(self, default: KeypointLayout, **settings: object) -> FoundKeypoints:
        """Everything, in the form that is handed on; `default` is the layout of nobody.

        Raises:
            InputError: somebody is twice in one frame.
        """
        everybody = [person for people in self._frames.values() for person in people]
        layout = self._layout or default
        if not everybody or any(name is None for name, _ in everybody):
            crowd = {at: [points for _, points in people] for at, people in self._frames.items()}
            return FoundKeypoints(layout, crowd=crowd, **settings)  # type: ignore[arg-type]
        tracks: dict[str, dict[int, np.ndarray]] = {}
        for number, people in self._frames.items():
            for name, points in people:
                track = tracks.setdefault(str(name), {})
                if number in track:
                    raise InputError(f"{self._where}: track_id {name} is twice in image {number}")
                track[number] = points
        return FoundKeypoints(layout, people=tracks, **settings)  # type: ignore[arg-type]


def _identity(value: dict) -> str | None:
    """Who somebody is; Pose2Sim writes [-1] where it does not know."""
    name = next((value[key] for key in _IDENTITIES if key in value), None)
    if isinstance(name, list):
        name = name[0] if len(name) == 1 else None
    return None if name is None or name == -1 else str(name)


def _points(value: dict, where: str) -> np.ndarray | None:
    """(K, 3) of a person, None where there are none."""
    if "pose_keypoints_2d" in value:
        points = value["pose_keypoints_2d"]
        return None if points == [] else flat_points_of(points, f"{where}.pose_keypoints_2d")
    points, where = value["keypoints"], f"{where}.keypoints"
    if isinstance(points, dict):  # Ultralytics
        columns = [points.get("x"), points.get("y")]
        scores = points.get("visible")
    elif isinstance(points, list) and points and isinstance(points[0], list | None):
        scores = value.get("keypoint_scores")
        if scores is None:
            return points_of(points, where)
        rows = [row if isinstance(row, list) and len(row) >= 2 else [None, None] for row in points]
        columns = [[row[0] for row in rows], [row[1] for row in rows]]  # MMPose
    elif points == []:
        return None
    else:
        return flat_points_of(points, where)
    x, y = (numbers_of(column, where) for column in columns)
    score = np.ones(len(x)) if scores is None else numbers_of(scores, f"{where}: scores")
    if not len(x) == len(y) == len(score):
        raise InputError(
            f"{where}: got {len(x)} x, {len(y)} y and {len(score)} scores, expected as many of each"
        )
    return points_of(np.stack([x, y, score], axis=-1).tolist(), where) if len(x) else None


def frame_number(value: object, where: str) -> int:
    """A frame's number as an integer.

    Raises:
        InputError: it is none.
    """
    number = number_of(value, where)
    if not abs(number) < 2**53 or number != int(number):
        raise InputError(f"{where}: got {kind(value)}, expected a whole number")
    return int(number)
