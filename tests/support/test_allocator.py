"""Memory freed in training stays with the process; the environment asks for large pages."""

import sys
from pathlib import Path

import numpy as np
import pytest

from overpose.support.allocator import in_large_pages, keep_freed_memory
from overpose.support.workers import in_fresh_process

MIB = 2**20


def resident_mib() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def mib_kept(keep: bool) -> float:
    """What stays of blocks of 100 MiB after they were freed."""
    if keep:
        keep_freed_memory()
    before = resident_mib()
    for _ in range(2):
        block = np.empty(100 * MIB, dtype=np.uint8)
        block[:] = 1
        del block
    return resident_mib() - before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of the C library of Linux")
def test_freed_memory_stays_where_asked_and_only_there() -> None:
    assert in_fresh_process(mib_kept, True) > 90
    assert in_fresh_process(mib_kept, False) < 10


def test_what_the_user_asked_of_the_c_library_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    assert in_large_pages() == {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=1")
    assert in_large_pages() == {"GLIBC_TUNABLES": "glibc.malloc.check=1:glibc.malloc.hugetlb=1"}
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=0")
    assert in_large_pages() == {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=0"}
