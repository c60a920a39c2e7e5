"""Human3.6M, from a user's own licensed copy."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overpose.datasets.sources.source import Source
from overpose.support.files import Output

NAME = "Human3.6M"
LICENCE = (
    "the dataset's own licence, for research only and not to be passed on; this copy falls under it"
)
_FOLDERS = ("Videos", "MyPoseFeatures", "MySegmentsMat")
_ARCHIVES = ("poses_", "videos_", "segments_")


@dataclass(frozen=True)
class Human36mOptions:
    """What to take of Human3.6M."""

    image_size: int = 128
    """Height and width of the crops, pixels."""
    actions: tuple[str, ...] = ()
    """Actions to take; the six of the paper if not given."""
    every: int = 1
    """Take one frame of that many; the videos have 50 a second."""
    metadata: Path | None = None
    """metadata.xml, if it is elsewhere."""


def convert(place: Path, output: Output, options: Human36mOptions, processes: int | None) -> Any:
    from overpose.datasets.human36m.convert import convert_human36m
    from overpose.datasets.human36m.names import PAPER_ACTIONS

    return convert_human36m(
        place,
        output,
        image_size=options.image_size,
        actions=options.actions or PAPER_ACTIONS,
        every=options.every,
        metadata=options.metadata,
        processes=processes,
    )


def recognise(place: Path | None) -> bool:
    """Whether this is the official tree, a directory of the official archives, or one of them."""
    from overpose.datasets.human36m.names import SUBJECTS
    from overpose.datasets.own.table import TABLES

    if place is None:
        return False
    if place.is_file():
        return _is_official_archive(place)
    if not place.is_dir() or any((place / name).is_file() for name in TABLES):
        return False
    folders = (place / subject / folder for subject in SUBJECTS for folder in _FOLDERS)
    return any(folder.is_dir() for folder in folders) or any(
        entry.is_file() and _is_official_archive(entry) for entry in place.iterdir()
    )


def _is_official_archive(path: Path) -> bool:
    from overpose.datasets.human36m.archives import ARCHIVE_SUFFIXES

    name = path.name.lower()
    return name.startswith(_ARCHIVES) and name.endswith(ARCHIVE_SUFFIXES)


SOURCE = Source(
    name="human36m",
    title=NAME,
    licence=LICENCE,
    expected="the official directory of Human3.6M, or one with the official archives",
    recognise=recognise,
    help="""Make a dataset of your licensed copy of Human3.6M; see docs/human36m.md.

What is missing or damaged is listed, and the rest is used. The same command resumes.

Example: overpose data human36m --from human3.6m --out data/h36m --every 5""",
    options=Human36mOptions,
    convert=convert,
)
