"""Which overpose this is: its version, and the commit of its checkout where there is one."""

import subprocess
from functools import cache
from pathlib import Path

VERSION = "0.1.0"


@cache
def source_commit() -> str | None:
    """Git commit of the running source, with `-modified` if it differs; None outside a checkout."""
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return None
    try:
        command = ["git", "-C", str(root), "describe", "--always", "--abbrev=40", "--exclude=*"]
        done = subprocess.run(
            [*command, "--dirty=-modified"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
