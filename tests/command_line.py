"""The command line as a function, for tests."""

from overpose import cli


def run(*arguments: str) -> int:
    """Exit status of the command line."""
    try:
        cli.main(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    return 0
