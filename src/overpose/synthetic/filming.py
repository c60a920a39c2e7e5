"""A body that moves, dressed at random in a random scene, frame by frame as a camera sees it.

What moves, and what is found in the pictures, belongs to those who ask for them.
"""

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import NamedTuple

import numpy as np

from overpose.camera import Camera
from overpose.studio.body import BodyModel, BodyShape
from overpose.studio.frame import render_frame
from overpose.studio.outfit import Outfit, dress, pose_outfit, random_materials, random_style
from overpose.studio.scene import Scene, random_scene


class Setting(NamedTuple):
    """What somebody wears, and where they are."""

    outfit: Outfit
    scene: Scene


def random_setting(
    model: BodyModel, shape: BodyShape, points_world_mm: np.ndarray, rng: np.random.Generator
) -> Setting:
    """Clothes, and a scene around everywhere that the body goes.

    Args:
        model, shape: the body.
        points_world_mm: (frames, points, 3) of it.
        rng: decides everything.
    """
    outfit = dress(model, shape, random_style(shape, rng), random_materials(shape, rng, rng))
    area = points_world_mm[..., :2].reshape(-1, 2)
    return Setting(
        outfit, random_scene(rng, area_mm=np.stack([area.min(axis=0), area.max(axis=0)]))
    )


def filmed(
    setting: Setting,
    transforms: np.ndarray,
    camera: Camera | Sequence[Camera],
    rng: np.random.Generator,
    check: Callable[[], None],
) -> list[np.ndarray]:
    """The pictures, (height, width, 3) uint8 RGB each, without supersampling.

    Args:
        setting: from `random_setting`.
        transforms: (frames, B, 3, 4) of `retarget`.
        camera: that sees it; or that of each frame.
        rng: the sensor's noise.
        check: called before each frame.
    """
    images = []
    cameras = repeat(camera) if isinstance(camera, Camera) else camera
    for pose, each in zip(transforms, cameras, strict=False):
        check()
        vertices = pose_outfit(setting.outfit, pose)
        images.append(render_frame(vertices, setting.outfit, setting.scene, each, rng, 1)[0])
    return images
