"""Writing a dataset shard by shard, so that an interruption loses no finished shard.

While it is written, a directory holds `unfinished.json` (what is being made) and for each finished
shard its images, masks, part of the table and, last, a record with their checksums. Each appears
whole or not at all. At the end `samples.parquet` and, last of all, `dataset.json` appear.
"""

import errno
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from overpose.datasets.layout import (
    FORMAT_VERSION,
    INFO_NAME,
    PLAN_NAME,
    SPLITS,
    TABLE_NAME,
    TABLE_SCHEMA,
    UNITS,
    Sample,
    image_shard_name,
    mask_shard_name,
    part_record_name,
    part_table_name,
    sample_row,
)
from overpose.skeleton import HUMAN36M
from overpose.support.checks import difference_text
from overpose.support.digests import sha256, sha256_of_file
from overpose.support.errors import InputError
from overpose.support.files import read_json, write_json, writing_file
from overpose.support.locks import working_alone
from overpose.support.object_storage import as_file
from overpose.support.shards import RECORD

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_OURS = (INFO_NAME, TABLE_NAME, PLAN_NAME)
_PART = re.compile(r"part-\d{5,}(-problems)?\.(parquet|json)")
_MASKS = re.compile(r"masks-\d{5,}\.shard")
_IMAGES = re.compile(r"images-\d{5,}\.shard")


def begin_dataset(
    directory: Path, plan: Mapping[str, Any], shards: int, *, overwrite: bool
) -> list[int]:
    """Make `directory` ready for the shards of a plan, or take up where an earlier run stopped.

    Args:
        directory: where the dataset goes; made if absent.
        plan: everything that decides the content, as JSON values; a rerun must give the same.
        shards: how many shards the plan has.
        overwrite: whether a finished dataset, or one of another plan, is removed first.

    Returns:
        The numbers of the shards still to be written, in order; empty when all are there.

    Raises:
        InputError: the directory holds another plan's dataset (the message names the first
            difference) or files that are no dataset.
    """
    plan = json.loads(json.dumps(plan, allow_nan=False))
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{directory}: is a file, expected a directory to write a dataset to")
    earlier = _earlier_plan(directory)
    if earlier is None and directory.is_dir() and any(directory.iterdir()):
        raise InputError(
            f"{directory}: is not empty and holds no dataset; give an empty or a new directory"
        )
    if earlier is not None and (earlier != plan or (overwrite and is_finished(directory))):
        if not overwrite:
            raise InputError(
                f"{directory} holds a dataset made otherwise ({difference_text(earlier, plan)}); "
                "give another directory, the same options to resume, or --overwrite"
            )
        remove_dataset(directory)
        earlier = None
    directory.mkdir(parents=True, exist_ok=True)
    for leftover in directory.glob(".*.part"):
        leftover.unlink(missing_ok=True)
    if is_finished(directory):
        _remove_parts(directory)
        return []
    if earlier is None:
        write_json(directory / PLAN_NAME, {"plan": plan, "shards": shards})
    return [number for number in range(shards) if not _is_written(directory, number)]


@contextmanager
def writing_dataset(
    directory: Path, plan: Mapping[str, Any], shards: int, *, overwrite: bool
) -> Iterator[list[int]]:
    """`begin_dataset`, with other processes of overpose kept out of the directory meanwhile.

    Raises:
        InputError: as there, or another run is writing there.
    """
    with working_alone(directory):
        yield begin_dataset(directory, plan, shards, overwrite=overwrite)


def write_shard(directory: Path, number: int, samples: Sequence[Sample]) -> None:
    """Write one shard: images, masks, its part of the table, then the record that it is finished.

    Raises:
        InputError: the disk is full; nothing of the shard is left under its name.
    """
    if not samples:
        raise InputError(f"shard {number}: got no samples, expected at least one")
    try:
        _write_shard(directory, number, samples)
    except OSError as error:
        raise_if_disk_full(error, directory)
        raise


def shard_files(directory: Path, number: int) -> list[Path]:
    """The files of a shard that `write_shard` wrote."""
    kinds = (image_shard_name, mask_shard_name, part_table_name, part_record_name)
    paths = [directory / kind(number) for kind in kinds]
    return [path for path in paths if path.is_file()]


def finish_dataset(
    directory: Path, shards: int, *, name: str, image_size: int, provenance: Mapping[str, Any]
) -> None:
    """Join the finished shards' tables and write `dataset.json`, which makes the dataset complete.

    Args:
        directory: where `write_shard` wrote.
        shards: how many there must be.
        name: what the dataset is called.
        image_size: height and width of every image, pixels.
        provenance: source, licence and the like, as JSON values.

    Raises:
        InputError: a shard is not finished, or the disk is full.
    """
    if is_finished(directory):
        return
    missing = [number for number in range(shards) if not _is_written(directory, number)]
    if missing:
        raise InputError(f"{directory}: shard {missing[0]} is not finished; run again to resume")
    plan = read_json(directory / PLAN_NAME)["plan"]
    records = [read_json(directory / part_record_name(number)) for number in range(shards)]
    parts = [
        pq.read_table(as_file(directory / part_table_name(number))) for number in range(shards)
    ]
    table = pa.concat_tables(parts) if parts else TABLE_SCHEMA.empty_table()
    splits = table.column("split").to_pylist()
    try:
        with writing_file(directory / TABLE_NAME) as temporary:
            pq.write_table(table, temporary, compression="zstd")
            written = _described(temporary) | {"name": TABLE_NAME}
        info = {
            "format": "overpose-dataset",
            "format_version": FORMAT_VERSION,
            "name": name,
            "samples": table.num_rows,
            "splits": {split: splits.count(split) for split in SPLITS},
            "image_size": image_size,
            "color": "RGB, 8 bits",
            "skeleton": {
                "name": HUMAN36M.name,
                "joint_names": list(HUMAN36M.joint_names),
                "parents": list(HUMAN36M.parents),
            },
            "units": UNITS,
            "provenance": dict(provenance),
            "plan": plan,
            "table": written,
            "shards": records,
        }
        write_json(directory / INFO_NAME, info)
    except OSError as error:
        raise_if_disk_full(error, directory)
        raise
    _remove_parts(directory)


def is_finished(directory: Path) -> bool:
    """Whether the directory holds a complete dataset."""
    return (directory / INFO_NAME).is_file()


def remove_dataset(directory: Path) -> None:
    """Remove a dataset, complete or not, and nothing else.

    `dataset.json` goes first. The shards of images go last, so that what a kill leaves can be told
    from somebody's files: any dataset has such shards, a table of its name need not be one.
    """
    for name in _OURS:
        (directory / name).unlink(missing_ok=True)
    for kind in (_PART, RECORD, _MASKS, _IMAGES):
        for path in _named(directory, kind):
            path.unlink(missing_ok=True)


def raise_if_disk_full(error: OSError, directory: Path) -> None:
    """Turn "no space left" into one clear line; does nothing for other errors.

    Raises:
        InputError: `error` says that the disk or the quota is full.
    """
    if error.errno in DISK_FULL:
        raise InputError(
            f"{directory}: no space left on the disk; finished shards are kept: "
            "make room and run again to resume"
        ) from error


def _write_shard(directory: Path, number: int, samples: Sequence[Sample]) -> None:
    images, masks = directory / image_shard_name(number), directory / mask_shard_name(number)
    has_masks = any(sample.mask_png is not None for sample in samples)
    rows, offset, mask_offset = [], 0, 0
    for sample in samples:
        rows.append(sample_row(sample, images.name, offset, masks.name, mask_offset))
        offset += len(sample.jpeg)
        mask_offset += len(sample.mask_png or b"")
    described = _written(images, b"".join(sample.jpeg for sample in samples))
    of_masks = None
    if has_masks:
        of_masks = _written(masks, b"".join(sample.mask_png or b"" for sample in samples))
    with writing_file(directory / part_table_name(number)) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=TABLE_SCHEMA), temporary)
    record = {
        "samples": len(samples),
        "images": described,
        "masks": of_masks,
    }
    write_json(directory / part_record_name(number), record)


def _is_written(directory: Path, number: int) -> bool:
    try:
        record = read_json(directory / part_record_name(number))
        files = [record["images"], *([record["masks"]] if record["masks"] else [])]
        whole = all((directory / f["name"]).stat().st_size == f["bytes"] for f in files)
        return whole and (directory / part_table_name(number)).is_file()
    except (InputError, OSError, KeyError, TypeError):
        return False


def _written(path: Path, content: bytes) -> dict[str, Any]:
    with writing_file(path) as temporary:
        temporary.write_bytes(content)
    return {"name": path.name, "bytes": len(content), "sha256": sha256(content)}


def _described(path: Path) -> dict[str, Any]:
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": sha256_of_file(path)}


def _remove_parts(directory: Path) -> None:
    for kind in (_PART, RECORD):
        for path in _named(directory, kind):
            path.unlink(missing_ok=True)
    (directory / PLAN_NAME).unlink(missing_ok=True)


def _named(directory: Path, kind: re.Pattern[str]) -> list[Path]:
    """The files of a directory that are called as a dataset's files of a kind are, in order."""
    if not directory.is_dir():
        return []
    return sorted(path for path in directory.iterdir() if kind.fullmatch(path.name))


def _earlier_plan(directory: Path) -> dict[str, Any] | None:
    """The plan of the dataset that a directory holds; {} if it is lost, None if there is none."""
    for name in (INFO_NAME, PLAN_NAME):
        if (directory / name).is_file():
            try:
                described = read_json(directory / name)
            except InputError:
                described = {}
            if isinstance(described.get("plan"), dict):
                return described["plan"]
    # Damaged, or killed while it was removed: shards that nothing describes may be overwritten.
    return {} if _named(directory, _IMAGES) else None
