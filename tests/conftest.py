"""Fixtures that every test may use."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest
import shape_checking

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does; before torch
shape_checking.install()
os.fsync = lambda _: None  # no test cuts the power, and every epoch flushes several files


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Tests marked `wrong_types` pass what annotations refuse, to see the error that users get."""
    if item.get_closest_marker("wrong_types") is None:
        return (yield)
    with shape_checking.unchecked():
        return (yield)


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The shared benchmark data beside the checkout; the test skips where it is absent."""
    path = Path(__file__).parents[1] / ".." / "shared"
    if not (path / "mocap").is_dir():
        pytest.skip("needs the benchmark data directory ../shared, which is not here")
    return path.resolve()
