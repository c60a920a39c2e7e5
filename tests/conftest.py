"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does; before torch


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The shared benchmark data beside the checkout; the test skips where it is absent."""
    path = Path(__file__).parents[1] / ".." / "shared"
    if not (path / "mocap").is_dir():
        pytest.skip("needs the benchmark data directory ../shared, which is not here")
    return path.resolve()
