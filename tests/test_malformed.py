"""Damaged files that once did harm: each gives one line or a result, within the limits.

A file of `malformed/` is `READER/WHAT`, as `make harden` keeps it; its reader is one of
`tools/harden/readers.py`.
"""

import shutil
import sys
import warnings
from pathlib import Path

import pytest

from harden.limits import TooSlow, limited_memory, limited_time
from harden.readers import READERS, Reader, reader_named
from overpose.support.errors import InputError

FILES = sorted(path for path in (Path(__file__).parent / "malformed").glob("*/*"))

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")


def read(reader: Reader, directory: Path) -> object:
    """What the reader gives, or the error that it raises; warnings are nothing to it."""
    with limited_memory(), limited_time(), warnings.catch_warnings(action="ignore"):
        try:
            return reader.read(directory)
        except InputError as error:
            if len(str(error).splitlines()) != 1:
                raise
            return error
        except TooSlow:
            pytest.fail("took more than 5 s of CPU")


@pytest.mark.wrong_types
@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.name}")
def test_a_damaged_file_is_one_line_or_a_result(file: Path, tmp_path: Path) -> None:
    reader = reader_named(file.parent.name)
    reader.write(tmp_path)
    shutil.copy(file, tmp_path / reader.file)
    read(reader, tmp_path)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_what_is_not_damaged_is_read(reader: Reader, tmp_path: Path) -> None:
    reader.write(tmp_path)
    assert read(reader, tmp_path) is not None
