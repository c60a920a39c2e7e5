"""Options that several commands take, each with its help; structs of options are the library's."""

from typing import Annotated, Literal

from tyro.conf import arg

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
