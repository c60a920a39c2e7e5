"""Pages elsewhere cannot talk to the live viewer; those that it served can."""

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from overpose.poses import PoseTrack
from overpose.viewer.guard import is_own
from overpose.viewer.scene import open_viewer


@pytest.fixture(scope="module")
def port(track: PoseTrack) -> Iterator[int]:
    with open_viewer(track, port=0) as viewer:
        yield viewer.server.get_port()


def socket_opens(port: int, **headers: str) -> bool:
    try:
        with connect(
            f"ws://127.0.0.1:{port}", subprotocols=["viser-v1.1.1"], additional_headers=headers
        ):  # pyright: ignore[reportArgumentType]
            return True
    except InvalidStatus as error:
        return error.response.status_code != 403


def page_status(port: int, host: str) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"Host": host})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_its_own_page_and_programs_may_connect(port: int) -> None:
    assert socket_opens(port)
    assert socket_opens(port, Origin=f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "file://"])
def test_a_page_from_elsewhere_may_not_connect(origin: str, port: int) -> None:
    assert not socket_opens(port, Origin=origin)


def test_a_name_made_to_lead_here_gets_no_page(port: int) -> None:
    assert page_status(port, f"localhost:{port}") == 200
    assert page_status(port, f"evil.example:{port}") == 403


@pytest.mark.parametrize(
    ("asked", "origin", "own"),
    [
        ("localhost:8080", None, True),
        ("localhost:8080", "http://localhost:8080", True),
        ("localhost:8080", "http://127.0.0.1:8080", False),
        ("192.168.1.7:8080", "http://192.168.1.7:8080", True),
        ("[::1]:8080", "http://[::1]:8080", True),
        ("viewer.lan", "http://viewer.lan", True),
        ("viewer.lan.evil.example", "http://viewer.lan.evil.example", False),
        ("127.0.0.1.evil.example:8080", "http://127.0.0.1.evil.example:8080", False),
        ("localhost:8080", "https://localhost:8080", True),
        ("localhost:8080", "http://localhost:8080@evil.example", False),
        ("", None, False),
        ("[", None, False),
        ("localhost:port", None, False),
    ],
)
def test_hosts_and_origins(asked: str, origin: str | None, own: bool) -> None:
    assert is_own(asked, origin, "viewer.lan") is own
