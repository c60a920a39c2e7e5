"""Backdrops in true perspective, and photos."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from overpose.camera import Camera
from overpose.studio.background import (
    Background,
    FloorLight,
    find_photos,
    load_photo,
    render_background,
)
from overpose.studio.scene import random_scene
from overpose.studio.textures import TEXTURES, texture
from overpose.support.errors import InputError
from overpose.support.seeding import random_stream

SIZE = 48


def room() -> Background:
    """3 x 2 m half size, 2.5 m high, turned and moved; every surface has its own red."""
    surfaces = np.zeros((6, 12), np.float32)
    surfaces[:, 1] = 600
    surfaces[:, 4:10] = 1.0
    surfaces[:, 4] = surfaces[:, 7] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    return Background(
        centre_mm=np.array([400.0, -300.0]),
        yaw=0.4,
        half_size_mm=np.array([3000.0, 2000.0]),
        height_mm=2500.0,
        has_ceiling=True,
        surfaces=surfaces,
        panels=np.zeros((0, 14), np.float32),
        boxes=np.zeros((0, 12), np.float32),
        sky=np.full((5, 3), 0.9, np.float32),
    )


def even_light() -> FloorLight:
    empty, nowhere = np.zeros((4, 4), np.float32), np.zeros((2, 3), np.float32)
    nowhere[:, 2] = -5
    return FloorLight(
        np.ones(3, np.float32), np.array([0, 0, 1], np.float32), np.zeros(3, np.float32),
        empty, nowhere, empty, nowhere, 0.0, 0.0,
    )  # fmt: skip


def view(
    azimuth: float = 0.3, height: float = 1500.0, distance: float = 4000.0, focal_px: float = 60.0
) -> Camera:
    position = [distance * np.cos(azimuth), distance * np.sin(azimuth), height]
    return Camera.look_at(position, [0, 0, 1000], focal_px, SIZE, SIZE)


def picture(background: Background, camera: Camera, light: FloorLight | None = None, **options):
    return render_background(
        background, light or even_light(), camera.position_mm, camera.rotation, camera.focal_px,
        camera.center_px, camera.width, camera.height, **options,
    )  # fmt: skip


def surfaces_by_marching(background: Background, camera: Camera) -> np.ndarray:
    """Which surface each pixel's ray leaves the room through, by small steps from the inside."""
    cos, sin = np.cos(background.yaw), np.sin(background.yaw)
    turn = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    found = np.full((SIZE, SIZE), -1)
    depths = np.arange(10.0, 12000.0, 10.0)
    half, high = background.half_size_mm, background.height_mm
    for row in range(SIZE):
        for column in range(SIZE):
            points = camera.unproject(
                np.tile([column + 0.5, row + 0.5], (len(depths), 1)), depths
            ) - [*background.centre_mm, 0]
            x, y, z = turn @ points.T
            inside = (abs(x) < half[0]) & (abs(y) < half[1]) & (z > 0) & (z < high)
            if not inside.any():
                continue
            last = int(np.nonzero(inside)[0][-1]) + 1
            limits = [-z[last], x[last] - half[0], -half[0] - x[last], y[last] - half[1],
                      -half[1] - y[last], z[last] - high]  # fmt: skip
            found[row, column] = int(np.argmax(limits))
    return found


@pytest.mark.parametrize("azimuth", [0.3, 2.0, 4.1])
def test_walls_and_floor_are_where_a_march_along_the_rays_leaves_the_room(azimuth):
    background, camera = room(), view(azimuth, distance=1500.0, focal_px=25.0)
    expected = surfaces_by_marching(background, camera)
    seen = picture(background, camera)
    got = np.round(10 * seen[..., 0] / seen[..., 1]).astype(int) - 1
    assert (got == expected).mean() > 0.93  # pixels across an edge are mixtures
    assert len(np.unique(expected)) >= 4


def test_every_camera_sees_each_point_of_the_floor_in_its_own_colour():
    background = room()
    background.surfaces[0, 0] = TEXTURES.index("checks")
    background.surfaces[0, 1] = tile_mm = 1500.0
    background.surfaces[0, 7] = 0.9
    compared = []
    for place in np.random.default_rng(0).uniform(-1200, 1200, size=(60, 2)):
        own = background.from_world[:2, :2] @ (place - background.centre_mm)
        if np.abs(own / tile_mm - np.round(own / tile_mm)).min() < 0.15:
            continue  # a pixel may reach across the edge of its tile
        second = bool(np.floor(own / tile_mm).sum() % 2)
        for azimuth in (0.2, 1.8, 3.5, 5.0):
            camera = view(azimuth)
            column, row = np.floor(camera.project(np.array([*place, 0.0]))).astype(int)
            if 0 <= column < SIZE and 0 <= row < SIZE:
                assert (picture(background, camera)[row, column, 0] > 0.4) == second
                compared.append(second)
    assert 30 < sum(compared) < len(compared) - 30


def test_furniture_is_left_out_where_it_would_stand_in_front_of_the_person():
    background = room()
    box = np.array([[0, 0, 500, 300, 300, 500, 0.9, 0, 0, 0, 300, 1]], np.float32)
    furnished = replace(background, boxes=box)
    camera = view(distance=1800.0)
    empty = picture(background, camera)
    assert (picture(furnished, camera, beyond_mm=0.0) != empty).any()
    np.testing.assert_array_equal(picture(furnished, camera, beyond_mm=3000.0), empty)


def test_shadow_darkens_the_floor_and_nothing_else():
    background, camera = room(), view(distance=1500.0)
    everywhere = np.ones((64, 64), np.float32)
    onto = np.array([[1 / 200, 0, 32], [0, 1 / 200, 32]], np.float32)
    light = even_light()._replace(contact=everywhere, contact_from_floor=onto, contact_strength=0.5)
    shaded, plain = picture(background, camera, light), picture(background, camera)
    ratio = (shaded / plain)[..., 0]
    is_floor = surfaces_by_marching(background, camera) == 0
    assert ratio[is_floor].max() < 1
    np.testing.assert_allclose(np.median(ratio[is_floor]), 0.5, atol=1e-5)
    np.testing.assert_allclose(np.median(ratio[~is_floor]), 1.0)


@pytest.mark.parametrize("kind", range(len(TEXTURES)))
def test_textures_fade_to_an_even_surface_when_a_pixel_covers_many_elements(kind):
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 400, size=(200, 2))
    near = np.array([texture(kind, x, y, 40.0, 0.8, 3, 1.0) for x, y in points])
    far = np.array([texture(kind, x, y, 40.0, 0.8, 3, 4000.0) for x, y in points])
    assert far.std(axis=0).sum() < 0.15
    assert (near[:, 0] >= 0).all()
    assert (near[:, 0] <= 1).all()


def test_photos_of_a_directory_are_found_and_used(tmp_path: Path):
    (tmp_path / "deep").mkdir()
    green = np.zeros((60, 90, 3), np.uint8)
    green[..., 1] = 200
    cv2.imwrite(str(tmp_path / "deep" / "a.png"), green)
    (tmp_path / "notes.txt").write_text("not a photo")
    photos = find_photos(tmp_path)
    assert [path.name for path in photos] == ["a.png"]
    seen = picture(replace(room(), photo=photos[0]), view())
    np.testing.assert_allclose(seen[..., 1], (200 / 255) ** 2, rtol=1e-4)
    np.testing.assert_allclose(seen[..., [0, 2]], 0)
    drawn = [random_scene(random_stream(k), photos=photos).background.photo for k in range(40)]
    assert set(drawn) == {None, photos[0]}


def test_a_damaged_photo_is_named(tmp_path: Path):
    bad = tmp_path / "holiday.jpg"
    bad.write_bytes(b"\xff\xd8 not really")
    with pytest.raises(InputError, match=r"holiday\.jpg"):
        load_photo(bad)
    with pytest.raises(InputError, match=r"gone\.jpg"):
        load_photo(tmp_path / "gone.jpg")


def test_a_directory_without_photos_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="no image files"):
        find_photos(tmp_path)
    with pytest.raises(InputError, match="no such directory"):
        find_photos(tmp_path / "absent")
