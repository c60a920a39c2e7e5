"""Who may talk to the live viewer: pages that it served itself, under an address that is its own.

A web page elsewhere can open a WebSocket to any port of this machine, and a name of its own can be
made to lead here (DNS rebinding); browsers tell both by the headers Origin and Host. viser checks
neither and has no place for a check, so its server is started through one that has.
"""

import http
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import websockets.asyncio.server
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from overpose.support.errors import InputError

_starting = threading.Lock()


@contextmanager
def guarding(host: str) -> Iterator[None]:
    """Servers of viser that are started meanwhile refuse requests that others could have made.

    Args:
        host: the address that they listen on.
    """
    with _starting:
        serve = websockets.asyncio.server.serve

        def serve_guarded(*arguments: Any, process_request: Any = None, **options: Any) -> Any:
            answer = _guarded(process_request, host)
            return serve(*arguments, process_request=answer, **options)

        websockets.asyncio.server.serve = serve_guarded  # pyright: ignore[reportAttributeAccessIssue]
        try:
            yield
        finally:
            websockets.asyncio.server.serve = serve


def _guarded(answer: Callable[..., Any] | None, host: str) -> Callable[..., Any]:
    def process(connection: Any, request: Request) -> Any:
        asked, origins = (request.headers.get_all(name) for name in ("Host", "Origin"))
        if len(asked) != 1 or not all(
            is_own(asked[0], origin, host) for origin in origins or [None]
        ):
            said = b"overpose: this address is not the viewer's; open the one that it printed\n"
            length = {"Content-Length": str(len(said)), "Content-Type": "text/plain"}
            return Response(http.HTTPStatus.FORBIDDEN, "Forbidden", Headers(length), said)
        return None if answer is None else answer(connection, request)

    return process


def require_address(host: str, port: int) -> None:
    """Refuse an address that cannot be listened on; a port in use is no obstacle."""
    if not 0 <= port <= 65535:
        raise InputError(f"port: got {port}, expected 0 to 65535")
    try:
        family = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.bind((host, 0))
    except OSError as error:
        raise InputError(
            f"host: cannot listen on {host!r} ({error.strerror or error}); "
            "expected an address of this computer, such as 127.0.0.1"
        ) from None


def is_own(asked: str, origin: str | None, host: str) -> bool:
    """Whether a request is for the viewer by an address of its own, and no page elsewhere made it.

    Args:
        asked: the header Host, e.g. "localhost:8080".
        origin: the header Origin, e.g. "http://localhost:8080"; None: not sent, as by programs
            that are no browsers, and by browsers for the page itself.
        host: the address that the viewer listens on.
    """
    name = (_netloc(f"http://{asked}") or ("", None))[0]
    names = {"localhost", host.lower(), socket.gethostname().lower()}
    if name not in names and not _is_address(name):
        return False
    return origin is None or _netloc(origin) == _netloc(f"http://{asked}")


def _netloc(url: str) -> tuple[str, int] | None:
    """Host and port of an address with a scheme."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (KeyError, ValueError):
        return None
    return (parts.hostname or "").lower(), port


def _is_address(name: str) -> bool:
    """Numbers cannot be made to lead elsewhere."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
