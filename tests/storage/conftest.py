"""An S3 server on this machine: `make test-storage`. Its packages are in an environment of their
own, whose Python OVERPOSE_TEST_STORAGE names."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not os.environ.get("OVERPOSE_TEST_STORAGE"):
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="needs a server; see make test-storage"))


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server on loopback, which ends with the tests."""
    command = [os.environ["OVERPOSE_TEST_STORAGE"], "-c", SERVER]
    log = tmp_path_factory.mktemp("server") / "log"  # a line a request: a pipe would be full
    with (
        log.open("w") as said,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True
        ) as server,
    ):
        assert server.stdout is not None
        lines = iter(server.stdout.readline, "")
        port = next((line for line in lines if line.strip().isdecimal()), None)
        assert port is not None, log.read_text()
        yield f"http://127.0.0.1:{int(port)}"
        server.communicate()


@pytest.fixture
def settings(
    endpoint: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The environment of somebody who uses that server, without settings of this machine."""
    from s3fs import S3FileSystem

    nowhere = str(tmp_path_factory.mktemp("aws") / "none")
    for name in [name for name in os.environ if name.startswith(("AWS_", "FSSPEC_"))]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": nowhere,
        "AWS_SHARED_CREDENTIALS_FILE": nowhere,
    }.items():
        monkeypatch.setenv(name, value)
    S3FileSystem.clear_instance_cache()
    yield
    S3FileSystem.clear_instance_cache()


@pytest.fixture
def bucket(settings: None) -> Iterator[Any]:
    """s3fs with an empty bucket `data`."""
    from overpose.support.object_storage import filesystem

    system = filesystem("s3")
    system.mkdir("data")
    yield system
    system.invalidate_cache()
    system.rm("data", recursive=True)
