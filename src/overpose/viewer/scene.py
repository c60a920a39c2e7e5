"""The live viewer: poses, camera, floor and video in the browser, served by viser over loopback.

The page that needs no server is `page`.
"""

import contextlib
import io
import math
import os
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import viser
from scipy.spatial.transform import Rotation

from overpose.poses import PoseTrack
from overpose.skeleton import side_and_part
from overpose.support.object_storage import path_of
from overpose.support.progress import say
from overpose.viewer.angle_folder import AngleFolder
from overpose.viewer.bodies import bodies_of
from overpose.viewer.clip import Pictures
from overpose.viewer.guard import guarding, require_address
from overpose.viewer.picture import draw_people
from overpose.viewer.shapes import ball, cylinder, joint_radius_m, limb_transforms
from overpose.viewer.shown import Show, ShownPerson, show_of
from overpose.viewer.skinned import SkinnedBody

_TICK_S = 1 / 60
_GROUND = (18, 24, 33)
_SIDE_SHADE = {"left": 1.12, "middle": 1.0, "right": 0.72}


def view(
    tracks: PoseTrack | Mapping[str, PoseTrack],
    *,
    video: Path | str | None = None,
    host: str = "127.0.0.1",
    port: int = 8080,
    open_browser: bool = True,
) -> None:
    """Show pose tracks in the browser until interrupted (Ctrl-C).

    Args:
        tracks: one track, or several by name; the first one's camera is the camera shown.
        video: the photo or video that the first track is of.
        host: address to listen on; the default lets in nobody but this computer.
        port: port to listen on; the next free one if it is taken.
        open_browser: whether to open the viewer in the browser, where there is a screen.

    Raises:
        InputError: there is no track, the video cannot be read, or the address not listened on.
    """
    with open_viewer(tracks, video=video, host=host, port=port) as viewer:
        say(f"viewer at {viewer.url} (Ctrl-C ends it)")
        if open_browser and _has_display():
            webbrowser.open(viewer.url)
        with contextlib.suppress(KeyboardInterrupt):
            viewer.run()


@contextlib.contextmanager
def open_viewer(
    tracks: PoseTrack | Mapping[str, PoseTrack],
    *,
    video: Path | str | None = None,
    host: str = "127.0.0.1",
    port: int = 8080,
) -> Iterator["Viewer"]:
    """A viewer that is being served; `run` lets it play. Arguments and errors as for `view`."""
    show = show_of(tracks)
    require_address(host, port)
    pictures = None if video is None else Pictures(path_of(video), show)
    server = None
    try:
        with contextlib.redirect_stdout(io.StringIO()), guarding(host):  # viser prints a banner
            server = viser.ViserServer(host=host, port=port, label="overpose", verbose=False)
        shown_host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
        viewer = Viewer(show, server, pictures, f"http://{shown_host}:{server.get_port()}")
        viewer.update()
        yield viewer
    finally:
        if pictures is not None:
            pictures.close()
        if server is not None:
            with contextlib.redirect_stdout(io.StringIO()):
                server.stop()


class Viewer:
    """Scene and controls in a viser server.

    Attributes:
        url: where the browser finds it.
        show: what is shown.
        server: viser's server.
    """

    def __init__(
        self, show: Show, server: viser.ViserServer, pictures: Pictures | None, url: str
    ) -> None:
        self.show, self.server, self.url = show, server, url
        self._pictures = pictures
        self._bodies = [_Body(server, number, person) for number, person in enumerate(show.people)]
        self._skinned = _skinned(server, show)
        self._add_surroundings()
        self._add_controls()
        self._clock, self._through_camera = 0.0, False
        self._drawn: tuple[Any, ...] = ()
        self._views["Scene"]()

    def run(self, stop: threading.Event | None = None) -> None:
        """Follow the controls until `stop` is set, or for ever."""
        stop = threading.Event() if stop is None else stop
        before = time.monotonic()
        while not stop.wait(_TICK_S):
            now = time.monotonic()
            self._advance(min(now - before, 0.25))
            before = now
            self.update()

    def update(self) -> None:
        """Draw what the controls ask for, if that is not what is drawn already."""
        frame = min(int(self.timeline.value), self.show.frames - 1)
        shown = tuple(box.value for box in self._person_boxes)
        self.angles.update(frame / self.show.fps)
        flags = (
            self.keypoints.value, self.projected.value, self.labels.value, self.bodies_box.value
        )  # fmt: skip
        time_s = frame / self.show.fps
        picture = None if self._pictures is None else self._pictures.number_at(time_s)
        wanted = (frame, shown, flags, picture, self.frustum_box.value, self.floor_box.value)
        if wanted == self._drawn:
            return
        self._drawn = wanted
        with self.server.atomic():
            for number, (body, on) in enumerate(zip(self._bodies, shown, strict=True)):
                skinned = self._skinned.get(number)
                dressed = skinned is not None and bool(self.bodies_box.value)
                if skinned is not None:
                    skinned.draw(time_s if on and dressed else None)
                body.draw(time_s if on else None, labelled=self.labels.value, sticks=not dressed)
            self._frustum.visible = bool(self.frustum_box.value)
            if len(self.show.levels) > 1:
                self._frustum.wxyz = _quaternion(self.show.level_at(time_s))
                if self._through_camera:
                    self._look_through_camera()
            self._floor.visible = bool(self.floor_box.value)
            self._draw_picture(picture, time_s, shown)
        self.readout.value = (
            f"{frame + 1} / {self.show.frames}, {time_s:.2f} s"
            if self.show.frames > 1
            else "a single photo"
        )

    def _advance(self, passed_s: float) -> None:
        if not self.playing.value or self.show.frames < 2:
            self._clock = float(self.timeline.value)
            return
        if int(self._clock) != int(self.timeline.value):  # the user has moved the slider
            self._clock = float(self.timeline.value)
        self._clock += passed_s * self.show.fps * float(self.speed.value)
        self._clock %= self.show.frames
        if int(self._clock) != int(self.timeline.value):
            self.timeline.value = int(self._clock)

    def _draw_picture(self, number: int | None, time_s: float, shown: tuple[bool, ...]) -> None:
        image = self._blank
        if self._pictures is not None and number is not None:
            image = self._pictures.picture(number)
            self._frustum.image = image
        people = [person for person, on in zip(self.show.people, shown, strict=True) if on]
        drawn = draw_people(
            image, self.show, people, time_s,
            keypoints=bool(self.keypoints.value), projected=bool(self.projected.value),
        )  # fmt: skip
        self._picture.image = _across(drawn)

    def _add_surroundings(self) -> None:
        show, scene = self.show, self.server.scene
        scene.set_up_direction("-y")
        scene.configure_environment_map(None)
        scene.add_light_hemisphere(
            "/light", sky_color=(255, 255, 255), ground_color=(120, 130, 145), intensity=1.0
        )
        scene.set_background_image(np.full((2, 2, 3), (17, 23, 31), np.uint8), format="png")
        middle = show.middle_mm / 1000
        self._floor = scene.add_grid(
            "/floor",
            width=2 * (show.size_mm / 1000 + 4),
            height=2 * (show.size_mm / 1000 + 4),
            plane="xz",
            cell_color=(52, 62, 76),
            section_color=(84, 98, 118),
            cell_size=0.5,
            section_size=1.0,
            plane_color=(24, 32, 43),
            plane_opacity=0.0,
            shadow_opacity=0.35,
            position=(round(middle[0]), show.floor_mm / 1000, round(middle[2])),
        )
        self._frustum = scene.add_camera_frustum(
            "/camera",
            fov=2 * math.atan(show.height / 2 / show.focal_px),
            aspect=show.width / show.height,
            wxyz=_quaternion(show.level_at(0.0)),
            scale=self._frustum_scale(far=False),
            thickness=2.0,
            thickness_units="screen",  # lines of any width in the world fill the view from its tip
            color=(255, 214, 140),
            format="jpeg",
        )

    def _add_controls(self) -> None:
        show, gui = self.show, self.server.gui
        gui.configure_theme(
            dark_mode=True, show_logo=False, show_share_button=False, control_width="large",
            brand_color=(255, 159, 67),
        )  # fmt: skip
        width = 640
        height = max(1, round(width * show.height / show.width))
        self._blank = np.full((height, width, 3), _GROUND, np.uint8)
        self._picture = gui.add_image(_across(self._blank), format="jpeg", jpeg_quality=85)
        last = max(1, show.frames - 1)
        moving = show.frames > 1
        self.timeline = gui.add_slider("frame", 0, last, 1, 0, visible=moving)
        self.readout = gui.add_text("time", "", disabled=True)
        self.playing = gui.add_checkbox("play", False, visible=moving)
        self.speed = gui.add_slider("speed", 0.1, 2.0, 0.1, 1.0, visible=moving)
        self._views = {
            "Scene": lambda: self._look(-0.62, 0.3),
            "Front": lambda: self._look(0.0, 0.05),
            "Side": lambda: self._look(-math.pi / 2, 0.05),
            "Top": lambda: self._look(0.0, math.pi / 2 - 0.01),
            "Camera": self._look_through_camera,
        }
        views = gui.add_button_group("view", tuple(self._views))

        @views.on_click
        def _(_event: object) -> None:
            self._views[views.value]()

        with gui.add_folder("People"):
            self._person_boxes = [gui.add_checkbox(p.label, True) for p in show.people]
            if not show.people:
                gui.add_markdown("nobody was found")
        with gui.add_folder("Show"):
            self.keypoints = gui.add_checkbox("2D keypoints", True)
            self.projected = gui.add_checkbox("projected 3D pose", False)
            self.bodies_box = gui.add_checkbox(
                "bodies", bool(self._skinned), visible=bool(self._skinned)
            )
            self.frustum_box = gui.add_checkbox("camera", True)
            self.floor_box = gui.add_checkbox("floor", True)
            self.labels = gui.add_checkbox("labels", len(show.people) > 1)
        self.angles = AngleFolder(gui, show.people)

    def _frustum_scale(self, *, far: bool) -> float:
        """viser's scale that puts the picture near the camera, or `far`, behind the people."""
        depth_m = float(np.clip(0.22e-3 * self.show.middle_mm[2], 0.25, 1.5))
        if far:
            depth_m = (self.show.middle_mm[2] + self.show.size_mm) / 1000 + 1.0
        half_height = self.show.height / 2 / self.show.focal_px
        half_width = self.show.width / 2 / self.show.focal_px
        return max(0.1, depth_m) * (half_height * half_width / 3) ** (1 / 3)

    def _look(self, yaw: float, pitch: float) -> None:
        """Look at people where they are, from an angle: yaw 0, pitch 0 is as the camera looks."""
        forward = np.array(
            [math.sin(yaw) * math.cos(pitch), math.sin(pitch), math.cos(yaw) * math.cos(pitch)]
        )
        self._through_camera = False
        self._frustum.scale = self._frustum_scale(far=False)
        middle = self.show.middle_at(self.timeline.value / self.show.fps) / 1000
        self._place_camera(middle - 2.6 * self.show.group_mm / 1000 * forward, middle, 0.75)

    def _look_through_camera(self) -> None:
        """Stand where the camera stood, the picture behind the people."""
        self._frustum.scale = self._frustum_scale(far=True)
        self._through_camera = True
        level = self.show.level_at(self.timeline.value / self.show.fps)
        away = max(0.5, float((self.show.middle_mm @ level)[2]) / 1000)
        fov = 2 * math.atan(self.show.height / 2 / self.show.focal_px)
        self._place_camera(np.zeros(3), away * level[:, 2], fov, -level[:, 1])

    def _place_camera(
        self, position: np.ndarray, target: np.ndarray, fov: float, up: np.ndarray | None = None
    ) -> None:
        start = self.server.initial_camera
        upward = np.array([0.0, -1.0, 0.0]) if up is None else up
        start.up, start.position, start.look_at = tuple(upward.tolist()), position, target
        start.fov = fov
        for client in self.server.get_clients().values():
            with client.atomic():
                client.camera.up_direction = upward
                client.camera.position = position
                client.camera.look_at = target
                client.camera.fov = fov


class _Body:
    """The shapes of one person: a cylinder for each limb, a ball for each joint, a label."""

    def __init__(self, server: viser.ViserServer, number: int, person: ShownPerson) -> None:
        self._person, self._name = person, f"/people/{number + 1}"
        radii = np.array([joint_radius_m(name) for name in person.joint_names])
        self._limb_radii = radii[person.limbs[:, 1]] * 0.9
        sides = [side_and_part(name)[0] for name in person.joint_names]
        shades = np.array([_SIDE_SHADE[side] for side in sides])[:, None]
        colours = np.clip(shades * person.colour, 0, 255).astype(np.uint8)
        joints, limbs = len(radii), len(person.limbs)
        self._limbs = server.scene.add_batched_meshes_simple(
            f"{self._name}/limbs",
            *cylinder(),
            batched_wxyzs=np.tile((1.0, 0.0, 0.0, 0.0), (limbs, 1)),
            batched_positions=np.zeros((limbs, 3)),
            batched_scales=np.ones((limbs, 3)),
            batched_colors=colours[person.limbs[:, 1]],
            lod="off",
            visible=False,
        )
        self._joints = server.scene.add_batched_meshes_simple(
            f"{self._name}/joints",
            *ball(),
            batched_wxyzs=np.tile((1.0, 0.0, 0.0, 0.0), (joints, 1)),
            batched_positions=np.zeros((joints, 3)),
            batched_scales=radii,
            batched_colors=np.clip(colours.astype(int) + 30, 0, 255).astype(np.uint8),
            lod="off",
            visible=False,
        )
        self._label = server.scene.add_label(
            f"{self._name}/label",
            person.label,
            font_screen_scale=0.85,
            anchor="bottom-center",
            visible=False,
        )

    def draw(self, time_s: float | None, *, labelled: bool, sticks: bool) -> None:
        """Put the shapes where the person is at a time; hide them for None or where not seen, or
        the limbs where a body is drawn instead."""
        joints_mm = None if time_s is None else self._person.positions_mm(time_s)
        seen = joints_mm is not None
        self._limbs.visible = self._joints.visible = seen and sticks
        self._label.visible = seen and labelled
        if joints_mm is None:
            return
        joints_m = joints_mm.astype(np.float64) / 1000
        wxyz, middles, scales = limb_transforms(joints_m, self._person.limbs, self._limb_radii)
        self._limbs.batched_wxyzs = wxyz.astype(np.float32)
        self._limbs.batched_positions = middles.astype(np.float32)
        self._limbs.batched_scales = scales.astype(np.float32)
        self._joints.batched_positions = joints_m.astype(np.float32)
        top = joints_m[joints_m[:, 1].argmin()] - (0.0, 0.18, 0.0)
        self._label.position = top


def _across(image: np.ndarray) -> np.ndarray:
    """A picture that is no higher than wide, so that the controls below it are in sight."""
    height, width = image.shape[:2]
    if height <= width:
        return image
    framed = np.full((height, height, 3), _GROUND, np.uint8)
    left = (height - width) // 2
    framed[:, left : left + width] = image
    return framed


def _quaternion(rotation: np.ndarray) -> np.ndarray:
    """(4,) w, x, y, z of a rotation (3, 3)."""
    return Rotation.from_matrix(rotation).as_quat(scalar_first=True)


def _skinned(server: viser.ViserServer, show: Show) -> dict[int, SkinnedBody]:
    """Bodies by the number of the person, of everybody who has one."""
    bodies = bodies_of(show.people)
    if bodies is None:
        return {}
    return {
        number: SkinnedBody(server, f"/bodies/{number + 1}", person, body, bodies.surface)
        for number, (person, body) in enumerate(zip(show.people, bodies.people, strict=True))
        if body is not None
    }


def _has_display() -> bool:
    """Whether a browser could open a window; without one a text browser takes the terminal."""
    windows = sys.platform in ("win32", "darwin")
    return windows or any(name in os.environ for name in ("DISPLAY", "WAYLAND_DISPLAY"))
