"""Backdrops: rooms, yards, open country and photos, seen in true perspective by any camera.

One ray per pixel corner meets floor, walls, ceiling, furniture or the sky; textures are procedural.
People, and which backdrop a sequence gets, are not decided here (see `frame` and `scene`).

The backdrop has its own axes: the world's, turned about z by `yaw` and moved to `centre_mm`.
"""

import functools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from overpose.studio.tracing import Backdrop, Eye, paint, paint_photo, trace
from overpose.support.errors import InputError

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
_PHOTO_HEIGHT = 512  # px that a photo is reduced to: finer than a small image can show


@dataclass(frozen=True, eq=False)
class Background:
    """The surroundings of a sequence; colours are linear RGB.

    Attributes:
        centre_mm: (2,) world x, y of the middle of the floor.
        yaw: how the walls are turned about the vertical, radians.
        half_size_mm: (2,) from the middle to the walls; `FAR_MM` for none.
        height_mm: of the walls.
        has_ceiling: whether the walls carry a ceiling; the sky is above them otherwise.
        surfaces: (6, 12) float32: floor, walls +x, -x, +y, -y, ceiling; each with texture id,
            scale mm, contrast, seed, first colour, second colour, two unused.
        panels: (P, 14) float32, pictures, windows and doors: wall 1..4, centre along and up the
            wall mm, half sizes mm, frame width mm, seed, unused, first colour, second colour.
        boxes: (B, 12) float32, furniture: centre x, y, z mm, half sizes mm, colour, texture id,
            scale mm, seed.
        sky: (5, 3) float32: zenith, horizon, clouds, the skyline's colours; the last row holds
            the skyline's height (tangent of elevation), its cells per turn and its seed.
        photo: a photo that stands all around in place of everything else, or None.
        photo_span: azimuth that the photo covers, radians, and the tangent of the elevation at its
            middle.
    """

    centre_mm: np.ndarray
    yaw: float
    half_size_mm: np.ndarray
    height_mm: float
    has_ceiling: bool
    surfaces: np.ndarray
    panels: np.ndarray
    boxes: np.ndarray
    sky: np.ndarray
    photo: Path | None = None
    photo_span: tuple[float, float] = (1.6, 0.0)

    @property
    def from_world(self) -> np.ndarray:
        """(3, 4) world mm to the backdrop's axes."""
        cos, sin = math.cos(self.yaw), math.sin(self.yaw)
        turn = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
        return np.concatenate([turn, -turn @ np.array([[*self.centre_mm, 0.0]]).T], axis=1)


class FloorLight(NamedTuple):
    """How the backdrop is lit, in its own axes, float32.

    Attributes:
        ambient_rgb: (3,) light from everywhere.
        direction: (3,) unit, towards the first light.
        direct_rgb: (3,) light of the first light on a surface that faces it.
        cover: (G, G) shadow of the person, 0..1.
        cover_from_floor: (2, 3) floor x, y mm and 1 to column and row of `cover`.
        contact: (C, C) nearness of the person to the ground, 0..1.
        contact_from_floor: (2, 3) the same for `contact`.
        shadow_strength: how much of the first light a shadow takes away, 0..1.
        contact_strength: how much of the ambient light a contact takes away, 0..1.
    """

    ambient_rgb: np.ndarray
    direction: np.ndarray
    direct_rgb: np.ndarray
    cover: np.ndarray
    cover_from_floor: np.ndarray
    contact: np.ndarray
    contact_from_floor: np.ndarray
    shadow_strength: float
    contact_strength: float


def find_photos(directory: Path) -> tuple[Path, ...]:
    """The image files under a directory, sorted; they are opened when a scene first uses them.

    Raises:
        InputError: there is no such directory, or no image in it.
    """
    if not directory.is_dir():
        raise InputError(f"{directory}: no such directory; expected one with background photos")
    photos = tuple(
        path
        for path in sorted(directory.rglob("*"))
        if path.suffix.lower() in PHOTO_SUFFIXES and path.is_file()
    )
    if not photos:
        raise InputError(
            f"{directory}: no image files in it; expected photos ({', '.join(PHOTO_SUFFIXES)})"
        )
    return photos


@functools.lru_cache(maxsize=64)
def load_photo(path: Path) -> np.ndarray:
    """A photo as (height, width, 3) uint8 RGB, at most 512 px high; the last 64 are kept.

    Raises:
        InputError: the file is absent or not an image.
    """
    try:
        encoded = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    image = cv2.imdecode(encoded, cv2.IMREAD_COLOR) if len(encoded) else None
    if image is None:
        raise InputError(f"{path}: not a readable image; mend it or take it out of the directory")
    factor = _PHOTO_HEIGHT / image.shape[0]
    if factor < 1.0:
        size = (max(2, round(image.shape[1] * factor)), _PHOTO_HEIGHT)
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    photo = np.ascontiguousarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    photo.flags.writeable = False
    return photo


def render_background(
    background: Background,
    light: FloorLight,
    position_mm: np.ndarray,
    rotation: np.ndarray,
    focal_px: np.ndarray,
    center_px: np.ndarray,
    width: int,
    height: int,
    *,
    beyond_mm: float = 0.0,
) -> np.ndarray:
    """What a camera sees without the person: linear RGB (height, width, 3) float32.

    A camera outside the walls sees through the near ones, as if they were cut away.

    Args:
        background: the surroundings.
        light: the light on them.
        position_mm: (3,) the camera's centre, world.
        rotation: (3, 3) world to camera.
        focal_px: (2,) focal lengths, px.
        center_px: (2,) principal point, px.
        width: image width, px.
        height: image height, px.
        beyond_mm: furniture any part of which is nearer than this camera z is left out, so that
            nothing stands between the camera and the person.

    Raises:
        InputError: the background's photo cannot be read.
    """
    to_own = background.from_world
    origin = to_own[:, :3] @ position_mm + to_own[:, 3]
    turn = to_own[:, :3] @ rotation.T  # camera axes to the backdrop's
    boxes = background.boxes
    if len(boxes):
        corners = np.abs(boxes[:, 3:6]) @ np.abs(turn[:, 2])
        nearest = (boxes[:, 0:3] - origin) @ turn[:, 2] - corners
        boxes = np.ascontiguousarray(boxes[nearest > beyond_mm])
    eye = Eye(origin, turn, np.array([*focal_px, *center_px], dtype=np.float64))
    if background.photo is not None:
        photo = load_photo(background.photo)
        return paint_photo(height, width, eye, photo, *background.photo_span, light)
    room = np.array([*background.half_size_mm, background.height_mm, background.has_ceiling])
    backdrop = Backdrop(room, background.surfaces, background.panels, boxes, background.sky)
    depth, surface = trace(height + 1, width + 1, eye, room, boxes)
    return paint(depth, surface, eye, backdrop, light)
