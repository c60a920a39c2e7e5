"""Bodies in place of sticks: where the joints are, in the page and in the live viewer."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from chromium_tab import Page
from test_page import data_of, unpacked
from walking_person import standing, track_of, walking

from overpose.poses import PoseTrack
from overpose.skeleton import HUMAN36M
from overpose.studio.body import load_body
from overpose.support.assets import asset_path
from overpose.viewer.bodies import MOST_BODIES, bodies_of
from overpose.viewer.page import write_page
from overpose.viewer.scene import Viewer, open_viewer
from overpose.viewer.shown import show_of

FRAMES = 12


@pytest.fixture(scope="module")
def track() -> PoseTrack:
    """One walks, the other stands and is not seen in the first frames."""
    both = np.stack([walking(FRAMES, step_s=0.5, speed_mm_s=1200), standing(FRAMES)])
    both[1, :, :, 0] += 1000
    both[1, :4] = np.nan
    return track_of(both)


@pytest.fixture
def body_there() -> None:
    if not asset_path("body").is_file():
        pytest.skip("needs the body in the cache, which is not there")


@pytest.fixture
def viewer(track: PoseTrack, body_there: None) -> Iterator[Viewer]:
    with open_viewer(track, port=0) as opened:
        yield opened


@pytest.mark.usefixtures("body_there")
def test_bones_are_at_the_joints_of_the_person(track: PoseTrack) -> None:
    people = show_of(track).people
    bodies = bodies_of(people)
    assert bodies is not None
    names = load_body().bone_names
    for person, body in zip(people, bodies.people, strict=True):
        assert body is not None
        assert np.isfinite(body.heads_mm).all(axis=(1, 2)).tolist() == person.seen.tolist()
        joints = (person.poses_mm + person.root_mm[:, None])[person.seen]
        for joint, bone in (
            ("left_knee", "LeftLeg"), ("right_ankle", "RightFoot"), ("left_elbow", "LeftForeArm"),
        ):  # fmt: skip
            heads = body.heads_mm[person.seen, names.index(bone)]
            off = np.linalg.norm(heads - joints[:, HUMAN36M.index(joint)], axis=-1)
            assert off.max() < 40, (joint, off.max())
        lowest = (body.rest_mm - body.bones_mm[0])[:, 1].max()  # y points down
        assert 700 < lowest < 1100


@pytest.mark.usefixtures("body_there")
def test_the_page_holds_bodies_in_less_than_a_megabyte(track: PoseTrack, tmp_path: Path) -> None:
    write_page(track, tmp_path / "out.html")
    assert (tmp_path / "out.html").stat().st_size < 1_000_000
    data = data_of(tmp_path / "out.html")
    bodies = bodies_of(show_of(track).people)
    assert bodies is not None
    for person, body in zip(data["people"], bodies.people, strict=True):
        assert body is not None
        rest = unpacked(person["body"]["rest"]).reshape(-1, 3)
        np.testing.assert_allclose(rest, body.rest_mm, atol=0.05)
        places = unpacked(person["body"]["places"]).reshape(-1, 3)
        np.testing.assert_allclose(places, body.heads_mm[:, 0], atol=0.2)


def test_without_the_asset_or_with_a_crowd_there_are_sticks_and_a_line(
    track: PoseTrack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    crowd = track_of(np.repeat(standing(1)[None], MOST_BODIES + 1, axis=0))
    assert bodies_of(show_of(crowd).people) is None
    assert capsys.readouterr().err.startswith(f"{MOST_BODIES + 1} people are drawn as sticks")
    monkeypatch.setenv("OVERPOSE_CACHE", str(tmp_path))
    write_page(track, tmp_path / "out.html")
    said = "people are drawn as sticks: there is no body in the cache; overpose assets gets it\n"
    assert capsys.readouterr().err == said
    data = data_of(tmp_path / "out.html")
    assert data["body"] is None
    assert "body" not in data["people"][0]


def test_the_live_viewer_shows_bodies_where_people_are_seen_and_sticks_on_request(
    viewer: Viewer,
) -> None:
    viewer.update()
    first, second = viewer._skinned[0], viewer._skinned[1]
    assert (first.mesh.visible, second.mesh.visible) == (True, False)
    assert not viewer._bodies[0]._limbs.visible
    viewer.timeline.value = FRAMES - 1
    viewer.update()
    assert second.mesh.visible
    bone = load_body().bone_names.index("LeftLeg")
    joints = viewer.show.people[0].positions_mm((FRAMES - 1) / viewer.show.fps)
    assert joints is not None
    knee = joints[HUMAN36M.index("left_knee")] / 1000
    assert np.linalg.norm(first.mesh.bones[bone].position - knee) < 0.04
    viewer.bodies_box.value = False
    viewer.update()
    assert (first.mesh.visible, viewer._bodies[0]._limbs.visible) == (False, True)


@pytest.mark.usefixtures("body_there")
def test_the_page_draws_the_body_about_the_joints_and_sticks_when_told(
    chromium: Page, tmp_path: Path
) -> None:
    track = track_of(walking(2, step_s=0.5, speed_mm_s=1200)[None])
    write_page(track, tmp_path / "walk.html")
    chromium.open((tmp_path / "walk.html").as_uri())
    chromium.settle()
    counted = (
        "(() => { const c = document.getElementById('space'), k = document.createElement('canvas');"
        "[k.width, k.height] = [c.width, c.height];"
        "const x = k.getContext('2d', { willReadFrequently: true }); x.drawImage(c, 0, 0);"
        "const d = x.getImageData(0, 0, c.width, c.height).data; let n = 0;"
        "for (let i = 0; i < d.length; i += 4) if (d[i] > 120 && d[i] > 1.6 * d[i + 2]) n++;"
        "return n; })()"
    )
    body = chromium.run(counted)
    chromium.click("#show-bodies")
    chromium.settle()
    sticks = chromium.run(counted)
    assert body > 2 * sticks > 200
    chromium.key("b")
    chromium.settle()
    assert chromium.run(counted) == body
    assert chromium.problems == []
