"""`--camera FILE`: which camera of which file is the one that a video was taken with.

Formats belong to `camera_files`.
"""

import re
from pathlib import Path

from overpose.support.apart import read_apart
from overpose.support.errors import InputError
from overpose.video.camera_files import CAMERA_FORMATS
from overpose.video.camera_files.filed import FiledCamera, MeasuredCamera, measured

LARGEST_BYTES = 50_000_000


def read_camera(
    path: Path, width: int, height: int, *, name: str | None = None, stem: str = ""
) -> MeasuredCamera:
    """The camera of a file for a picture of this size, pixels.

    Args:
        path: a file of one of `CAMERA_FORMATS`, or COLMAP's directory.
        width, height: of the picture; a camera measured at another size is scaled.
        name: which camera, of several.
        stem: of the video's name: without `name`, the camera is taken that is called like it.

    Raises:
        InputError: no such file, none of these formats, damaged, several cameras of which none is
            meant, or one that cannot be that of this picture.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file; expected one of a measured camera")
    cameras = read_apart(_cameras_of, path)
    try:
        return measured(_chosen(cameras, name, stem), width, height)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _cameras_of(path: Path) -> list[FiledCamera]:
    """Run apart: some damaged files keep the parsers of others busy for ever."""
    lower = "" if path.is_dir() else path.name.lower()
    known = ", ".join(each.title for each in CAMERA_FORMATS)
    kind = next((c for c in CAMERA_FORMATS if _ends(lower, c.endings)), None)
    if kind is None:
        raise InputError(f"{path}: expected a camera file by its ending: {known}")
    if path.is_file() and path.stat().st_size > LARGEST_BYTES:
        raise InputError(f"{path}: got {path.stat().st_size} bytes, too many for a camera file")
    try:
        cameras = kind.read(path)
    except InputError:
        raise
    except Exception as error:  # readers of other people's files raise whatever they meet
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{path}: cannot be read as {kind.title} ({reason})") from None
    if not cameras:
        raise InputError(f"{path}: no camera in it; expected {kind.title}")
    return cameras


def _ends(name: str, endings: tuple[str, ...]) -> bool:
    return any(name.endswith(end) if end else not name for end in endings)


def _chosen(cameras: list[FiledCamera], name: str | None, stem: str) -> FiledCamera:
    if name is None and len(cameras) == 1:
        return cameras[0]
    asked = stem if name is None else name
    wanted = _plain(asked)
    same = [each for each in cameras if each.name == asked]
    alike = same or [each for each in cameras if wanted and _plain(each.name) == wanted]
    if len(alike) == 1:
        return alike[0]
    if len(alike) > 1 and name is not None:
        raise InputError(f"got {len(alike)} cameras called {name!r}, expected one; rename them")
    names = ", ".join(each.name for each in cameras[:20])
    if name is not None:
        raise InputError(f"got the camera name {name!r}, expected one of {names}")
    raise InputError(f"got {len(cameras)} cameras, {names}; say which with --camera-name")


def _plain(name: str) -> str:
    """Letters and digits alone: cam_01 and cam01 are the same."""
    return re.sub(r"[\W_]", "", name.casefold())
