"""Locks that die with their process: who is at work on a file or a directory.

They are advisory locks of the system on the file or directory itself, so that nothing is left
behind. Where the system has none (Windows, some network drives), nobody is refused.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from overpose.support.errors import InputError
from overpose.support.object_storage import RemotePath

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_TAKEN = (errno.EWOULDBLOCK, errno.EACCES)


@contextmanager
def locked(path: Path) -> Iterator[bool | None]:
    """Hold the lock of an existing file or directory, without waiting for it.

    Yields:
        True if it is held now, False if somebody else holds it, None if that cannot be told.
    """
    handle = None if fcntl is None else os.open(path, os.O_RDONLY)
    try:
        yield None if handle is None else _taken(handle)
    finally:
        if handle is not None:
            os.close(handle)  # which gives the lock back


@contextmanager
def working_alone(directory: Path) -> Iterator[None]:
    """Make a directory if need be, and keep other processes of overpose out of it meanwhile.

    One that is still empty when the work fails is removed. Object storage has neither directories
    nor locks: nobody is kept out there.

    Raises:
        InputError: one is at work there already, or `directory` is a file.
    """
    if isinstance(directory, RemotePath):
        yield
        return
    place = Path(os.path.realpath(directory))
    try:
        place.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise InputError(f"{directory}: is a file, expected a directory") from None
    try:
        with locked(place) as held:
            if held is False:
                raise InputError(
                    f"{directory}: another run is writing there; wait for its end, or give another "
                    "directory"
                )
            yield
    except BaseException:
        with suppress(OSError):  # it is not empty, as a rule
            place.rmdir()
        raise


def _taken(handle: int) -> bool | None:
    assert fcntl is not None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in _TAKEN else None
    return True
