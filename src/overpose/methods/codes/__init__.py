"""Latent codes of poses, each a card in a file of its own; `CODES` lists them.

To add one: write `codes/mine.py` with a frozen Config, a model that offers what
`networks.codes.PoseCode` asks for, and `CODE = Code(...)`; put it into `CODES`. Presets, ablations
and lifters then choose it by name.
"""

from collections.abc import Sequence

from overpose.methods.codes import autoencoder, pca, tokens
from overpose.methods.codes.card import Code, CodeContext
from overpose.support.errors import InputError

CODES: tuple[Code, ...] = (autoencoder.CODE, tokens.CODE, pca.CODE)

__all__ = ["CODES", "Code", "CodeContext", "code_named"]


def code_named(name: str, codes: Sequence[Code] = CODES) -> Code:
    """The code of that name.

    Raises:
        InputError: there is none.
    """
    for code in codes:
        if code.name == name:
            return code
    raise InputError(f"code: got {name!r}, expected one of {', '.join(c.name for c in codes)}")
