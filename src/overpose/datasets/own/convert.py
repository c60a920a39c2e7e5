"""A dataset of a user's own images and poses; what is wrong with them belongs to `checks`."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from overpose.datasets.crops import LARGEST_CROP, encoded_crop, encoded_mask
from overpose.datasets.layout import Sample
from overpose.datasets.own.checks import check_own_data
from overpose.datasets.own.files import read_image
from overpose.datasets.own.table import PELVIS, WHOLE_NUMBERS, Findings, OwnTable
from overpose.datasets.sources.own import NAME
from overpose.datasets.store import Dataset, open_dataset
from overpose.datasets.writer import finish_dataset, write_shard, writing_dataset
from overpose.support.digests import sha256
from overpose.support.errors import InputError
from overpose.support.files import Output
from overpose.support.progress import progress_bar
from overpose.support.version import VERSION
from overpose.support.workers import do_jobs, number_of_processes

_SAMPLES_PER_SHARD = 256
_SHOWN = 5


def convert_own_data(
    directory: Path,
    output: Output,
    *,
    image_size: int = 128,
    processes: int | None = None,
) -> Dataset:
    """Make a dataset of images and poses laid out as docs/own-data.md says, or finish one.

    Args:
        directory: images and table.
        output: directory of the dataset, neither in `directory` nor around it; and whether a
            finished dataset, or another one, is removed from it first.
        image_size: height and width of the crops, px.
        processes: how many to use; None: one for each core. The result does not depend on it.

    Raises:
        InputError: an argument is out of range, something is wrong with the data
            (`check_own_data` names everything), the directory holds something else, the disk is
            full, or a process was killed.
    """
    if isinstance(image_size, bool) or not isinstance(image_size, int):
        raise InputError(f"image_size: got {image_size!r}, expected a whole number")
    if not 1 <= image_size <= LARGEST_CROP:
        raise InputError(f"image_size: got {image_size}, expected 1 to {LARGEST_CROP} px")
    out, processes = output.out, number_of_processes(processes)
    _require_apart(directory, out)
    found = check_own_data(directory, processes=processes)
    table = found.table
    if found.problems or table is None:
        more = len(found.problems) - _SHOWN
        rest = f"; and {more} more: see overpose data check" if more > 0 else ""
        raise InputError(f"{directory}: {'; '.join(found.problems[:_SHOWN])}{rest}")
    plan = {
        "overpose_version": VERSION,
        "source": NAME,
        "image_size": image_size,
        "samples": len(table),
        "labels_sha256": _digest(table, found.files_sha256),
    }
    shards = [
        range(first, min(first + _SAMPLES_PER_SHARD, len(table)))
        for first in range(0, len(table), _SAMPLES_PER_SHARD)
    ]
    with writing_dataset(out, plan, len(shards), overwrite=output.overwrite) as missing:
        jobs = [(number, shards[number]) for number in missing]
        make_work = partial(_make_work, out, image_size)
        name = directory.resolve().name
        with progress_bar(f"converting {name}", len(table)) as advance:
            advance(len(table) - sum(len(rows) for _, rows in jobs))
            for samples in do_jobs(jobs, make_work, table, max(1, min(processes, len(jobs)))):
                advance(samples)
        provenance = _provenance(found, table, name)
        finish_dataset(out, len(shards), name=NAME, image_size=image_size, provenance=provenance)
    return open_dataset(out)


def _require_apart(directory: Path, out: Path) -> None:
    """Refuse an output that lies in the user's own data or around it: nothing there is ours."""
    source, target = directory.resolve(), out.resolve()
    if source == target:
        where = "is the directory of"
    elif source in target.parents:
        where = f"lies in {directory}, with"
    elif target in source.parents:
        where = f"holds {directory}, with"
    else:
        return
    raise InputError(
        f"{out}: {where} your own images and table, expected a directory apart from them; give "
        "another --out"
    )


def _provenance(found: Findings, table: OwnTable, name: str) -> dict[str, Any]:
    if table.points_px is not None:
        keypoints = "given"
    elif table.has_camera:
        keypoints = "projected"
    else:
        keypoints = "unknown: all marked as not seen"
    provenance: dict[str, Any] = {
        "motion": f"the user's own, {name}",
        "camera_is_assumed": "focal_px" not in table.numbers,
        "world": "assumed: the camera is level, at the origin, and looks along y",
        "keypoints": keypoints,
    }
    if table.is_root_relative:
        provenance["root_mm"] = "unknown: poses were given relative to the pelvis"
    if found.notes:
        provenance["notes"] = found.notes
    return provenance


def _make_work(
    out: Path, image_size: int, table: OwnTable
) -> Callable[[tuple[int, range], Callable[[], None]], int]:
    def work(job: tuple[int, range], check: Callable[[], None]) -> int:
        number, rows = job
        samples = []
        for row in rows:
            check()
            samples.append(_sample(table, row, image_size))
        write_shard(out, number, samples)
        return len(samples)

    return work


def _sample(table: OwnTable, row: int, image_size: int) -> Sample:
    image = _read_again(table.image_path(row))
    camera = table.camera(row, *image.shape[1::-1])
    pose = table.poses_mm[row]
    left, top, side = box = table.box(row, camera)
    crop = camera.crop(left, top, side, side).resize(image_size, image_size)
    points, seen = np.zeros((len(pose), 2)), np.zeros((len(pose), 1))
    if table.points_px is not None:
        points = (table.points_px[row] - (left, top)) * image_size / side
        seen = ((points >= 0) & (points < image_size)).all(axis=1, keepdims=True)
    elif table.has_camera:
        points = crop.project_camera(pose)
        seen = ((points >= 0) & (points < image_size)).all(axis=1, keepdims=True)
    mask_path = table.mask_path(row)
    mask = None if mask_path is None else _foreground(_read_again(mask_path))
    text = {name: str(values[row]) for name, values in table.text.items()}
    whole = {name: int(table.numbers[name][row]) for name in WHOLE_NUMBERS if name in table.numbers}
    return Sample(
        jpeg=encoded_crop(image, box, image_size),
        mask_png=None if mask is None else encoded_mask(mask, box, image_size),
        subject=text["subject"],
        action=text["action"],
        trial=text["trial"] or f"{text['subject']}_{text['action']}",
        split=text["split"],
        camera_number=whole.get("camera", 0),
        frame=whole.get("frame", row),
        take=0,
        pose_mm=(pose - pose[PELVIS]).astype(np.float32),
        root_mm=pose[PELVIS].astype(np.float32),
        keypoints_px=np.concatenate([points, seen], axis=1).astype(np.float32),
        box_px=(float(left), float(top), float(side)),
        camera=camera,
        crop=crop,
    )


def _read_again(path: Path) -> np.ndarray:
    """(height, width, 3) uint8 RGB of a file that the check could read."""
    image = read_image(path)
    if image is None:
        raise InputError(f"{path}: cannot be read any more; check the data again")
    return image


def _foreground(mask: np.ndarray) -> np.ndarray:
    """(height, width) bool of a mask (height, width, 3) uint8."""
    return mask.max(axis=2) > (127 if mask.max() > 1 else 0)  # masks of 0 and 1 are common too


def _digest(table: OwnTable, files_sha256: list[tuple[str, str]]) -> str:
    """Of everything that decides the dataset: all that is used of the table, and all files."""
    columns = (f"{name}{values.tolist()}" for name, values in (table.text | table.numbers).items())
    points = [p + 0.0 for p in (table.poses_mm, table.points_px) if p is not None]  # no -0.0
    return sha256(repr(files_sha256), *columns, *points)
