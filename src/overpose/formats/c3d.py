"""C3D: points over time, for biomechanics programs."""

from pathlib import Path
from typing import TYPE_CHECKING

from overpose.formats.format import Format

if TYPE_CHECKING:
    import overpose.poses


MOST_LABELS = 255
"""Names that one parameter of a C3D file holds."""


def check(track: "overpose.poses.PoseTrack", path: Path) -> None:
    """Refuse more frames than the format can count; see `check_c3d`."""
    from overpose.formats.points import y_up_points
    from overpose.mocap.c3d import check_c3d

    check_c3d(y_up_points(track), path)


def write(track: "overpose.poses.PoseTrack", path: Path) -> None:
    """All people as points, named and turned as in TRC."""
    from overpose.formats.points import y_up_points
    from overpose.mocap.c3d import write_c3d
    from overpose.support.progress import say

    points = y_up_points(track)
    write_c3d(points, path, overwrite=True)
    if len(points.names) > MOST_LABELS:
        say(
            f"{path}: {len(points.names)} points; the first {MOST_LABELS} are named in LABELS, "
            "the rest in LABELS2, as the format says, but some programs read the first only"
        )


FORMAT = Format(
    "c3d", ".c3d", "points over time, for biomechanics programs", write,
    in_world=True, check=check,
)  # fmt: skip
