"""The one exception that means "the user can fix this", which the command line prints as one line;
which others mean that memory ran out, and which that a library is broken."""

import re
from traceback import walk_tb


class InputError(ValueError):
    """Bad input: the message says what was got, what was expected and what to do.

    It is one line, whatever the names and texts of a file are that it quotes.
    """

    def __init__(self, message: str) -> None:
        line = re.sub(r"\s*[\r\n]\s*", " ", message)
        super().__init__("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line))


class UsageError(InputError):
    """Options that exclude each other: wrong usage rather than bad input, to the command line."""


_SAID_OF_MEMORY = (
    "allocate memory",
    "out of memory",
    "insufficient memory",
    "bad_alloc",
    "can't start new thread",
    "invalid bounding box",  # matplotlib, of its own boxes
)
"""What libraries that raise no MemoryError say instead, in small letters."""


def is_of_memory(error: BaseException | None) -> bool:
    """Whether this was raised because memory ran out, or while such an error was dealt with.

    torch and OpenCV have errors of their own. After one, what was half made (a module half
    imported, say) raises anything.
    """
    seen: set[int] = set()
    while isinstance(error, Exception) and id(error) not in seen:
        said = str(error).lower()
        if isinstance(error, MemoryError) or any(text in said for text in _SAID_OF_MEMORY):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def library_being_loaded(error: BaseException) -> str | None:
    """The library while whose import this was raised; None: none was being imported.

    It may be short of memory: not every library says so while it is half loaded.
    """
    for frame, _ in walk_tb(error.__traceback__):
        name = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if frame.f_code.co_name == "<module>" and name != "overpose":
            return name
    return None


def raise_if_of_memory(error: BaseException) -> None:
    """Raise MemoryError where a library's error means that, before it is taken for a damaged file.

    Also before it goes to another process: not every error can, nor what it was raised from.
    """
    if is_of_memory(error):
        raise MemoryError(str(error)) from error
