"""CMU-Studio: the benchmark of six actions, from CMU's motion capture rendered by the studio."""

from pathlib import Path
from typing import Any

from overpose.datasets.sources.source import RENDERED, MotionRequest, Source

LICENCE = (
    "free for use in research and commercial projects; may be copied, modified "
    "and redistributed, not resold directly, even in converted form"
)


def recognise(place: Path | None) -> bool:
    """Whether this is a directory in CMU's layout and with its names, or an archive."""
    from overpose.mocap.library import holds_asf_amc, is_named_as_cmu

    return place is not None and holds_asf_amc(place) and is_named_as_cmu(place)


def motions(request: MotionRequest) -> Any:
    from overpose.datasets.rendering.recorded import LibraryMotions, open_recorded

    library, splits = open_recorded(request.recorded)
    return splits.trials(), LibraryMotions(library, request.fps)


SOURCE = Source(
    name="cmu",
    title="CMU-Studio",
    licence=LICENCE,
    expected="CMU's files (a directory or an archive with subjects/01/01.asf and "
    "subjects/01/01_01.amc)",
    recognise=recognise,
    motions=motions,
    provenance={
        "motion": "CMU Graphics Lab Motion Capture Database, http://mocap.cs.cmu.edu",
        "motion_licence": LICENCE,
        "motion_credit": "The data used in this project was obtained from mocap.cs.cmu.edu. The "
        "database was created with funding from NSF EIA-0196217.",
        "skeletons": "limbs that no body has are repaired: subject 05's forearms, 207 mm in the "
        "database, are as long as published for the size of the subject's other limbs",
        **RENDERED,
    },
)
