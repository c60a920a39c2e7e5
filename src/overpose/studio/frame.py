"""One picture: a dressed body in a scene through a camera, with its mask and depth.

The steps live in `rasterizer`, `shadow`, `background` and `postprocess`; this room only joins them.
"""

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from overpose.camera import Camera
from overpose.studio.background import FloorLight, render_background
from overpose.studio.postprocess import develop
from overpose.studio.rasterizer import (
    Lighting,
    Materials,
    Surface,
    rasterize,
    shade,
    vertex_normals,
)
from overpose.studio.scene import Scene
from overpose.studio.shadow import ContactMap, ShadowMap, cast_shadow, touch_ground
from overpose.support.checks import check_array
from overpose.support.errors import InputError


@runtime_checkable
class Dressed(Protocol):
    """What `render_frame` needs to know of an outfit; shapes and units as in `rasterizer.shade`."""

    @property
    def faces(self) -> np.ndarray: ...
    @property
    def face_material(self) -> np.ndarray: ...
    @property
    def rest_mm(self) -> np.ndarray: ...
    @property
    def materials(self) -> Materials: ...


class Layers(NamedTuple):
    """Everything rendered of one picture.

    Attributes:
        image: (height, width, 3) uint8 RGB.
        mask: (height, width) bool, at least half of the pixel is the person's.
        depth_mm: (height, width) float32, camera z of the person's nearest surface in the pixel,
            infinite where there is none.
    """

    image: np.ndarray
    mask: np.ndarray
    depth_mm: np.ndarray


class Person(NamedTuple):
    """The person's part of a picture.

    Attributes:
        colour: (height, width, 3) float32, linear light times coverage.
        coverage: (height, width) float32, how much of the pixel is the person's, 0..1.
        depth_mm: as in `Layers`.
        shadow: what the person keeps the first light from.
        farthest_mm: camera z of the farthest vertex.
    """

    colour: np.ndarray
    coverage: np.ndarray
    depth_mm: np.ndarray
    shadow: ShadowMap
    farthest_mm: float


def render_frame(
    vertices_world_mm: np.ndarray,
    outfit: Dressed,
    scene: Scene,
    camera: Camera,
    rng: np.random.Generator,
    supersample: int = 2,
) -> tuple[np.ndarray, np.ndarray]:
    """The picture (height, width, 3) uint8 RGB and the person's mask (height, width) bool.

    Arguments and errors as `render_layers`.
    """
    layers = render_layers(vertices_world_mm, outfit, scene, camera, rng, supersample)
    return layers.image, layers.mask


def render_layers(
    vertices_world_mm: np.ndarray,
    outfit: Dressed,
    scene: Scene,
    camera: Camera,
    rng: np.random.Generator,
    supersample: int = 2,
) -> Layers:
    """Render one picture with its mask and depth.

    Args:
        vertices_world_mm: (V, 3) float32, the posed and dressed body; the ground is z = 0.
        outfit: triangles and materials of those vertices.
        scene: light, surroundings and sensor.
        camera: a pinhole; the picture has its width and height. For a crop, give the camera of
            the crop: `camera.crop(x0, y0, side, side).resize(size, size)`.
        rng: chooses noise, blur and exposure of this picture.
        supersample: samples of the person along each side of a pixel.

    Raises:
        InputError: wrong shape or dtype, NaN, an index out of range, or a camera with distortion.
    """
    person = render_person(vertices_world_mm, outfit, scene, camera, supersample)
    behind = render_background(
        scene.background,
        _floor_light(scene, person.shadow, touch_ground(vertices_world_mm)),
        camera.position_mm,
        camera.rotation,
        camera.focal_px,
        camera.center_px,
        camera.width,
        camera.height,
        beyond_mm=person.farthest_mm,
    )
    behind *= (1.0 - person.coverage)[..., None]
    behind += person.colour
    image = develop(behind, scene.sensor, rng)
    return Layers(image, person.coverage >= 0.5, person.depth_mm)


def render_person(
    vertices_world_mm: np.ndarray,
    outfit: Dressed,
    scene: Scene,
    camera: Camera,
    supersample: int = 2,
) -> Person:
    """Draw the person alone, with the shadows on it, before nothing.

    Arguments and errors as `render_layers`.
    """
    if camera.model != "pinhole":
        raise InputError(f"camera: got model {camera.model!r}, expected 'pinhole' for rendering")
    check_array("vertices_world_mm", vertices_world_mm, (len(outfit.rest_mm), 3), dtype=np.float32)
    rotation = camera.rotation.astype(np.float32)
    vertices = vertices_world_mm @ rotation.T + camera.translation_mm.astype(np.float32)
    focal, center = supersample * camera.focal_px, supersample * camera.center_px
    visibility = rasterize(
        vertices,
        outfit.faces,
        focal,
        center,
        supersample * camera.width,
        supersample * camera.height,
        cull_backfaces=False,
    )
    shadow = cast_shadow(
        vertices_world_mm,
        outfit.faces,
        scene.to_lights[0].astype(np.float64),
        scene.shadow_softness_mm,
    )
    surface = Surface(
        vertices,
        outfit.faces,
        vertex_normals(vertices, outfit.faces),
        outfit.face_material,
        outfit.rest_mm,
    )
    colour, coverage, depth_mm = shade(
        visibility,
        surface,
        outfit.materials,
        _lighting(scene, camera, shadow),
        focal,
        center,
        supersample=supersample,
    )
    return Person(colour, coverage, depth_mm, shadow, float(vertices[:, 2].max()))


def _lighting(scene: Scene, camera: Camera, shadow: ShadowMap) -> Lighting:
    """The scene's lights in the camera's axes."""
    rotation = camera.rotation
    from_world = shadow.from_world.astype(np.float64)
    linear = from_world[:, :3] @ rotation.T
    offset = from_world[:, 3] + from_world[:, :3] @ camera.position_mm
    return Lighting(
        up=rotation[:, 2].astype(np.float32),
        sky_rgb=scene.sky_rgb,
        bounce_rgb=scene.bounce_rgb,
        directions=np.ascontiguousarray(scene.to_lights @ rotation.T.astype(np.float32)),
        colours=scene.light_rgb,
        shadow_depth=shadow.depth,
        shadow_from_camera=np.concatenate([linear, offset[:, None]], axis=1).astype(np.float32),
        shadow_strength=scene.shadow_strength,
    )


def _floor_light(scene: Scene, shadow: ShadowMap, contact: ContactMap) -> FloorLight:
    """The scene's first light and the person's shadows in the backdrop's axes."""
    own_from_world = scene.background.from_world
    turn = own_from_world[:, :3]
    # World x, y of a floor point from its own x, y: the floor stays at z = 0 in both.
    world_from_own = np.concatenate(
        [turn[:2, :2].T, -turn[:2, :2].T @ own_from_world[:2, 3:]], axis=1
    )
    lift = np.concatenate([world_from_own, [[0.0, 0.0, 1.0]]])
    return FloorLight(
        ambient_rgb=scene.sky_rgb,
        direction=(turn @ scene.to_lights[0]).astype(np.float32),
        direct_rgb=scene.light_rgb[0],
        cover=shadow.cover,
        cover_from_floor=(shadow.from_world[:2][:, [0, 1, 3]] @ lift).astype(np.float32),
        contact=contact.darkness,
        contact_from_floor=(contact.from_world @ lift).astype(np.float32),
        shadow_strength=scene.shadow_strength,
        contact_strength=scene.contact_strength,
    )
