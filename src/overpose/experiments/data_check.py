"""The check of a directory: a finished dataset, or a user's images and poses before conversion."""

from collections.abc import Iterator
from pathlib import Path

from overpose.datasets.layout import INFO_NAME, PLAN_NAME
from overpose.datasets.sources import SOURCES, recognised
from overpose.datasets.sources.own import SOURCE as OWN
from overpose.datasets.sources.source import Source
from overpose.datasets.store import open_dataset
from overpose.measure.protocols import dataset_text, require_disjoint_subjects
from overpose.support.errors import InputError


def check_data(directory: Path, sources: tuple[Source, ...] = SOURCES) -> Iterator[str]:
    """Lines that say what is there, and of a user's own data everything that is wrong.

    Args:
        directory: what to check; taken for a user's own data where no source recognises it.
        sources: cards of what it may be.

    Raises:
        InputError: something is wrong; it comes after the last line.
    """
    if (directory / INFO_NAME).is_file() or (directory / PLAN_NAME).is_file():
        with open_dataset(directory, verify=True) as dataset:
            require_disjoint_subjects(dataset)
            yield f"whole: {dataset_text(dataset)}"
        return
    source = recognised(directory, sources) or OWN
    if source.check is None:
        raise InputError(
            f"{directory}: looks like a copy of {source.title}, expected a dataset or your own "
            f"images; make a dataset of it: {source.next_command(directory)}"
        )
    yield from source.check(directory)
    yield f"next: {source.next_command(directory)}"
