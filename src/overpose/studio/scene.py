"""Scenes: the light, surroundings and camera electronics of one sequence, drawn at random.

A scene holds values only; `frame` renders it, `background` and `postprocess` know how.

Light is linear RGB; a white surface that receives 1 is white in the picture at exposure 1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from overpose.studio.background import Background
from overpose.studio.postprocess import Sensor, random_sensor
from overpose.studio.textures import TEXTURES
from overpose.studio.tracing import FAR_MM
from overpose.support.checks import check_array
from overpose.support.errors import InputError

_MARGIN_MM = 1200.0  # from the area that people use to the nearest wall


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything about a sequence's pictures but the person and the cameras' places.

    Attributes:
        to_lights: (L, 3) float32 unit directions towards the lights, world; the first casts the
            shadow.
        light_rgb: (L, 3) float32, their light on a surface that faces them.
        sky_rgb: (3,) float32, ambient light on a surface facing up.
        bounce_rgb: (3,) float32, ambient light on a surface facing down.
        shadow_strength: how much of the first light a shadow takes away, 0..1.
        shadow_softness_mm: standard deviation of the blur of the shadow on the ground.
        contact_strength: how much of the ambient light the ground loses under the feet, 0..1.
        background: the surroundings.
        sensor: the cameras' electronics.
    """

    to_lights: np.ndarray
    light_rgb: np.ndarray
    sky_rgb: np.ndarray
    bounce_rgb: np.ndarray
    shadow_strength: float
    shadow_softness_mm: float
    contact_strength: float
    background: Background
    sensor: Sensor


def random_scene(
    rng: np.random.Generator,
    *,
    area_mm: np.ndarray | None = None,
    photos: Sequence[Path] = (),
) -> Scene:
    """Draw a scene.

    Args:
        rng: chooses everything.
        area_mm: (2, 2) lowest and highest world x, y that people reach; walls and furniture stay
            outside. By default 1.5 m about the origin.
        photos: see `background.find_photos`; if there are any, half of the scenes use one.

    Raises:
        InputError: `area_mm` is not such an array.
    """
    if area_mm is None:
        area_mm = np.array([[-1500.0, -1500.0], [1500.0, 1500.0]])
    check_array("area_mm", area_mm, (2, 2), finite=True)
    if not (area_mm[1] >= area_mm[0]).all():
        raise InputError(f"area_mm: got {area_mm.tolist()}, expected lowest before highest x, y")
    draw = rng.random()
    kind = "room" if draw < 0.62 else ("yard" if draw < 0.8 else "country")
    outdoors = kind != "room"

    # The key light: a lamp or window indoors, the sun or a bright cloud outdoors.
    azimuth = rng.uniform(0.0, 2.0 * math.pi)
    elevation = rng.uniform(0.5, 1.2)
    key = _direction(azimuth, elevation)
    fill = _direction(azimuth + rng.uniform(1.6, 4.6), rng.uniform(0.1, 0.8))
    # How hard the light is: the share of the key light in what a surface that faces it receives.
    hardness = rng.uniform(0.25, 0.8) if outdoors else rng.uniform(0.25, 0.65)
    total = rng.uniform(0.95, 1.3)
    warm = rng.normal(0.0, 0.07)
    key_rgb = 1.25 * hardness * total * np.array([1.0 + warm, 1.0, 1.0 - warm])
    cool = rng.normal(0.04 if outdoors else 0.0, 0.05)
    sky_rgb = (1.0 - hardness) * total * np.array([1.0 - cool, 1.0, 1.0 + cool])
    second = rng.uniform(0.0, 0.3)

    background = _random_background(rng, kind, area_mm)
    if photos and rng.random() < 0.5:
        chosen = photos[int(rng.integers(len(photos)))]
        span = (float(rng.uniform(0.5, 1.3)), float(rng.uniform(-0.15, 0.05)))
        background = _with_photo(background, chosen, span)
    floor = background.surfaces[0, 4:7]
    bounce_rgb = sky_rgb * (0.35 + 0.5 * floor) + 0.3 * key_rgb * key[2] * floor
    return Scene(
        to_lights=np.stack([key, fill]).astype(np.float32),
        light_rgb=np.stack([key_rgb, second * sky_rgb]).astype(np.float32),
        sky_rgb=sky_rgb.astype(np.float32),
        bounce_rgb=bounce_rgb.astype(np.float32),
        shadow_strength=float(rng.uniform(0.7, 1.0)),
        shadow_softness_mm=float(rng.uniform(12.0, 45.0) if outdoors else rng.uniform(25.0, 80.0)),
        contact_strength=float(rng.uniform(0.6, 0.9)),
        background=background,
        sensor=random_sensor(rng),
    )


def _direction(azimuth: float, elevation: float) -> np.ndarray:
    level = math.cos(elevation)
    return np.array([level * math.cos(azimuth), level * math.sin(azimuth), math.sin(elevation)])


def _with_photo(background: Background, photo: Path, span: tuple[float, float]) -> Background:
    fields = {name: getattr(background, name) for name in background.__dataclass_fields__}
    return Background(**{**fields, "photo": photo, "photo_span": span})


def _random_background(rng: np.random.Generator, kind: str, area_mm: np.ndarray) -> Background:
    outdoors = kind != "room"
    yaw = rng.uniform(0.0, 2.0 * math.pi)
    centre = area_mm.mean(axis=0) + rng.normal(0.0, 150.0, size=2)
    # Walls are turned: the half diagonal of the area fits whatever the angle.
    reach = 0.5 * float(np.linalg.norm(area_mm[1] - area_mm[0])) + _MARGIN_MM
    largest = 9000.0 if kind == "yard" else 4500.0
    half = np.maximum(reach, rng.uniform(2200.0, largest, size=2))
    half += rng.uniform(0.0, 800.0, size=2)
    height = rng.uniform(2400.0, 3600.0) if kind == "room" else rng.uniform(1200.0, 7000.0)
    if kind == "country":
        half[:] = FAR_MM
    surfaces = np.zeros((6, 12), dtype=np.float32)
    surfaces[0] = _random_floor(rng, outdoors)
    same_wall = _random_wall(rng, outdoors)
    for wall in range(1, 5):
        surfaces[wall] = same_wall if rng.random() < 0.7 else _random_wall(rng, outdoors)
    white = rng.uniform(0.55, 0.85)
    surfaces[5, :7] = (0, 600.0, 0.3, 1, white, white, white)
    surfaces[5, 7:10] = white
    panels = [] if kind == "country" else _random_panels(rng, half, height)
    boxes = [] if kind == "country" else _random_boxes(rng, half, reach, outdoors)
    return Background(
        centre_mm=centre,
        yaw=yaw,
        half_size_mm=half,
        height_mm=float(height),
        has_ceiling=kind == "room",
        surfaces=surfaces,
        panels=np.array(panels, dtype=np.float32).reshape(-1, 14),
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 12),
        sky=_random_sky(rng),
    )


def _colour(
    rng: np.random.Generator, low: float, high: float, saturation: float, *, vivid: bool = False
) -> np.ndarray:
    """A random linear colour of a brightness between the bounds; what is not vivid is mostly
    beige or grey, as walls and floors are."""
    hue = rng.random()
    if not vivid:
        hue = rng.choice([rng.normal(0.09, 0.03), rng.normal(0.58, 0.05), hue], p=[0.65, 0.2, 0.15])
    depth = saturation * rng.random() if vivid else saturation * rng.random() ** 2
    ramp = np.abs((hue + np.array([0.0, 2 / 3, 1 / 3])) % 1.0 * 6.0 - 3.0) - 1.0
    pure = np.clip(ramp, 0.0, 1.0)
    return np.clip(rng.uniform(low, high) * (1.0 - depth + depth * pure), 0.01, 0.9)


def _surface(
    texture: str, scale_mm: float, contrast: float, seed: int, a: np.ndarray, b: np.ndarray
) -> np.ndarray:
    identity = TEXTURES.index(texture)
    return np.array([identity, scale_mm, contrast, seed, *a, *b, 0.0, 0.0], dtype=np.float32)


def _random_floor(rng: np.random.Generator, outdoors: bool) -> np.ndarray:
    seed = int(rng.integers(1, 1000))
    choices = ("grass", "grass", "plain", "tiles", "carpet") if outdoors else (
        "planks", "planks", "tiles", "carpet", "carpet", "checks", "plain"
    )  # fmt: skip
    texture = choices[int(rng.integers(len(choices)))]
    contrast = rng.uniform(0.2, 0.8)
    if texture == "grass":
        if rng.random() < 0.6:
            a = np.array([0.10, 0.17, 0.04]) * rng.uniform(0.6, 1.6)
            b = a * np.array([1.5, 1.25, 1.1])
        else:  # gravel or sand
            a = _colour(rng, 0.15, 0.4, 0.4)
            b = a * rng.uniform(0.7, 0.95)
        return _surface(texture, rng.uniform(12.0, 45.0), contrast, seed, a, b)
    if texture == "planks":
        a = np.array([0.42, 0.24, 0.11]) * rng.uniform(0.4, 1.4)
        return _surface(texture, rng.uniform(70.0, 180.0), contrast, seed, a, a * 0.35)
    a = _colour(rng, 0.06, 0.5, 0.6)
    if texture == "tiles":
        joint = a * rng.uniform(0.4, 0.7) if rng.random() < 0.7 else a + 0.1
        return _surface(texture, rng.uniform(200.0, 900.0), 0.4 * contrast, seed, a, joint)
    if texture == "checks":
        return _surface(
            texture, rng.uniform(200.0, 500.0), contrast, seed, a, _colour(rng, 0.1, 0.6, 0.5)
        )
    return _surface(texture, rng.uniform(200.0, 900.0), contrast, seed, a, a * rng.uniform(0.6, 1))


def _random_wall(rng: np.random.Generator, outdoors: bool) -> np.ndarray:
    seed = int(rng.integers(1, 1000))
    choices = ("bricks", "bricks", "plain", "planks", "tiles") if outdoors else (
        "plain", "plain", "plain", "plain", "stripes", "bricks", "tiles", "planks", "carpet"
    )  # fmt: skip
    texture = choices[int(rng.integers(len(choices)))]
    contrast = rng.uniform(0.1, 0.6)
    a = _colour(rng, 0.25, 0.75, 0.5)
    if texture == "bricks":
        a = np.array([0.38, 0.15, 0.09]) * rng.uniform(0.5, 1.5) if rng.random() < 0.6 else a
        return _surface(texture, rng.uniform(180.0, 420.0), contrast, seed, a, _grey(rng, 0.3, 0.6))
    if texture == "stripes":
        return _surface(
            texture, rng.uniform(80.0, 400.0), contrast, seed, a, a * rng.uniform(0.7, 0.95)
        )
    if texture == "planks":
        wood = np.array([0.45, 0.27, 0.14]) * rng.uniform(0.5, 1.4)
        a = wood if rng.random() < 0.6 else a
        return _surface(texture, rng.uniform(100.0, 250.0), contrast, seed, a, a * 0.5)
    if texture == "tiles":
        return _surface(texture, rng.uniform(100.0, 400.0), 0.4 * contrast, seed, a, a * 0.7)
    return _surface(texture, 600.0, contrast, seed, a, a * rng.uniform(0.8, 0.97))


def _grey(rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    return np.full(3, rng.uniform(low, high))


def _random_panels(rng: np.random.Generator, half: np.ndarray, height: float) -> list[np.ndarray]:
    panels = []
    for wall in range(1, 5):
        length = half[1] if wall <= 2 else half[0]
        for _ in range(int(rng.integers(0, 4))):
            seed = int(rng.integers(1, 1000))
            along = rng.uniform(-0.85, 0.85) * length
            kind = rng.random()
            if kind < 0.25:  # door
                size, up = (rng.uniform(380.0, 560.0), 1030.0), 1030.0
                a = _colour(rng, 0.08, 0.6, 0.6)
                panel = (wall, along, up, *size, 60.0, seed & ~1, 0.0, *a, *(a * 0.8))
            elif kind < 0.55:  # window
                size, up = (rng.uniform(350.0, 1100.0), rng.uniform(350.0, 750.0)), 1500.0
                light = rng.uniform(0.5, 1.4) * np.array([0.95, 1.0, 1.08])
                frame = _grey(rng, 0.2, 0.8)
                panel = (wall, along, up, *size, 60.0, seed & ~1, 0.0, *light, *frame)
            else:  # picture or poster
                size = rng.uniform(180.0, 600.0, size=2)
                a, frame = _colour(rng, 0.1, 0.6, 0.9, vivid=True), _colour(rng, 0.02, 0.8, 0.3)
                up, border = rng.uniform(1300.0, 1800.0), rng.uniform(0.0, 40.0)
                panel = (wall, along, up, *size, border, seed | 1, 0.0, *a, *frame)
            if up + size[1] < height:
                panels.append(np.array(panel, dtype=np.float32))
    return panels


def _random_boxes(
    rng: np.random.Generator, half: np.ndarray, reach: float, outdoors: bool
) -> list[np.ndarray]:
    boxes = []
    for _ in range(int(rng.integers(0, 6))):
        size = np.array(
            [rng.uniform(200.0, 800.0), rng.uniform(200.0, 500.0), rng.uniform(150.0, 1000.0)]
        )
        axis, side = int(rng.integers(2)), float(rng.choice([-1.0, 1.0]))
        middle = np.zeros(3)
        middle[axis] = side * (half[axis] - size[axis])
        middle[1 - axis] = rng.uniform(-1.0, 1.0) * (half[1 - axis] - size[1 - axis])
        middle[2] = size[2]
        # Nothing stands where people move.
        if abs(middle[axis]) - size[axis] < reach - _MARGIN_MM:
            continue
        colour = _colour(rng, 0.05, 0.55, 0.7, vivid=rng.random() < 0.4)
        texture = ("plain", "planks", "plain", "bricks")[int(rng.integers(4 if outdoors else 3))]
        look = (TEXTURES.index(texture), rng.uniform(150.0, 400.0), int(rng.integers(1, 1000)))
        boxes.append(np.array([*middle, *size, *colour, *look], dtype=np.float32))
    return boxes


def _random_sky(rng: np.random.Generator) -> np.ndarray:
    overcast = rng.random()
    clear = np.array([0.25, 0.45, 0.85]) * rng.uniform(0.7, 1.2)
    grey = _grey(rng, 0.6, 1.0)
    zenith = clear * (1.0 - overcast) + grey * overcast
    horizon = 0.35 * zenith + 0.65 * grey
    clouds = _grey(rng, 0.8, 1.1)
    buildings = bool(rng.random() < 0.5)
    skyline = (
        _colour(rng, 0.08, 0.3, 0.5)
        if buildings
        else np.array([0.07, 0.12, 0.04]) * rng.uniform(0.6, 1.8)
    )
    height = rng.uniform(0.1, 0.4) if rng.random() < 0.85 else 0.0
    cells = float(int(rng.integers(20, 90)))
    seed = int(rng.integers(1, 500)) * 2 + int(buildings)
    return np.array([zenith, horizon, clouds, skyline, (height, cells, seed)], dtype=np.float32)
