"""Object storage in memory in place of a server's, by fsspec's own file system for tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from overpose.support import object_storage


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryFileSystem]:
    """What `s3://` names mean meanwhile; there is nothing in it."""
    system = MemoryFileSystem()
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    monkeypatch.setattr(object_storage, "filesystem", lambda scheme: system)
    yield system
    system.store.clear()


def put(system: MemoryFileSystem, local: Path, name: str) -> str:
    """Copy a file, or a directory with its files, to a name; returns its URL."""
    for path in [local] if local.is_file() else sorted(local.rglob("*")):
        if path.is_file():
            inner = "" if path == local else f"/{path.relative_to(local).as_posix()}"
            system.pipe_file(f"{name}{inner}", path.read_bytes())
    return f"s3://{name}"


def contents(system: MemoryFileSystem, name: str) -> dict[str, bytes]:
    """Files under a name and their content."""
    start = f"/{name}/"
    return {
        path.removeprefix(start): bytes(file.getbuffer())
        for path, file in system.store.items()
        if path.startswith(start)
    }
