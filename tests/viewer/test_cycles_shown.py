"""Means over strides in the page and in the live viewer: those of `movement`, and only where there
are strides or repetitions."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from chromium_tab import Page
from test_page import data_of, unpacked
from walking_person import standing, track_of, walking

from overpose.movement.cycles import CycleMean
from overpose.movement.doing import doing_of
from overpose.poses import PoseTrack
from overpose.viewer.page import write_page
from overpose.viewer.scene import Viewer, open_viewer

KNEE = "left_knee_flexion"


@pytest.fixture(scope="module")
def track() -> PoseTrack:
    """The first walks, the second stands."""
    return track_of(np.stack([walking(120, step_s=0.5, speed_mm_s=1200), standing(120)]))


@pytest.fixture(scope="module")
def mean(track: PoseTrack) -> CycleMean:
    doing = doing_of(track, 0)
    assert doing.cycles is not None
    found = doing.cycles.mean_of(KNEE, doing.angles[KNEE])
    assert found is not None
    return found


@pytest.fixture
def viewer(track: PoseTrack) -> Iterator[Viewer]:
    with open_viewer(track, port=0) as opened:
        yield opened


def test_the_page_holds_strides_and_the_means_over_them(
    track: PoseTrack, mean: CycleMean, tmp_path: Path
) -> None:
    write_page(track, tmp_path / "out.html")
    walker, standing_still = data_of(tmp_path / "out.html")["people"]
    assert standing_still["cycles"] is None
    cycles = walker["cycles"]
    assert cycles["title"] == "strides"
    assert len(cycles["spans"]["left"]) == mean.count == cycles["means"][KNEE]["count"]
    np.testing.assert_allclose(unpacked(cycles["means"][KNEE]["mean"]), mean.mean, atol=0.01)
    np.testing.assert_allclose(unpacked(cycles["means"][KNEE]["spread"]), mean.spread, atol=0.01)


def test_the_live_viewer_draws_the_mean_of_the_chosen_angle(
    viewer: Viewer, mean: CycleMean
) -> None:
    viewer.update()
    share, left, above, below, *_ = viewer.angles._cycle.data
    assert (share[0], share[-1]) == (0, 100)
    np.testing.assert_allclose(left, mean.mean)
    np.testing.assert_allclose(above - below, 2 * mean.spread, atol=1e-9)
    assert viewer.angles._cycle.visible
    assert "strides" in viewer.angles.cycles.content
    viewer.angles.person.value = "2: person 2"
    viewer.update()
    assert not viewer.angles._cycle.visible


def test_the_page_draws_the_mean_beside_the_curve_and_tells_it_under_the_pointer(
    chromium: Page, track: PoseTrack, mean: CycleMean, tmp_path: Path
) -> None:
    write_page(track, tmp_path / "walk.html")
    chromium.open((tmp_path / "walk.html").as_uri())
    chromium.settle()
    hidden = "document.getElementById('cycle-box').hidden"
    assert chromium.run(hidden) is True
    chromium.click("#angle-knee_flexion")
    chromium.settle()
    assert chromium.run(hidden) is False
    assert chromium.text("#cycle-readout").startswith("mean ± SD of ")
    assert chromium.text("#cycle-readout").endswith(" strides")
    x, y = chromium.middle("#cycle")
    chromium.mouse("mouseMoved", x, y)
    chromium.settle()
    middle = f"50 % · left {round(float(mean.mean[50]))}° ± {round(float(mean.spread[50]))}°"
    assert chromium.text("#cycle-readout").startswith(middle)
    second = "(s => { s.value = 1; s.dispatchEvent(new Event('change')); })"
    chromium.run(f"{second}(document.getElementById('angle-person'))")
    chromium.settle()
    assert chromium.run(hidden) is True
    assert chromium.run("document.getElementById('curve-box').hidden") is False
    assert chromium.problems == []
