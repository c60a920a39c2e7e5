"""People rendered in rooms, and BlazePose itself; for tests that need both."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from overpose.keypoints.blazepose import BlazePose
from overpose.layouts import BLAZEPOSE_33
from overpose.mocap.procedural import procedural_motion
from overpose.studio.body import load_body
from overpose.studio.frame import render_frame
from overpose.studio.outfit import dress, pose_outfit, random_materials, random_style
from overpose.studio.retarget import retarget
from overpose.studio.scene import random_scene
from overpose.support.assets import download_asset
from overpose.support.errors import InputError
from overpose.support.seeding import random_stream
from overpose.synthetic.bodies import body_of_clip
from overpose.synthetic.detections import random_camera
from overpose.synthetic.landmarks import body_points

ACTIONS = ("walking", "dance", "exercise", "punching")


@dataclass(frozen=True, eq=False)
class Still:
    """One picture.

    Attributes:
        image: (size, size, 3) uint8 RGB, the whole person in it.
        landmarks_px: (33, 2) true places of the landmarks.
    """

    image: np.ndarray
    landmarks_px: np.ndarray

    @property
    def hips_row(self) -> int:
        """The row of pixels between the hips."""
        return int(BLAZEPOSE_33.middle(self.landmarks_px, "hip")[1])


def rendered_still(number: int, size: int = 480) -> Still:
    """A person in a room; skips where the body can be neither read nor built."""
    try:
        model = load_body()
    except InputError as error:
        pytest.skip(str(error))
    rng = random_stream(0, "half", number)
    motion = procedural_motion(ACTIONS[number % 4], number, number, 3, 25.0)
    shape = body_of_clip(0, "half", number)
    bones = retarget(motion, model, shape)
    points = body_points(model, shape, bones.transforms).astype(np.float64)
    camera = random_camera(rng, points.reshape(-1, 3), size=size)
    outfit = dress(model, shape, random_style(shape, rng), random_materials(shape, rng, rng))
    area = points[..., :2].reshape(-1, 2)
    scene = random_scene(rng, area_mm=np.stack([area.min(axis=0), area.max(axis=0)]))
    vertices = pose_outfit(outfit, bones.transforms[1])
    image = render_frame(vertices, outfit, scene, camera, rng, 1)[0]
    return Still(image, camera.project(points)[1, -len(BLAZEPOSE_33) :])


def blazepose(complexity: str = "full") -> BlazePose:
    """BlazePose with one thread; skips where its files are missing and cannot be got."""
    try:
        return BlazePose.from_assets(complexity, threads=1)  # type: ignore[arg-type]
    except InputError as error:
        pytest.skip(str(error))


def network_file(asset: str) -> Path:
    """One of BlazePose's files; skips where it is missing and cannot be got."""
    try:
        return download_asset(asset)
    except InputError as error:
        pytest.skip(str(error))
