"""The HTML page in a real browser: everything it offers, offline."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from chromium_tab import Page
from made_up import FPS, FRAMES, track_of

from overpose.angles import joint_angles
from overpose.poses import PoseTrack
from overpose.viewer.page import write_page

pytestmark = pytest.mark.slow

SPACE, PICTURE = "#space", "#picture"

pytestmark = pytest.mark.usefixtures("sticks")


@pytest.fixture
def opened(chromium: Page, track: PoseTrack, clip: Path, tmp_path: Path) -> Page:
    """The page of the two people with their clip, freshly loaded."""
    return load(chromium, tmp_path / "two people.html", track, video=clip)


def load(page: Page, path: Path, track: PoseTrack, **more) -> Page:
    write_page(track, path, **more)
    page.size(1280, 760)
    page.requests.clear()
    page.problems.clear()
    page.open(path.as_uri())
    page.settle()
    return page


def pixels(page: Page, canvas: str) -> str:
    """Something that differs when the canvas looks different."""
    page.settle()
    return page.run(f"document.querySelector({json.dumps(canvas)}).toDataURL()")


def colours(page: Page, canvas: str) -> int:
    """How many colours there are on a canvas."""
    return page.run(
        f"(() => {{ const c = document.querySelector({json.dumps(canvas)});"
        "const d = new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height)"
        ".data.buffer); return new Set(d).size; })()"
    )


def colour_at(page: Page, canvas: str, u: float, v: float) -> list[int]:
    """RGB of a canvas at a place, 0 to 1 across and down."""
    page.settle()
    return page.run(
        f"(() => {{ const c = document.querySelector({json.dumps(canvas)});"
        f"return [...c.getContext('2d').getImageData({u} * c.width, {v} * c.height, 1, 1).data]"
        ".slice(0, 3); })()"
    )


def frame(page: Page) -> int:
    """The frame shown, counted from 0."""
    return int(page.text("#readout").split()[1]) - 1


def drag(page: Page, dx: float, dy: float, button: str = "left") -> None:
    x, y = page.middle(SPACE)
    pressed = {"left": 1, "right": 2}[button]
    page.mouse("mousePressed", x, y, button=button, buttons=pressed, clickCount=1)
    for step in (0.5, 1.0):
        page.mouse("mouseMoved", x + step * dx, y + step * dy, button=button, buttons=pressed)
    page.mouse("mouseReleased", x + dx, y + dy, button=button, clickCount=1)
    page.settle()


def changes(page: Page, canvas: str, act: Callable[[], object]) -> bool:
    before = pixels(page, canvas)
    act()
    return pixels(page, canvas) != before


def test_the_page_loads_without_complaint_and_asks_the_network_for_nothing(opened: Page) -> None:
    opened.key(" ")
    opened.wait(lambda: frame(opened) > 3)
    assert opened.problems == []
    assert {address.split(":")[0] for address in opened.requests} == {"file", "data"}
    assert len([address for address in opened.requests if address.startswith("file")]) == 1


def test_people_and_picture_are_drawn(opened: Page) -> None:
    assert colours(opened, SPACE) > 500
    assert colours(opened, PICTURE) > 30


def test_playing_goes_on_and_pausing_stops(opened: Page) -> None:
    opened.click("#play")
    opened.wait(lambda: frame(opened) > 4)
    opened.click("#play")
    stopped = frame(opened)
    opened.run("new Promise((done) => setTimeout(done, 200))")
    assert frame(opened) == stopped


def test_playing_starts_over_at_the_end_when_looping(opened: Page) -> None:
    opened.key("End")
    opened.key(" ")
    opened.wait(lambda: 0 < frame(opened) < FRAMES - 1)


def test_playing_stops_at_the_end_when_not_looping(opened: Page) -> None:
    opened.click("#loop")
    opened.run(f"document.activeElement.blur(), timeline.value = {FRAMES - 4},"
               "timeline.dispatchEvent(new Event('input'))")  # fmt: skip
    opened.key(" ")
    opened.wait(lambda: opened.run("play.getAttribute('aria-label')") == "Play")
    assert frame(opened) == FRAMES - 1


def test_scrubbing_shows_the_picture_of_that_frame(opened: Page) -> None:
    for wanted in (30, 7, 21):
        opened.run(f"timeline.value = {wanted}, timeline.dispatchEvent(new Event('input'))")
        assert frame(opened) == wanted

        def reached(red: int = 6 * wanted) -> bool:
            expected = np.array([red, 60, 200])
            return bool(np.abs(colour_at(opened, PICTURE, 0.1, 0.5) - expected).max() < 12)

        opened.wait(reached)


def test_the_readout_tells_frame_and_time(opened: Page) -> None:
    opened.key("End")
    assert opened.text("#readout") == "frame 40 / 40 · 1.56 / 1.56 s"


def test_arrow_keys_step_and_stay_within_the_clip(opened: Page) -> None:
    opened.key("ArrowLeft")
    assert frame(opened) == 0
    opened.key("ArrowRight")
    opened.key("ArrowRight", modifiers=8)
    assert frame(opened) == 11
    opened.key("Home")
    assert frame(opened) == 0


@pytest.mark.parametrize("canvas", [SPACE, PICTURE])
def test_a_person_can_be_hidden_and_shown_again(opened: Page, canvas: str) -> None:
    before = pixels(opened, canvas)
    assert changes(opened, canvas, lambda: opened.click("#person-2"))
    opened.key("2")
    assert pixels(opened, canvas) == before


def test_a_person_who_is_not_seen_is_not_drawn(opened: Page) -> None:
    opened.run("timeline.value = 12, timeline.dispatchEvent(new Event('input'))")
    assert not changes(opened, SPACE, lambda: opened.key("2"))
    assert changes(opened, SPACE, lambda: opened.key("1"))


@pytest.mark.parametrize(
    ("option", "canvas"),
    [
        ("keypoints", PICTURE), ("projected", PICTURE), ("frustum", SPACE), ("grid", SPACE),
        ("paths", SPACE), ("names", SPACE), ("picture", SPACE),
    ],
)  # fmt: skip
def test_every_option_changes_what_is_drawn(opened: Page, option: str, canvas: str) -> None:
    for _ in range(6):  # so that the camera is in view
        opened.key("-")
    assert changes(opened, canvas, lambda: opened.click(f"#show-{option}"))
    assert opened.problems == []


@pytest.mark.parametrize("button", ["left", "right"])
def test_the_mouse_orbits_and_pans(opened: Page, button: str) -> None:
    assert changes(opened, SPACE, lambda: drag(opened, 80, 30, button))


def test_a_pan_moves_what_is_seen_with_the_pointer(opened: Page) -> None:
    opened.run("document.querySelector('#show-grid').click()")
    opened.run("document.querySelector('#show-frustum').click()")
    before = where_bright(opened)
    drag(opened, 60, -25, "right")
    np.testing.assert_allclose(where_bright(opened) - before, (60, -25), atol=8)


def where_bright(page: Page) -> np.ndarray:
    """Middle of what is bright on the 3D canvas, px."""
    page.settle()
    return np.array(
        page.run(
            "(() => { const d = space.getContext('2d').getImageData(0, 0, space.width,"
            "space.height); let [n, x, y] = [0, 0, 0];"
            "for (let i = 0; i < d.data.length; i += 4) if (d.data[i] + d.data[i + 1] > 250)"
            "{ n++; x += (i / 4) % d.width; y += Math.floor(i / 4 / d.width); }"
            "return [x / n, y / n]; })()"
        )
    )


def test_the_wheel_zooms(opened: Page) -> None:
    x, y = opened.middle(SPACE)
    assert changes(opened, SPACE, lambda: opened.mouse("mouseWheel", x, y, deltaX=0, deltaY=-200))


def test_two_fingers_zoom_and_one_orbits(opened: Page) -> None:
    x, y = opened.middle(SPACE)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        places = [{"x": px, "y": py, "id": n} for n, (px, py) in enumerate(points)]
        opened.send("Input.dispatchTouchEvent", type=kind, touchPoints=places)

    def pinch() -> None:
        touch("touchStart", (x - 30, y))
        touch("touchStart", (x - 30, y), (x + 30, y))
        touch("touchMove", (x - 80, y), (x + 80, y))
        touch("touchEnd")

    def swipe() -> None:
        touch("touchStart", (x, y))
        touch("touchMove", (x + 60, y))
        touch("touchEnd")

    assert changes(opened, SPACE, swipe)
    assert changes(opened, SPACE, pinch)
    assert opened.problems == []


@pytest.mark.parametrize("key", ["c", "f", "g", "t", "w", "a", "+", "-"])
def test_keys_move_the_view_and_r_brings_it_back(opened: Page, key: str) -> None:
    before = pixels(opened, SPACE)
    assert changes(opened, SPACE, lambda: opened.key(key))
    opened.key("r")
    assert pixels(opened, SPACE) == before


def test_from_the_camera_people_look_as_in_the_picture(chromium: Page, tmp_path: Path) -> None:
    track = track_of(("dance",), 2)
    page = load(chromium, tmp_path / "one.html", track)
    for option in ("grid", "frustum"):
        page.run(f"document.querySelector('#show-{option}').click()")
    page.key("c")
    x, y = track.keypoints_px[0, 0, :, :2].T
    width, height = page.run("[space.clientWidth, space.clientHeight]")
    scale = min(width / track.width, height / track.height)
    u = (x - track.width / 2) * scale + width / 2
    v = (y - track.height / 2) * scale + height / 2
    lit = [sum(colour_at(page, SPACE, *at)) for at in zip(u / width, v / height, strict=True)]
    assert min(lit) > 250  # the ground is darker than 120


def test_joints_tell_their_names_under_the_pointer(opened: Page, track: PoseTrack) -> None:
    box = opened.run("(() => { const b = picture.getBoundingClientRect();"
                     "return [b.x, b.y, b.width, b.height]; })()")  # fmt: skip
    scale = min((box[2] - 16) / track.width, (box[3] - 16) / track.height)
    x, y = track.keypoints_px[0, 0, track.skeleton.index("left_ankle"), :2]
    opened.mouse(
        "mouseMoved",
        box[0] + box[2] / 2 + (float(x) - track.width / 2) * scale,
        box[1] + box[3] / 2 + (float(y) - track.height / 2) * scale,
    )
    assert opened.run("tip.hidden") is False
    assert opened.text("#tip").startswith("person 1 · left ankle\nscore 0.9")
    opened.mouse("mouseMoved", box[0] + 4, box[1] + 4)
    assert opened.run("tip.hidden") is True


def test_joints_in_space_tell_their_positions(opened: Page) -> None:
    """The whole canvas is searched: some joint must answer."""
    opened.key("f")
    box = opened.run("(() => { const b = space.getBoundingClientRect();"
                     "return [b.x, b.y, b.width, b.height]; })()")  # fmt: skip
    told = set()
    for v in np.arange(0.2, 0.8, 0.04):
        for u in np.arange(0.35, 0.65, 0.04):
            opened.mouse("mouseMoved", box[0] + u * box[2], box[1] + v * box[3])
            if not opened.run("tip.hidden"):
                told.add(opened.text("#tip"))
    assert told
    assert all("person" in text and " m" in text for text in told)


def test_colours_by_side_have_a_legend(opened: Page) -> None:
    assert opened.text("#legend") == ""
    choose = "colouring.value = 'side', colouring.dispatchEvent(new Event('change'))"
    assert changes(opened, SPACE, lambda: opened.run(choose))
    assert opened.text("#legend") == "left sideright side"


@pytest.mark.parametrize(("position", "text"), [(-1, "0.10×"), (0, "1.0×"), (0.31, "2.0×")])
def test_speed_goes_from_a_tenth_to_double(opened: Page, position: float, text: str) -> None:
    opened.run(f"speed.value = {position}, speed.dispatchEvent(new Event('input'))")
    assert opened.text("#speed-value") == text


def test_keys_pressed_on_a_checkbox_do_not_play(opened: Page) -> None:
    opened.run("document.querySelector('#show-grid').focus()")
    opened.key(" ")
    assert opened.run("play.getAttribute('aria-label')") == "Play"
    assert opened.run("document.querySelector('#show-grid').checked") is False


def test_help_opens_and_closes(opened: Page) -> None:
    opened.key("?")
    assert opened.run("help.hidden") is False
    opened.key("Escape")
    assert opened.run("help.hidden") is True


def test_odd_names_are_shown_as_they_are_and_do_nothing(
    chromium: Page, track: PoseTrack, tmp_path: Path
) -> None:
    name = (
        "<img src=x onerror=\"document.title='caught'\"> & </script><script>document.title='caught'"
    )
    odd = dataclasses.replace(track, model=name)
    page = load(chromium, tmp_path / "odd.html", odd, title=name)
    assert page.text("h1") == name
    assert name in page.text("#camera")
    assert page.run("document.title") == f"{name} · overpose"
    assert page.run("document.querySelectorAll('img').length") == 0
    assert page.problems == []


def test_angles_show_their_values_now_and_their_curve_when_asked(
    opened: Page, track: PoseTrack
) -> None:
    knee = joint_angles(track.poses_mm)["left_knee_flexion"]
    cells = "document.getElementById('angle-knee_flexion').closest('tr').cells[1].textContent"
    for key, number in (("Home", 0), ("End", FRAMES - 1)):
        opened.key(key)
        opened.settle()
        assert opened.run(cells) == f"{round(float(knee[0, number]))}°"
    assert opened.run("document.getElementById('curve-box').hidden") is True
    opened.click("#angle-knee_flexion")
    opened.settle()
    assert colours(opened, "#curve") > 10
    opened.key("Home")
    opened.settle()
    assert f"knee flexion · 0.00 s · left {round(float(knee[0, 0]))}°" in opened.text(
        "#curve-readout"
    )
    x, y = opened.middle("#curve")
    opened.mouse("mouseMoved", x, y)
    opened.settle()
    middle = FRAMES // 2
    assert f"{middle / FPS:.2f} s · left {round(float(knee[0, middle]))}°" in opened.text(
        "#curve-readout"
    )
    opened.click("#curve")
    opened.settle()
    assert frame(opened) == middle
    second = "(s => { s.value = 1; s.dispatchEvent(new Event('change')); })"
    opened.run(f"{second}(document.getElementById('angle-person'))")
    opened.settle()
    assert opened.run(cells) == f"{round(float(knee[1, middle]))}°"


def test_a_photo_has_no_timeline(chromium: Page, tmp_path: Path) -> None:
    page = load(chromium, tmp_path / "photo.html", track_of(("punching",), 1))
    assert page.run("document.querySelector('footer').offsetHeight") == 0
    assert colours(page, SPACE) > 300
    assert page.problems == []


def test_a_track_without_people_says_so(
    chromium: Page, track: PoseTrack, clip: Path, tmp_path: Path
) -> None:
    empty = dataclasses.replace(
        track,
        poses_mm=track.poses_mm[:0],
        root_mm=track.root_mm[:0],
        keypoints_px=track.keypoints_px[:0],
    )
    page = load(chromium, tmp_path / "empty.html", empty, video=clip)
    page.key(" ")
    page.wait(lambda: frame(page) > 2)
    assert "nobody was found" in page.text("#people")
    assert page.problems == []


def test_the_page_fits_a_phone(opened: Page) -> None:
    opened.size(390, 760, mobile=True)
    across, down = opened.run("[document.documentElement.scrollWidth, innerHeight]")
    assert across <= 390
    for part in (SPACE, PICTURE, "#play", "#timeline"):
        box = opened.run(f"document.querySelector('{part}').getBoundingClientRect().toJSON()")
        assert box["width"] >= 24
        assert box["height"] >= 16
        assert 0 <= box["top"] < box["bottom"] <= down
    assert colours(opened, SPACE) > 300
