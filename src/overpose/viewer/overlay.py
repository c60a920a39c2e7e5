"""The overlay: the video with the skeletons drawn on it, and the people in 3D beside it.

Drawing for the interactive viewers belongs to `picture`, `page` and `scene`.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from overpose.camera import Camera
from overpose.media.video import Media, open_media
from overpose.media.writer import writing_video
from overpose.poses import PoseTrack
from overpose.skeleton import side_and_part
from overpose.support.files import require_writable, writing_file
from overpose.support.progress import progress_bar
from overpose.video.smoothing import smooth_zero_phase
from overpose.viewer.picture import draw_lines, project_px
from overpose.viewer.shown import SIDE_COLOURS, Show, ShownPerson, keypoint_edges, show_of

MAX_HEIGHT = 720
_GROUND, _GRID, _TEXT = (24, 28, 36), (62, 70, 84), (148, 160, 178)
_YAW_DEG, _PITCH_DEG, _FOV_DEG = 35.0, 14.0, 32.0
_GRID_MM = 500.0
_FOLLOW_HZ = 0.4
_NEAR_MM = 200.0


def overlay_path(directory: Path, stem: str, is_photo: bool) -> Path:
    """Where the overlay of an input goes: a video, or of a photo a picture."""
    return directory / f"{stem}_overlay.{'png' if is_photo else 'mp4'}"


def write_overlay(
    source: Path,
    track: PoseTrack,
    path: Path,
    *,
    overwrite: bool = False,
    max_height: int = MAX_HEIGHT,
) -> None:
    """Draw a track on the photo or video that it is of.

    Args:
        source: the photo, video or folder of frames.
        track: of that.
        path: where to, see `overlay_path`.
        overwrite: whether an existing file may be replaced.
        max_height: larger pictures become this high, pixels.

    Raises:
        InputError: `source` cannot be read, or `path` not be written.
    """
    require_writable(path, overwrite=overwrite)
    with open_media(source, fps=track.fps if source.is_dir() else None) as media:
        info = media.info
        overlay = Overlay(track, info.width, info.height, max_height=max_height)
        if info.is_photo:
            picture = next(_drawn(media, overlay))
            with writing_file(path) as temporary, temporary.open("wb") as file:
                Image.fromarray(picture).save(file, format="PNG")
            return
        width, height = overlay.size
        with (
            writing_video(path, info.fps, width, height, overwrite=overwrite) as video,
            progress_bar("overlay", info.frames or 0) as advance,
        ):
            for picture in _drawn(media, overlay):
                video.write(picture)
                advance(1)


def _drawn(media: Media, overlay: "Overlay") -> Iterator[np.ndarray]:
    for frame in media:
        yield overlay.draw(frame.image, frame.index)


@dataclass(frozen=True, eq=False)
class _Panel:
    """The view beside the picture, whose camera follows the people slowly.

    Attributes:
        size: width and height, pixels.
        targets_mm: (frames, 3) what the camera looks at.
        distance_mm: how far it is from that.
    """

    size: int
    targets_mm: np.ndarray
    distance_mm: float

    def camera(self, frame: int) -> Camera:
        """The camera of a frame."""
        target = self.targets_mm[min(frame, len(self.targets_mm) - 1)]
        yaw, pitch = math.radians(_YAW_DEG), math.radians(_PITCH_DEG)
        level = math.cos(pitch)
        away = np.array([math.sin(yaw) * level, -math.sin(pitch), -math.cos(yaw) * level])
        focal = self.size / (2 * math.tan(math.radians(_FOV_DEG) / 2))
        position = target + self.distance_mm * away
        return Camera.look_at(
            position, target, focal, self.size, self.size, up=np.array([0.0, -1.0, 0.0])
        )


class Overlay:
    """Draws a track on the frames of its video.

    Args:
        track: the people.
        width: of the video's frames, pixels.
        height: likewise.
        max_height: larger frames become this high.

    Attributes:
        size: width and height of what is drawn, pixels.
    """

    def __init__(
        self, track: PoseTrack, width: int, height: int, *, max_height: int = MAX_HEIGHT
    ) -> None:
        scale = min(1.0, max_height / height)
        self._picture = max(2, round(width * scale)), max(2, round(height * scale))
        self._show = show_of(track)
        self._panel = _panel(self._show, self._picture[1])
        self.size = self._picture[0] + self._panel.size, self._picture[1]
        placed = np.asarray(np.isfinite(track.root_mm).all(axis=-1).any(axis=-1)).tolist()
        self._placed = [p for p, known in zip(self._show.people, placed, strict=True) if known]
        self._thickness = max(1, round(self._picture[1] / 240))

    def draw(self, image: np.ndarray, frame: int) -> np.ndarray:
        """(height, width, 3) uint8 RGB: a frame with its people, beside them in 3D."""
        if image.shape[1::-1] != self._picture:
            image = cv2.resize(image, self._picture, interpolation=cv2.INTER_AREA)
        else:
            image = image.copy()
        people = [person for person in self._show.people if frame < person.frames]
        for person in people:
            self._draw_on(image, person, frame)
        return np.concatenate([image, self._draw_panel(people, frame)], axis=1)

    def _draw_on(self, image: np.ndarray, person: ShownPerson, frame: int) -> None:
        scale = np.array([image.shape[1] / self._show.width, image.shape[0] / self._show.height])
        joints = person.positions_mm(frame / person.fps)
        keypoints = person.keypoints_px[frame, :, :2]
        if joints is not None and person in self._placed:
            points = project_px(joints, self._show, frame / self._show.fps) * scale
            _draw_limbs(image, points, person, self._thickness)
        elif np.isfinite(keypoints).any():
            points = keypoints * scale
            edges = keypoint_edges(person.keypoint_names)
            draw_lines(image, points, edges, person.colour, self._thickness)
        else:
            return
        known = points[np.isfinite(points).all(axis=1)]
        if len(known):
            self._name(image, person, known)

    def _draw_panel(self, people: list[ShownPerson], frame: int) -> np.ndarray:
        size = self._panel.size
        panel = np.full((self._picture[1], size, 3), _GROUND, np.uint8)
        camera = self._panel.camera(frame)
        offset = np.array([0.0, (self._picture[1] - size) / 2])
        target = self._panel.targets_mm[min(frame, len(self._panel.targets_mm) - 1)]
        for line in _grid(target, self._show.floor_mm, self._panel.distance_mm):
            ends = camera.project(line) + offset
            if np.isfinite(ends).all():
                draw_lines(panel, ends, [(0, 1)], _GRID, 1, dots=False)
        placed = []
        for person in people:
            joints = person.positions_mm(frame / person.fps)
            if joints is not None:
                seen = camera.to_camera_mm(joints.astype(np.float64))
                placed.append((float(seen[0, 2]), seen, joints, person))
        for _, seen, joints, person in sorted(placed, key=lambda item: -item[0]):  # far ones first
            if (seen[:, 2] > _NEAR_MM).all():
                points = camera.project(joints.astype(np.float64)) + offset
                _draw_limbs(panel, points, person, self._thickness)
                self._name(panel, person, points)
        return panel

    def _name(self, image: np.ndarray, person: ShownPerson, points: np.ndarray) -> None:
        """The person's number above the highest point."""
        x, y = points[points[:, 1].argmin()]
        place = np.array([x, y - 3.0 * self._thickness])
        _label(image, person.label.removeprefix("person "), place, person.colour)


def _panel(show: Show, height: int) -> _Panel:
    times = np.arange(show.frames) / show.fps
    targets = np.stack([show.middle_at(time) for time in times])
    targets = smooth_zero_phase(targets, show.fps, _FOLLOW_HZ)
    radius = show.group_mm + 350.0
    distance = radius / math.sin(math.radians(_FOV_DEG) / 2)
    return _Panel(height, targets, distance)


def _grid(target_mm: np.ndarray, floor_mm: float, distance_mm: float) -> Iterator[np.ndarray]:
    """(2, 3) ends of the lines of the floor around a place."""
    reach = _GRID_MM * math.ceil(0.4 * distance_mm / _GRID_MM)
    x, z = (_GRID_MM * round(float(target_mm[axis]) / _GRID_MM) for axis in (0, 2))
    for step in np.arange(-reach, reach + 1, _GRID_MM):
        yield np.array([[x + step, floor_mm, z - reach], [x + step, floor_mm, z + reach]])
        yield np.array([[x - reach, floor_mm, z + step], [x + reach, floor_mm, z + step]])


def _draw_limbs(image: np.ndarray, points: np.ndarray, person: ShownPerson, thickness: int) -> None:
    """Limbs in the colours of their sides, on a dark rim that shows on any ground."""
    limbs = person.limbs.tolist()
    draw_lines(image, points, limbs, (0, 0, 0), thickness + 2, dots=False)
    for name, colour in SIDE_COLOURS.items():
        edges = [limb for limb in limbs if side_and_part(person.joint_names[limb[1]])[0] == name]
        draw_lines(image, points, edges, colour, thickness, dots=False)


def _label(image: np.ndarray, text: str, place: np.ndarray, colour: tuple[int, int, int]) -> None:
    scale = max(0.4, image.shape[0] / 900)
    thickness = max(1, round(1.6 * scale))
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    x = round(float(np.clip(place[0] - width / 2, 0, max(0, image.shape[1] - width))))
    y = round(float(np.clip(place[1], height + 2, image.shape[0] - 2)))
    for ink, extra in (((0, 0, 0), 2), (colour, 0)):
        cv2.putText(
            image,
            text,
            (x, y),
            cv2.FONT_HERSHEY_SIMPLEX,
            scale,
            ink,
            thickness + extra,
            cv2.LINE_AA,
        )
