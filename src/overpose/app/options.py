"""Options that several commands take, each with its help; structs of options are the library's."""

from collections.abc import Collection
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg
from tyro.constructors import PrimitiveConstructorSpec

from overpose.support.cluster import LOCAL, Cluster
from overpose.support.errors import InputError
from overpose.support.object_storage import RemotePath
from overpose.support.shards import Shard

Device = Annotated[Literal["auto", "cpu", "cuda"], arg(help="Where to train.")]
PresetName = Annotated[
    Literal["smoke", "cpu", "paper"],
    arg(
        help="Sizes and budgets. smoke: made-up motion, minutes. cpu: reduced sizes, hours. paper: "
        "published sizes, GPU."
    ),
]
Processes = Annotated[
    int | None, arg(help="Processes that work side by side; one for each core if not given.")
]
Part = Annotated[
    Shard | None,
    PrimitiveConstructorSpec(
        nargs=1,
        metavar="I/N",
        instance_from_str=lambda said: Shard.parse(said[0]),
        is_instance=lambda value: value is None or isinstance(value, Shard),
        str_from_instance=lambda shard: [str(shard)],
    ),
]
Ray = Annotated[
    str | None,
    arg(
        metavar="ADDRESS",
        help="Have a Ray cluster do it: HOST:PORT of one that runs, or local, which starts one "
        "here (extra ray; docs/scale.md).",
    ),
]


def require_here(options: object, elsewhere: Collection[str]) -> None:
    """Refuse names in object storage in options that take none.

    Args:
        options: a command, or options of it.
        elsewhere: names of the options that take them.

    Raises:
        InputError: there is one.
    """
    for field in fields(options):  # pyright: ignore[reportArgumentType]
        value = getattr(options, field.name)
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, RemotePath) and field.name not in elsewhere:
                raise InputError(
                    f"{field.name}: got {each}, expected a name here: docs/storage.md says what "
                    "may be in object storage; copy it here first, or from here"
                )
            if is_dataclass(each):
                require_here(each, elsewhere)


def cluster_at(address: str | None, processes: int | None = None) -> Cluster | None:
    """The cluster that is asked for; its workers, if it is started here, are the processes.

    Raises:
        InputError: processes are asked for of a cluster that runs.
    """
    if address is None:
        return None
    if processes is not None and address != LOCAL:
        raise InputError("processes: got it with --ray of a running cluster, which has its own")
    from overpose.support.workers import number_of_processes

    return Cluster(address, number_of_processes(processes))


def detector_models() -> dict[str, tuple[Path, Path]]:
    """For "full" and "heavy" the files of the detector and of the landmark model."""
    from overpose.support.assets import download_asset
    from overpose.synthetic.detections import COMPLEXITIES

    detector = download_asset("pose_detection")
    return {name: (detector, download_asset(f"pose_landmark_{name}")) for name in COMPLEXITIES}
