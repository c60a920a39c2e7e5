"""Plain data out of pickled numpy files, without running anything that is in them.

No other pickle is read anywhere. A pickle is a program: it may name any function and have it
called. Here the only names that are answered are those by which numpy stores arrays, and what they
stand for is code of this file that does nothing but keep bytes; everything else is refused.
numpy's own functions are not answered with, because its dtype takes its flags from the file: a
forged one passes bytes off as pointers to objects.
"""

import pickle
import re
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from overpose.support.errors import InputError
from overpose.support.npz import npy_header

MAX_BYTES = 16 * 2**30
_DEPTH = 16
_DTYPE = re.compile(r"(f[248]|[iu][1248]|b1)")


def read_object(path: Path, key: str, *, optional: bool = False) -> Any:
    """A pickled object of an npz file, made of dict, list, tuple, str, numbers and arrays only.

    Args:
        path: the npz file.
        key: the object's name in it.
        optional: whether None is given where the file has no such name.

    Raises:
        InputError: the file is missing or damaged, has no such name, or holds anything else than
            plain data, which is not run.
    """
    try:
        with zipfile.ZipFile(path) as bundle:
            if f"{key}.npy" not in bundle.namelist():
                if optional:
                    return None
                names = ", ".join(name.removesuffix(".npy") for name in bundle.namelist())
                raise InputError(f"{path}: no {key} in it, it has {names}")
            if bundle.getinfo(f"{key}.npy").file_size > MAX_BYTES:
                raise InputError(f"{path}: {key} is larger than {MAX_BYTES} bytes; refused")
            with bundle.open(f"{key}.npy") as file:
                shape, dtype = npy_header(file)
                if not dtype.hasobject:
                    raise InputError(f"{path}: {key} is {dtype} {shape}, expected a dictionary")
                value = _plain(_PlainUnpickler(file).load(), _DEPTH, {})
    except InputError as error:
        if str(path) in str(error):
            raise
        raise InputError(f"{path}: {key} {error}") from None
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise InputError(f"{path}: not a whole npz file ({error}); get it again") from None
    except (
        pickle.UnpicklingError, ValueError, TypeError, AttributeError, KeyError, IndexError,
        OverflowError, MemoryError, RecursionError, struct.error, ImportError, SyntaxError,
        tokenize.TokenError,
    ) as error:  # fmt: skip
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: {key} is damaged ({reason}); get it again") from None
    return value.item() if isinstance(value, np.ndarray) and value.shape == () else value


class _Dtype:
    """What a stored dtype says: a kind, a size and an order of bytes; nothing else."""

    def __init__(self, name: object, *_: object) -> None:
        if not isinstance(name, str) or not (name.startswith("O") or _DTYPE.fullmatch(name)):
            raise InputError(f"has an array of {str(name)[:40]!r}, expected numbers; refused")
        self.name, self.order = name, "="

    def __setstate__(self, state: object) -> None:
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        if order not in ("<", ">", "=", "|"):
            raise InputError("has an array of an unknown byte order; refused")
        self.order = str(order)

    def numpy(self) -> np.dtype:
        return np.dtype(self.name if self.order == "|" else self.order + self.name)


class _Array:
    """What is stored of an array: shape, dtype, order and content."""

    value: np.ndarray | None = None
    items: tuple[tuple[int, ...], list] | None = None

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise InputError("has an array laid out in an unknown way; refused")
        _, shape, dtype, fortran, content = state
        self.fill(shape, dtype, "F" if fortran else "C", content)

    def fill(self, shape: object, dtype: object, order: str, content: object) -> None:
        sizes = shape if isinstance(shape, tuple) else ()
        if not isinstance(dtype, _Dtype) or not all(isinstance(size, int) for size in sizes):
            raise InputError("has an array laid out in an unknown way; refused")
        if dtype.name.startswith("O"):
            if not isinstance(content, list) or len(content) != int(np.prod(sizes)):
                raise InputError("has an array of objects laid out in an unknown way; refused")
            self.items = (sizes, content)
            return
        if not isinstance(content, bytes | bytearray):
            raise InputError("has an array without bytes; refused")
        flat = np.frombuffer(bytes(content), dtype=dtype.numpy())
        self.value = np.array(flat.reshape(sizes, order="F" if order == "F" else "C"))


def _answers() -> dict[tuple[str, str], Any]:
    """What each allowed name stands for; made anew for each file, so that nothing stays."""

    def reconstruct(kind: object, *_: object) -> _Array:
        if kind is not _Array:
            raise InputError("has an array of another class than numpy's; refused")
        return _Array()

    def from_buffer(content: object, dtype: object, shape: object, order: object) -> _Array:
        made = _Array()
        made.fill(shape, dtype, str(order), content)
        return made

    def scalar(dtype: object, content: object = b"") -> _Array:
        made = _Array()
        made.fill((), dtype, "C", content)
        return made

    def encode(text: object, encoding: object = "latin1") -> bytes:
        if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
            raise InputError("has bytes written in an unknown way; refused")
        return text.encode("latin1")

    def nothing() -> bytes:
        return b""

    found: dict[tuple[str, str], Any] = {
        ("__builtin__", "bytes"): nothing,  # how protocol 2 writes empty bytes
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _Dtype,
        ("_codecs", "encode"): encode,
    }
    functions: list[tuple[str, str, Callable[..., Any]]] = [
        ("multiarray", "_reconstruct", reconstruct),
        ("multiarray", "scalar", scalar),
        ("numeric", "_frombuffer", from_buffer),
    ]
    for module, name, function in functions:
        found["numpy.core." + module, name] = found["numpy._core." + module, name] = function
    return found


class _PlainUnpickler(pickle.Unpickler):
    """An unpickler that knows no names but those of `_answers`."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, encoding="latin1")
        self._answers = _answers()

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        try:
            return self._answers[module_name, global_name]
        except KeyError:
            raise InputError(
                f"wants to run {module_name}.{global_name}, expected nothing but arrays, "
                "dictionaries and numbers; refused: do not trust this file"
            ) from None


def _plain(value: object, depth: int, known: dict[int, Any]) -> Any:
    """`value` with arrays in place of what was stored of them; refuses any other type.

    `known` holds what was made already, by identity: a pickle may name one thing many times.
    """
    if value is None or type(value) in (str, int, float, bool):
        return value
    if id(value) in known:
        return known[id(value)]
    if depth == 0:
        raise InputError("is nested too deeply; refused")
    made: Any
    if isinstance(value, dict):
        made = {_key(name): _plain(item, depth - 1, known) for name, item in value.items()}
    elif isinstance(value, list | tuple):
        items = [_plain(item, depth - 1, known) for item in value]
        made = items if isinstance(value, list) else tuple(items)
    elif isinstance(value, _Array) and value.value is not None:
        made = value.value
    elif isinstance(value, _Array) and value.items is not None:
        shape, items = value.items
        made = np.empty(len(items), dtype=object)
        for place, item in enumerate(items):
            made[place] = _plain(item, depth - 1, known)
        made = made.reshape(shape)
    else:
        raise InputError(
            f"holds {type(value).__name__}, expected arrays, dictionaries, lists, text and numbers"
        )
    known[id(value)] = made
    return made


def _key(name: object) -> str | int:
    if type(name) not in (str, int):
        raise InputError(f"has a key of type {type(name).__name__}, expected text or a number")
    return name  # type: ignore[return-value]
