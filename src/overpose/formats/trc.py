"""TRC: points over time as a table, for OpenSim."""

from pathlib import Path
from typing import TYPE_CHECKING

from overpose.formats.format import Format

if TYPE_CHECKING:
    import overpose.poses


def write(track: "overpose.poses.PoseTrack", path: Path) -> None:
    """All people in one table, y up; with several, names start with person1_, person2_, …"""
    from overpose.formats.points import y_up_points
    from overpose.mocap.trc import write_trc

    write_trc(y_up_points(track), path, overwrite=True)


FORMAT = Format("trc", ".trc", "points over time, for OpenSim", write, in_world=True)
