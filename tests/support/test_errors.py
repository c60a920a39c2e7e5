"""Errors that a user can mend are one line of plain text."""

import pytest

from overpose.support.errors import (
    InputError,
    is_of_memory,
    library_being_loaded,
    raise_if_of_memory,
)


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


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("std::bad_alloc"), True),
        (ValueError("Invalid bounding box"), True),
        (RuntimeError("shape mismatch"), False),
        (KeyboardInterrupt("out of memory"), False),
    ],
)
def test_lack_of_memory_is_known_whoever_says_it(error: BaseException, expected: bool) -> None:
    assert is_of_memory(error) == expected


def test_what_follows_from_lack_of_memory_is_lack_of_memory() -> None:
    later = AttributeError("partially initialized module")
    later.__context__ = ImportError("a module")
    later.__context__.__context__ = MemoryError()
    assert is_of_memory(later)


@pytest.mark.parametrize(
    ("name", "expected"), [("half_loaded.inner", "half_loaded"), ("overpose.inner", None)]
)
def test_what_breaks_while_a_library_is_imported_is_the_librarys(
    name: str, expected: str | None
) -> None:
    code = compile("raise AttributeError('partially initialized')", "inner.py", "exec")
    with pytest.raises(AttributeError) as caught:
        exec(code, {"__name__": name})
    assert library_being_loaded(caught.value) == expected


def test_only_lack_of_memory_becomes_a_memory_error() -> None:
    raise_if_of_memory(ValueError("damaged"))
    with pytest.raises(MemoryError, match="Insufficient memory"):
        raise_if_of_memory(RuntimeError("error: (-4:Insufficient memory) Failed to allocate"))
