"""Fixtures of the viewer's tests: a track of made-up people, a clip, a browser."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from chromium_tab import Page, browser, find_chromium
from made_up import FPS, FRAMES, HEIGHT, WIDTH, track_of

from overpose.poses import PoseTrack


@pytest.fixture(scope="session")
def track() -> PoseTrack:
    """Two people; the second is not seen in frames 10 to 19."""
    made = track_of(("exercise", "dance"))
    for values in (made.poses_mm, made.root_mm, made.keypoints_px):
        values[1, 10:20] = np.nan
    return made


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video as long as `track`; frame f is of one colour: red 6 f, green 60, blue 200."""
    path = tmp_path_factory.mktemp("clip") / "colours.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=int(FPS))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = 4_000_000
        for number in range(FRAMES):
            image = np.full((HEIGHT, WIDTH, 3), (6 * number, 60, 200), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A browser's tab; the test skips where there is no browser."""
    if find_chromium() is None:
        pytest.skip("needs chromium on the PATH, which is not here")
    with browser(tmp_path_factory.mktemp("chromium")) as page:
        yield page


@pytest.fixture
def webgl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A tab of a browser that draws WebGL; the test skips where there is no browser."""
    if find_chromium() is None:
        pytest.skip("needs chromium on the PATH, which is not here")
    with browser(tmp_path_factory.mktemp("webgl"), webgl=True) as page:
        yield page


@pytest.fixture
def sticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """People are stick figures, whether there is a body in the cache or not."""
    for room in ("page", "scene"):
        monkeypatch.setattr(f"overpose.viewer.{room}.bodies_of", lambda people: None)
