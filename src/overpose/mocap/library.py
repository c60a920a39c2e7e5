"""A library of recorded motion: BVH files, or CMU's official layout as a directory or archive.

BVH files give trials called like the files. CMU's layout is `subjects/01/01.asf` and
`subjects/01/01_01.amc`, with or without a directory around it; a flat directory with `anna.asf` and
`anna_1.amc` serves too. An archive is unpacked once, into
the cache directory under the hash of its content, so that a trial can be read without reading the
archive again. Which trials serve for what belongs to `datasets`.
"""

import gzip
import lzma
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from overpose.mocap.asf_amc import CMU_FPS, read_trial
from overpose.mocap.bvh import read_bvh
from overpose.mocap.joints17 import BONE_ENDS
from overpose.mocap.motion import Motion
from overpose.mocap.proportions import repaired_lengths
from overpose.support.archives import check_member, tar_members
from overpose.support.assets import cache_directory
from overpose.support.digests import sha256_of_file
from overpose.support.errors import InputError
from overpose.support.files import partial_directory

ARCHIVE_SUFFIXES = (".tar.xz", ".tar.gz", ".tgz", ".tar", ".zip")
MAX_UNPACKED_BYTES = 64 * 2**30
_DAMAGE = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, gzip.BadGzipFile, lzma.LZMAError, EOFError,
    ValueError, NotImplementedError, RuntimeError,
)  # fmt: skip
"""What tarfile and zipfile raise on archives that are damaged, encrypted or oddly compressed."""
LAYOUT = "subjects/01/01.asf and subjects/01/01_01.amc"


@dataclass(frozen=True)
class MotionLibrary:
    """Recorded trials, by name.

    Attributes:
        source: the directory or archive the user gave.
        files: for every trial its (asf, amc) files, or its one BVH file.
        fps: frame rate of CMU's recordings; BVH files say their own.
        up: the axis of BVH files that points up.
    """

    source: Path
    files: dict[str, tuple[Path, ...]]
    fps: float = CMU_FPS
    up: Literal["y", "z"] = "y"

    def trials(self) -> list[str]:
        """Names of all trials such as "01_02", sorted by subject and trial number."""
        return sorted(self.files, key=_natural)

    def subjects(self) -> list[str]:
        """Names of all subjects such as "01", sorted by number."""
        return sorted({subject_of(trial) for trial in self.files}, key=_natural)

    def motion(self, trial: str, fps: float | None = None) -> Motion:
        """Read a trial.

        Args:
            trial: its name.
            fps: frame rate wanted; None keeps that of the recording.

        Returns:
            The motion in the world frame (z up, mm), its `subject` and `trial` filled in, limbs
            that no body has repaired (`repaired_lengths`).

        Raises:
            InputError: there is no such trial, its skeleton is missing, or a file is damaged.
        """
        if trial not in self.files:
            known = self.trials()
            raise InputError(
                f"{self.source}: no trial {trial!r}; it has {len(known)}, {known[0]} to {known[-1]}"
            )
        if len(self.files[trial]) == 1:
            motion = _read_bvh_of_cmu_bones(self.files[trial][0], self.up)
        else:
            asf, amc = self.files[trial]
            if not asf.is_file():
                raise InputError(f"{amc}: its skeleton {asf} is missing")
            motion = replace(read_trial(asf, amc, fps=self.fps), subject=asf.stem, trial=trial)
        motion = replace(motion, skeleton=repaired_lengths(motion.skeleton))
        return motion if fps is None else motion.resample(fps)


def open_library(path: Path, *, fps: float = CMU_FPS, up: Literal["y", "z"] = "y") -> MotionLibrary:
    """Open BVH files, or a directory or an archive (.tar.xz, .tar.gz, .tar, .zip) of CMU's.

    Args:
        path: the directory or archive; a BVH file or a directory of them.
        fps: frame rate of the recordings; CMU's is 120.
        up: the axis of BVH files that points up: z in Blender's.

    Raises:
        InputError: there is nothing at `path`, it has no trials, or it is an archive that is
            damaged or holds links, devices or members that would land outside its directory.
    """
    path = Path(path)
    if not holds_asf_amc(path) and (found := bvh_files(path)):
        return MotionLibrary(path, {file.stem: (file,) for file in found}, fps, up)
    if path.is_dir():
        directory = path
    elif not path.exists():
        raise InputError(f"{path}: no such directory or archive; expected {LAYOUT} in it")
    elif path.name.lower().endswith(ARCHIVE_SUFFIXES):
        directory = _unpacked(path)
    else:
        raise InputError(
            f"{path}: got a file, expected a directory or an archive such as "
            f"{', '.join(ARCHIVE_SUFFIXES)}"
        )
    files = _find_trials(directory)
    if not files:
        raise InputError(f"{path}: no trials in it; expected {LAYOUT}")
    return MotionLibrary(path, files, fps)


def subject_of(trial: str) -> str:
    """The subject of a trial: "16" of "16_08"."""
    return trial.rpartition("_")[0]


def holds_asf_amc(path: Path) -> bool:
    """Whether this is a directory in CMU's layout; of an archive, whether it may hold one."""
    if path.is_dir():
        return bool(_find_trials(path))
    return path.is_file() and path.name.lower().endswith(ARCHIVE_SUFFIXES)


def is_named_as_cmu(path: Path) -> bool:
    """Whether the trials there are called as CMU calls them, "16_08"; those of archives are."""
    return path.is_file() or all(re.fullmatch(r"\d+_\d+", name) for name in _find_trials(path))


def bvh_files(path: Path) -> list[Path]:
    """The BVH files that this is, or that lie in this directory, sorted."""
    entries = [path] if path.is_file() else path.iterdir() if path.is_dir() else []
    return sorted(each for each in entries if each.suffix.lower() == ".bvh" and each.is_file())


def _read_bvh_of_cmu_bones(path: Path, up: Literal["y", "z"]) -> Motion:
    motion = read_bvh(path, up=up)
    if missing := sorted(set(BONE_ENDS.values()) - set(motion.skeleton.names)):
        raise InputError(
            f"{path}: got a skeleton without {', '.join(missing)}, expected CMU's bone names (root,"
            " lfemur, lhumerus, …); rename its joints, or convert the motion to that skeleton"
        )
    return replace(motion, subject=subject_of(path.stem))


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """Sort key by which 2 comes before 10."""
    parts = re.findall(r"\d+|\D+", name)
    return tuple((int(p), "") if p.isdecimal() else (-1, p) for p in parts)


def _find_trials(directory: Path) -> dict[str, tuple[Path, Path]]:
    """Trials of the layout in `directory`, in its `subjects`, or in `subjects` one level deeper; or
    else those whose skeletons lie in `directory` itself, side by side with them."""
    bases = [directory / "subjects", directory]
    bases += [child / "subjects" for child in sorted(directory.iterdir())]
    for base in bases:
        files: dict[str, tuple[Path, Path]] = {}
        for amc in sorted(base.glob("*/*")):
            subject = amc.parent
            if amc.suffix.lower() == ".amc" and amc.name.startswith(f"{subject.name}_"):
                files[amc.stem] = (_skeleton(subject, subject.name), amc)
        if files:
            return files
    beside = [
        (_skeleton(directory, subject_of(amc.stem)), amc)
        for amc in sorted(directory.iterdir())
        if amc.suffix.lower() == ".amc"
    ]
    return {amc.stem: (asf, amc) for asf, amc in beside if asf.is_file()}


def _skeleton(directory: Path, subject: str) -> Path:
    """A subject's skeleton in a directory, however its ending is written; it may be missing."""
    usual = directory / f"{subject}.asf"
    if usual.is_file():
        return usual
    others = (each for each in sorted(directory.iterdir()) if each.stem == subject)
    return next((each for each in others if each.suffix.lower() == ".asf"), usual)


def _unpacked(archive: Path) -> Path:
    """The directory an archive is unpacked in; unpacks it the first time."""
    place = cache_directory() / "mocap" / sha256_of_file(archive)[:32]
    if place.is_dir():
        if _holds_what_was_unpacked(archive, place):
            return place
        shutil.rmtree(place, ignore_errors=True)
    unpack = _unpack_zip if archive.name.lower().endswith(".zip") else _unpack_tar
    try:
        with partial_directory(place) as temporary:
            unpack(archive, temporary)
            try:
                temporary.rename(place)
            except OSError:
                # Another process was faster: the content is the same.
                if not place.is_dir():
                    raise
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(f"{archive}: not a whole archive ({error}); get it again") from None
    except OSError as error:
        raise InputError(f"{archive}: cannot be unpacked into {place.parent} ({error})") from None
    return place


def _holds_what_was_unpacked(archive: Path, place: Path) -> bool:
    """Whether there are files as many and as large as the archive's, and no links.

    Only a zip archive has a list of them; for others, what their readers check has to do.
    """
    entries = [entry.lstat() for entry in place.rglob("*")]
    if any(stat.S_ISLNK(entry.st_mode) for entry in entries):
        return False
    if not archive.name.lower().endswith(".zip"):
        return True
    try:
        with zipfile.ZipFile(archive) as bundle:
            members = [member for member in bundle.infolist() if not member.is_dir()]
    except _DAMAGE:
        return False  # it is another error's turn to say so
    wanted = {each.filename: each.file_size for each in members if _is_wanted(each.filename)}
    found = [entry for entry in place.rglob("*") if _is_wanted(entry.name) and entry.is_file()]
    return sorted(entry.stat().st_size for entry in found) == sorted(wanted.values())


def _unpack_tar(archive: Path, directory: Path) -> None:
    for tar, member in tar_members(archive, MAX_UNPACKED_BYTES):
        if _is_wanted(member.name) and member.isreg():
            member.mode = 0o644
            tar.extract(member, directory, filter="data")


def _unpack_zip(archive: Path, directory: Path) -> None:
    with zipfile.ZipFile(archive) as bundle:
        total = 0
        for member in bundle.infolist():
            total = check_member(
                archive, member.filename, member.file_size, total, MAX_UNPACKED_BYTES
            )
            kind = (member.external_attr >> 16) & 0o170000
            if kind not in (0, 0o100000, 0o040000):
                raise InputError(
                    f"{archive}: member {member.filename} is a link or a device, expected only "
                    "files and directories; refused"
                )
            if _is_wanted(member.filename) and not member.is_dir():
                bundle.extract(member, directory)


def _is_wanted(name: str) -> bool:
    return name.lower().endswith((".asf", ".amc"))
