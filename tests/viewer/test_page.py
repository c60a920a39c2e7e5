"""The HTML page as a file; how it behaves is in test_page_in_browser."""

import base64
import dataclasses
import html.parser
import json
import re
from pathlib import Path

import numpy as np
import pytest

from overpose.poses import PoseTrack
from overpose.support.errors import InputError
from overpose.viewer.page import write_page

pytestmark = pytest.mark.usefixtures("sticks")


class Collector(html.parser.HTMLParser):
    """Tags with their attributes, and the text of each element by tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open = ""
        self.texts: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open = tag

    def handle_data(self, data) -> None:
        self.texts[self.open] = self.texts.get(self.open, "") + data

    def handle_endtag(self, tag) -> None:
        self.open = ""


def data_of(path: Path) -> dict:
    text = path.read_text(encoding="utf-8")
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.S)
    assert found
    return json.loads(found[1])


def unpacked(packed: dict) -> np.ndarray:
    whole = np.frombuffer(base64.b64decode(packed["data"]), "<i2").astype(np.float64)
    return np.where(whole == -32768, np.nan, whole * packed["scale"])


def test_the_page_holds_the_poses_to_a_tenth_of_a_millimetre(
    track: PoseTrack, tmp_path: Path
) -> None:
    write_page(track, tmp_path / "out.html")
    for number, person in enumerate(data_of(tmp_path / "out.html")["people"]):
        poses = unpacked(person["poses"]).reshape(track.frames, 17, 3)
        np.testing.assert_allclose(poses, track.poses_mm[number], atol=0.1)
        roots = unpacked(person["root"]).reshape(track.frames, 3)
        np.testing.assert_allclose(roots, track.root_mm[number], atol=0.2)
        xy = unpacked(person["keypoints"]["xy"]).reshape(track.frames, 17, 2)
        np.testing.assert_allclose(xy, track.keypoints_px[number, ..., :2], atol=0.05)


def test_the_page_refers_to_nothing_outside_itself(
    track: PoseTrack, clip: Path, tmp_path: Path
) -> None:
    write_page(track, tmp_path / "out.html", video=clip)
    text = (tmp_path / "out.html").read_text(encoding="utf-8")
    for tag, attributes in Collector(text).tags:
        for name in ("src", "href", "action", "data"):
            assert attributes.get(name, "data:").startswith("data:"), (tag, attributes)
    assert not re.search(r"https?://|@import|fetch\(|XMLHttpRequest|WebSocket|import\(", text)


@pytest.mark.parametrize(
    "name", ["</script><script>x=1</script>", "a & b <i>", "@DATA@ @SCRIPT@", "日本 '\"\\ \u2028"]
)
def test_names_are_text_whatever_they_hold(track: PoseTrack, tmp_path: Path, name: str) -> None:
    plain, odd = tmp_path / "plain.html", tmp_path / "odd.html"
    write_page(track, plain, title="plain")
    write_page(dataclasses.replace(track, model=name), odd, title=name)
    expected, found = (Collector(path.read_text(encoding="utf-8")) for path in (plain, odd))
    assert [tag for tag, _ in found.tags] == [tag for tag, _ in expected.tags]
    assert found.texts["h1"] == name
    assert data_of(odd)["model"] == name


def test_the_pictures_of_the_clip_are_in_the_page(
    track: PoseTrack, clip: Path, tmp_path: Path
) -> None:
    write_page(track, tmp_path / "out.html", video=clip)
    inside = data_of(tmp_path / "out.html")["clip"]
    assert (inside["fps"], inside["step"], len(inside["images"])) == (track.fps, 1, track.frames)
    assert base64.b64decode(inside["images"][0]).startswith(b"\xff\xd8")


def test_of_a_long_clip_only_some_pictures_are(
    track: PoseTrack, clip: Path, tmp_path: Path
) -> None:
    write_page(track, tmp_path / "out.html", video=clip, max_images=15)
    inside = data_of(tmp_path / "out.html")["clip"]
    assert (inside["step"], len(inside["images"])) == (3, 14)


def test_without_overwrite_an_existing_page_stays(track: PoseTrack, tmp_path: Path) -> None:
    path = tmp_path / "out.html"
    path.write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        write_page(track, path)
    assert path.read_text() == "mine"
    write_page(track, path, overwrite=True)
    assert data_of(path)["frames"] == track.frames


def test_a_clip_that_cannot_be_read_leaves_no_page(track: PoseTrack, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.mp4"):
        write_page(track, tmp_path / "out.html", video=tmp_path / "none.mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["out.npz", "out"])
def test_another_ending_is_refused(track: PoseTrack, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"\.html"):
        write_page(track, tmp_path / name)


def test_at_least_one_picture_must_be_allowed(track: PoseTrack, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="max_images"):
        write_page(track, tmp_path / "out.html", max_images=0)
