"""The one exception that means "the user can mend this", which the command line prints as one line;
and which others mean that memory ran out."""

import re


class InputError(ValueError):
    """Bad input: the message says what was got, what was expected and what to do.

    It is one line, whatever the names and texts of a file are that it quotes.
    """

    def __init__(self, message: str) -> None:
        line = re.sub(r"\s*[\r\n]\s*", " ", message)
        super().__init__("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line))


_SAID_OF_MEMORY = (
    "allocate memory",
    "out of memory",
    "insufficient memory",
    "bad_alloc",
    "can't start new thread",
)
"""What libraries that raise no MemoryError say instead, in small letters."""


def is_of_memory(error: BaseException) -> bool:
    """Whether this was raised because memory ran out; torch and OpenCV have errors of their own."""
    if isinstance(error, MemoryError):
        return True
    said = str(error).lower()
    return isinstance(error, Exception) and any(text in said for text in _SAID_OF_MEMORY)
