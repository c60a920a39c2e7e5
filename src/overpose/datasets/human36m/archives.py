"""Unpacking the official archives of Human3.6M into one directory, safely and once.

Only files of the kinds that are read are unpacked, each to the place that its kind and subject say,
so no member decides where it lands.
"""

import gzip
import lzma
import os
import re
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from overpose.datasets.human36m.names import SUBJECTS
from overpose.support.archives import tar_members
from overpose.support.digests import sha256
from overpose.support.errors import InputError
from overpose.support.files import partial_directory, read_json, write_json
from overpose.support.progress import say

ARCHIVE_SUFFIXES = (".tgz", ".tar.gz", ".tar")
MAX_UNPACKED_BYTES = 512 * 2**30
_DONE = ".unpacked"
"""Directory of records, one for each archive that is unpacked."""
_DAMAGE = (
    tarfile.TarError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, EOFError, ValueError,
    OverflowError,
)  # fmt: skip
_POSES = ("D3_Positions", "D3_Positions_mono")


def find_archives(directory: Path) -> list[Path]:
    """The archives that lie in a directory."""
    return sorted(
        path
        for path in directory.iterdir()
        if path.is_file() and path.name.lower().endswith(ARCHIVE_SUFFIXES)
    )


def unpacked_directory(source: Path, out: Path) -> Path:
    """Where the archives of a source go by default: beside the output, each source on its own."""
    source, out = source.resolve(), out.resolve()
    told_apart = sha256(os.fsencode(source))[:8]
    return out.with_name(f"{out.name}-unpacked") / f"{source.name}-{told_apart}"


def unpack_archives(archives: list[Path], directory: Path) -> list[str]:
    """Unpack archives into `directory`, in the official layout; those unpacked before are skipped.

    Nothing of an archive that is refused is left. What lies there from earlier archives stays.

    Returns:
        One line for each earlier archive that is not among these.

    Raises:
        InputError: an archive is damaged, or holds links, devices or members that would land
            outside its directory; the message names archive and member.
    """
    for archive in archives:
        record = directory / _DONE / f"{archive.name}.json"
        size = archive.stat().st_size
        if record.is_file() and read_json(record).get("bytes") == size:
            continue
        say(f"unpacking {archive} into {directory}")
        try:
            with partial_directory(directory / archive.name) as temporary:
                files = _unpack(archive, temporary)
                for place in files:
                    (directory / place).parent.mkdir(parents=True, exist_ok=True)
                    (temporary / place).replace(directory / place)
        except InputError:
            raise
        except _DAMAGE as error:
            raise InputError(f"{archive}: not a whole archive ({error}); get it again") from None
        except OSError as error:
            raise InputError(f"{archive}: cannot be unpacked into {directory} ({error})") from None
        record.parent.mkdir(parents=True, exist_ok=True)
        write_json(record, {"bytes": size, "files": len(files)})
    before = {path.name.removesuffix(".json") for path in (directory / _DONE).glob("*.json")}
    return [
        f"{name}: unpacked into {directory} before and not in the source now; its files are used"
        for name in sorted(before - {archive.name for archive in archives})
    ]


def _unpack(archive: Path, directory: Path) -> list[Path]:
    """Where the wanted members went, relative to `directory`."""
    files: list[Path] = []
    for tar, member in tar_members(archive, MAX_UNPACKED_BYTES):
        place = _place(archive, member.name) if member.isreg() else None
        source = tar.extractfile(member) if place is not None else None
        if place is None or source is None:
            continue
        (directory / place).parent.mkdir(parents=True, exist_ok=True)
        with (directory / place).open("wb") as target:
            shutil.copyfileobj(source, target, 2**20)
        files.append(place)
    return list(dict.fromkeys(files))


def _place(archive: Path, name: str) -> Path | None:
    """Where a member belongs; None for what is not read."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    file = parts[-1]
    if file.lower() == "metadata.xml":
        return Path("metadata.xml")
    subject = next((part for part in reversed(parts[:-1]) if part in SUBJECTS), None)
    named = re.search(r"_(S\d+)\.", archive.name)
    if subject is None and named and named.group(1) in SUBJECTS:
        subject = named.group(1)
    if subject is None or file.startswith("."):
        return None
    suffix = Path(file).suffix.lower()
    if suffix == ".mp4":
        # Segments_mat_gt_bs archives may hold videos of the masks beside the masks.
        masks = "MySegmentsMat" in parts or archive.name.lower().startswith("segments")
        return None if masks else Path(subject, "Videos", file)
    if suffix == ".mat":
        other = any(
            part.startswith("ground_truth_") and part != "ground_truth_bs" for part in parts
        )
        return None if other else Path(subject, "MySegmentsMat", "ground_truth_bs", file)
    if suffix == ".cdf":
        kind = next((part for part in parts[:-1] if re.match(r"D\d_", part)), None)
        if kind is None:
            told = re.match(r"Poses_(.+)_S\d+\.", archive.name)
            kind = told.group(1) if told else ""
        return Path(subject, "MyPoseFeatures", kind, file) if kind in _POSES else None
    return None
