"""Tests that start Ray clusters on this machine: `make test-cluster`. Others need no Ray."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not os.environ.get("OVERPOSE_TEST_CLUSTER"):
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="starts Ray; see make test-cluster"))


def overpose(*arguments: object) -> subprocess.Popen[str]:
    """The command line, begun in a process of its own."""
    code = "from overpose.app import main; main()"
    given = [sys.executable, "-P", "-c", code, *map(str, arguments)]
    return subprocess.Popen(given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Its exit status and what it said of errors, or all that it said."""
    _, said = process.communicate(timeout=900)
    lines = [line for line in said.splitlines() if "overpose: error:" in line]
    return process.returncode, lines[0] if len(lines) == 1 else said
