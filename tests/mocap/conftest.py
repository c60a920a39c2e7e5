"""Real recordings, where they are."""

import tempfile
from collections.abc import Iterator

import pytest

from overpose.mocap.library import MotionLibrary, open_library


@pytest.fixture(scope="session")
def cmu(shared_dir) -> Iterator[MotionLibrary]:
    """The benchmark's recordings, unpacked for this run of the tests only."""
    with tempfile.TemporaryDirectory() as cache, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVERPOSE_CACHE", cache)
        yield open_library(shared_dir / "mocap" / "cmu_subset.tar.xz")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs the recordings waits for them to be unpacked, which takes several seconds."""
    for item in items:
        if "cmu" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
