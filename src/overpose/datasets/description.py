"""What a dataset's directory says of itself, checked before anything of it is used.

`dataset.json`, the presence and sizes of the files that it names, and the table of samples. Images
are read by `store`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from overpose.datasets.crops import LARGEST_CROP
from overpose.datasets.layout import (
    FORMAT_VERSION,
    INFO_NAME,
    PLAN_NAME,
    SPLITS,
    TABLE_NAME,
    TABLE_SCHEMA,
)
from overpose.support.digests import sha256_of_file
from overpose.support.errors import InputError
from overpose.support.files import read_json
from overpose.support.object_storage import as_file

RENDER_AGAIN = "copy the dataset again, or render it again with --overwrite"
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_TABLE_BYTES, _ROW_BYTES = 1 << 20, 1 << 14
"""More than a table, and a row of it, takes."""


@dataclass(frozen=True)
class DatasetInfo:
    """What `dataset.json` says.

    Attributes:
        name: what the dataset is called.
        path: its directory.
        image_size: height and width of every image, pixels.
        samples: how many samples the whole dataset has.
        provenance: where the motion comes from, its licence and so on.
        plan: the options that it was made with.
        overpose_version: the version that made it, "" if unknown.
    """

    name: str
    path: Path
    image_size: int
    samples: int
    provenance: Mapping[str, Any]
    plan: Mapping[str, Any]
    overpose_version: str


class _File(msgspec.Struct):
    name: str
    bytes: Annotated[int, msgspec.Meta(ge=0)]
    sha256: str


class _Shard(msgspec.Struct):
    images: _File
    masks: _File | None


class _Said(msgspec.Struct):
    """What is read of `dataset.json`."""

    name: str
    samples: Annotated[int, msgspec.Meta(ge=0)]
    image_size: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_CROP)]
    provenance: dict[str, Any]
    plan: dict[str, Any]
    table: _File
    shards: list[_Shard]


def read_description(directory: Path, *, verify: bool) -> tuple[DatasetInfo, pa.Table]:
    """What `dataset.json` says, and the table of samples. Arguments and errors: `open_dataset`."""
    if not (directory / INFO_NAME).is_file():
        if (directory / PLAN_NAME).is_file():
            raise InputError(
                f"{directory}: the rendering was not finished; run the same command to resume it"
            )
        raise InputError(f"{directory}: no {INFO_NAME} there; expected a dataset's directory")
    info = read_json(directory / INFO_NAME)
    if info.get("format_version") != FORMAT_VERSION:
        raise InputError(
            f"{directory / INFO_NAME}: format version {info.get('format_version')!r}, this version "
            f"of overpose reads {FORMAT_VERSION}; render it again or use another version"
        )
    try:
        said = msgspec.convert(info, _Said)
    except msgspec.ValidationError as error:
        raise InputError(f"{directory / INFO_NAME}: damaged ({error}); {RENDER_AGAIN}") from None
    described = [said.table, *(shard.images for shard in said.shards)]
    described += [shard.masks for shard in said.shards if shard.masks is not None]
    for file in described:
        if not _FILE_NAME.fullmatch(file.name):
            raise InputError(
                f"{directory / INFO_NAME}: names the file {file.name!r}, expected one beside it; "
                "this dataset may not be what it says: get it from somewhere else"
            )
    sizes = {file.name: (file.bytes, file.sha256) for file in described}
    summary = DatasetInfo(
        name=said.name,
        path=directory,
        image_size=said.image_size,
        samples=said.samples,
        provenance=said.provenance,
        plan=said.plan,
        overpose_version=str(said.plan.get("overpose_version", "")),
    )
    there = {path.name: path for path in directory.iterdir()}
    for name, (size, digest) in sizes.items():
        path = there.get(name, directory / name)
        _check_file(path, size, digest if verify else None)
    table = _read_table(directory / TABLE_NAME, sum(shard.images.bytes for shard in said.shards))
    if table.num_rows != summary.samples:
        raise InputError(
            f"{directory / TABLE_NAME}: {table.num_rows} rows, {INFO_NAME} says {summary.samples}; "
            f"{RENDER_AGAIN}"
        )
    stored = (
        table.column("shard").unique().to_pylist() + table.column("mask_shard").unique().to_pylist()
    )
    unknown = {name for name in stored if name is not None} - set(sizes)
    if unknown:
        raise InputError(
            f"{directory / TABLE_NAME}: shard {min(unknown)!r} is not listed in {INFO_NAME}; "
            f"{RENDER_AGAIN}"
        )
    return summary, table


def _check_file(path: Path, size: int, digest: str | None) -> None:
    if not path.is_file():
        raise InputError(f"{path}: missing, expected {size} bytes; {RENDER_AGAIN}")
    got = path.stat().st_size
    if got != size:
        kind = "truncated" if got < size else "too long"
        raise InputError(f"{path}: {kind}: {got} bytes, expected {size}; {RENDER_AGAIN}")
    if digest is not None and (found := sha256_of_file(path)) != digest:
        raise InputError(f"{path}: altered: SHA-256 {found}, expected {digest}; {RENDER_AGAIN}")


def _read_table(path: Path, most_rows: int) -> pa.Table:
    """The table of samples; each has at least a byte of an image."""
    try:
        with pq.ParquetFile(as_file(path)) as file:
            rows, groups = file.metadata.num_rows, file.metadata.num_row_groups
            held = sum(file.metadata.row_group(each).total_byte_size for each in range(groups))
            if rows > most_rows or held > _TABLE_BYTES + rows * _ROW_BYTES:
                raise InputError(
                    f"{path}: got {rows} rows of {held} bytes for {most_rows} bytes of images; "
                    f"{RENDER_AGAIN}"
                )
            table = file.read()
        table.validate(full=True)
        there = table.column_names
    except InputError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:  # also names that are not UTF-8
        line = (str(error).splitlines() or ["damaged"])[0]
        raise InputError(f"{path}: not a readable table ({line}); {RENDER_AGAIN}") from None
    missing = [name for name in TABLE_SCHEMA.names if name not in there]
    if missing:
        raise InputError(f"{path}: no column {missing[0]!r}; {RENDER_AGAIN}")
    try:
        table = table.select(TABLE_SCHEMA.names).cast(TABLE_SCHEMA).combine_chunks()
    except (pa.ArrowException, ValueError) as error:
        line = str(error).splitlines()[0]
        raise InputError(f"{path}: a column of another kind ({line}); {RENDER_AGAIN}") from None
    for name in TABLE_SCHEMA.names:
        if not name.startswith("mask_") and table.column(name).null_count:
            raise InputError(f"{path}: column {name!r} has holes; {RENDER_AGAIN}")
    unknown = set(table.column("split").unique().to_pylist()) - set(SPLITS)
    if unknown:
        raise InputError(f"{path}: split {sorted(unknown)[0]!r}, expected {', '.join(SPLITS)}")
    return table
