"""Readers of keypoints in one JSON file: our own form, and those of the usual detectors.

The forms are described in `docs/keypoint-files.md`; choosing a reader belongs to `keypoint_files`.
"""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from overpose.keypoints.keypoint_parts import (
    MAX_FRAMES,
    MAX_JSON_BYTES,
    MAX_LIST_BYTES,
    FoundKeypoints,
    check_text,
    cleaned,
    kind,
    known_points,
    last_number,
    points_of,
    read_text,
)
from overpose.keypoints.keypoint_people import Collector, frame_number, is_person, people_in
from overpose.layouts import BLAZEPOSE_33, BODY_25, COCO_17, HUMAN36M_17, KeypointLayout, layout_of
from overpose.support.errors import InputError

_CHUNK = 2**20
_EXPECTED = (
    "expected an object with people, a list of COCO's, MMPose's, Ultralytics' or MediaPipe's "
    "results, or one of OpenPose's files"
)


def read_json_file(path: Path, layout: KeypointLayout | None) -> FoundKeypoints:
    """Read any of the JSON forms; `layout` is that of keypoints without names.

    Raises:
        InputError: not JSON, none of the forms, or wrong in itself.
    """
    if check_text(path, MAX_LIST_BYTES).lstrip().startswith(b"["):
        return _read_list(path, json_elements(path), layout)
    value = load_json(path)
    if not isinstance(value, dict):
        raise InputError(f"{path}: got {kind(value)}; {_EXPECTED}")
    people = value.get("people")
    if isinstance(people, list) and not _is_openpose(value, people):
        return _read_own(path, value, people, layout)
    if isinstance(value.get("frames"), list):
        return _read_mediapipe(path, value["frames"], value)
    if isinstance(value.get("instance_info"), list):
        return _read_frames(path, value["instance_info"], _mmpose_layout(value) or layout)
    if (only := people_in(value)) is not None:
        return _read_frames(path, [only], layout)
    raise InputError(f"{path}: got an object without people or frames; {_EXPECTED}")


def _read_list(
    path: Path, elements: Iterator[Any], layout: KeypointLayout | None
) -> FoundKeypoints:
    """Read a list of results; its first element that is not empty says of which form it is."""
    passed: list[Any] = []
    for first in elements:
        passed.append(first)
        if first or len(passed) > MAX_FRAMES:
            break
    if not passed:
        raise InputError(f"{path}: got an empty list; {_EXPECTED}")
    first, every = passed[-1], chain(passed, elements)
    if isinstance(first, dict) and "image_id" in first:
        return _read_coco(path, every, layout)
    if people_in(first) and not (isinstance(first, dict) and "frames" in first):
        return _read_frames(path, every, layout)
    if is_person(first):
        return _read_frames(path, [list(every)], layout)
    if isinstance(first, dict) and "frame_id" in first:
        return _read_frames(path, every, layout)
    return _read_mediapipe(path, every, {})


def load_json(path: Path) -> Any:
    """What a JSON file of bounded size holds.

    Raises:
        InputError: it cannot be read, is too large or no JSON.
    """
    text = read_text(path, MAX_JSON_BYTES)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # bad JSON, endless digits
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: not valid JSON ({reason}); {_EXPECTED}") from None


def json_elements(path: Path) -> Iterator[Any]:
    """The elements of the list that a JSON file holds, one by one, so that it may be large.

    Raises:
        InputError: it is not valid JSON, or an element is too large.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield from _elements(path, file)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: not valid JSON ({reason}); {_EXPECTED}") from None


def _elements(path: Path, file: TextIO) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    text, step, count, whole = file.read(_CHUNK), _CHUNK, 0, False
    at = text.index("[") + 1
    while True:
        at = _after_space(text, at)
        mark = text[at : at + 1]
        if mark == "]":
            if (text[at + 1 :] + file.read()).strip():
                raise ValueError("something follows the list")
            return
        if mark and count and mark != ",":
            raise ValueError(f"expected a comma or ] after element {count - 1} of the list")
        start = _after_space(text, at + (count > 0))
        value, end = None, len(text)
        try:
            value, end = decoder.raw_decode(text, start)
        except ValueError:
            if whole:
                raise
        if end < len(text) or whole:  # else it may go on
            yield value
            count, at, step = count + 1, end, _CHUNK
            continue
        if len(text) - at > MAX_JSON_BYTES:
            raise InputError(f"{path}: element {count} of the list is too large")
        more = file.read(step)
        text, at, step, whole = text[at:] + more, 0, 2 * step, not more


def _after_space(text: str, at: int) -> int:
    """The first place from `at` on that is no white space."""
    while text[at : at + 1].isspace():
        at += 1
    return at


def _is_openpose(value: dict, people: list) -> bool:
    if people:
        return is_person(people[0])
    return "version" in value and "layout" not in value


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
                track[frame], layout = known_points(points_of(points, at), layout, at)
        tracks[name] = track
        frames = max(frames, len(person["frames"]))
    if layout is None:
        raise InputError(f"{path}: no layout and no keypoints in it; nothing to read")
    return FoundKeypoints(layout, frames, people=tracks, **_settings(value))


def _read_coco(path: Path, results: Iterable[Any], layout: KeypointLayout | None) -> FoundKeypoints:
    """A list of people, each with the number or name of its image; images without anybody are
    left out."""
    collector = Collector(str(path), layout)
    padded = False
    for index, each in enumerate(results):
        place = f"{path}: [{index}]"
        if not isinstance(each, dict) or "image_id" not in each:
            raise InputError(f"{place}: got {kind(each)} without image_id; expected COCO's results")
        number, zeros = _image_number(each["image_id"], f"{place}.image_id")
        padded |= zeros
        if not isinstance(each.get("keypoints"), list):
            raise InputError(
                f"{place}.keypoints: got {kind(each.get('keypoints'))}, expected a list"
            )
        collector.person(number, each, place)
        collector.frame(number)
    return collector.found(COCO_17, numbered=True, from_one=padded or None)


def _image_number(value: object, where: str) -> tuple[int, bool]:
    """The number of an image, and whether it is one of a name with leading zeros."""
    if isinstance(value, int) and not isinstance(value, bool):
        return frame_number(value, where), False
    found = last_number(re.sub(r"\.\w+$", "", value)) if isinstance(value, str) else None
    if found is None:
        raise InputError(f"{where}: got {value!r}, expected a frame number or a name with one")
    return found


def _read_frames(
    path: Path, frames: Iterable[Any], layout: KeypointLayout | None
) -> FoundKeypoints:
    """A list of the people of each frame, MMPose's with a number."""
    if isinstance(frames, list) and frames and all(is_person(each) for each in frames):
        frames = [frames]  # one picture
    collector = Collector(str(path), layout)
    numbered, count = False, 0
    for index, frame in enumerate(frames):
        place = f"{path}: frame {index}"
        people = people_in(frame)
        if people is None:
            raise InputError(f"{place}: got {kind(frame)}, expected a list of people; {_EXPECTED}")
        if index >= MAX_FRAMES:
            raise InputError(f"{path}: too many frames, expected at most {MAX_FRAMES}")
        number, count = index, index + 1
        numbered |= isinstance(frame, dict) and "frame_id" in frame
        if numbered:
            named = frame.get("frame_id") if isinstance(frame, dict) else None
            number = frame_number(named, f"{place}.frame_id")
        collector.frame(number)
        for person in people:
            collector.person(number, person, place)
    default = BODY_25 if count == 1 else COCO_17
    if numbered:
        return collector.found(default, numbered=True)
    return collector.found(default, frames=count)


def _mmpose_layout(value: dict) -> KeypointLayout | None:
    """Human3.6M's, where MMPose says that its model was trained on it; else by number."""
    meta = value.get("meta_info")
    name = meta.get("dataset_name") if isinstance(meta, dict) else None
    return HUMAN36M_17 if isinstance(name, str) and name.lower() == "h36m" else None


def _read_mediapipe(path: Path, frames: Iterable[Any], settings: dict) -> FoundKeypoints:
    crowd: dict[int, list[np.ndarray]] = {}
    for number, frame in enumerate(frames):
        place = f"{path}: frame {number}"
        if number >= MAX_FRAMES:
            raise InputError(f"{path}: too many frames, expected at most {MAX_FRAMES}")
        crowd[number] = []
        for landmarks in _mediapipe_people(frame, place):
            points, _ = known_points(_landmarks(landmarks, place), BLAZEPOSE_33, place)
            crowd[number].append(points)
    found = _settings(settings)
    if all(len(people) <= 1 for people in crowd.values()):  # one person at most: no need to ask who
        track = {number: people[0] for number, people in crowd.items() if people}
        people = {"1": track} if track else {}
        return FoundKeypoints(BLAZEPOSE_33, len(crowd), people=people, **found)
    return FoundKeypoints(BLAZEPOSE_33, len(crowd), crowd=crowd, **found)


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
    if any(_is_body(each) for each in frame):
        for person in frame:
            yield from _mediapipe_people(person, where, depth + 1)
    else:
        yield frame


def _is_body(value: object) -> bool:
    """Whether this is a person's landmarks; a landmark has x and y, or is at most 5 numbers."""
    if isinstance(value, dict):
        return not {"x", "y"} & set(value)
    return isinstance(value, list) and (
        len(value) > 5 or any(isinstance(each, dict | list) for each in value)
    )


def _landmarks(value: object, where: str) -> np.ndarray:
    rows = value if isinstance(value, list) else []
    if any(isinstance(row, dict) for row in rows):
        return points_of([_row(row, f"{where}: landmark {n}") for n, row in enumerate(rows)], where)
    if any(isinstance(row, list) and len(row) in (4, 5) for row in rows):
        rows = [  # x, y, z, visibility[, presence]
            [row[0], row[1], row[3]] if isinstance(row, list) and len(row) in (4, 5) else row
            for row in rows
        ]
        return points_of(rows, where)
    return cleaned(points_of(value, where), where)


def _row(landmark: object, where: str) -> list | None:
    if landmark is None:
        return None
    if not isinstance(landmark, dict) or not {"x", "y"} <= set(landmark):
        raise InputError(f"{where} has no x and y")
    score = landmark.get("visibility", landmark.get("score", 1.0))
    return [landmark["x"], landmark["y"], 1.0 if score is None else score]


def _settings(value: dict) -> dict[str, Any]:
    return {name: value.get(name) for name in ("fps", "width", "height")}
