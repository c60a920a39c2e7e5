"""The check of a directory: a finished dataset, or a user's images and poses before conversion."""

from collections.abc import Iterator
from pathlib import Path

from overpose.datasets.human36m.archives import ARCHIVE_SUFFIXES
from overpose.datasets.human36m.names import SUBJECTS
from overpose.datasets.layout import INFO_NAME, PLAN_NAME
from overpose.datasets.own.checks import check_own_data
from overpose.datasets.own.table import TABLES
from overpose.datasets.store import open_dataset
from overpose.measure.protocols import dataset_text, require_disjoint_subjects
from overpose.support.errors import InputError

_HUMAN36M_FOLDERS = ("Videos", "MyPoseFeatures", "MySegmentsMat")
_HUMAN36M_ARCHIVES = ("poses_", "videos_", "segments_")


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
    if _looks_like_human36m(directory):
        raise InputError(
            f"{directory}: looks like a copy of Human3.6M, expected a dataset or your own images; "
            f"make a dataset of it: overpose data human36m --from {directory} --out DIR"
        )
    found = check_own_data(directory)
    yield from found.problems
    yield from (f"note: {note}" for note in found.notes)
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


def _looks_like_human36m(path: Path) -> bool:
    """Whether this is the official tree, a directory of the official archives, or one of them."""
    if path.is_file():
        return _is_official_archive(path)
    if not path.is_dir() or any((path / name).is_file() for name in TABLES):
        return False
    folders = (path / subject / folder for subject in SUBJECTS for folder in _HUMAN36M_FOLDERS)
    return any(folder.is_dir() for folder in folders) or any(
        entry.is_file() and _is_official_archive(entry) for entry in path.iterdir()
    )


def _is_official_archive(path: Path) -> bool:
    name = path.name.lower()
    return name.startswith(_HUMAN36M_ARCHIVES) and name.endswith(ARCHIVE_SUFFIXES)
