"""Starting a Ray cluster here, or joining one that runs; what keeps from it is one line.

What is done there belongs to `on_cluster`. Needs the extra `ray`.
"""

import contextlib
import os
import secrets
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from overpose.support.cluster import LOCAL, Cluster
from overpose.support.errors import InputError
from overpose.support.workers import in_environment

PATIENCE_S = 20.0
"""How long to wait for a connection, and for a free CPU."""
STORE_BYTES = 512 << 20
"""Of the object store of a cluster that is started here: a few units' files."""
TOKEN_MODE = "RAY_AUTH_MODE"
TOKEN, TOKEN_PATH = "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"
_ASKING_NOBODY = {"http_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1,localhost,::1"}
"""A cluster that is started asks over HTTP in which cloud it is, even with statistics off: that
goes to a proxy where nothing answers, on loopback."""
_ELSEWHERE = ("192.0.2.1", 9)  # of nobody: which address would be used to go there


@contextmanager
def connected(cluster: Cluster, environment: Mapping[str, str]) -> Iterator[Any]:
    """Ray, connected; what it says of itself is not shown.

    Args:
        cluster: where.
        environment: variables of the workers.

    Raises:
        InputError: the cluster cannot be reached, or is of other versions.
    """
    if cluster.address == LOCAL:
        _prepare_to_start()
    else:
        require_reachable(cluster.address)
        _prepare_to_join(cluster.address)
    with _silent():  # it says there which level it has been told to say things from
        import ray  # pyright: ignore[reportMissingImports]

    meanwhile: Mapping[str, str] = {}
    options: dict[str, Any] = {
        "logging_level": "ERROR",
        "log_to_driver": False,
        "runtime_env": {"env_vars": {**environment, "RAY_USAGE_STATS_ENABLED": "0"}},
    }
    if cluster.address == LOCAL:
        options |= {"num_cpus": cluster.processes, "object_store_memory": STORE_BYTES}
        options |= {"include_dashboard": False}
        meanwhile = _ASKING_NOBODY
    # Ray has workers import what lies in the current directory; it lies in an empty one.
    with tempfile.TemporaryDirectory(prefix="overpose-ray-") as empty, _deaf(ray):
        try:
            with contextlib.chdir(empty), _silent(), in_environment(meanwhile):
                ray.init(cluster.address, **options)
        except Exception as error:
            ray.shutdown()
            raise InputError(_why_not(error, cluster.address)) from None
        try:
            yield ray
        finally:
            ray.shutdown()


@contextmanager
def _silent() -> Iterator[None]:
    """What compiled code says on stderr is not shown meanwhile; its errors are raised."""
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def _deaf(ray: Any) -> Iterator[None]:
    """What the cluster's machines tell of workers that died is not printed meanwhile: Ray has no
    option for it, it comes whatever `log_to_driver` is. It stays in Ray's logs."""
    inside = ray._private.worker
    kept = inside.print_to_stdstream
    inside.print_to_stdstream = lambda *_, **__: None
    try:
        yield
    finally:
        inside.print_to_stdstream = kept


def require_reachable(address: str) -> None:
    """Refuse an address where nothing answers.

    Raises:
        InputError: so it is, or it is no address.
    """
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal() and int(port) < 1 << 16):
        raise InputError(f"ray: got address {address!r}, expected local or HOST:PORT")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE_S / 2).close()
    except OSError as error:
        raise InputError(
            f"ray: nothing answers at {address} ({error.strerror or error}); start a cluster with "
            "ray start --head, or give local"
        ) from None


def require_alive(cluster: Cluster) -> None:
    """Stop where the head of a cluster that was joined is gone; Ray itself waits for long.

    Raises:
        InputError: so it is.
    """
    if cluster.address == LOCAL:
        return
    try:
        require_reachable(cluster.address)
    except InputError:
        raise InputError(
            f"ray: the head of the cluster at {cluster.address} is gone; what is finished is kept: "
            "run the same command again when there is one"
        ) from None


def wait_for_a_cpu(ray: Any, cluster: Cluster) -> None:
    """Wait until one is free.

    Raises:
        InputError: for long there is none.
    """
    end = time.monotonic() + PATIENCE_S
    while ray.available_resources().get("CPU", 0) < 1:
        if time.monotonic() > end:
            total = ray.cluster_resources().get("CPU", 0)
            raise InputError(
                f"ray: no free CPU at {cluster.address} for {PATIENCE_S:.0f} s (of {total:.0f}); "
                "wait for other work to end, or add machines"
            )
        time.sleep(0.2)


# Variables that Ray reads when it is imported.


def _prepare_to_start() -> None:
    """A cluster of this machine is on loopback, and asks for a token that nobody else has."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    os.environ.setdefault("RAY_worker_niceness", "0")  # as processes here; Ray's default is 15
    if os.environ.setdefault(TOKEN_MODE, "token") == "token" and TOKEN_PATH not in os.environ:
        os.environ.setdefault(TOKEN, secrets.token_hex())  # else Ray leaves a file at home


def _prepare_to_join(address: str) -> None:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # A head asks for a token where there is one; Ray gives it unasked only to what it has found.
    if _has_token():
        os.environ.setdefault(TOKEN_MODE, "token")
    # What it tries and says meanwhile; one line of ours says that it failed.
    os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "2")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    if _is_on_loopback_only(address):
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"


def _has_token() -> bool:
    given = TOKEN in os.environ or TOKEN_PATH in os.environ
    return given or Path("~/.ray/auth_token").expanduser().is_file()


def _is_on_loopback_only(address: str) -> bool:
    """Whether a cluster on this machine answers on loopback, but not at the machine's address,
    which Ray takes for both."""
    host, _, port = address.rpartition(":")
    if not host.startswith("127.") and host != "localhost":
        return False
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unsent:
            unsent.connect(_ELSEWHERE)
            own = unsent.getsockname()[0]
        socket.create_connection((own, int(port)), timeout=PATIENCE_S / 2).close()
    except OSError:
        return True
    return False


def _why_not(error: Exception, address: str) -> str:
    said = " ".join(str(error).split())
    if address == LOCAL:
        return (
            f"ray: no cluster could be started on this machine ({type(error).__name__}: "
            f"{said[:300]}); try again when less else runs on it, or leave --ray out"
        )
    if "ersion mismatch" in said:
        return f"ray: the cluster at {address} is of other versions ({said}); install the same"
    return (
        f"ray: cannot join the cluster at {address} ({type(error).__name__}: {said[:300]}); if it "
        "asks for a token, it has to be in ~/.ray/auth_token, as on its head, or in RAY_AUTH_TOKEN"
    )
