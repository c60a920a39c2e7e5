"""What a worker of a cluster does with a unit of work: reads what it sees or was sent, and gives
the files back. Nothing here knows a cluster but for what it hands over.
"""

import hashlib
import io
import pickle
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from overpose.support.errors import raise_if_of_memory
from overpose.support.version import VERSION


@dataclass(frozen=True)
class Sent:
    """A file, or the files of a directory, by name."""

    is_directory: bool
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class Task:
    """A unit of work.

    Attributes:
        version: of overpose where it comes from.
        key: hash of the argument, by which a worker keeps what it has made of it.
        make_work: as in `workers.do_units`.
        unit: pickled; paths in it are looked up by `path_there`.
        shared: paths in the argument.
        sent: what workers do not see, by the path that they lack: references to `Sent`.
    """

    version: str
    key: str
    make_work: Callable[[Any], Callable[[Any, Path, Callable[[], None]], Any]]
    unit: bytes
    shared: Sequence[str] = ()
    sent: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What became of a unit.

    Attributes:
        result: of the work.
        files: that it left: name, SHA-256 and content.
        said: lines for the user.
        unseen: paths that the worker does not see; then it did nothing.
    """

    result: Any = None
    files: Sequence[tuple[str, str, bytes]] = ()
    said: Sequence[str] = ()
    unseen: Sequence[str] = ()


class _Unseen(Exception):
    """A path that is not here."""


_here: dict[str, Path] = {}
"""Where what was sent lies: for the unit at work, and for the argument, which is kept."""
_kept: list[tempfile.TemporaryDirectory] = []


COMPARED = 1 << 24
"""Bytes of a path, at the beginnings and ends of its files, that `mark_of` reads at the most."""
_LEAST = 1 << 12
"""Of each of them, however many there are."""


def files_of(path: Path) -> list[Path]:
    """What is sent of a path: the file, or the files of a directory, but none of those below it."""
    return sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]


def mark_of(path: Path) -> str | None:
    """What tells a file, or the files of a directory, from others of the same name.

    That is their sizes and content, in a directory also their names. Of large files, and of files
    of large directories, only both ends are compared.

    Returns:
        Hash; None for what is not there, or cannot be read.
    """
    try:
        files = files_of(path)
        if not all(file.is_file() for file in files):  # a pipe can be read but once
            return None
        piece = max(_LEAST, COMPARED // (2 * max(1, len(files))))
        digest = hashlib.sha256(b"directory" if path.is_dir() else b"file")
        for file in files:
            size = file.stat().st_size
            name = file.name if file != path else ""
            digest.update(f"{name}\0{size}\0".encode(errors="surrogateescape"))
            with file.open("rb") as content:
                digest.update(content.read(piece))
                content.seek(max(content.tell(), size - piece))
                digest.update(content.read(piece))
    except OSError:
        return None
    return digest.hexdigest()


def path_there(path: str, place: str, mark: str | None) -> Path:
    """A path of the sender, as it is called here; mark: what `mark_of` says of it there."""
    if path in _here:
        return _here[path]
    for seen in (Path(path), Path(place)):
        if mark is not None and mark_of(seen) == mark:
            return seen
    raise _Unseen(path)


def do_task(task: Task, held: Sequence[Any]) -> Answer | Exception | str:
    """Do a unit; what cannot be done is an error, or a text that says why.

    Args:
        task: the unit.
        held: a reference to the pickled argument of all units.
    """
    if task.version != VERSION:
        return (
            f"a machine of the cluster has overpose {VERSION}, this one {task.version}; install "
            "the same"
        )
    try:
        with tempfile.TemporaryDirectory(prefix="overpose-unit-") as directory:
            return _done(task, held, Path(directory))
    except Exception as error:
        try:
            raise_if_of_memory(error)
        except MemoryError as other:
            return other
        raise


def _done(task: Task, held: Sequence[Any], directory: Path) -> Answer:
    out, given = directory / "out", directory / "in"
    out.mkdir()
    for path in [path for path in _here if path not in task.shared]:
        del _here[path]
    for number, (path, reference) in enumerate(task.sent.items()):
        if path not in _here:
            place = _to_keep() if path in task.shared else given / str(number)
            _here[path] = _placed(_fetched(reference), place, Path(path).name)
    said = io.StringIO()
    try:
        work = _work(task.key, task.make_work, held[0])
        unit = pickle.loads(task.unit)
    except _Unseen as error:
        return Answer(unseen=(*task.sent, str(error)))
    with redirect_stderr(said):
        result = work(unit, out, lambda: None)
    files = [(path.name, path.read_bytes()) for path in sorted(out.iterdir())]
    hashed = [(name, hashlib.sha256(content).hexdigest(), content) for name, content in files]
    return Answer(result, hashed, said.getvalue().splitlines())


def _to_keep() -> Path:
    """A new directory that is there as long as this process."""
    _kept.append(tempfile.TemporaryDirectory(prefix="overpose-given-"))
    return Path(_kept[-1].name)


def _placed(sent: Sent, place: Path, name: str) -> Path:
    target = place / name if sent.is_directory else place
    target.mkdir(parents=True, exist_ok=True)
    for file, content in sent.files.items():
        (target / file).write_bytes(content)
    return target if sent.is_directory else target / name


_made: dict[str, Any] = {}
"""The work made of the last argument, which units have in common."""


def _work(key: str, make_work: Callable[[Any], Any], reference: Any) -> Any:
    if key not in _made:
        _made.clear()
        _made[key] = make_work(pickle.loads(_fetched(reference)))
    return _made[key]


def _fetched(reference: Any) -> Any:
    import ray  # pyright: ignore[reportMissingImports]

    return ray.get(reference)
