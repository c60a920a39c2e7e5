"""A user's own motion in BVH files, rendered by the studio."""

from pathlib import Path

from overpose.datasets.sources import cmu
from overpose.datasets.sources.source import RENDERED, USERS_LICENCE, Source


def recognise(place: Path | None) -> bool:
    """Whether this is a BVH file, or a directory of them."""
    from overpose.mocap.library import bvh_files

    return place is not None and bool(bvh_files(place))


SOURCE = Source(
    name="bvh",
    title="BVH-Studio",
    licence=USERS_LICENCE,
    expected="BVH files (one, or a directory of them)",
    recognise=recognise,
    motions=cmu.motions,
    provenance={
        "motion": "BVH files",
        "motion_licence": USERS_LICENCE,
        **RENDERED,
    },
)
