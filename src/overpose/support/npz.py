"""Arrays out of npz files that others made: nothing in them is run, no size in them is believed.

What the arrays mean is said by the caller.
"""

import math
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import IO

import numpy as np

from overpose.support.errors import InputError

DAMAGE = (
    ValueError, EOFError, KeyError, IndexError, TypeError, AttributeError, SyntaxError,
    NotImplementedError, OverflowError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error,
    tokenize.TokenError,
)  # fmt: skip
"""What numpy and zipfile raise on damaged archives."""
_BYTES_ANYWAY = 256 * 2**20
_BYTES_PER_BYTE = 100
"""How much a file may unpack to: so much, or so much for each of its bytes."""


def npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and dtype of an array in numpy's format, whose content follows in the file.

    Raises:
        InputError: another version of the format.
        ValueError, SyntaxError, tokenize.TokenError, …: `DAMAGE`.
    """
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    else:
        raise InputError(f"has format version {version}, expected 1.0 or 2.0")
    return shape, dtype


def read_npz(path: Path, names: Collection[str], what: str) -> dict[str, np.ndarray]:
    """Those arrays of a file that have one of the names.

    Args:
        path: the file.
        names: of the arrays wanted; others are not looked at.
        what: is expected, in words.

    Raises:
        InputError: the file is missing, damaged or no archive, holds a pickle, or would take far
            more memory than it has content.
    """
    try:
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                raise InputError(f"{path}: not an .npz file, or cut short; expected {what}")
            size = file.seek(0, 2)
            with zipfile.ZipFile(file) as archive:
                members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
                wanted = {name: members[name] for name in sorted(names) if name in members}
                if sum(info.file_size for info in wanted.values()) > (
                    _BYTES_ANYWAY + _BYTES_PER_BYTE * size
                ):
                    raise InputError(
                        f"{path}: unpacks to far more than its {size} bytes; expected {what}"
                    )
                with warnings.catch_warnings(action="ignore"):  # of headers as Python 2 wrote them
                    return {name: _array(archive, info) for name, info in wanted.items()}
    except InputError as error:
        raise error if str(path) in str(error) else InputError(f"{path}: {error}") from None
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected {what} (.npz)") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    except DAMAGE as error:
        raise InputError(f"{path}: damaged, or not {what} ({error})") from None


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    name = info.filename.removesuffix(".npy")
    with archive.open(info) as file:
        if name == info.filename or file.read(6) != b"\x93NUMPY":
            raise InputError(f"{name} is not an array")
        file.seek(0)
        shape, dtype = npy_header(file)
        if dtype.hasobject:
            raise InputError(f"{name} holds a pickle (an array of objects), which is never run")
        if math.prod(shape) * dtype.itemsize != info.file_size - file.tell():
            raise InputError(f"{name} is not as long as its header says: {shape} of {dtype}")
        file.seek(0)
        array = np.lib.format.read_array(file, allow_pickle=False)
    if array.dtype.kind == "U" and array.dtype.itemsize:
        codes = np.ascontiguousarray(array).reshape(-1).view(array.dtype.byteorder + "u4")
        if ((codes > 0x10FFFF) | ((codes >= 0xD800) & (codes < 0xE000))).any():
            raise InputError(f"{name} holds text with impossible characters")
    return array
