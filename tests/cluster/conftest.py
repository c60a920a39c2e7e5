"""Tests that start Ray clusters on this machine: `make test-cluster`. Others need no Ray."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
LOOPBACK = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_worker_niceness": "0",
}


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


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a node of a cluster: `start("--head", "--port=1234")`; it ends with the test."""
    nodes: list[subprocess.Popen[bytes]] = []

    def node(*options: str) -> subprocess.Popen[bytes]:
        given = [str(BIN / "ray"), "start", "--block", *options, "--disable-usage-stats"]
        given += ["--node-ip-address=127.0.0.1", "--object-store-memory=100000000"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = {**os.environ, **LOOPBACK}
        nodes.append(subprocess.Popen(given, env=environment, start_new_session=True, **quiet))
        return nodes[-1]

    yield node
    for each in nodes:
        each.terminate()
    for each in nodes:
        each.wait(60)
