"""Errors that a user can mend are one line of plain text."""

import pytest

from overpose.support.errors import InputError


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("walk  1.json: got a, expected b", "walk  1.json: got a, expected b"),
        ("got a\n  b\r\nc", "got a b c"),
        ("track\tid \x1b[31mred", "track\\tid \\x1b[31mred"),
        ("größe in 平方", "größe in 平方"),
    ],
)
def test_a_message_is_one_line_without_control_characters(message: str, line: str) -> None:
    assert str(InputError(message)) == line
