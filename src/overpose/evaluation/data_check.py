"""The check of a directory: a finished dataset, or a user's images and poses before conversion."""

from collections.abc import Iterator
from pathlib import Path

from overpose.datasets.layout import INFO_NAME, PLAN_NAME
from overpose.datasets.own_table import check_own_data
from overpose.datasets.store import open_dataset
from overpose.errors import InputError
from overpose.evaluation.protocols import dataset_text, require_disjoint_subjects


def check_data(directory: Path) -> Iterator[str]:
    """Lines that say what is there, and of a user's own data everything that is wrong.

    Raises:
        InputError: something is wrong; it comes after the last line.
    """
    if (directory / INFO_NAME).is_file() or (directory / PLAN_NAME).is_file():
        with open_dataset(directory, verify=True) as dataset:
            require_disjoint_subjects(dataset)
            yield f"whole: {dataset_text(dataset)}"
        return
    found = check_own_data(directory)
    yield from found.problems
    if found.problems or found.table is None:
        count = len(found.problems)
        what = "one problem" if count == 1 else f"{count} problems"
        raise InputError(f"{directory}: {what}; see docs/own-data.md for the layout")
    table = found.table
    splits = table.text["split"].tolist()
    counts = ", ".join(f"{splits.count(name)} {name}" for name in dict.fromkeys(splits))
    subjects = len(set(table.text["subject"].tolist()))
    yield f"no problems: {len(table)} samples ({counts}) of {subjects} subjects"
    yield f"next: overpose data own --from {directory} --out DIR"
