"""Tests that start Ray clusters on this machine: `make test-cluster`. Others need no Ray."""

import os
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not os.environ.get("OVERPOSE_TEST_CLUSTER"):
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="starts Ray; see make test-cluster"))
