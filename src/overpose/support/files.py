"""Files that appear whole or not at all: written beside their place, then renamed into it."""

import errno
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from overpose.support.errors import InputError
from overpose.support.locks import locked
from overpose.support.object_storage import (
    RemotePath,
    refuse_lost_address,
    require_remote_place,
    uploading,
)

LONGEST_NAME = 255
"""Bytes in the name of a file, on every file system in common use."""
STALE_S = 86_400.0
"""Age, in seconds, from which a temporary file or directory is one that a killed process left,
where locks cannot tell."""
_NEW_S = 10.0
"""Younger ones may not be locked yet."""
_SIDE_BY_SIDE = 8
"""Temporary files or directories of one name that are looked for: as many as write it at once. Each
has a number; the first that is free is taken, so that nobody lists what else is in a directory."""
_RENAMES_S = 5.0
"""What lies between the two renames of a writer takes less, by far."""
_UNFLUSHED = (errno.EACCES, errno.EPERM, errno.EINVAL, errno.EBADF, errno.ENOTSUP)
"""What flushing a directory gives where that cannot be done: on Windows, which opens none; where it
may not be listed; on file systems, of a network as a rule, that do not know it."""
MOST_JSON_BYTES = 1 << 27
"""More than any configuration, report or list of shards needs."""


@dataclass(frozen=True)
class Output:
    """Where the results go."""

    out: Path
    """Directory for the results."""
    overwrite: bool = False
    """Replace what an earlier run left there."""


def require_writable(path: Path, *, overwrite: bool) -> None:
    """Refuse to write over an existing file or non-empty directory unless told to.

    Raises:
        InputError: `path` exists and `overwrite` is false, or its name is longer than names can be.
    """
    if len(os.fsencode(path.name)) > LONGEST_NAME:
        raise InputError(
            f"{path}: got a name of {len(os.fsencode(path.name))} bytes, expected at most "
            f"{LONGEST_NAME}; give the input a shorter name"
        )
    occupied = path.is_file() or (path.is_dir() and any(path.iterdir()))
    if occupied and not overwrite:
        raise InputError(f"{path} exists already; give another path or --overwrite")


def require_apart(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Refuse an output that is an input, under whatever name, and two outputs that are one file.

    Links are followed, and capitals and small letters are the same where the file system takes them
    for the same.

    Raises:
        InputError: there is one; `--overwrite` does not help.
    """
    taken: dict[tuple[int, int], Path] = {}
    for path in inputs:
        with suppress(OSError):  # an input that is not there is named by whoever reads it
            state = path.stat()
            taken.setdefault((state.st_dev, state.st_ino), path)
    places: dict[tuple[Path, str], Path] = {}
    for output in outputs:
        with suppress(OSError):  # not there, or of a name that `require_writable` refuses
            state = output.stat()
            if (own := taken.get((state.st_dev, state.st_ino))) is not None:
                raise InputError(
                    f"{output}: would replace the input {own}; give another directory or name"
                )
        directory = output.parent.resolve()
        name = output.name.casefold() if _folds_case(directory) else output.name
        if (other := places.setdefault((directory, name), output)) is not output:
            raise InputError(
                f"{output}: two results would be this file (the other is {other.name}); give the "
                "inputs one by one, each with its own --out"
            )


def require_place(directory: Path) -> None:
    """Make a directory if need be, and see that files can be written there.

    Raises:
        InputError: they cannot.
    """
    if isinstance(directory, RemotePath):
        require_remote_place(directory)
        return
    directory.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise InputError(
            f"{directory}: cannot be written to ({error.strerror or error}); give another "
            "directory with --out"
        ) from None


@contextmanager
def writing_file(path: Path) -> Iterator[Path]:
    """Give a temporary path in the same directory; on success it is flushed and renamed to `path`.

    On any exception, an interrupt included, the temporary file is removed and `path` is untouched.
    What a kill leaves, `.NAME.????????.part`, goes at the next write of the same name. A symbolic
    link is written through. A remote file is made in a temporary directory here, then uploaded.
    """
    if isinstance(path, RemotePath):
        with uploading(path) as temporary:
            yield temporary
        return
    refuse_lost_address(path)
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_stale(path)
    temporary = _begun(path, lambda place: place.touch(0o600, exist_ok=False))
    try:
        with locked(temporary):
            yield temporary
            _flush(temporary)
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _flush_names(path.parent)


@contextmanager
def writing_directory(path: Path) -> Iterator[Path]:
    """Give a temporary sibling directory; on success it takes the place of `path`.

    A kill between the two renames leaves `path` absent and the complete `.NAME.old` beside it:
    `recover_directory` puts it back. An incomplete `.NAME.????????.part` goes as in `writing_file`.
    """
    refuse_lost_address(path)
    path = Path(os.path.realpath(path))
    old = _old(path)
    try:
        with partial_directory(path) as temporary:
            temporary.chmod(0o777 & ~_umask())
            yield temporary
            _flush_tree(temporary)
            if path.exists():
                shutil.rmtree(old, ignore_errors=True)
                path.replace(old)
            temporary.replace(path)
            _flush_names(path.parent)
    except BaseException:
        recover_directory(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def partial_directory(path: Path) -> Iterator[Path]:
    """A temporary directory `.NAME.????????.part` beside `path`, to be renamed by the caller.

    It is gone at the end, if it still has this name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_stale(path)
    temporary = _begun(path, lambda place: place.mkdir(0o700))
    made = temporary.stat()
    try:
        with locked(temporary):
            yield temporary
    finally:
        if _is_still(temporary, made):
            shutil.rmtree(temporary, ignore_errors=True)


def recover_directory(path: Path) -> None:
    """Undo what a kill in the middle of `writing_directory` left; does nothing otherwise.

    Of a writer that lives it waits for the second rename: putting the old directory back would make
    that fail, and the new one be lost. Remote directories know no renames, and so no such state.
    """
    if isinstance(path, RemotePath):
        return
    path = Path(os.path.realpath(path))
    old = _old(path)
    end = time.monotonic() + _RENAMES_S
    while old.exists() and _is_being_written(path):
        if path.exists() or time.monotonic() > end:
            return  # the writer removes the old one itself
        time.sleep(0.01)
    if path.exists():
        shutil.rmtree(old, ignore_errors=True)
    elif old.exists():
        old.replace(path)


def _is_being_written(path: Path) -> bool:
    """Whether a living process holds a temporary file or directory of `path`."""
    for left in _temporaries(path):
        with suppress(OSError), locked(left) as free:
            if free is False:
                return True
    return False


def _temporary(path: Path, number: int) -> Path:
    return path.with_name(f"{_hidden(path, 13)}{number:08}.part")


def _temporaries(path: Path) -> list[Path]:
    places = [_temporary(path, number) for number in range(_SIDE_BY_SIDE)]
    return [place for place in places if os.path.lexists(place)]


def _begun(path: Path, make: Callable[[Path], None]) -> Path:
    """A temporary file or directory beside `path`, made as nobody else's."""
    for number in count():
        with suppress(FileExistsError):
            make(_temporary(path, number))
            return _temporary(path, number)
    raise AssertionError  # numbers do not end


def _is_still(temporary: Path, made: os.stat_result) -> bool:
    """Whether a name is that of what was made; once it was renamed, another writer may have it."""
    with suppress(OSError):
        return os.path.samestat(temporary.lstat(), made)
    return False


def _remove_stale(path: Path) -> None:
    """Remove what killed processes left half written beside `path`; what is being written stays.

    Writers hold a lock while they live. Where locks cannot tell, what nobody touched for a day
    goes; a temporary directory counts from its newest entry.
    """
    for left in _temporaries(path):
        with suppress(OSError), locked(left) as dead:  # somebody else's, or already gone
            if dead is not False and _idle_s(left) > (_NEW_S if dead else STALE_S):
                shutil.rmtree(left) if left.is_dir() else left.unlink()


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with writing_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: Path) -> dict:
    """Read a JSON object.

    Raises:
        InputError: the file is absent or does not hold a JSON object.
    """
    try:
        size = path.stat().st_size
        if size > MOST_JSON_BYTES:
            raise InputError(f"{path}: got {size} bytes, expected at most {MOST_JSON_BYTES}")
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    except InputError:
        raise
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits
        raise InputError(f"{path}: not valid JSON ({error}); expected an object") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: got a JSON {type(value).__name__}, expected an object")
    return value


def _folds_case(directory: Path) -> bool:
    """Whether capitals and small letters make no difference to names in a directory.

    Asked of the nearest directory on the way up that is there and has letters in its name.
    """
    while directory != directory.parent and not isinstance(directory, RemotePath):
        other = directory.with_name(directory.name.swapcase())
        if other != directory and directory.exists():
            return other.exists() and other.samefile(directory)
        directory = directory.parent
    return False


def _flush(path: Path) -> None:
    with path.open("r+b") as file:  # Windows flushes only what may be written to
        os.fsync(file.fileno())


def _flush_tree(directory: Path) -> None:
    for entry in directory.iterdir():
        if entry.is_dir():
            _flush_tree(entry)
        elif entry.is_file():
            _flush(entry)
    _flush_names(directory)


def _flush_names(directory: Path) -> None:
    """Make renames in a directory last through a power cut, where the system can."""
    try:
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in _UNFLUSHED:
            raise


def _idle_s(path: Path) -> float:
    """For how long nobody has touched a file, or a directory and anything in it."""
    states = [item.lstat() for item in (path, *path.rglob("*"))]
    return time.time() - max(max(state.st_mtime, state.st_ctime) for state in states)


def _old(path: Path) -> Path:
    return path.with_name(f"{_hidden(path, 3)}old")


def _hidden(path: Path, more: int) -> str:
    """`.NAME.`, of a name that would be too long with `more` bytes after that, the first part."""
    name = os.fsencode(path.name)[: LONGEST_NAME - 2 - more]
    return f".{name.decode(errors='ignore')}."


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
