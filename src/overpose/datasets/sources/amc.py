"""A user's own motion in ASF and AMC files, rendered by the studio."""

from pathlib import Path

from overpose.datasets.sources import cmu
from overpose.datasets.sources.source import RENDERED, USERS_LICENCE, Source


def recognise(place: Path | None) -> bool:
    """Whether this is a directory of them that is not named as CMU's is."""
    from overpose.mocap.library import holds_asf_amc

    return place is not None and place.is_dir() and holds_asf_amc(place)


SOURCE = Source(
    name="amc",
    title="AMC-Studio",
    licence=USERS_LICENCE,
    expected="your own ASF and AMC files (a directory with anna.asf and anna_1.amc)",
    recognise=recognise,
    motions=cmu.motions,
    provenance={
        "motion": "ASF and AMC files",
        "motion_licence": USERS_LICENCE,
        **RENDERED,
    },
)
