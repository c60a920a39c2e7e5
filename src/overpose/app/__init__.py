"""The command line, one file per group of commands: parse, call one function, report.

No logic lives here, and everything heavy is imported inside the commands, so that `--help` answers
at once.
"""

from overpose.app.command_line import main

__all__ = ["main"]
