"""Reading archives from elsewhere: nothing lands outside, damage is noticed, bombs are refused.

Which members are wanted and where they go is up to the caller.
"""

import gzip
import io
import lzma
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from overpose.support.errors import InputError


def check_member(archive: Path, name: str, size: int, total: int, most_bytes: int) -> int:
    """The bytes unpacked so far, `total`, with a member of that name and size.

    Raises:
        InputError: the member would land outside its directory, or it is too much.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", name):
        raise InputError(f"{archive}: member {name} would land outside the directory; refused")
    if total + size > most_bytes:
        raise InputError(f"{archive}: unpacks to more than {most_bytes} bytes; refused")
    return total + size


def tar_members(
    archive: Path, most_bytes: int
) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """The files and directories of a tar archive, plain or compressed by gzip or xz, checked.

    Raises:
        InputError: as `check_member`; or a member is neither a file nor a directory, or a file
            without a name.
        tarfile.TarError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, EOFError, ValueError: the
            archive is damaged.
    """
    # Not tarfile's own decompression: it does not look at gzip's checksum.
    with _decompressed(archive) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
        total = 0
        for member in tar:
            total = check_member(archive, member.name, member.size, total, most_bytes)
            if member.isreg() and not PurePosixPath(member.name).parts:
                raise InputError(f"{archive}: a file in it has no name; get the archive again")
            if not (member.isreg() or member.isdir()):
                raise InputError(
                    f"{archive}: member {member.name} is a link or a device, expected only files "
                    "and directories; refused"
                )
            yield tar, member
        # tarfile takes a garbled header for the end: after the true end there are zeros only.
        stream.seek(tar.offset)
        while block := stream.read(2**20):
            if block.strip(b"\0"):
                raise tarfile.ReadError("garbled in the middle")


def _decompressed(archive: Path) -> io.BufferedIOBase:
    with archive.open("rb") as file:
        start = file.read(6)
        if start.startswith(b"\x1f\x8b"):
            return gzip.open(archive, "rb")
        if start == b"\xfd7zXZ\0":
            return lzma.open(archive, "rb")
        # A compressed archive notices by itself that its end is missing.
        file.seek(-min(1024, archive.stat().st_size), 2)
        if any(file.read()):
            raise tarfile.ReadError("the end is missing")
    return archive.open("rb")
