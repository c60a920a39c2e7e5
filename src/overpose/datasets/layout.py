"""How a dataset lies on disk: file names, columns, and the samples in memory.

The one place that both the writer and the reader take the format from; no input or output here.
"""

import struct
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from overpose.camera import Camera
from overpose.skeleton import HUMAN36M

FORMAT_VERSION = 1
INFO_NAME = "dataset.json"
TABLE_NAME = "samples.parquet"
PLAN_NAME = "unfinished.json"
"""What is being written, while it is not finished; replaced by `dataset.json` at the end."""

JOINTS = len(HUMAN36M)
SPLITS = ("train", "val", "test")
UNITS = {
    "pose_mm": "(17, 3) row by row, millimetres, camera axes (x right, y down, z forward), "
    "minus the pelvis",
    "root_mm": "pelvis in camera axes, millimetres",
    "keypoints_px": "(17, 2) row by row, pixels of the crop; pixel (row i, column j) covers "
    "[j, j+1) x [i, i+1)",
    "keypoints_visible": "whether the joint is seen: inside the crop and not hidden by the scene",
    "box_px": "x0, y0, side of the square crop in pixels of the full camera",
    "camera_*": "the full camera: x_camera = rotation x_world + translation_mm; world axes are "
    "right-handed, z up",
    "crop_*": "the same camera after cutting out the box and resizing it to the image",
}


@dataclass(frozen=True, eq=False)
class Sample:
    """One labelled image, ready to be written.

    Attributes:
        jpeg: the encoded image, (S, S, 3) RGB before encoding.
        mask_png: the encoded foreground mask, (S, S), 0 or 255; None for none.
        subject, action, trial, split: names; `split` is one of train, val, test.
        camera_number: which camera of the rig.
        frame: number of the frame in the trial, at the dataset's frame rate.
        take: which of several renderings of the trial (clothes, light, place, cameras).
        pose_mm: (17, 3) mm, camera axes, root-relative.
        root_mm: (3,) mm, the pelvis in camera axes.
        keypoints_px: (17, 3): x, y in pixels of the crop, visibility 0 or 1.
        box_px: x0, y0, side in pixels of `camera`.
        camera: the full camera.
        crop: the camera of the image itself.
    """

    jpeg: bytes
    mask_png: bytes | None
    subject: str
    action: str
    trial: str
    split: str
    camera_number: int
    frame: int
    take: int
    pose_mm: np.ndarray
    root_mm: np.ndarray
    keypoints_px: np.ndarray
    box_px: tuple[float, float, float]
    camera: Camera
    crop: Camera


def image_shard_name(number: int) -> str:
    return f"images-{number:05d}.shard"


def mask_shard_name(number: int) -> str:
    return f"masks-{number:05d}.shard"


def part_table_name(number: int) -> str:
    return f"part-{number:05d}.parquet"


def part_record_name(number: int) -> str:
    return f"part-{number:05d}.json"


def _numbers(kind: pa.DataType, count: int) -> pa.DataType:
    return pa.list_(kind, count)


TABLE_SCHEMA = pa.schema(
    [
        ("subject", pa.string()),
        ("action", pa.string()),
        ("trial", pa.string()),
        ("camera", pa.int32()),
        ("frame", pa.int32()),
        ("take", pa.int32()),
        ("split", pa.string()),
        ("shard", pa.string()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("mask_shard", pa.string()),
        ("mask_offset", pa.int64()),
        ("mask_length", pa.int64()),
        ("pose_mm", _numbers(pa.float32(), 3 * JOINTS)),
        ("root_mm", _numbers(pa.float32(), 3)),
        ("keypoints_px", _numbers(pa.float32(), 2 * JOINTS)),
        ("keypoints_visible", _numbers(pa.bool_(), JOINTS)),
        ("box_px", _numbers(pa.float64(), 3)),
        ("camera_model", pa.string()),
        ("camera_width", pa.int32()),
        ("camera_height", pa.int32()),
        ("camera_focal_px", _numbers(pa.float64(), 2)),
        ("camera_center_px", _numbers(pa.float64(), 2)),
        ("camera_rotation", _numbers(pa.float64(), 9)),
        ("camera_translation_mm", _numbers(pa.float64(), 3)),
        ("camera_distortion", pa.list_(pa.float64())),
        ("crop_focal_px", _numbers(pa.float64(), 2)),
        ("crop_center_px", _numbers(pa.float64(), 2)),
    ]
)
"""Columns of `samples.parquet`; a sample without a mask has nulls in the three mask columns."""


def sample_row(
    sample: Sample, shard: str, offset: int, mask_shard: str | None, mask_offset: int
) -> dict:
    """The row of `samples.parquet` for a sample stored at the given places."""
    camera, crop = sample.camera, sample.crop
    return {
        "subject": sample.subject,
        "action": sample.action,
        "trial": sample.trial,
        "camera": sample.camera_number,
        "frame": sample.frame,
        "take": sample.take,
        "split": sample.split,
        "shard": shard,
        "offset": offset,
        "length": len(sample.jpeg),
        "mask_shard": mask_shard if sample.mask_png is not None else None,
        "mask_offset": mask_offset if sample.mask_png is not None else None,
        "mask_length": len(sample.mask_png) if sample.mask_png is not None else None,
        "pose_mm": _flat(sample.pose_mm, np.float32),
        "root_mm": _flat(sample.root_mm, np.float32),
        "keypoints_px": _flat(sample.keypoints_px[:, :2], np.float32),
        "keypoints_visible": [bool(visible > 0.5) for visible in sample.keypoints_px[:, 2]],
        "box_px": _flat(sample.box_px, np.float64),
        "camera_model": camera.model,
        "camera_width": camera.width,
        "camera_height": camera.height,
        "camera_focal_px": _flat(camera.focal_px, np.float64),
        "camera_center_px": _flat(camera.center_px, np.float64),
        "camera_rotation": _flat(camera.rotation, np.float64),
        "camera_translation_mm": _flat(camera.translation_mm, np.float64),
        "camera_distortion": _flat(camera.distortion, np.float64),
        "crop_focal_px": _flat(crop.focal_px, np.float64),
        "crop_center_px": _flat(crop.center_px, np.float64),
    }


def _flat(values: object, dtype: type) -> list[float]:
    return np.asarray(values, dtype=dtype).ravel().tolist()


def declared_size(data: np.ndarray) -> tuple[int, int] | None:
    """Height and width that a JPEG or PNG file says it has, px; None if it is neither.

    Args:
        data: (bytes,) uint8, the file.
    """
    head = data[:24].tobytes()
    if head.startswith(b"\x89PNG\r\n\x1a\n") and len(head) == 24:
        width, height = struct.unpack(">4xII", head[12:])
        return (height, width) if png_end(data) == len(data) else None
    at = 2
    while head.startswith(b"\xff\xd8") and at + 9 <= len(data):
        marker, kind, length, height, width = struct.unpack(">BBHxHH", data[at : at + 9].tobytes())
        if marker != 0xFF:
            return None
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):  # a frame header
            return height, width
        at += 2 + length
    return None


def png_end(data: np.ndarray) -> int:
    """Where a PNG file, (bytes,) uint8, ends by what its chunks say: beyond itself where one says
    more than there is, which a decoder would make room for."""
    at, kind = 8, b""
    while at < len(data) and kind != b"IEND":
        kind = data[at + 4 : at + 8].tobytes()
        at += 12 + int.from_bytes(data[at : at + 4].tobytes(), "big")
    return at
