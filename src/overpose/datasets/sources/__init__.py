"""Where datasets come from: one card per file, all of them in `SOURCES`.

Cards import what they need when they work, because the command line lists them. How a source is
read belongs to `human36m`, `own`, `rendering` and `mocap`.
"""

from pathlib import Path

from overpose.datasets.sources import amc, bvh, cmu, human36m, own, procedural
from overpose.datasets.sources.source import Source
from overpose.support.errors import InputError

SOURCES: tuple[Source, ...] = (
    human36m.SOURCE, own.SOURCE, cmu.SOURCE, amc.SOURCE, bvh.SOURCE, procedural.SOURCE,
)  # fmt: skip
"""Every source; the first that recognises what it is shown is taken."""


def recognised(place: Path | None, sources: tuple[Source, ...] = SOURCES) -> Source | None:
    """The source of what lies there, None if nobody knows it."""
    return next((source for source in sources if source.recognise(place)), None)


def motion_source(place: Path | None, sources: tuple[Source, ...] = SOURCES) -> Source:
    """The source of the motion that lies there, or for None of motion that needs no files.

    Raises:
        InputError: no source of motion knows it.
    """
    moving = tuple(source for source in sources if source.motions is not None)
    found = recognised(place, moving)
    if found is None:
        got = "nothing" if place is None or not place.exists() else "something else"
        expected = " or ".join(source.expected for source in moving if source.expected)
        raise InputError(f"{place}: got {got}, expected {expected}")
    return found
