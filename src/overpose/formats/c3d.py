"""C3D: points over time, for biomechanics programs."""

from pathlib import Path
from typing import TYPE_CHECKING

from overpose.formats.format import Format

if TYPE_CHECKING:
    import overpose.poses


def check(track: "overpose.poses.PoseTrack", path: Path) -> None:
    """Refuse more frames than the format can count; see `check_c3d`."""
    from overpose.formats.points import y_up_points
    from overpose.mocap.c3d import check_c3d

    check_c3d(y_up_points(track), path)


def write(track: "overpose.poses.PoseTrack", path: Path) -> None:
    """All people as points, named and turned as in TRC."""
    from overpose.formats.points import y_up_points
    from overpose.mocap.c3d import write_c3d

    write_c3d(y_up_points(track), path, overwrite=True)


FORMAT = Format("c3d", ".c3d", "points over time, for biomechanics programs", write, check=check)
