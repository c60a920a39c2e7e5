"""Whole pictures of a simple figure: where it is, what surrounds it, and that they repeat."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from overpose.camera import Camera
from overpose.studio.frame import render_frame, render_layers
from overpose.studio.rasterizer import Materials
from overpose.studio.scene import Scene, random_scene
from overpose.support.errors import InputError
from overpose.support.seeding import random_stream

SIZE = 64


@dataclass(frozen=True, eq=False)
class Block:
    """A box on the ground, 400 x 400 x 1600 mm, subdivided so that its shadow has no holes."""

    rest_mm: np.ndarray
    faces: np.ndarray
    face_material: np.ndarray
    materials: Materials


def block(pattern: int = 0) -> Block:
    steps = 24
    grid = np.linspace(-1, 1, steps + 1)
    vertices, faces = [], []
    for axis in range(3):
        for side in (-1.0, 1.0):
            u, v = np.meshgrid(grid, grid, indexing="ij")
            points = np.empty((steps + 1, steps + 1, 3))
            points[..., axis] = side
            points[..., (axis + 1) % 3], points[..., (axis + 2) % 3] = u, v
            first = sum(len(part) for part in vertices)
            index = first + np.arange((steps + 1) ** 2).reshape(steps + 1, steps + 1)
            a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
            quads = np.stack([a, b, c, a, c, d], axis=-1).reshape(-1, 3)
            faces.append(quads if side > 0 else quads[:, ::-1])
            vertices.append(points.reshape(-1, 3))
    rest = np.concatenate(vertices) * [200, 200, 800] + [0, 0, 800]
    every = np.concatenate(faces).astype(np.int32)
    look = Materials(
        colour_a=np.full((1, 3), 0.6, np.float32),
        colour_b=np.full((1, 3), 0.2, np.float32),
        pattern=np.array([pattern]),
        pattern_scale=np.array([1 / 300], np.float32),
        specular=np.array([0.1], np.float32),
    )
    return Block(rest.astype(np.float32), every, np.zeros(len(every), np.int32), look)


def view(azimuth: float = 0.0, size: int = SIZE) -> Camera:
    position = [4500 * np.cos(azimuth), 4500 * np.sin(azimuth), 1500]
    return Camera.look_at(position, [0, 0, 800], 2.0 * size, size, size)


def scene(name: int | str = 0) -> Scene:
    return random_scene(random_stream(7, "scene", name))


def test_the_mask_is_the_silhouette_of_the_figure():
    """The convex hull of the projected corners contains exactly the masked pixels."""
    figure, camera = block(), view(0.3)
    _, mask = render_frame(figure.rest_mm, figure, scene(), camera, random_stream(0))
    points = camera.project(figure.rest_mm)
    rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5
    inside = np.ones((SIZE, SIZE), bool)
    for angle in np.linspace(0, 2 * np.pi, 720, endpoint=False):
        normal = np.array([np.cos(angle), np.sin(angle)])
        inside &= columns * normal[0] + rows * normal[1] <= (points @ normal).max()
    assert np.logical_xor(mask, inside).sum() < 0.04 * inside.sum()
    assert inside.sum() > 300


def test_depth_is_that_of_the_nearest_side():
    figure, camera = block(), view(0.0)
    layers = render_layers(figure.rest_mm, figure, scene(), camera, random_stream(0))
    middle = camera.to_camera_mm(np.array([200.0, 0.0, 800.0]))[2]
    assert layers.depth_mm[SIZE // 2, SIZE // 2] == pytest.approx(middle, abs=15)
    np.testing.assert_array_equal(np.isinf(layers.depth_mm) & layers.mask, False)


def test_the_same_stream_gives_the_same_picture_and_another_gives_another():
    figure = block()
    pictures = [
        render_frame(figure.rest_mm, figure, scene(), view(), random_stream(0, name))[0]
        for name in ("a", "a", "b")
    ]
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert (pictures[0] != pictures[2]).any()


def test_scenes_of_different_streams_look_different():
    figure = block()
    means = {
        render_frame(figure.rest_mm, figure, scene(k), view(), random_stream(0))[0].mean()
        for k in range(6)
    }
    assert len(means) == 6


@pytest.mark.parametrize("name", range(12))
def test_pictures_are_neither_black_nor_white_and_the_figure_is_lit(name):
    figure = block(pattern=name % 6)
    image, mask = render_frame(figure.rest_mm, figure, scene(name), view(name), random_stream(0))
    assert 25 < image[~mask].mean() < 248
    assert 20 < image[mask].mean() < 248
    assert np.percentile(image[mask], 5) > 4


def test_the_figure_casts_a_shadow_on_the_ground():
    """The same picture with the light's and the contact's shadow switched off is lighter, on the
    ground only."""
    figure = block()
    dark, camera = scene(3), view(1.0)
    light = replace(dark, shadow_strength=0.0, contact_strength=0.0)
    shaded, mask = render_frame(figure.rest_mm, figure, dark, camera, random_stream(0))
    plain, _ = render_frame(figure.rest_mm, figure, light, camera, random_stream(0))
    change = plain.astype(int).sum(axis=2) - shaded.astype(int).sum(axis=2)
    change[mask] = 0
    horizon = int(camera.project(np.array([[-1e6, -1.5e6, 0.0]]))[0, 1])
    assert (change[horizon:] > 20).sum() > 30
    assert change[: max(horizon, 1)].max() <= 3


def test_moving_the_world_moves_nothing_in_the_picture():
    """Figure, area and cameras 20 m away look the same: nothing depends on the origin."""
    figure, stream = block(), random_stream
    shift = np.array([20000.0, -7000.0])
    area = np.array([[-800.0, -800.0], [800.0, 800.0]])
    here = random_scene(stream(1), area_mm=area)
    there = random_scene(stream(1), area_mm=area + shift)
    camera = view(0.4)
    offset = np.append(shift, 0.0)
    moved_camera = replace(camera, translation_mm=camera.translation_mm - camera.rotation @ offset)
    moved = (figure.rest_mm + offset).astype(np.float32)
    first, _ = render_frame(figure.rest_mm, figure, here, camera, stream(2))
    second, _ = render_frame(moved, figure, there, moved_camera, stream(2))
    assert np.abs(first.astype(int) - second).mean() < 0.5


def test_bad_input_is_refused_in_one_line():
    figure, camera, stream = block(), view(), random_stream(0)
    broken = figure.rest_mm.copy()
    broken[5] = np.nan
    with pytest.raises(InputError, match="NaN"):
        render_frame(broken, figure, scene(), camera, stream)
    with pytest.raises(InputError, match="shape"):
        render_frame(figure.rest_mm[:-1], figure, scene(), camera, stream)
    with pytest.raises(InputError, match="float64"):
        render_frame(figure.rest_mm.astype(np.float64), figure, scene(), camera, stream)
    bent = replace(camera, model="opencv", distortion=(0.1, 0.0, 0.0, 0.0))
    with pytest.raises(InputError, match="pinhole"):
        render_frame(figure.rest_mm, figure, scene(), bent, stream)


def test_an_area_that_is_no_area_is_refused():
    with pytest.raises(InputError, match="area_mm"):
        random_scene(random_stream(0), area_mm=np.array([[1.0, 1.0], [0.0, 0.0]]))
    with pytest.raises(InputError, match="area_mm"):
        random_scene(random_stream(0), area_mm=np.zeros((3, 2)))
