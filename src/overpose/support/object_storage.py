"""The one door to object storage: `s3://` and `gs://` names as paths that are read where they are.

Nothing is asked of a server unless somebody gave such a name. Needs the extra `storage`. Files that
appear whole or not at all belong to `files`, which uploads what is written to such a path.
"""

import errno
import hashlib
import io
import os
import stat
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from overpose.support.errors import InputError, raise_if_of_memory

Result = TypeVar("Result")
SCHEMES = ("s3", "gs")
"""What is taken for an address; every other name is a file, whatever colons are in it."""
BLOCK_BYTES = 1 << 22
"""What is read at a time."""
_CACHE = {"cache_type": "blockcache", "cache_options": {"maxblocks": 8}}
"""How many of them are kept of each open file."""
_TRY = ".overpose-write-test"
_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {
        "listings_expiry_time": 30,
        "config_kwargs": {
            "connect_timeout": 5,
            "read_timeout": 20,
            "retries": {"mode": "standard", "total_max_attempts": 2},
        },
    },
    "gs": {},
}
"""A server that is not there is given up after 10 s, one that does not answer after 80 s."""
_RETRIES = 2
"""Of s3fs, which tries five times what botocore tried already."""
_NO_CREDENTIALS = {
    "NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound",
    "TokenRetrievalError", "SSOError", "DefaultCredentialsError", "NoAuthTokenError",
}  # fmt: skip
_UNREACHABLE = {
    "EndpointConnectionError", "HTTPClientError", "ConnectTimeoutError", "ClientConnectionError",
    "ConnectionError", "TimeoutError", "ConnectionClosedError",
}  # fmt: skip
"""Names of errors of botocore, aiohttp and gcsfs, of which none may be installed."""


class StorageError(InputError):
    """A server did not give or take what it was asked for. No damage of a file is like it."""


def path_of(name: str | Path) -> Path:
    """The path that somebody's text means: remote for `s3://` and `gs://`, else here.

    What is a path already stays what it is.

    Raises:
        InputError: an address without a bucket, or no text.
    """
    if isinstance(name, Path):
        return name
    if not isinstance(name, str):
        raise InputError(f"got a {type(name).__name__}, expected the name of a file")
    if not name.startswith(tuple(f"{scheme}://" for scheme in SCHEMES)):
        return Path(name)
    path = RemotePath(name)
    if not path.key:
        raise InputError(f"{name}: got no bucket, expected {name[:2]}://BUCKET/NAME")
    return path


if TYPE_CHECKING:
    _Here = Path
else:
    _Here = type(Path())


class RemotePath(_Here):
    """An object, or all objects whose names begin alike, as a path.

    It has the names of a path and can be read like one. It is no name for this machine: whoever
    asks the system for it is told that by an `InputError`. What cannot be read for other reasons
    than that it is missing is a `StorageError`.
    """

    _known: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        """Bucket and name, as fsspec takes them."""
        return "/".join(self.parts[1:])

    def __str__(self) -> str:
        return f"{self.parts[0]}//{self.key}"

    def __fspath__(self) -> str:
        raise InputError(
            f"{self}: is read or written there by some commands only (docs/storage.md), and not by "
            "this one; copy it to a directory here, or from one"
        )

    def resolve(self, strict: bool = False) -> "RemotePath":
        return self

    def absolute(self) -> "RemotePath":
        return self

    def exists(self, **_: bool) -> bool:
        return self._info() is not None

    def is_file(self, **_: bool) -> bool:
        return (self._info() or {}).get("type") == "file"

    def is_dir(self, **_: bool) -> bool:
        return (self._info() or {}).get("type") == "directory"

    def stat(self, **_: bool) -> os.stat_result:
        """Size and kind; device and number are made up, the same for the same name.

        Raises:
            FileNotFoundError: there is nothing.
        """
        info = self._info()
        if info is None:
            raise self._missing()
        kind = stat.S_IFDIR if info["type"] == "directory" else stat.S_IFREG
        number = int(hashlib.sha256(str(self).encode()).hexdigest()[:15], 16)
        return os.stat_result((kind, number, -1, 1, 0, 0, info["size"] or 0, 0, 0, 0))

    def open(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> Any:
        """A file that reads what it is asked for, a block at a time; for reading alone."""
        if mode not in ("r", "rt", "rb"):
            self.__fspath__()
        file: Any = RemoteFile(self)
        if mode == "rb":
            return file
        return io.TextIOWrapper(io.BufferedReader(file), encoding or "utf-8", errors, newline)

    def read_bytes(self) -> bytes:
        return self.ask(lambda system: system.cat_file(self.key))

    def iterdir(self) -> Generator["RemotePath", None, None]:
        """What lies in it, with kinds and sizes, by one question."""
        listed = self.ask(lambda system: system.ls(self.key, detail=True))
        for info in listed:
            name = info["name"].strip("/")
            if name != self.key:
                child = self / name.rpartition("/")[2]
                child._known = info
                yield child

    def glob(self, pattern: str, **_: Any) -> Iterator["RemotePath"]:  # pyright: ignore
        """What lies in it under a name like the pattern, which has no slash."""
        if "/" in pattern or "**" in pattern:
            self.__fspath__()
        with suppress(FileNotFoundError):
            yield from (path for path in self.iterdir() if fnmatchcase(path.name, pattern))

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """Nothing: a directory is there when something is in it."""

    def unlink(self, missing_ok: bool = False) -> None:
        with suppress(FileNotFoundError):
            self.ask(lambda system: system.rm_file(self.key))

    def ask(self, question: Callable[[Any], Result]) -> Result:
        """What a question to the file system of fsspec gives.

        Raises:
            FileNotFoundError: there is nothing.
            StorageError: no credentials, no permission, no connection, or the server refuses.
        """
        try:
            return question(filesystem(self.parts[0][:-1]))
        except FileNotFoundError:
            raise self._missing() from None
        except InputError:
            raise
        except Exception as error:  # of whatever library is behind it
            raise_if_of_memory(error)
            raise StorageError(f"{self}: {_why(error)}") from error

    def _info(self) -> dict[str, Any] | None:
        if self._known is not None:
            return self._known
        try:
            return self.ask(lambda system: system.info(self.key))
        except FileNotFoundError:
            return None

    def _missing(self) -> FileNotFoundError:
        return FileNotFoundError(errno.ENOENT, "no such object or bucket", str(self))


class RemoteFile(io.RawIOBase):
    """A remote file open for reading. After an error it gives that error and nothing else, so that
    no decoder takes what is missing for the end."""

    def __init__(self, path: RemotePath) -> None:
        self.path, self.name = path, path.name
        self.error: StorageError | None = None
        self._file: Any = path.ask(
            lambda system: system.open(path.key, "rb", block_size=BLOCK_BYTES, **_CACHE)
        )

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int | None = -1) -> bytes:
        if self.error is not None:
            raise self.error
        try:
            wanted = -1 if size is None else size
            return self.path.ask(lambda _: self._file.read(wanted))
        except StorageError as error:
            self.error = error
            raise

    def readall(self) -> bytes:
        return self.read()

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def as_file(path: Path) -> Any:
    """What libraries take that open files themselves: a path, or the open file of a remote one."""
    return path.open("rb") if isinstance(path, RemotePath) else path


def read_ranges(pieces: Sequence[tuple[RemotePath, int, int]]) -> list[bytes]:
    """Pieces of remote files of one server, by one question each, at the same time.

    Args:
        pieces: file, offset and length of each, bytes.

    Raises:
        FileNotFoundError: there is no such file; the first of them is named.
        StorageError: as `RemotePath.ask`.
    """
    if not pieces:
        return []
    keys = [path.key for path, _, _ in pieces]
    starts = [offset for _, offset, _ in pieces]
    ends = [offset + length for _, offset, length in pieces]
    try:
        return pieces[0][0].ask(
            lambda system: system.cat_ranges(keys, starts, ends, on_error="raise")
        )
    except FileNotFoundError as error:
        files = {path.key: path for path, _, _ in pieces}
        gone = next((path for path in files.values() if not path.exists()), None)
        raise error if gone is None else gone._missing() from None


def refuse_lost_address(path: Path) -> None:
    """Refuse to write under a name that was an address, and became a path here on the way.

    Raises:
        InputError: it is one.
    """
    if not isinstance(path, RemotePath) and path.parts[:1] in (("s3:",), ("gs:",)):
        raise InputError(f"{path}: give an address as text, with two slashes, not as a path")


@contextmanager
def uploading(target: RemotePath) -> Iterator[Path]:
    """Give a temporary file here; on success it is uploaded, else there is nothing of it.

    An object appears when it is whole. What a broken upload left all the same is removed.
    """
    with tempfile.TemporaryDirectory(prefix="overpose-upload-") as directory:
        temporary = Path(directory) / "file.part"
        temporary.touch()
        yield temporary
        size = temporary.stat().st_size
        try:
            target.ask(lambda system: system.put_file(str(temporary), target.key))
            found = target.stat().st_size
            if found != size:
                raise StorageError(f"{target}: {found} bytes arrived there of {size}; try again")
        except FileNotFoundError:
            raise StorageError(f"{target}: there is no such bucket; make it first") from None
        except BaseException:
            with suppress(InputError):
                target.unlink()
            raise


def require_remote_place(directory: RemotePath) -> None:
    """See that files can be written there, by one that is empty.

    Raises:
        InputError: they cannot.
    """
    trial = directory / _TRY
    try:
        trial.ask(lambda system: system.pipe_file(trial.key, b""))
    except FileNotFoundError:
        raise StorageError(f"{directory}: there is no such bucket; make it first") from None
    with suppress(InputError):
        trial.unlink()


def filesystem(scheme: str) -> Any:
    """The file system of fsspec, one for a process.

    Raises:
        InputError: the package behind it is not installed.
    """
    further = " gcsfs" if scheme == "gs" else ""
    try:
        import fsspec

        system = fsspec.filesystem(scheme, **_OPTIONS[scheme])
        system.retries = _RETRIES
        return system
    except ImportError:
        raise InputError(
            f"{scheme}:// needs packages that are not installed: pip install "
            f"'overpose[storage]'{further}"
        ) from None


def _why(error: Exception) -> str:
    """What went wrong, and what to do about it."""
    names = {kind.__name__ for kind in type(error).__mro__}
    said = " ".join(str(error).split())[:300] or type(error).__name__
    if names & _NO_CREDENTIALS:
        return (
            f"no credentials for it ({said}); set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
            "AWS_PROFILE (docs/storage.md)"
        )
    if isinstance(error, PermissionError):
        return f"access is refused ({said}); use credentials that may do this there"
    if names & _UNREACHABLE:
        return f"the server cannot be reached ({said}); try again later, or see AWS_ENDPOINT_URL"
    return f"the server says {said}"
