"""The card of a reader that is fed damaged files."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Reader:
    """A card.

    Attributes:
        name: of the reader; damaged files that are kept begin with it.
        file: what is damaged, in the directory that `write` fills.
        write: puts one undamaged input into an empty directory.
        read: reads the directory's input as overpose does.
    """

    name: str
    file: str
    write: Callable[[Path], None]
    read: Callable[[Path], object]
