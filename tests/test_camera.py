"""Cameras: agreement with OpenCV and with Human3.6M's formula, inverses, crops, refusals."""

import json
import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overpose.camera import Camera
from overpose.support.errors import InputError

LENSES = {
    "pinhole": ("pinhole", ()),
    "opencv4": ("opencv", (-0.21, 0.17, 0.0012, -0.0021)),
    "opencv5": ("opencv", (-0.21, 0.17, 0.0012, -0.0021, -0.013)),
    "opencv8": ("opencv", (-0.2, 0.2, 0.001, -0.002, -0.01, 0.1, 0.05, 0.01)),
    "opencv12": (
        "opencv",
        (-0.2, 0.2, 0.001, -0.002, -0.01, 0.1, 0.05, 0.01, 0.001, 0.002, -0.001, 0.003),
    ),
    "human36m": ("human36m", (-0.2077, 0.2478, -0.00098, -0.00142, -0.0031)),
}
TARGET_MM = (0.0, 0.0, 900.0)


def make_camera(lens: str = "pinhole") -> Camera:
    model, distortion = LENSES[lens]
    camera = Camera.look_at((3900.0, 1100.0, 1500.0), TARGET_MM, (1145.0, 1143.5), 1000, 1002)
    return replace(camera, center_px=np.array([512.5, 515.4]), model=model, distortion=distortion)


def body_points(count: int = 300, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1000, 1000, (count, 3)) + TARGET_MM


def human36m_reference(point, rotation, position, focal, center, k, p) -> list[float]:
    """One point by the published formula, written out in scalars."""
    moved = [point[axis] - position[axis] for axis in range(3)]
    x, y, z = (sum(rotation[row][axis] * moved[axis] for axis in range(3)) for row in range(3))
    u, v = x / z, y / z
    squared = math.hypot(u, v) ** 2
    bend = 1 + k[0] * squared + k[1] * squared**2 + k[2] * squared**3 + p[0] * v + p[1] * u
    bent = (u * bend + p[1] * squared, v * bend + p[0] * squared)
    return [bent[axis] * focal[axis] + center[axis] for axis in range(2)]


@pytest.mark.parametrize("lens", [name for name in LENSES if name != "human36m"])
def test_projection_agrees_with_opencv(lens: str) -> None:
    camera = make_camera(lens)
    matrix = np.diag([*camera.focal_px, 1.0])
    matrix[:2, 2] = camera.center_px
    turn, _ = cv2.Rodrigues(camera.rotation)
    coefficients = np.array(camera.distortion) if camera.distortion else None
    points = body_points()
    expected, _ = cv2.projectPoints(points, turn, camera.translation_mm, matrix, coefficients)
    np.testing.assert_allclose(camera.project(points), expected[:, 0], atol=1e-6, rtol=0)


def test_human36m_projection_is_the_published_formula() -> None:
    rotation = make_camera().rotation
    position, focal, center = [1841.1, 4955.3, 1563.4], [1145.0, 1143.8], [512.5, 515.5]
    k, p = [-0.2077, 0.2478, -0.0031], [-0.00098, -0.00142]
    camera = Camera.from_human36m(rotation, position, focal, center, k, p, 1000, 1002)
    points = (
        position + np.array([[0, 0, 4500.0], [900, -300, 4000.0], [-700, 800, 5000.0]]) @ rotation
    )
    expected = [
        human36m_reference(point, rotation, position, focal, center, k, p) for point in points
    ]
    # The formula counts pixels from 1: the first one's centre is at 1, here at 0.5.
    shifted = np.array(expected) - 0.5
    np.testing.assert_allclose(camera.project(points), shifted, atol=1e-9, rtol=0)


def test_human36m_counts_the_cross_term_once_where_opencv_counts_it_twice() -> None:
    camera = make_camera("human36m")
    points = body_points()
    apart = camera.project(points) - replace(camera, model="opencv").project(points)
    _, _, p1, p2, _ = camera.distortion
    in_camera = camera.to_camera_mm(points)
    u, v = in_camera[:, 0] / in_camera[:, 2], in_camera[:, 1] / in_camera[:, 2]
    cross = (p1 * v + p2 * u) * np.stack([u, v]) * camera.focal_px[:, None]
    np.testing.assert_allclose(apart, -cross.T, atol=1e-9, rtol=0)


@pytest.mark.parametrize("lens", LENSES)
def test_unproject_undoes_project(lens: str) -> None:
    camera = make_camera(lens)
    points = body_points()
    depth_mm = camera.to_camera_mm(points)[:, 2]
    back = camera.unproject(camera.project(points), depth_mm)
    np.testing.assert_allclose(back, points, atol=1e-6, rtol=0)


@pytest.mark.parametrize("lens", LENSES)
def test_project_undoes_unproject_over_the_whole_image(lens: str) -> None:
    camera = make_camera(lens)
    grid = np.stack(np.meshgrid(np.linspace(0, 1000, 21), np.linspace(0, 1002, 21)), axis=-1)
    np.testing.assert_allclose(
        camera.project(camera.unproject(grid, 3000.0)), grid, atol=1e-6, rtol=0
    )


@settings(deadline=None)
@given(
    angle=st.floats(0, 2 * math.pi),
    distance=st.floats(2000, 8000),
    k1=st.floats(-0.25, 0.25),
    p1=st.floats(-0.003, 0.003),
    p2=st.floats(-0.003, 0.003),
    model=st.sampled_from(["opencv", "human36m"]),
)
def test_project_and_unproject_are_inverse_for_any_mild_lens(
    angle: float, distance: float, k1: float, p1: float, p2: float, model: str
) -> None:
    position = (distance * math.cos(angle), distance * math.sin(angle), 1500.0)
    camera = Camera.look_at(position, TARGET_MM, 1100.0, 1000, 1000)
    camera = replace(camera, model=model, distortion=(k1, 0.05, p1, p2))
    points = body_points(20) * (0.7, 0.7, 1.0)
    depth_mm = camera.to_camera_mm(points)[:, 2]
    back = camera.unproject(camera.project(points), depth_mm)
    np.testing.assert_allclose(back, points, atol=1e-5, rtol=0)


def test_unproject_gives_nan_where_the_lens_reaches_no_pixel() -> None:
    camera = replace(make_camera(), model="opencv", distortion=(-0.5, 0.0, 0.0, 0.0))
    assert np.isnan(camera.unproject(np.array([5000.0, 515.4]), 1000.0)).all()


def test_world_and_camera_coordinates_are_inverse_and_keep_distances() -> None:
    camera = make_camera()
    points = body_points()
    in_camera = camera.to_camera_mm(points)
    np.testing.assert_allclose(camera.to_world_mm(in_camera), points, atol=1e-9)
    np.testing.assert_allclose(
        np.linalg.norm(in_camera, axis=1), np.linalg.norm(points - camera.position_mm, axis=1)
    )


@pytest.mark.parametrize("lens", LENSES)
def test_a_crop_sees_what_the_image_shows_shifted(lens: str) -> None:
    camera = make_camera(lens)
    crop = camera.crop(123.25, -40.5, 300, 301)
    expected = camera.project(body_points()) - (123.25, -40.5)
    np.testing.assert_allclose(crop.project(body_points()), expected, atol=1e-9)
    assert (crop.width, crop.height) == (300, 301)


@pytest.mark.parametrize("lens", LENSES)
def test_a_resized_image_shows_everything_scaled(lens: str) -> None:
    camera = make_camera(lens)
    small = camera.resize(250, 334)
    expected = camera.project(body_points()) * (250 / 1000, 334 / 1002)
    np.testing.assert_allclose(small.project(body_points()), expected, atol=1e-9)
    assert (small.width, small.height) == (250, 334)


@pytest.mark.parametrize("lens", LENSES)
def test_a_crop_of_a_crop_is_one_crop_and_resizing_back_changes_nothing(lens: str) -> None:
    camera = make_camera(lens)
    twice = camera.crop(100, 50, 400, 400).crop(20, 30, 128, 128)
    points = body_points()
    np.testing.assert_allclose(
        twice.project(points), camera.crop(120, 80, 128, 128).project(points), atol=1e-9
    )
    back = camera.resize(500, 501).resize(1000, 1002)
    np.testing.assert_allclose(back.project(points), camera.project(points), atol=1e-9)


def test_resizing_agrees_with_averaging_pixels() -> None:
    """The centre of a bright pixel block lands on the centre of its pixel in the halved image."""
    camera = make_camera()
    image = np.zeros((1002, 1000), dtype=np.float32)
    image[400:402, 600:602] = 1.0
    halved = cv2.resize(image, (500, 501), interpolation=cv2.INTER_AREA)
    row, column = np.argwhere(halved == 1.0)[0]
    point = camera.unproject(np.array([601.0, 401.0]), 4000.0)
    np.testing.assert_allclose(
        camera.resize(500, 501).project(point), (column + 0.5, row + 0.5), atol=1e-9
    )


def test_look_at_puts_the_target_in_the_middle_and_up_upwards() -> None:
    camera = Camera.look_at((4000.0, -2000.0, 1600.0), TARGET_MM, 1000.0, 640, 480)
    np.testing.assert_allclose(camera.project(np.array(TARGET_MM)), (320, 240), atol=1e-9)
    np.testing.assert_allclose(camera.position_mm, (4000, -2000, 1600), atol=1e-9)
    above = camera.project(np.array([0.0, 0.0, 1200.0]))
    assert above[1] < 240
    assert above[0] == pytest.approx(320)


def test_what_lies_to_the_right_of_the_view_appears_on_the_right() -> None:
    camera = Camera.look_at((0.0, -4000.0, 900.0), TARGET_MM, 1000.0, 640, 480)
    assert camera.project(np.array([500.0, 0.0, 900.0]))[0] > 320


def test_points_at_or_behind_the_camera_give_nan() -> None:
    camera = make_camera()
    points = np.array([[0.0, 0.0, -10.0], [1.0, 2.0, 0.0], [0.0, 0.0, 10.0]])
    pixels = camera.project_camera(points)
    assert np.isnan(pixels).all(axis=1).tolist() == [True, True, False]


def test_nan_points_stay_nan_and_leave_the_others_alone() -> None:
    camera = make_camera("opencv5")
    points = body_points(5)
    points[2, 1] = np.nan
    pixels = camera.project(points)
    assert np.isnan(pixels[2]).all()
    np.testing.assert_array_equal(np.delete(pixels, 2, 0), camera.project(np.delete(points, 2, 0)))
    back = camera.unproject(pixels, 3000.0)
    assert np.isnan(back).any(axis=1).tolist() == [False, False, True, False, False]


@pytest.mark.parametrize("shape", [(3,), (0, 3), (2, 5, 3)])
def test_leading_dimensions_are_kept(shape: tuple[int, ...]) -> None:
    camera = make_camera("opencv5")
    pixels = camera.project(np.full(shape, 100.0, dtype=np.float32))
    assert pixels.shape == (*shape[:-1], 2)
    assert pixels.dtype == np.float64
    assert camera.unproject(pixels, np.full(shape[:-1], 2000.0)).shape == shape


@pytest.mark.parametrize("lens", LENSES)
def test_a_camera_survives_json(lens: str) -> None:
    camera = make_camera(lens)
    back = Camera.from_dict(json.loads(json.dumps(camera.to_dict())))
    assert back.to_dict() == camera.to_dict()
    np.testing.assert_array_equal(back.project(body_points()), camera.project(body_points()))


def test_arrays_are_copied_and_read_only() -> None:
    focal = np.array([1000.0, 1000.0])
    camera = replace(make_camera(), focal_px=focal)
    focal[0] = 1.0
    assert camera.focal_px[0] == 1000.0
    with pytest.raises(ValueError, match="read-only"):
        camera.focal_px[0] = 1.0


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"focal_px": np.array([1000.0])}, "focal_px: got shape"),
        ({"focal_px": np.array([1000.0, -1.0])}, "positive"),
        ({"focal_px": np.array(["a", "b"])}, "focal_px: got dtype"),
        ({"focal_px": [[1.0], [1.0, 2.0]]}, "ragged"),
        ({"center_px": np.array([np.nan, 1.0])}, "finite"),
        ({"rotation": np.eye(3) * 1.01}, "orthonormal"),
        ({"rotation": np.diag([1.0, 1.0, -1.0])}, "determinant"),
        ({"rotation": np.eye(4)}, "rotation: got shape"),
        ({"translation_mm": np.array([np.inf, 0.0, 0.0])}, "finite"),
        ({"width": 0}, "width"),
        ({"height": 10.5}, "height"),
        ({"width": True}, "width"),
        ({"model": "fisheye"}, "model"),
        ({"model": ["pinhole"]}, "model"),
        ({"distortion": (0.1, 0.1, 0.0, 0.0)}, "distortion: got 4 coefficients"),
        ({"model": "opencv", "distortion": (0.1,)}, "distortion: got 1 coefficients"),
        ({"model": "human36m", "distortion": (0.1,) * 8}, "distortion: got 8 coefficients"),
        ({"model": "opencv", "distortion": (0.1, 0.1, np.nan, 0.0)}, "finite"),
    ],
)
def test_values_that_make_no_camera_are_refused(change: dict, match: str) -> None:
    with pytest.raises(InputError, match=match):
        replace(make_camera(), **change)


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    "points", [[[0.0, 0.0, 1.0]], np.zeros((4, 2)), np.zeros((4, 3), dtype=int), np.float64(1.0)]
)
@pytest.mark.parametrize("method", ["project", "project_camera", "to_camera_mm", "to_world_mm"])
def test_points_of_the_wrong_kind_are_refused(method: str, points: object) -> None:
    with pytest.raises(InputError, match="points"):
        getattr(make_camera(), method)(points)


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("points", "depth", "match"),
    [
        (np.zeros((4, 3)), 1.0, "points_px"),
        (np.zeros((4, 2)), np.zeros(3), "depth_mm: got shape"),
        (np.zeros((4, 2)), "near", "depth_mm: got dtype"),
    ],
)
def test_unproject_refuses_what_does_not_fit(points: object, depth: object, match: str) -> None:
    with pytest.raises(InputError, match=match):
        make_camera().unproject(points, depth)  # pyright: ignore[reportArgumentType]


def test_a_crop_or_resize_to_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="width"):
        make_camera().crop(0, 0, 0, 10)
    with pytest.raises(InputError, match="height"):
        make_camera().resize(10, -1)
    with pytest.raises(InputError, match="finite"):
        make_camera().crop(math.nan, 0, 10, 10)


@pytest.mark.parametrize(
    ("position", "target", "match"),
    [
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), "both"),
        ((0.0, 0.0, 5000.0), (0.0, 0.0, 0.0), "parallel"),
        ((0.0, 0.0), (0.0, 0.0, 0.0), "position_mm"),
    ],
)
def test_look_at_refuses_views_without_a_direction(position, target, match: str) -> None:
    with pytest.raises(InputError, match=match):
        Camera.look_at(position, target, 1000.0, 640, 480)


@pytest.mark.wrong_types
def test_from_dict_refuses_missing_and_unknown_keys() -> None:
    values = make_camera().to_dict()
    with pytest.raises(InputError, match="expected the keys"):
        Camera.from_dict({**values, "iso": 100})
    values.pop("focal_px")
    with pytest.raises(InputError, match="expected the keys"):
        Camera.from_dict(values)
    with pytest.raises(InputError, match="list"):
        Camera.from_dict([])  # pyright: ignore[reportArgumentType]
