"""Options that several commands take, each with its help; structs of options are the library's."""

from typing import Annotated, Literal

from tyro.conf import arg
from tyro.constructors import PrimitiveConstructorSpec

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
