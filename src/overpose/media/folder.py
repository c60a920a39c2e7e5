"""Folders of numbered pictures, as other programs write the frames of a video."""

import math
import re
from collections.abc import Iterator
from functools import reduce
from pathlib import Path

from overpose.media.clip import Clip, Picture
from overpose.media.clock import LEAST_FPS, MOST_FPS, placed
from overpose.media.photo import read_photo
from overpose.media.upright import at_size
from overpose.support.errors import InputError
from overpose.support.progress import say

FOLDER_FPS = 30.0
_SUFFIXES = {
    ".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".heif", ".avif",
}  # fmt: skip
_NUMBERED = re.compile(r"(.*?)(\d+)\D*")


def is_named_picture(path: Path) -> bool:
    """Whether a name is that of a picture."""
    return path.suffix.lower() in _SUFFIXES


def is_frame_folder(path: Path) -> bool:
    """Whether a directory holds pictures, and no keypoints as OpenPose writes them."""
    return path.is_dir() and bool(_pictures_in(path)) and not any(path.glob("*_keypoints.json"))


def open_folder(path: Path, fps: float | None = None) -> Clip:
    """Open a folder of pictures as a video, in the order of the last numbers in their names.

    Where numbers are left out, the picture before is repeated.

    Args:
        path: the folder.
        fps: frames a second; if not given, 30, and a line says so.

    Raises:
        InputError: there are no numbered pictures, two of one number, or the rate makes no sense.
    """
    if fps is not None and not LEAST_FPS <= fps <= MOST_FPS:
        raise InputError(f"fps: got {fps}, expected {LEAST_FPS:.0f} to {MOST_FPS:.0f} frames/s")
    files = _numbered(path)
    if fps is None:
        fps = FOLDER_FPS
        say(f"{path}: {len(files)} pictures taken for a video of {fps:.0f} frames/s; see --fps")
    numbers = sorted(files)
    step = reduce(math.gcd, (number - numbers[0] for number in numbers), 0) or 1
    stamps_s = {number: (number - numbers[0]) / step / fps for number in numbers}
    photo = read_photo(files[numbers[0]])
    height, width = photo.image.shape[:2]

    def pictures() -> Iterator[Picture]:
        yield Picture(photo.image, 0.0)
        for number in numbers[1:]:
            image = at_size(read_photo(files[number]).image, (width, height))
            yield Picture(image, stamps_s[number])

    frames = placed(list(stamps_s.values()), fps).index + 1
    return Clip(photo.width, photo.height, fps, frames, pictures(), photo.focal_px)


def _pictures_in(path: Path) -> list[Path]:
    try:
        entries = sorted(path.iterdir())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    return [
        entry
        for entry in entries
        if is_named_picture(entry) and not entry.name.startswith(".") and entry.is_file()
    ]


def _numbered(path: Path) -> dict[int, Path]:
    """The pictures by their numbers."""
    files: dict[int, Path] = {}
    for file in _pictures_in(path):
        found = _NUMBERED.fullmatch(file.stem)
        if found is None:
            continue
        number = int(found[2])
        if number in files:
            raise InputError(
                f"{path}: got two pictures of number {number} ({files[number].name}, {file.name}), "
                "expected the frames of one video; put each video's into a folder of its own"
            )
        files[number] = file
    if not files:
        raise InputError(
            f"{path}: got a directory without numbered pictures, expected frames named like "
            "0001.jpg; give photos one by one"
        )
    return files
