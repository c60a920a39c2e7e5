"""What a random scene promises to the people who move in it."""

import pickle

import numpy as np
import pytest

from overpose.studio.scene import Scene, random_scene
from overpose.support.seeding import random_stream

AREA = np.array([[2000.0, -900.0], [5500.0, 300.0]])


def scenes() -> list[Scene]:
    return [random_scene(random_stream(3, k), area_mm=AREA) for k in range(60)]


def corners_in_own_axes(scene: Scene) -> np.ndarray:
    x, y = AREA.T
    corners = np.array([[a, b, 0.0, 1.0] for a in x for b in y])
    return corners @ scene.background.from_world.T


def test_walls_stand_clear_of_the_area_that_people_use():
    for scene in scenes():
        own = corners_in_own_axes(scene)
        assert (np.abs(own[:, :2]) + 500 < scene.background.half_size_mm).all()


def test_furniture_stands_outside_the_area_that_people_use():
    checked = 0
    rng = np.random.default_rng(0)
    for scene in scenes():
        places = np.pad(rng.uniform(AREA[0], AREA[1], size=(300, 2)), ((0, 0), (0, 2)))
        places[:, 3] = 1
        own = places @ scene.background.from_world.T
        for box in scene.background.boxes:
            away = np.abs(own[:, :2] - box[:2]) - box[3:5]
            assert (away.max(axis=1) > 0).all()
            checked += 1
    assert checked > 20


def test_light_comes_from_above_and_is_not_negative():
    for scene in scenes():
        np.testing.assert_allclose(np.linalg.norm(scene.to_lights, axis=1), 1, rtol=1e-5)
        assert (scene.to_lights[:, 2] > 0).all()
        for light in (scene.light_rgb, scene.sky_rgb, scene.bounce_rgb):
            assert (light >= 0).all()


def test_scenes_are_of_several_kinds():
    kinds = {(s.background.has_ceiling, len(s.background.panels) > 0) for s in scenes()}
    assert len(kinds) >= 3


@pytest.mark.parametrize("area", [AREA, None])
def test_a_scene_is_decided_by_its_stream(area):
    first, again, other = (random_scene(random_stream(1, n), area_mm=area) for n in "aab")
    assert pickle.dumps(first) == pickle.dumps(again)
    assert pickle.dumps(first) != pickle.dumps(other)
