"""The command line as a function, for tests."""

from overpose import app


def run(*arguments: str) -> int:
    """Exit status of the command line."""
    try:
        app.main(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    return 0
