"""A user's own images and poses."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overpose.datasets.sources.source import Source
from overpose.support.errors import InputError
from overpose.support.files import Output

NAME = "own data"


@dataclass(frozen=True)
class OwnOptions:
    """How to cut your own images."""

    image_size: int = 128
    """Height and width of the crops, pixels."""


def convert(place: Path, output: Output, options: OwnOptions, processes: int | None) -> Any:
    from overpose.datasets.own.convert import convert_own_data

    return convert_own_data(place, output, image_size=options.image_size, processes=processes)


def recognise(place: Path | None) -> bool:
    """Whether this is a directory with a table."""
    from overpose.datasets.own.table import TABLES

    return place is not None and any((place / name).is_file() for name in TABLES)


def check(place: Path) -> Iterator[str]:
    """Everything that is wrong with the images and poses, or what there is."""
    from overpose.datasets.own.checks import check_own_data

    found = check_own_data(place)
    yield from found.problems
    yield from (f"note: {note}" for note in found.notes)
    if found.problems or found.table is None:
        count = len(found.problems)
        what = "one problem" if count == 1 else f"{count} problems"
        raise InputError(f"{place}: {what}; see docs/own-data.md for the layout")
    table = found.table
    splits = table.text["split"].tolist()
    counts = ", ".join(f"{splits.count(name)} {name}" for name in dict.fromkeys(splits))
    subjects = len(set(table.text["subject"].tolist()))
    yield f"no problems: {len(table)} samples ({counts}) of {subjects} subjects"


SOURCE = Source(
    name="own",
    title=NAME,
    licence="what you say it is",
    expected="a directory with images and samples.csv or samples.parquet",
    recognise=recognise,
    help="""Make a dataset of your own images and poses; see docs/own-data.md.

Example: overpose data own --from mine --out data/mine""",
    options=OwnOptions,
    convert=convert,
    check=check,
)
