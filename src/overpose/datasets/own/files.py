"""The image and mask files of a user's own data: read, and checked against their rows.

What is asked of the table alone belongs to `own_checks`.
"""

import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from PIL import Image

from overpose.datasets.layout import png_end
from overpose.datasets.own.table import BOX, CENTER, OwnTable
from overpose.media.photo import LARGEST_PX
from overpose.support.digests import sha256
from overpose.support.errors import InputError, raise_if_of_memory

FARTHEST_MM = 1e6
"""Beyond, single precision no longer keeps a tenth of a millimetre."""
_LARGEST_BOX = 4
_FOCAL_RANGE = (0.1, 100.0)
"""Of the larger side of the image: fish eyes lie above, long lenses below."""
_FAR_OUTSIDE = 100
"""A principal point or 2D joint so many larger sides away is in other units."""


@dataclass(frozen=True)
class FileReport:
    """What the files of a row are.

    Attributes:
        problems: what is wrong with them, or with the row in view of them.
        kind: how the image's colours lie in the file: "colour", "grey" or "alpha"; "" if unknown.
        sha256: of image and mask, 64 hexadecimal digits; "" where there is none.
    """

    problems: tuple[str, ...]
    kind: str
    sha256: tuple[str, str]


def read_image(path: Path) -> np.ndarray | None:
    """(height, width, 3) uint8 RGB as it lies in the file, whatever EXIF says; None if damaged.

    Grey becomes three equal channels, an alpha channel is left out; images of more than 8 bits
    count as damaged.
    """
    data = _read_bytes(path)
    stored = None if data is None else _decoded(data)
    return None if stored is None or stored.dtype != np.uint8 else _rgb(stored)


def make_file_check(
    table: OwnTable,
) -> Callable[[range, Callable[[], None]], tuple[range, list[FileReport]]]:
    """Work for `workers.do_jobs`: from some rows to these rows and the report of each."""

    def work(rows: range, check: Callable[[], None]) -> tuple[range, list[FileReport]]:
        reports = []
        for row in rows:
            check()
            reports.append(check_files(table, row))
        return rows, reports

    return work


def check_files(table: OwnTable, row: int) -> FileReport:
    """Read the image and the mask of a row and compare them with it; `image` must be there."""
    names = [str(table.text[name][row]) for name in ("image", "mask") if name in table.text]
    found = [what for name in names if (what := _path_problem(name)) is not None]
    problems = list(dict.fromkeys(found))
    if problems or not table.text["image"][row]:
        return FileReport(tuple(problems), "", ("", ""))
    image, image_sha256 = _stored(table.image_path(row), "image", problems)
    mask, mask_sha256 = None, ""
    try:
        mask_path = table.mask_path(row)
    except OSError:
        mask_path = None  # its name is the image's: said there
    if mask_path is not None:
        mask, mask_sha256 = _stored(mask_path, "mask", problems)
    if image is not None:
        height, width = image.shape[:2]
        if mask is not None and mask.shape[:2] != (height, width):
            problems.append("the mask has another size than the image")
        problems += _row_problems(table, row, width, height)
    kind = "" if image is None else _kind(image)
    return FileReport(tuple(problems), kind, (image_sha256, mask_sha256))


def _path_problem(name: str) -> str | None:
    if not name:
        return None
    path = PurePosixPath(name.replace("\\", "/"))
    if (
        not path.parts
        or path.is_absolute()
        or ".." in path.parts
        or ":" in path.parts[0]
        or "\0" in name
    ):
        return "a path leaves the directory, expected one relative to it"
    if "\\" in name:
        return "a path has backslashes, expected / between folders"
    return None


def _stored(path: Path, what: str, problems: list[str]) -> tuple[np.ndarray | None, str]:
    """An image of 8 bits as `_decoded` gives it and its SHA-256; or None, and the problem."""
    try:
        if path.is_dir():
            problems.append(f"a directory is in the {what}'s place, expected a file")
            return None, ""
        if not path.is_file():
            problems.append(f"there is no such {what}")
            return None, ""
    except OSError as error:
        problems.append(f"the {what} cannot be looked up ({error.strerror or 'system error'})")
        return None, ""
    data = _read_bytes(path)
    stored = None if data is None else _decoded(data)
    if data is None or stored is None:
        problems.append(
            f"the {what} cannot be read; expected a whole one of at most {LARGEST_PX / 1e6:.0f} "
            "megapixels"
        )
        return None, ""
    if stored.dtype != np.uint8:
        problems.append(
            f"the {what} has {8 * stored.dtype.itemsize} bits a channel, expected 8; convert it"
        )
        return None, ""
    return stored, sha256(data)


def _read_bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _decoded(data: bytes) -> np.ndarray | None:
    """(height, width) or (height, width, channels), blue first, of any kind; None if damaged."""
    if not data or _takes_too_much(data):
        return None
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)  # ignores EXIF
    except cv2.error as error:
        raise_if_of_memory(error)
        return None


def _takes_too_much(data: bytes) -> bool:
    """Whether its head says a size beyond memory, or a PNG's part is longer than the file."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data)) as opened:
            if opened.width * opened.height > LARGEST_PX:
                return True
    except Image.DecompressionBombError:
        return True
    except Exception:  # Pillow does not know it, or raises what it meets: OpenCV has its turn
        pass
    return data.startswith(b"\x89PNG") and png_end(np.frombuffer(data, np.uint8)) > len(data)


def _channels(stored: np.ndarray) -> int:
    return 1 if stored.ndim == 2 else stored.shape[2]


def _kind(stored: np.ndarray) -> str:
    return {1: "grey", 3: "colour"}.get(_channels(stored), "alpha")


def _rgb(stored: np.ndarray) -> np.ndarray:
    if _channels(stored) < 3:
        return np.repeat(stored.reshape(*stored.shape[:2], -1)[..., :1], 3, axis=2)
    return np.ascontiguousarray(stored[..., 2::-1])


def _row_problems(table: OwnTable, row: int, width: int, height: int) -> Iterator[str]:
    """What is wrong with a row's numbers in view of the size of its image."""
    side = max(width, height)
    numbers = {name: float(values[row]) for name, values in table.numbers.items()}
    low, high = (factor * side for factor in _FOCAL_RANGE)
    focal = numbers.get("focal_px", np.nan)
    if focal > 0 and not low <= focal <= high:
        yield (
            f"focal_px is not {_FOCAL_RANGE[0]:g} to {_FOCAL_RANGE[1]:g} times the larger side of "
            "the image; expected pixels of the image file"
        )
    center = np.array([numbers.get(name, 0.0) for name in CENTER])
    if (np.abs(center[np.isfinite(center)]) > _FAR_OUTSIDE * side).any():
        yield f"center_x_px or center_y_px is more than {_FAR_OUTSIDE} image sides away"
    elif (
        table.points_px is not None
        and (np.abs(np.nan_to_num(table.points_px[row])) > _FAR_OUTSIDE * side).any()
    ):
        yield f"a 2D joint is more than {_FAR_OUTSIDE} image sides away"
    elif table.has_box:
        yield from _box_problems([numbers[name] for name in BOX], width, height)
    elif any(name in numbers for name in BOX):
        return  # said with the columns
    elif "focal_px" not in numbers or table.is_root_relative:
        if width != height:
            yield "the image is not square, and neither box nor camera says where to crop"
    elif low <= focal <= high and np.isfinite(center).all():
        pose = table.poses_mm[row]
        if np.isfinite(pose).all() and np.abs(pose).max() < FARTHEST_MM and (pose[:, 2] > 0).all():
            try:
                table.box(row, table.camera(row, width, height))
            except InputError:
                yield "by its pose and camera the person is outside the image"


def _box_problems(box: list[float], width: int, height: int) -> Iterator[str]:
    left, top, side = box
    if not np.isfinite([left, top, side]).all() or side <= 0:
        return  # said with the numbers
    if side > _LARGEST_BOX * max(width, height):
        yield f"the box is more than {_LARGEST_BOX} times as large as the image"
    elif left >= width or top >= height or left + side <= 0 or top + side <= 0:
        yield "the box lies outside the image"
