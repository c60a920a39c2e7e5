"""Memory that training asks for again in every step: kept by the process, in large pages.

A step allocates and frees the same maps of tens of megabytes. The C library's default gives such
blocks back to the system at once and gets them anew, page by page, each filled with zeros.
`overpose bench --parts training` compares training with a loop that leaves it so. Where the C
library is not glibc, nothing here does anything.
"""

import ctypes
import os
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
"""Options of `mallopt`, from malloc.h."""
_NEVER = 2**31 - 1
_AT_A_TIME = 64 * 2**20


def keep_freed_memory() -> None:
    """From now on, memory that this process frees stays with it until it ends.

    Results do not depend on it. The process keeps what it has used at most.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for option, value in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, _NEVER), (_TOP_PAD, _AT_A_TIME)):
        mallopt(option, value)


def in_large_pages() -> dict[str, str]:
    """Environment of a process whose memory comes in pages of 2 MB where the system allows it.

    It is read when a process starts; what the user has asked of the C library stays.
    """
    wanted = "glibc.malloc.hugetlb=1"
    asked = os.environ.get("GLIBC_TUNABLES", "")
    if "hugetlb" not in asked:
        asked = f"{asked}:{wanted}" if asked else wanted
    return {"GLIBC_TUNABLES": asked}
