"""`overpose merge`: the parts that `--shard` made, put together as if one command had made them.

Every file is compared with its hash before anything appears.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from overpose.datasets.layout import PLAN_NAME
from overpose.datasets.writer import finish_dataset
from overpose.support.checks import difference_text
from overpose.support.digests import sha256_of_file
from overpose.support.errors import InputError
from overpose.support.files import write_json, writing_directory
from overpose.support.progress import progress_bar
from overpose.support.records import Record
from overpose.support.shards import RECORD


def merge(parts: Sequence[Path], out: Path) -> str:
    """Put the parts of a command's work together.

    The files are those of a run without `--shard`, byte by byte. Where the file system can, they
    are links to those of the parts, and take no more room.

    Args:
        parts: directories with the records of parts, in any order; several may be in one.
        out: a directory that is not there, or empty.

    Returns:
        What was merged, in a line.

    Raises:
        InputError: parts are missing, doubled, unfinished, damaged or made differently, two have a
            file of the same name, or `out` holds something: then nothing is merged. Or inputs
            failed: then the others are merged.
    """
    records = _records(parts)
    _require_whole(records)
    _require_apart(records)
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise InputError(f"{out}: is there already, expected a new or an empty directory")
    plan = records[0].plan
    with writing_directory(out) as temporary:
        _gather(records, temporary)
        if plan["command"] == "render":
            _finish_render(plan, temporary)
    failed = [why for record in records for why in record.failed.values()]
    if failed:
        raise InputError(f"{out}: merged without what failed: {'; '.join(failed)}")
    units = len(plan["units"])
    what = "shards of a dataset" if plan["command"] == "render" else "inputs"
    return f"{len(records)} parts, {units} {what}: {out}"


def _records(parts: Sequence[Path]) -> list[Record]:
    """All records, in order of their numbers."""
    found: list[Record] = []
    for part in dict.fromkeys(parts):
        if not part.is_dir():
            raise InputError(f"{part}: no such directory; expected one that --shard wrote to")
        paths = sorted(path for path in part.iterdir() if RECORD.fullmatch(path.name))
        if not paths:
            raise InputError(f"{part}: holds no shard-I-of-N.json; expected what --shard wrote")
        found += map(Record.read, paths)
    if not found:
        raise InputError("merge: got no directory, expected those of the parts")
    return sorted(found, key=lambda record: record.shard.number)


def _require_whole(records: Sequence[Record]) -> None:
    """Every part once, all of the same work, and all of them finished."""
    first = records[0]
    for other in records[1:]:
        if other.shard.of != first.shard.of or other.plan != first.plan:
            why = f"{other.shard.of} parts there, {first.shard.of} here"
            if other.shard.of == first.shard.of:
                why = difference_text(other.plan, first.plan)
            raise InputError(
                f"{other.path} and {first.path} were made differently ({why}); expected parts of "
                "the same inputs and options"
            )
    of = first.shard.of
    places: dict[int, Path] = {}
    for record in records:
        other = places.setdefault(record.shard.number, record.path)
        if other != record.path:
            raise InputError(f"part {record.shard} is there twice: {other} and {record.path}")
    missing = [str(number) for number in range(of) if number not in places]
    if missing:
        raise InputError(f"of {of} parts got {len(places)}; missing: {', '.join(missing)}")
    for record in records:
        known = {*record.done, *record.failed}
        undone = [name for name in record.units if name not in known]
        if undone:
            raise InputError(
                f"{record.path}: part {record.shard} is not finished ({undone[0]} is missing); "
                "run its command again"
            )


def _require_apart(records: Sequence[Record]) -> None:
    """No two files of one name, also where capitals and small letters are the same."""
    taken: dict[str, Path] = {}
    for record in records:
        for file in (file for files in record.done.values() for file in files):
            path = record.path.parent / file.name
            other = taken.setdefault(file.name.casefold(), path)
            if other is not path:
                raise InputError(
                    f"{path} and {other} have the same name; expected inputs of different names"
                )


def _gather(records: Sequence[Record], out: Path) -> None:
    files = [
        (record.path.parent / file.name, file)
        for record in records
        for unit in record.done.values()
        for file in unit
    ]
    with progress_bar("merge", len(files)) as advance:
        for path, file in files:
            if not path.is_file():
                raise InputError(f"{path}: missing; run the command of its part again")
            found = path.stat().st_size
            if found != file.bytes or sha256_of_file(path) != file.sha256:
                raise InputError(
                    f"{path}: damaged ({found} bytes, expected {file.bytes} of SHA-256 "
                    f"{file.sha256[:12]}...); delete it and run the command of its part again"
                )
            _place(path, out / file.name)
            advance(1)


def _place(source: Path, target: Path) -> None:
    """A link where there can be one: nothing here writes into a file that is there."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def _finish_render(plan: Mapping[str, Any], out: Path) -> None:
    shards = len(plan["units"])
    try:
        write_json(out / PLAN_NAME, {"plan": plan["dataset"], "shards": shards})
        finish_dataset(out, shards, **plan["head"])
    except (KeyError, TypeError) as error:
        raise InputError(f"merge: the records lack what a dataset needs ({error})") from None
