"""Readers of keypoints in JSON: our own form, OpenPose's, COCO's results and MediaPipe's lists.

The forms are described in `docs/keypoint-files.md`; choosing a reader belongs to `keypoint_files`.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from overpose.keypoints.keypoint_parts import (
    MAX_BYTES,
    MAX_FRAMES,
    FoundKeypoints,
    cleaned,
    counted_layout,
    flat_points_of,
    frame_rows,
    kind,
    points_of,
)
from overpose.layouts import BLAZEPOSE_33, BODY_25, KeypointLayout, layout_of
from overpose.support.errors import InputError

_EXPECTED = (
    "expected an object with people, a COCO results list, a list of MediaPipe frames or one of "
    "OpenPose's files"
)


def read_json_file(path: Path, layout: KeypointLayout | None) -> FoundKeypoints:
    """Read any of the JSON forms; `layout` is that of keypoints without names.

    Raises:
        InputError: not JSON, none of the forms, or wrong in itself.
    """
    value = _load(path)
    if isinstance(value, dict):
        people = value.get("people")
        if isinstance(people, list):
            if _is_openpose(value, people):
                crowd = {0: _openpose_people(people, str(path))}
                return FoundKeypoints(BODY_25, frames=1, crowd=crowd)
            return _read_own(path, value, people, layout)
        if isinstance(value.get("frames"), list):
            return _read_mediapipe(path, value["frames"], value)
        raise InputError(f"{path}: got an object without people or frames; {_EXPECTED}")
    if not isinstance(value, list):
        raise InputError(f"{path}: got {kind(value)}; {_EXPECTED}")
    if not value:
        raise InputError(f"{path}: got an empty list; {_EXPECTED}")
    if all(isinstance(each, dict) and "image_id" in each for each in value):
        return _read_coco(path, value, layout)
    return _read_mediapipe(path, value, {})


def read_openpose_directory(path: Path, layout: KeypointLayout | None) -> FoundKeypoints:
    """Read a directory of OpenPose's `NAME_000000000012_keypoints.json`, one a frame.

    Raises:
        InputError: no such files, numbers that repeat or are in some names only, or a bad file.
    """
    if layout not in (None, BODY_25):
        raise InputError(f"{path}: got the layout {layout.name}, expected body-25 for OpenPose")
    try:
        files = sorted(path.glob("*_keypoints.json"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    if not files:
        raise InputError(f"{path}: no *_keypoints.json in it; expected OpenPose's output directory")
    if len(files) > MAX_FRAMES:
        raise InputError(f"{path}: got {len(files)} files, expected at most {MAX_FRAMES}")
    matches = [re.search(r"(\d+)_keypoints\.json$", file.name) for file in files]
    numbers = [int(match[1]) for match in matches if match]
    if not numbers:
        numbers = list(range(len(files)))
    if len(numbers) != len(files) or len(set(numbers)) != len(files):
        raise InputError(
            f"{path}: frame numbers repeat or are missing in the names; expected one video's "
            "NAME_000000000012_keypoints.json"
        )
    rows, frames = frame_rows(numbers, str(path))
    crowd: dict[int, list[np.ndarray]] = {}
    for number, file in zip(numbers, files, strict=True):
        value = _load(file)
        if not isinstance(value, dict) or not isinstance(value.get("people"), list):
            raise InputError(f"{file}: got {kind(value)} without people; expected OpenPose's JSON")
        crowd[rows[number]] = _openpose_people(value["people"], str(file))
    return FoundKeypoints(BODY_25, frames, crowd=crowd)


def _load(path: Path) -> Any:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: too large, expected at most {MAX_BYTES >> 20} MiB")
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (ValueError, RecursionError) as error:  # bad JSON, bad UTF-8, endless digits
        text = str(error).splitlines()[0]
        raise InputError(f"{path}: not valid JSON ({text}); {_EXPECTED}") from None


def _is_openpose(value: dict, people: list) -> bool:
    if people:
        return isinstance(people[0], dict) and "pose_keypoints_2d" in people[0]
    return "version" in value and "layout" not in value


def _openpose_people(people: list, where: str) -> list[np.ndarray]:
    found = []
    for index, person in enumerate(people):
        place = f"{where}: people[{index}]"
        if not isinstance(person, dict) or "pose_keypoints_2d" not in person:
            raise InputError(f"{place}: no pose_keypoints_2d; expected OpenPose's JSON")
        found.append(
            flat_points_of(person["pose_keypoints_2d"], f"{place}.pose_keypoints_2d", BODY_25)
        )
    return found


def _read_own(
    path: Path, value: dict, people: list, layout: KeypointLayout | None
) -> FoundKeypoints:
    if "layout" in value:
        named = value["layout"]
        names = isinstance(named, list) and all(isinstance(name, str) for name in named)
        if not isinstance(named, str) and not names:
            raise InputError(f"{path}: layout: got {kind(named)}, expected a name or list of names")
        try:
            layout = layout_of(named)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
    tracks: dict[str, dict[int, np.ndarray]] = {}
    frames = 0
    for index, person in enumerate(people):
        place = f"{path}: people[{index}]"
        if not isinstance(person, dict) or not isinstance(person.get("frames"), list):
            raise InputError(f"{place}: no list of frames; expected {{id, frames}}")
        name = str(person.get("id", index + 1))
        if name in tracks:
            raise InputError(f"{place}: id {name} is there twice; give each person one id")
        if len(person["frames"]) > MAX_FRAMES:
            raise InputError(f"{place}: too many frames, expected at most {MAX_FRAMES}")
        track = {}
        for frame, points in enumerate(person["frames"]):
            if points is not None and points != []:
                at = f"{place}.frames[{frame}]"
                track[frame] = points_of(points, at)
                layout = counted_layout(len(track[frame]), layout, at)
        tracks[name] = track
        frames = max(frames, len(person["frames"]))
    if layout is None:
        raise InputError(f"{path}: no layout and no keypoints in it; nothing to read")
    return FoundKeypoints(layout, frames, people=tracks, **_settings(value))


def _read_coco(path: Path, results: list[dict], layout: KeypointLayout | None) -> FoundKeypoints:
    numbers = [
        _image_number(each["image_id"], f"{path}: [{index}].image_id")
        for index, each in enumerate(results)
    ]
    rows, frames = frame_rows(numbers, f"{path}: image_id")
    identified = all("track_id" in each for each in results)
    people: dict[str, dict[int, np.ndarray]] = {}
    crowd: dict[int, list[np.ndarray]] = {}
    for index, (number, each) in enumerate(zip(numbers, results, strict=True)):
        place = f"{path}: [{index}].keypoints"
        points = flat_points_of(each.get("keypoints"), place, layout)
        layout = counted_layout(len(points), layout, place)
        frame = rows[number]
        if identified:
            name = str(each["track_id"])
            if frame in people.setdefault(name, {}):
                raise InputError(f"{path}: track_id {name} is twice in image {each['image_id']}")
            people[name][frame] = points
        else:
            crowd.setdefault(frame, []).append(points)
    assert layout is not None  # there is at least one result
    if identified:
        return FoundKeypoints(layout, frames, people=people)
    return FoundKeypoints(layout, frames, crowd=crowd)


def _image_number(value: object, where: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    digits = re.findall(r"\d{1,12}", Path(value).stem) if isinstance(value, str) else []
    if not digits:
        raise InputError(f"{where}: got {value!r}, expected a frame number or a name with one")
    return int(digits[-1])


def _read_mediapipe(path: Path, frames: list, settings: dict) -> FoundKeypoints:
    if len(frames) > MAX_FRAMES:
        raise InputError(f"{path}: too many frames, expected at most {MAX_FRAMES}")
    crowd: dict[int, list[np.ndarray]] = {}
    for number, frame in enumerate(frames):
        place = f"{path}: frame {number}"
        crowd[number] = []
        for landmarks in _mediapipe_people(frame, place):
            points = _landmarks(landmarks, place)
            counted_layout(len(points), BLAZEPOSE_33, place)
            crowd[number].append(points)
    found = _settings(settings)
    if all(len(people) <= 1 for people in crowd.values()):  # one person at most: no need to ask who
        track = {number: people[0] for number, people in crowd.items() if people}
        people = {"1": track} if track else {}
        return FoundKeypoints(BLAZEPOSE_33, len(frames), people=people, **found)
    return FoundKeypoints(BLAZEPOSE_33, len(frames), crowd=crowd, **found)


def _mediapipe_people(frame: object, where: str, depth: int = 0) -> Iterator[object]:
    """The lists of landmarks in a frame: none, one, or one for each person."""
    if isinstance(frame, dict):
        for name in ("pose_landmarks", "landmarks", "landmark"):
            if name in frame:
                yield from _mediapipe_people(frame[name], where, depth + 1)
                return
        raise InputError(f"{where}: got an object without landmarks; {_EXPECTED}")
    if frame is None:
        return
    if not isinstance(frame, list) or depth > 4:
        got = kind(frame) if depth <= 4 else "lists in lists in lists"
        raise InputError(f"{where}: got {got}, expected a list of landmarks or null")
    if not frame:
        return
    if any(_is_person(each) for each in frame):
        for person in frame:
            yield from _mediapipe_people(person, where, depth + 1)
    else:
        yield frame


def _is_person(value: object) -> bool:
    """Whether this is a person's landmarks; a landmark has x and y, or is at most 5 numbers."""
    if isinstance(value, dict):
        return not {"x", "y"} & set(value)
    return isinstance(value, list) and (
        len(value) > 5 or any(isinstance(each, dict | list) for each in value)
    )


def _landmarks(value: object, where: str) -> np.ndarray:
    if isinstance(value, list) and any(isinstance(landmark, dict) for landmark in value):
        rows = []
        for index, landmark in enumerate(value):
            if landmark is None:
                rows.append(landmark)
                continue
            if not isinstance(landmark, dict) or not {"x", "y"} <= set(landmark):
                raise InputError(f"{where}: landmark {index} has no x and y")
            score = landmark.get("visibility", landmark.get("score", 1.0))
            rows.append([landmark["x"], landmark["y"], score])
        return points_of(rows, where)
    if isinstance(value, list) and value and all(
        row is None or (isinstance(row, list) and len(row) in (4, 5)) for row in value
    ):  # fmt: skip
        rows = [
            row and [row[0], row[1], row[3]] for row in value
        ]  # x, y, z, visibility[, presence]
        return points_of(rows, where)
    return cleaned(points_of(value, where), where)


def _settings(value: dict) -> dict[str, Any]:
    return {name: value.get(name) for name in ("fps", "width", "height")}
