"""Reading text files by line and number, with errors that name the file and the line.

What the words mean belongs to the module of each format.
"""

import math
from collections.abc import Sequence
from pathlib import Path

from overpose.support.errors import InputError


def read_lines(path: Path) -> list[str]:
    """Lines of a text file, whatever ends them; a Ctrl-Z at the very end, as DOS wrote it, is none.

    Raises:
        InputError: the file is absent, cannot be read, is not text or holds nothing.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected a file") from None
    text = text.rstrip("\r\n\x1a")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if "\0" in text:
        number = next(number for number, line in enumerate(lines, 1) if "\0" in line)
        raise InputError(f"{path}:{number}: got a zero byte, expected text; is the file damaged?")
    if not text.strip():
        raise InputError(f"{path}: the file is empty")
    return lines


def parse_number(at: str, word: str) -> float:
    """A finite number.

    Args:
        at: "file:line", for the error message.
        word: its text.

    Raises:
        InputError: `word` is not a finite number.
    """
    try:
        value = float(word)
    except ValueError:
        raise InputError(f"{at}: got {word[:40]!r}, expected a number") from None
    if not math.isfinite(value):
        raise InputError(f"{at}: got {word}, expected a finite number")
    return value


def parse_numbers(at: str, words: Sequence[str], count: int) -> list[float]:
    """Exactly `count` finite numbers.

    Raises:
        InputError: there are more or fewer, or one is not a finite number.
    """
    if len(words) != count:
        raise InputError(f"{at}: got {len(words)} values, expected {count}")
    return [parse_number(at, word) for word in words]
