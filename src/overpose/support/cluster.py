"""Which cluster does the work: `--ray ADDRESS`. Imports nothing heavy: the command line reads it.

How it does it belongs to `on_cluster`.
"""

from dataclasses import dataclass

from overpose.support.errors import InputError
from overpose.support.shards import Shard

LOCAL = "local"
TRIES = 20
"""How often a unit is begun whose workers die."""


@dataclass(frozen=True)
class Cluster:
    """Where units are done.

    Attributes:
        address: of a running cluster, HOST:PORT, on a machine of which this process runs; or
            "local": one is started here, for as long as the work lasts.
        processes: workers of one that is started here.
    """

    address: str
    processes: int


def require_one_way(shard: Shard | None, cluster: Cluster | None) -> None:
    """Refuse a part of the work on a cluster, which shares the work out itself.

    Raises:
        InputError: both are given.
    """
    if shard is not None and cluster is not None:
        raise InputError("ray: got it with --shard, expected one of them")
