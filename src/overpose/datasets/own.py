"""A dataset of a user's own images and poses; what is wrong with them is said by `own_table`."""

import hashlib
from pathlib import Path

import numpy as np

import overpose
from overpose.datasets.crops import encoded_crop, encoded_mask
from overpose.datasets.layout import Sample
from overpose.datasets.own_table import OwnTable, check_own_data, read_image
from overpose.datasets.store import Dataset, open_dataset
from overpose.datasets.writer import begin_dataset, finish_dataset, write_shard
from overpose.errors import InputError
from overpose.progress import progress_bar

NAME = "own data"
_SAMPLES_PER_SHARD = 256
_SHOWN = 5


def convert_own_data(
    directory: Path, out: Path, *, image_size: int = 128, overwrite: bool = False
) -> Dataset:
    """Make a dataset of images and poses laid out as docs/own-data.md says, or finish one.

    Args:
        directory: images and table.
        out: directory of the dataset.
        image_size: height and width of the crops, px; black where a crop leaves the image.
        overwrite: whether a finished dataset, or another one, is removed from `out` first.

    Raises:
        InputError: something is wrong with the data (`check_own_data` names everything), or `out`
            holds something else.
    """
    if image_size < 1:
        raise InputError(f"image_size: got {image_size}, expected at least 1")
    found = check_own_data(directory)
    if found.problems or found.table is None:
        more = len(found.problems) - _SHOWN
        rest = f"; and {more} more: see overpose data check" if more > 0 else ""
        raise InputError(f"{directory}: {'; '.join(found.problems[:_SHOWN])}{rest}")
    table = found.table
    plan = {
        "overpose_version": overpose.__version__,
        "source": NAME,
        "image_size": image_size,
        "samples": len(table),
        "labels_sha256": _digest(table),
    }
    shards = -(-len(table) // _SAMPLES_PER_SHARD)
    with progress_bar(f"converting {directory.name}", len(table)) as advance:
        for shard in begin_dataset(out, plan, shards, overwrite=overwrite):
            first = shard * _SAMPLES_PER_SHARD
            rows = range(first, min(first + _SAMPLES_PER_SHARD, len(table)))
            write_shard(out, shard, [_sample(table, row, image_size) for row in rows])
            advance(len(rows))
    provenance = {
        "motion": f"the user's own, {directory.name}",
        "camera_is_assumed": not table.has_camera,
        "keypoints": "given" if table.points_px is not None else "projected",
    }
    if table.points_px is None and not table.has_camera:
        provenance["keypoints"] = "unknown: all marked as not seen"
    finish_dataset(out, shards, name=NAME, image_size=image_size, provenance=provenance)
    return open_dataset(out)


def _sample(table: OwnTable, row: int, image_size: int) -> Sample:
    path = table.image_path(row)
    image = read_image(path)
    if image is None:
        raise InputError(f"{path}: cannot be read any more; check the data again")
    camera = table.camera(row, *image.shape[1::-1])
    pose = table.poses_mm[row].astype(np.float32)
    left, top, side = box = table.box(row, camera)
    crop = camera.crop(left, top, side, side).resize(image_size, image_size)
    points, seen = np.zeros((17, 2)), np.zeros((17, 1))
    if table.points_px is not None:
        points = (table.points_px[row] - (left, top)) * image_size / side
        seen = ((points >= 0) & (points < image_size)).all(axis=1, keepdims=True)
    elif table.has_camera:
        points = crop.project_camera(table.poses_mm[row])
        seen = ((points >= 0) & (points < image_size)).all(axis=1, keepdims=True)
    mask_path = table.mask_path(row)
    mask = read_image(mask_path) if mask_path is not None else None
    text = {name: str(values[row]) for name, values in table.text.items()}
    whole = {
        name: int(table.numbers[name][row]) for name in ("camera", "frame") if name in table.numbers
    }
    return Sample(
        jpeg=encoded_crop(image, box, image_size),
        mask_png=None if mask is None else encoded_mask(_foreground(mask), box, image_size),
        subject=text["subject"],
        action=text["action"],
        trial=text["trial"] or f"{text['subject']}_{text['action']}",
        split=text["split"],
        camera_number=whole.get("camera", 0),
        frame=whole.get("frame", row),
        take=0,
        pose_mm=pose - pose[0],
        root_mm=pose[0],
        keypoints_px=np.concatenate([points, seen], axis=1).astype(np.float32),
        box_px=(float(left), float(top), float(side)),
        camera=camera,
        crop=crop,
    )


def _foreground(mask: np.ndarray) -> np.ndarray:
    """(height, width) bool of a mask (height, width, 3) uint8."""
    return mask.max(axis=2) > (127 if mask.max() > 1 else 0)  # masks of 0 and 1 are common too


def _digest(table: OwnTable) -> str:
    digest = hashlib.sha256(np.round(table.poses_mm, 1).tobytes())
    for name, values in (table.text | table.numbers).items():
        digest.update(f"{name}{values.tolist()}".encode())
    for row in range(len(table)):
        for path in (table.image_path(row), table.mask_path(row)):
            digest.update(f"{path.stat().st_size if path else None}".encode())
    if table.points_px is not None:
        digest.update(np.round(table.points_px, 2).tobytes())
    return digest.hexdigest()
