"""The one exception that means "the user can mend this"; the command line prints it as one line."""


class InputError(ValueError):
    """Bad input: the message says what was got, what was expected and what to do."""
