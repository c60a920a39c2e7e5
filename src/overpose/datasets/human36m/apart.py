"""The files of Human3.6M in a process apart: one that breaks its parser is bad input, like others.

How they are read belongs to `files`; what is made of them to `convert`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from overpose.datasets.crops import encoded_crop, encoded_mask
from overpose.datasets.human36m.files import (
    VideoInfo,
    open_masks,
    probe_video,
    read_poses,
    require_library,
    video_frames,
)
from overpose.support.apart import each_apart, read_apart

Box = tuple[int, int, int]
"""Left, top and side, pixels."""


def poses_of(path: Path) -> np.ndarray:
    """As `files.read_poses`."""
    require_library("cdflib", path)
    return read_apart(read_poses, path)


def info_of(path: Path) -> VideoInfo:
    """As `files.probe_video`."""
    return read_apart(probe_video, path)


def has_frame(path: Path, wanted: np.ndarray, every: int, size: tuple[int, int]) -> bool:
    """Whether a video gives any of the frames `wanted`, (height, width) being its size.

    Raises:
        InputError: reading it crashes, or takes too long or too much memory.
    """
    return read_apart(_has_frame, path, wanted, every, size)


def crops_of(
    path: Path, boxes: Mapping[int, Box], every: int, size: tuple[int, int], image_size: int
) -> Iterator[tuple[int, bytes]]:
    """Number and crop, as JPEG, of those frames of a video that have a box and can be decoded.

    Args:
        path: MP4 file.
        boxes: of the frames wanted, by number, in order.
        every: wanted frames are among 0, every, 2 every, ….
        size: height and width of the video, pixels.
        image_size: height and width of the crops.

    Raises:
        InputError: reading it crashes, or takes too long or too much memory.
    """
    return each_apart(_crops, path, boxes, every, size, image_size)


def masks_of(
    path: Path, boxes: Mapping[int, Box], size: tuple[int, int], image_size: int
) -> Iterator[tuple[int, bytes | None]]:
    """Number and crop, as PNG, of the mask of each frame that has a box; None for one without.

    Raises:
        InputError: there are no masks in the file, a library is missing, or reading it crashes, or
            takes too long or too much memory.
    """
    height, width = size
    room = 2 * height * width * (max(boxes, default=0) + 1)  # files of old kind are read whole
    return each_apart(_masks, path, boxes, size, image_size, more_bytes=room)


def _has_frame(path: Path, wanted: np.ndarray, every: int, size: tuple[int, int]) -> bool:
    return next(_frames(path, wanted.tolist(), every, size), None) is not None


def _crops(
    path: Path, boxes: Mapping[int, Box], every: int, size: tuple[int, int], image_size: int
) -> Iterator[tuple[int, bytes]]:
    for number, image in _frames(path, list(boxes), every, size):
        yield number, encoded_crop(image, boxes[number], image_size)


def _frames(
    path: Path, numbers: list[int], every: int, size: tuple[int, int]
) -> Iterator[tuple[int, np.ndarray]]:
    """Those of the frames `numbers` that can be decoded, with their number, in order."""
    wanted, last = set(numbers), numbers[-1]
    for number, image in video_frames(path, every):
        # Damage may look like a change of size.
        if number in wanted and image.shape[:2] == size:
            yield number, image
        if number >= last:
            return


def _masks(
    path: Path, boxes: Mapping[int, Box], size: tuple[int, int], image_size: int
) -> Iterator[tuple[int, bytes | None]]:
    read = open_masks(path)
    for number, box in boxes.items():
        try:
            mask = read(number)
        except (OSError, RuntimeError, KeyError, ValueError, TypeError):
            mask = None  # what h5py meets in a damaged file
        if mask is not None and mask.shape != size:
            mask = None
        yield number, None if mask is None else encoded_mask(mask, box, image_size)
