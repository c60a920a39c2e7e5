"""The files of Human3.6M one by one: poses (CDF), cameras (metadata.xml), masks (MAT), videos.

Which files there are belongs to `human36m_layout`; what is made of them to `human36m`.
"""

import importlib
import importlib.util
import re
import xml.etree.ElementTree as ElementTree
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from av.error import FFmpegError

from overpose.camera import Camera
from overpose.datasets.human36m.frames import official_frames
from overpose.datasets.human36m.names import (
    CAMERA_IDS,
    CAMERA_SIZES_PX,
    JOINTS_IN_FILES,
    RIGHT_THIGH,
)
from overpose.media.container import open_file
from overpose.support.errors import InputError

_METADATA_SUBJECTS = 11
_NUMBERS = 6 * _METADATA_SUBJECTS * len(CAMERA_IDS) + 9 * len(CAMERA_IDS)
_FRAME_COUNTS = len(CAMERA_IDS) + 1
_THIGH_MM = (200.0, 700.0)
"""Lengths that a thigh may have."""


class MissingLibraryError(InputError):
    """A library that reads the dataset's files is not installed: no file can be read then."""


@dataclass(frozen=True)
class Metadata:
    """What metadata.xml says.

    Attributes:
        cameras: for subject ("S1") and camera (0 to 3) its camera, world millimetres.
        trials: for each subject the names of its trials, "_ALL" included; empty where the file
            does not list them.
        frames: for subject and name of a trial its frames by the official rule; empty where the
            file does not list them.
    """

    cameras: dict[tuple[str, int], Camera]
    trials: dict[str, tuple[str, ...]]
    frames: dict[tuple[str, str], int]


def read_metadata(path: Path) -> Metadata:
    """Read the dataset's metadata.xml.

    Element `w0` holds 300 numbers: for each of 4 cameras and 11 subjects three angles (radians) and
    a position (mm), then for each camera f, c, k, p. The rotation is R = Rx Ry Rz of the angles and
    x_camera = R (x_world - T), as in the dataset's release code.

    Raises:
        InputError: the file is missing or laid out otherwise.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected Human3.6M's metadata.xml") from None
    except (ElementTree.ParseError, OSError, ValueError, LookupError) as error:
        raise InputError(
            f"{path}: not readable XML ({error}); take metadata.xml from the release code"
        ) from None
    text = root.findtext("w0") or ""
    try:
        numbers = np.array([float(word) for word in re.split(r"[\s,;]+", text.strip(" \t\r\n[]"))])
    except ValueError:
        numbers = np.empty(0)
    if len(numbers) != _NUMBERS or not np.isfinite(numbers).all():
        raise InputError(
            f"{path}: element w0 has {len(numbers)} finite numbers, expected {_NUMBERS} in "
            "brackets; take metadata.xml from the release code"
        )
    cut = 6 * _METADATA_SUBJECTS * len(CAMERA_IDS)
    extrinsic = numbers[:cut].reshape(len(CAMERA_IDS), _METADATA_SUBJECTS, 6)
    intrinsic = numbers[cut:].reshape(len(CAMERA_IDS), 9)
    try:
        cameras = {
            (f"S{subject + 1}", number): _camera(
                extrinsic[number, subject], intrinsic[number], size
            )
            for number, size in enumerate(CAMERA_SIZES_PX)
            for subject in range(_METADATA_SUBJECTS)
        }
    except InputError as error:
        raise InputError(f"{path}: element w0 makes no camera ({error})") from None
    table = _trials(root)
    trials = {
        subject: tuple(name for name in rows.values() if name) for subject, rows in table.items()
    }
    return Metadata(cameras, trials, _frames(root, table))


def rotation_of(angles: np.ndarray) -> np.ndarray:
    """(3, 3) R = Rx Ry Rz of three angles in radians."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_x @ about_y @ about_z


def _camera(extrinsic: np.ndarray, intrinsic: np.ndarray, size: tuple[int, int]) -> Camera:
    return Camera.from_human36m(
        rotation=rotation_of(extrinsic[:3]),
        position_mm=extrinsic[3:],
        focal_px=intrinsic[:2],
        center_px=intrinsic[2:4],
        radial=intrinsic[4:7],
        tangential=intrinsic[7:],
        width=size[0],
        height=size[1],
    )


def _table(root: ElementTree.Element, name: str) -> list[list[str]]:
    table = root.find(name)
    return [[cell.text or "" for cell in row] for row in table] if table is not None else []


def _trials(root: ElementTree.Element) -> dict[str, dict[int, str]]:
    """By subject and row the trials of the table `mapping`: a head with subjects, then a row for
    each action and trial."""
    rows = _table(root, "mapping")
    if not rows:
        return {}
    found: dict[str, dict[int, str]] = {subject: {} for subject in rows[0][2:]}
    for number, row in enumerate(rows[1:], 1):
        # Further rows of the same table, such as that of the resolutions, are no trials.
        if len(row) == len(rows[0]) and row[0].isdecimal() and row[1] in ("1", "2"):
            for subject, name in zip(rows[0][2:], row[2:], strict=True):
                found[subject][number] = name.strip()
    return found


def _frames(
    root: ElementTree.Element, trials: dict[str, dict[int, str]]
) -> dict[tuple[str, str], int]:
    """The table `frames`: a row for each subject, in it a cell for each row of `mapping` with the
    frames of the four videos and of the motion capture; what is laid out otherwise is left out."""
    found = {}
    for cells, (subject, names) in zip(_table(root, "frames"), trials.items(), strict=False):
        for row, name in names.items():
            words = (
                re.findall(r"\d+", re.sub(r"u?int\d+", "", cells[row])) if row < len(cells) else ()
            )
            if name and len(words) == _FRAME_COUNTS:
                *videos, raw = map(int, words)
                found[subject, name] = official_frames(videos, raw)
    return found


def read_poses(path: Path) -> np.ndarray:
    """The poses of a CDF file, (frames, 32, 3) float64 mm; NaN where the file has it.

    Raises:
        InputError: cdflib is not installed, the file is damaged, it holds something else, or its
            unit is not the millimetre.
    """
    require_library("cdflib", path)
    cdflib = importlib.import_module("cdflib")
    try:
        values = np.asarray(cdflib.CDF(path).varget("Pose"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected poses in a CDF file") from None
    except Exception as error:  # cdflib raises whatever its parsing meets in a damaged file
        raise InputError(
            f"{path}: not a whole CDF file with a variable Pose ({_line(error)}); get it again"
        ) from None
    if values.ndim == 3 and values.shape[0] == 1:
        values = values[0]
    if values.ndim != 2 or values.shape[1] != 3 * JOINTS_IN_FILES or values.dtype.kind != "f":
        raise InputError(
            f"{path}: Pose is {values.dtype} {values.shape}, expected numbers "
            f"(1, frames, {3 * JOINTS_IN_FILES})"
        )
    poses = values.astype(np.float64).reshape(-1, JOINTS_IN_FILES, 3)
    if len(poses) == 0:
        raise InputError(f"{path}: no frames in it; get it again")
    # CDF's own mark for what is missing: -1e30 or -1e31, which no joint can be.
    poses[np.abs(poses) > 1e8] = np.nan
    require_millimetres(path, poses)
    return poses


def require_millimetres(path: Path, poses_mm: np.ndarray) -> None:
    """Refuse poses (frames, 32, 3) whose thighs are not as long as a person's, in millimetres.

    Raises:
        InputError: with a hint where the unit is the metre.
    """
    hip, knee = RIGHT_THIGH
    thighs = np.linalg.norm(poses_mm[:, hip] - poses_mm[:, knee], axis=-1)
    thighs = thighs[np.isfinite(thighs)]
    if len(thighs) == 0:
        raise InputError(f"{path}: no frame with numbers in it, all are NaN; get it again")
    length = float(np.median(thighs))
    low, high = _THIGH_MM
    if low <= length <= high:
        return
    if low <= 1000 * length <= high:
        raise InputError(
            f"{path}: the thigh is {length:.3f} long, so these poses are in metres; expected "
            "millimetres: multiply by 1000"
        )
    raise InputError(
        f"{path}: the thigh is {length:.4g} mm long, expected {low:.0f} to {high:.0f}; "
        "is it D3_Positions in millimetres?"
    )


def open_masks(path: Path) -> Callable[[int], np.ndarray | None]:
    """A function from a frame's number to its foreground mask (height, width) bool.

    It gives None for a frame that the file has no mask of. Version 7.3 files are read a frame at a
    time; older ones are read whole, which takes memory.

    Raises:
        InputError: the file is damaged or holds something else, or h5py is not installed.
    """
    from scipy.io import loadmat

    try:
        with path.open("rb") as file:
            is_hdf5 = b"\x89HDF\r\n\x1a\n" in file.read(1024)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    try:
        if is_hdf5:
            return _hdf5_masks(path)
        cells = loadmat(str(path), variable_names=["Masks"])["Masks"]
        if cells.dtype != object or cells.size != max(cells.shape, default=0):
            raise ValueError(f"Masks is {cells.dtype} {cells.shape}, expected a list of cells")
    except InputError:
        raise
    except Exception as error:  # scipy and h5py raise whatever they meet in a damaged file
        raise InputError(
            f"{path}: no foreground masks in a variable Masks ({_line(error)}); get it again"
        ) from None
    flat = cells.ravel()
    return lambda frame: _mask(np.asarray(flat[frame])) if frame < len(flat) else None


def _hdf5_masks(path: Path) -> Callable[[int], np.ndarray | None]:
    require_library("h5py", path)
    h5py = importlib.import_module("h5py")
    file = h5py.File(path, "r")
    references = np.asarray(file["Masks"]).ravel()
    if references.dtype != object:
        raise ValueError(f"Masks is {references.dtype}, expected a list of cells")

    def mask(frame: int) -> np.ndarray | None:
        # MATLAB stores columns first, h5py reads rows first.
        return _mask(np.asarray(file[references[frame]]).T) if frame < len(references) else None

    return mask


def _mask(values: np.ndarray) -> np.ndarray | None:
    return values != 0 if values.ndim == 2 and values.size and values.dtype.kind in "biuf" else None


@dataclass(frozen=True)
class VideoInfo:
    """What a video's head says, a first frame having been decoded.

    Attributes:
        frames: how many.
        width, height: pixels.
    """

    frames: int
    width: int
    height: int


def probe_video(path: Path) -> VideoInfo:
    """Look at a video without decoding more than the first frame that can be.

    Raises:
        InputError: it is missing, or no frame of it can be decoded.
    """
    try:
        with open_file(path) as container:
            if not container.streams.video:
                raise InputError(f"{path}: no video in it; get it again")
            stream: Any = container.streams.video[0]
            if stream.codec_context is None:
                raise InputError(f"{path}: its video is of no known codec; get it again")
            frames = stream.frames
    except (FFmpegError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not a video that can be read ({_line(error)})") from None
    first = next(video_frames(path), None)
    if first is None:
        raise InputError(f"{path}: no frame of it can be decoded; get it again")
    if frames <= 0:
        frames = 1 + max(number for number, _ in video_frames(path))
    height, width = first[1].shape[:2]
    return VideoInfo(frames, width, height)


def video_frames(path: Path, every: int = 1) -> Iterator[tuple[int, np.ndarray]]:
    """Number and image (height, width, 3) uint8 RGB of every `every`-th frame, in order.

    A frame's number is the place of its presentation time among those of the file, so a frame that
    the decoder drops shifts no other; without times the frames are counted. Damage is no error:
    from there to the next key frame, where images would be guesses, nothing comes. Count what does.
    """
    with suppress(FFmpegError, ValueError), open_file(path) as container:
        stream: Any = container.streams.video[0]
        # Videos are what is done in parallel; and one thread meets damage the same way every time.
        stream.codec_context.thread_count = 1
        times: list[int] = []
        last, whole = -1, True
        for packet in container.demux(stream):
            if packet.pts is not None and not packet.is_discard:
                insort(times, packet.pts)
            try:
                frames: list[Any] = list(packet.decode())
            except FFmpegError:
                whole = False
                continue
            for frame in frames:
                number = last + 1 if frame.pts is None else bisect_left(times, frame.pts)
                follows = frame.key_frame or (whole and number == last + 1)
                whole = follows and not frame.is_corrupt
                if whole and number > last and number % every == 0:
                    yield number, frame.to_ndarray(format="rgb24")
                last = max(last, number)


def require_library(name: str, path: Path) -> None:
    """Refuse to read a file without the library that does.

    Raises:
        MissingLibraryError: it is not installed.
    """
    if importlib.util.find_spec(name) is None:
        raise MissingLibraryError(
            f"{path}: {name} is needed to read it and is not installed; "
            "install overpose with its extra human36m: pip install 'overpose[human36m]'"
        )


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0] or type(error).__name__
