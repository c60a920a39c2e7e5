"""What stands above every result: the commit, the machine and the date."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from overpose.support.bfloat16 import knows_bfloat16
from overpose.support.version import VERSION, source_commit


def report_header() -> dict[str, str]:
    """`commit`, `machine` and `date` (UTC, ISO 8601, to the second) of a result made now."""
    return {
        "commit": code_commit(),
        "machine": machine_text(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def code_commit() -> str:
    """The commit of this package's checkout, with "-modified" if changed.

    An installed copy has no checkout: there it is "unknown" with the version.
    """
    return source_commit() or f"unknown (overpose {VERSION})"


def machine_text() -> str:
    """One line on the machine: processor, its vectors, cores, system, Python, torch."""
    import torch

    vectors = torch.backends.cpu.get_cpu_capability()
    bfloat16 = "with" if knows_bfloat16() else "without"

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parts = [
        _processor_name(),
        f"{vectors} {bfloat16} bfloat16",
        f"{cores} cores",
        f"{platform.system()} {platform.release()}",
        f"Python {platform.python_version()}",
        f"torch {torch.__version__}",
    ]
    if torch.cuda.is_available():
        parts.insert(1, torch.cuda.get_device_name())
    return ", ".join(parts)


def _processor_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    except OSError:
        pass
    return platform.processor() or platform.machine() or "unknown processor"
