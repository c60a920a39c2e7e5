"""C3D files, the biomechanists' binary format, through ezc3d: write points.

Reading is left to the programs the files are for: ezc3d takes a file cut short for a whole one, and
crashes on some damaged ones. What the points mean belongs to whoever made them.
"""

import errno
import filecmp
import os
from pathlib import Path

import ezc3d
import numpy as np

from overpose.mocap.trc import PointTable
from overpose.support.errors import InputError
from overpose.support.files import require_writable, writing_file
from overpose.support.object_storage import path_of

MAX_FRAMES = 65_535
"""Frames are counted with 16 bits in a C3D file."""
MAX_NAME = 127
"""Characters in the name of a point: its length is a signed byte."""

_BYTES_PER_POINT = 16


def check_c3d(table: PointTable, path: Path) -> None:
    """Refuse what a C3D file cannot hold.

    Raises:
        InputError: no points or no frames, too many frames, or a name that is too long; the
            message names `path`.
    """
    frames, count = table.points_mm.shape[:2]
    if not frames or not count:
        raise InputError(f"{path}: got {count} points in {frames} frames, expected some to write")
    if frames > MAX_FRAMES:
        raise InputError(
            f"{path}: got {frames} frames, expected at most {MAX_FRAMES}, which is all a C3D file "
            "holds; cut the video or choose another format"
        )
    for name in table.names:
        if len(name.encode()) > MAX_NAME:
            raise InputError(f"{path}: name {name[:40]!r}… is longer than {MAX_NAME} bytes")


def write_c3d(table: PointTable, path: Path, *, overwrite: bool = False) -> None:
    """Write points as they are, in mm, y up on the screen; what is not seen has the residual -1.

    Args:
        table: what to write.
        path: where, a name that ends in .c3d; the file appears whole or not at all.
        overwrite: whether a file there may be replaced.

    Raises:
        InputError: there is a file already, or as `check_c3d`.
        OSError: it cannot be written.
    """
    path = path_of(path)
    require_writable(path, overwrite=overwrite)
    check_c3d(table, path)
    content = _content(table)
    with writing_file(path) as temporary:
        # ezc3d insists on the ending.
        named, twin = (temporary.with_name(f"{more}{temporary.name}.c3d") for more in ("", ".twin"))
        try:
            content.write(str(named))
            # A full or broken disk is no error to ezc3d's streams: the file lacks its end, or what
            # is filled in last. Nothing but a second one shows the latter.
            if named.stat().st_size < table.points_mm[..., 0].size * _BYTES_PER_POINT:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            content.write(str(twin))
            if not filecmp.cmp(named, twin, shallow=False):
                raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
            named.replace(temporary)
        except RuntimeError as error:
            raise OSError(errno.EIO, f"ezc3d: {error}", str(path)) from None
        finally:
            named.unlink(missing_ok=True)
            twin.unlink(missing_ok=True)


def _content(table: PointTable) -> "ezc3d.c3d":
    positions = table.points_mm.transpose(2, 1, 0)
    missing = np.isnan(positions).any(axis=0)
    content = ezc3d.c3d()
    points = content["parameters"]["POINT"]
    points["LABELS"]["value"] = list(table.names)
    points["DESCRIPTIONS"]["value"] = [""] * len(table.names)
    points["UNITS"]["value"] = ["mm"]
    points["RATE"]["value"] = [table.fps]
    content.add_parameter("POINT", "X_SCREEN", ["+X"])
    content.add_parameter("POINT", "Y_SCREEN", ["+Y"])
    content["data"]["points"] = np.where(missing, 0.0, positions)
    content["data"]["meta_points"]["residuals"] = np.where(missing, -1.0, 0.0)[None]
    return content
