"""The live viewer: the scene it keeps, and what a browser makes of it."""

import dataclasses
import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from chromium_tab import Page
from made_up import FPS, FRAMES, HEIGHT, WIDTH, track_of
from PIL import Image
from scipy.spatial.transform import Rotation

from overpose.angles import joint_angles
from overpose.poses import PoseTrack
from overpose.support.errors import InputError
from overpose.viewer.scene import Viewer, open_viewer, view

pytestmark = pytest.mark.usefixtures("sticks")


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


@pytest.fixture
def viewer(track: PoseTrack) -> Iterator[Viewer]:
    """A viewer that nothing but the test moves."""
    with open_viewer(track, port=free_port()) as opened:
        yield opened


@contextmanager
def running(viewer: Viewer) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=viewer.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_balls_are_at_the_joints_in_metres(viewer: Viewer, track: PoseTrack) -> None:
    viewer.timeline.value = 7
    viewer.update()
    joints_mm = track.poses_mm[0, 7] + track.root_mm[0, 7]
    np.testing.assert_allclose(
        viewer._bodies[0]._joints.batched_positions, joints_mm / 1000, atol=1e-5
    )


def test_angles_of_the_chosen_person_at_this_frame_are_told(
    viewer: Viewer, track: PoseTrack
) -> None:
    found = joint_angles(track.poses_mm)
    viewer.timeline.value = 12
    viewer.update()
    knees = (round(float(found[f"{side}_knee_flexion"][0, 12])) for side in ("left", "right"))
    said = viewer.angles._values.content
    assert "| knee flexion | {}° | {}° |".format(*knees) in said
    viewer.angles.person.value = "2: person 2"
    viewer.angles.angle.value = "elbow_flexion"
    viewer.update()
    assert "| knee flexion | – | – |" in viewer.angles._values.content  # not seen at this time
    times, left, _ = viewer.angles._plot.data
    assert times[-1] == (FRAMES - 1) / FPS
    np.testing.assert_allclose(left, found["left_elbow_flexion"][1], equal_nan=True)


def test_a_person_is_hidden_where_not_seen_and_when_switched_off(viewer: Viewer) -> None:
    shown = [body._joints for body in viewer._bodies]
    assert [body.visible for body in shown] == [True, True]
    viewer.timeline.value = 12
    viewer.update()
    assert [body.visible for body in shown] == [True, False]
    viewer._person_boxes[0].value = False
    viewer.update()
    assert [body.visible for body in shown] == [False, False]


def test_camera_and_floor_can_be_hidden(viewer: Viewer) -> None:
    viewer.frustum_box.value = viewer.floor_box.value = False
    viewer.update()
    assert (viewer._frustum.visible, viewer._floor.visible) == (False, False)


def test_the_frustum_has_the_field_of_view_of_the_camera(viewer: Viewer, track: PoseTrack) -> None:
    assert viewer._frustum.aspect == pytest.approx(WIDTH / HEIGHT)
    assert np.tan(viewer._frustum.fov / 2) * track.focal_px == pytest.approx(HEIGHT / 2)


def test_playing_keeps_time_at_any_speed_and_starts_over(viewer: Viewer) -> None:
    viewer.playing.value = True
    viewer._advance(4 / FPS)
    assert viewer.timeline.value == 4
    viewer.speed.value = 0.5
    viewer._advance(4 / FPS)
    assert viewer.timeline.value == 6
    viewer.speed.value = 2.0
    viewer._advance((FRAMES - 4) / 2 / FPS)
    assert viewer.timeline.value == 2


def test_playing_goes_on_from_where_the_slider_was_moved(viewer: Viewer) -> None:
    viewer.playing.value = True
    viewer._advance(3 / FPS)
    viewer.timeline.value = 30
    viewer._advance(2 / FPS)
    assert viewer.timeline.value == 32


def test_a_paused_viewer_stays(viewer: Viewer) -> None:
    viewer.timeline.value = 5
    viewer._advance(1.0)
    assert viewer.timeline.value == 5
    viewer.update()
    assert viewer.readout.value == f"6 / {FRAMES}, 0.20 s"


def test_the_picture_goes_with_the_frame(track: PoseTrack, clip: Path) -> None:
    with open_viewer(track, video=clip, port=free_port()) as viewer:
        assert viewer._pictures is not None
        viewer._pictures._thread.join()
        viewer.timeline.value = 25
        viewer.update()
        assert viewer._frustum.image is not None
        np.testing.assert_allclose(viewer._frustum.image[5, 5], (150, 60, 200), atol=8)
        np.testing.assert_allclose(viewer._picture.image[5, 5], (150, 60, 200), atol=8)
        assert (viewer._picture.image != viewer._frustum.image).any()  # the keypoints


def test_several_tracks_can_be_switched_one_by_one(track: PoseTrack) -> None:
    with open_viewer({"a": track, "b": track}, port=free_port()) as viewer:
        assert [box.label for box in viewer._person_boxes] == [
            "a · person 1", "a · person 2", "b · person 1", "b · person 2",
        ]  # fmt: skip


def test_a_photo_and_an_empty_track_open_too(track: PoseTrack) -> None:
    with open_viewer(track_of(("dance",), 1), port=free_port()) as viewer:
        assert viewer.readout.value == "a single photo"
    empty = dataclasses.replace(
        track,
        poses_mm=track.poses_mm[:0],
        root_mm=track.root_mm[:0],
        keypoints_px=track.keypoints_px[:0],
    )
    with open_viewer(empty, port=free_port()) as viewer:
        assert viewer._person_boxes == []


def test_only_this_computer_is_let_in_and_nothing_is_printed(track: PoseTrack, capsys) -> None:
    with open_viewer(track, port=free_port()) as viewer:
        sockets = viewer.server._websock_server._host
        assert sockets == "127.0.0.1"
        port = int(viewer.url.rsplit(":", 1)[1])
        with socket.socket() as other:  # on another address the port is free
            other.bind(("127.0.0.2", port))
    assert capsys.readouterr().out == ""


def test_a_port_in_use_gives_way_to_the_next(track: PoseTrack) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with open_viewer(track, port=port) as viewer:
            assert int(viewer.url.rsplit(":", 1)[1]) > port


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ({"host": "192.0.2.1"}, "host"),
        ({"host": "no such host"}, "host"),
        ({"port": 70000}, "port"),
    ],
)
def test_an_address_that_cannot_be_listened_on_is_an_input_error(
    track: PoseTrack, address: dict, message: str
) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        view(track, open_browser=False, **address)


def test_an_upright_picture_leaves_room_for_the_controls_below_it(track: PoseTrack) -> None:
    upright = dataclasses.replace(track, width=HEIGHT, height=WIDTH)
    with open_viewer(upright, port=free_port()) as viewer:
        height, width = viewer._picture.image.shape[:2]
        assert height == width


def test_the_camera_turns_with_its_track_and_its_lines_are_thin_from_inside(
    track: PoseTrack,
) -> None:
    level = np.diag([1.0, -1.0, -1.0, 1.0])
    level[1, 3] = 1500.0
    world = np.tile(level, (FRAMES, 1, 1))
    angles = np.linspace(0, np.pi / 6, FRAMES)
    turns = Rotation.from_euler("Y", angles[:, None]).as_matrix()
    world[:, :3, :3] = level[:3, :3] @ turns
    with open_viewer(
        dataclasses.replace(track, moving_camera_to_world=world), port=free_port()
    ) as viewer:
        assert viewer._frustum.thickness_units == "screen"
        for frame in (0, FRAMES - 1):
            viewer.timeline.value = frame
            viewer.update()
            wxyz = np.array(viewer._frustum.wxyz)
            shown = Rotation.from_quat(wxyz, scalar_first=True).as_matrix()
            np.testing.assert_allclose(shown, turns[frame], atol=1e-6)


def test_a_video_that_cannot_be_read_is_an_input_error(track: PoseTrack, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.mp4"):
        view(track, video=tmp_path / "none.mp4", port=free_port(), open_browser=False)


@pytest.mark.parametrize("display", [":0", None])
def test_the_browser_is_opened_where_there_is_a_screen_and_ctrl_c_ends_the_viewer(
    track: PoseTrack, monkeypatch: pytest.MonkeyPatch, capsys, display: str | None
) -> None:
    opened: list[str] = []

    def interrupt(_viewer: Viewer) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(Viewer, "run", interrupt)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    if display is not None:
        monkeypatch.setenv("DISPLAY", display)
    port = free_port()
    view(track, port=port)
    assert opened == ([] if display is None else [f"http://127.0.0.1:{port}"])
    assert f"http://127.0.0.1:{port}" in capsys.readouterr().err


@pytest.mark.slow
def test_a_browser_shows_the_scene_and_plays_it(webgl: Page, track: PoseTrack, clip: Path) -> None:
    with open_viewer(track, video=clip, port=free_port()) as viewer, running(viewer):
        webgl.open(viewer.url)
        webgl.wait(lambda: len(viewer.server.get_clients()) == 1)
        webgl.wait(lambda: webgl.run("document.querySelectorAll('canvas').length") > 0)
        webgl.wait(lambda: "person 2" in webgl.text("#root"))
        webgl.wait(lambda: orange(webgl.screenshot()) > 300)  # the first person
        viewer.playing.value = True
        webgl.wait(lambda: viewer.timeline.value > 3)
        viewer.playing.value = False
        viewer._person_boxes[0].value = False
        webgl.wait(lambda: orange(webgl.screenshot()) < 30)
        outside = [
            address
            for address in webgl.requests
            if not address.startswith(("data:", f"blob:{viewer.url}", viewer.url))
            and not address.startswith(viewer.url.replace("http", "ws"))
        ]
        assert outside == []
        assert [text for text in webgl.problems if "deprecated" not in text] == []


def orange(png: bytes) -> int:
    """How many pixels of the left half are about as orange as the first person."""
    with Image.open(io.BytesIO(png)) as image:
        left = np.asarray(image.convert("RGB").crop((100, 160, 800, 760)), int)
    red, green, blue = left[..., 0], left[..., 1], left[..., 2]
    return int(((red > 90) & (red > 1.15 * green) & (green > 1.2 * blue)).sum())
