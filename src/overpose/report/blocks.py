"""Rows in blocks, like with like: the same inputs and the same finishing.

Tables and checks are made for one block at a time.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from overpose.methods import INPUTS, Inputs
from overpose.report.rows import FINISHINGS, Finishing, Row

_INPUTS: dict[Inputs, tuple[str, str]] = {
    "image": ("Images", "Every method is given the image alone."),
    "masked_image": (
        "Images with masks",
        "Every method is also given the person's mask, in training and in test: networks see black "
        "outside it, the kernel systems take it for their descriptor.",
    ),
}
_FINISHINGS: dict[Finishing, tuple[str, str]] = {
    "none": ("", ""),
    "common": (
        ", with the common finishing",
        " Then the same is done with the poses of all methods that are not privileged: the mean "
        "with the mirrored image, and limb lengths blended towards the mean of the training people "
        "by the share that the protocol states.",
    ),
}


@dataclass(frozen=True)
class Block:
    """Rows that compare.

    Attributes:
        title: what was given, and what was done with the poses.
        note: the same in sentences.
        rows: at least one.
    """

    title: str
    note: str
    inputs: Inputs
    finishing: Finishing
    rows: tuple[Row, ...]


def blocks_of(rows: Iterable[Row]) -> list[Block]:
    """The blocks that rows fall into: without finishing first."""
    rows, blocks = list(rows), []
    for finishing in FINISHINGS:
        for inputs in INPUTS:
            own = tuple(r for r in rows if (r.inputs, r.finishing) == (inputs, finishing))
            if own:
                (given, gives), (done, does) = _INPUTS[inputs], _FINISHINGS[finishing]
                blocks.append(Block(given + done, gives + does, inputs, finishing, own))
    return blocks
