"""Directories with a file for every frame: JSON, Ultralytics' .txt; or one for each person: TRC.

The forms are described in `docs/keypoint-files.md`.
"""

import math
import re
from pathlib import Path

from overpose.keypoints.keypoint_json import load_json
from overpose.keypoints.keypoint_parts import (
    MAX_FRAMES,
    MAX_TABLE_BYTES,
    FoundKeypoints,
    last_number,
    read_text,
)
from overpose.keypoints.keypoint_people import Collector, people_in
from overpose.keypoints.keypoint_trc import read_trc_files
from overpose.layouts import BODY_25, COCO_17, KeypointLayout
from overpose.support.errors import InputError

_EXPECTED = (
    "expected a file for every frame, NAME_000012_keypoints.json, NAME_000012.json or NAME_12.txt, "
    "or Sports2D's NAME_px_person00.trc"
)


def read_directory(path: Path, layout: KeypointLayout | None) -> FoundKeypoints:
    """Read what OpenPose, Pose2Sim, MMPose, Ultralytics or Sports2D wrote into a directory.

    Raises:
        InputError: no such files, numbers that repeat or are in some names only, or a bad file.
    """
    try:
        names = sorted(file for file in path.iterdir() if file.is_file())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    openpose = [file for file in names if file.name.endswith("_keypoints.json")]
    files = openpose or [file for file in names if file.suffix.lower() == ".json"]
    if files:
        return _read_json_files(path, files, layout)
    if files := [file for file in names if re.search(r"_px_person\d+\.trc$", file.name)]:
        return read_trc_files(files)
    if files := [file for file in names if file.suffix.lower() == ".txt"]:
        return _read_txt_files(path, files, layout)
    raise InputError(f"{path}: no keypoint files in it; {_EXPECTED}")


def _read_json_files(
    path: Path, files: list[Path], layout: KeypointLayout | None
) -> FoundKeypoints:
    collector = Collector(str(path), layout)
    for file, number in zip(files, _numbers(path, files), strict=True):
        value = load_json(file)
        people = people_in(value)
        if people is None:
            raise InputError(
                f"{file}: no people in it; expected those of a frame as OpenPose, MMPose or "
                "Ultralytics write them"
            )
        collector.frame(number)
        for index, person in enumerate(people):
            collector.person(number, person, f"{file}: people[{index}]")
    return collector.found(BODY_25, numbered=True)


def _read_txt_files(path: Path, files: list[Path], layout: KeypointLayout | None) -> FoundKeypoints:
    """Ultralytics' `save_txt`: class, box, then x, y, score of each keypoint, shares of the image;
    at the end, if asked for, the person's score and number. Nobody, no file; frames from 1."""
    collector = Collector(str(path), layout)
    for file, number in zip(files, _numbers(path, files), strict=True):
        collector.frame(number)
        for row, line in enumerate(read_text(file, MAX_TABLE_BYTES).splitlines(), 1):
            if line.strip():
                collector.person(
                    number, _txt_person(line.split(), f"{file}:{row}"), f"{file}:{row}"
                )
    return collector.found(COCO_17, numbered=True, from_one=True)


def _txt_person(words: list[str], where: str) -> dict:
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise InputError(f"{where}: got {words[0][:30]!r} …, expected numbers alone") from None
    count = (len(numbers) - 5) // 3
    if count < 1:
        raise InputError(
            f"{where}: got {len(numbers)} numbers, expected class, box and x, y, score of each "
            "keypoint, as Ultralytics writes them for pose models"
        )
    person: dict = {"keypoints": numbers[5 : 5 + 3 * count]}
    rest = numbers[5 + 3 * count :]
    if rest and math.isfinite(rest[-1]) and (len(rest) == 2 or rest[-1] > 1):
        person["track_id"] = int(rest[-1])
    return person


def _numbers(path: Path, files: list[Path]) -> list[int]:
    """Frame numbers from the files' names; in their order where no name has one."""
    if len(files) > MAX_FRAMES:
        raise InputError(f"{path}: got {len(files)} files, expected at most {MAX_FRAMES}")
    found = [last_number(file.stem.removesuffix("_keypoints")) for file in files]
    numbers = [each[0] for each in found if each is not None]
    if not numbers:
        return list(range(len(files)))
    if len(numbers) != len(files) or len(set(numbers)) != len(files):
        raise InputError(
            f"{path}: frame numbers repeat or are missing in the names; expected one "
            "video's files, NAME_000000000012_keypoints.json"
        )
    return numbers
