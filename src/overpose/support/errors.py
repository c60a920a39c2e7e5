"""The one exception that means "the user can mend this"; the command line prints it as one line."""

import re


class InputError(ValueError):
    """Bad input: the message says what was got, what was expected and what to do.

    It is one line, whatever the names and texts of a file are that it quotes.
    """

    def __init__(self, message: str) -> None:
        line = re.sub(r"\s*[\r\n]\s*", " ", message)
        super().__init__("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line))
