"""The rasteriser against slow independent references and closed forms."""

import numpy as np
import pytest

from overpose.studio.rasterizer import (
    Lighting,
    Materials,
    Surface,
    Visibility,
    rasterize,
    shade,
    vertex_normals,
)
from overpose.support.errors import InputError

FOCAL, CENTER = np.array([40.0, 44.0]), np.array([16.0, 13.0])


def triangles(seed: int, count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Random triangles in front of the camera, in both windings."""
    rng = np.random.default_rng(seed)
    middles = rng.uniform([-700, -600, 1200], [700, 600, 2500], size=(count, 1, 3))
    corners = middles + rng.normal(0, 250, size=(count, 3, 3))
    corners[..., 2] = np.maximum(corners[..., 2], 300)
    faces = np.arange(3 * count, dtype=np.int32).reshape(-1, 3)
    return corners.reshape(-1, 3).astype(np.float32), faces


def nearest_by_ray_casting(vertices, faces, width, height, near_mm=100.0, cull=False):
    """Depth of the nearest triangle along each pixel's ray, solving t r = a + u (b-a) + v (c-a)."""
    depth = np.full((height, width), np.inf)
    margin = np.full((height, width), np.inf)  # how close the ray comes to any edge
    for corners in vertices.astype(np.float64)[faces]:
        a, b, c = corners
        outward = np.cross(b - a, c - a)
        if cull and outward @ a > 0:
            continue
        for row in range(height):
            for column in range(width):
                pixel = np.array([column + 0.5, row + 0.5])
                ray = np.append((pixel - CENTER) / FOCAL, 1.0)
                u, v, t = np.linalg.solve(np.stack([a - b, a - c, ray], axis=1), a)
                if t < near_mm:
                    continue
                inside = min(u, v, 1 - u - v)
                margin[row, column] = min(margin[row, column], abs(inside))
                if inside >= 0:
                    depth[row, column] = min(depth[row, column], t)
    return depth, margin > 1e-6


def plane_scene(normal_noise: float = 0.0):
    """A tilted triangle with a rest position that is an affine function of the camera position."""
    vertices = np.array([[-900, -700, 1500], [800, -600, 4000], [0, 900, 1800]], np.float32)
    return vertices, np.array([[0, 1, 2]], np.int32)


def flat_lighting(level: float = 1.0) -> Lighting:
    """The same light from everywhere, no lamps, no shadow."""
    ambient = np.full(3, level, np.float32)
    return Lighting(
        up=np.array([0, -1, 0], np.float32),
        sky_rgb=ambient,
        bounce_rgb=ambient,
        directions=np.zeros((0, 3), np.float32),
        colours=np.zeros((0, 3), np.float32),
        shadow_depth=np.full((4, 4), -1e9, np.float32),
        shadow_from_camera=np.zeros((3, 4), np.float32),
        shadow_strength=0.0,
    )


def materials(count: int = 1, pattern: int = 0, scale: float = 0.0) -> Materials:
    return Materials(
        colour_a=np.full((count, 3), 0.5, np.float32),
        colour_b=np.full((count, 3), 1.0, np.float32),
        pattern=np.full(count, pattern),
        pattern_scale=np.full(count, scale, np.float32),
        specular=np.zeros(count, np.float32),
    )


def surface(vertices, faces, rest=None):
    normals, first = vertex_normals(vertices, faces), np.zeros(len(faces), np.int32)
    return Surface(vertices, faces, normals, first, vertices if rest is None else rest)


def shade_plainly(visibility, vertices, faces, supersample=1, *, rest=None, look=None):
    return shade(
        visibility,
        surface(vertices, faces, rest),
        materials() if look is None else look,
        flat_lighting(),
        FOCAL * supersample,
        CENTER * supersample,
        supersample=supersample,
    )


@pytest.mark.parametrize("cull", [False, True])
def test_coverage_and_depth_equal_ray_casting(cull):
    vertices, faces = triangles(3)
    seen = rasterize(vertices, faces, FOCAL, CENTER, 32, 26, cull_backfaces=cull)
    depth, clear = nearest_by_ray_casting(vertices, faces, 32, 26, cull=cull)
    np.testing.assert_array_equal((seen.face >= 0)[clear], np.isfinite(depth)[clear])
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose((1 / seen.inverse_depth)[clear], depth[clear], rtol=1e-5)
    assert 100 < np.isfinite(depth).sum() < 800


def test_triangles_through_the_near_plane_are_cut_there():
    vertices, faces = triangles(5)
    vertices[:, 2] -= 1300  # many now reach behind the camera
    seen = rasterize(vertices, faces, FOCAL, CENTER, 32, 26, near_mm=600, cull_backfaces=False)
    depth, clear = nearest_by_ray_casting(vertices, faces, 32, 26, near_mm=600)
    np.testing.assert_array_equal((seen.face >= 0)[clear], np.isfinite(depth)[clear])
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose((1 / seen.inverse_depth)[clear], depth[clear], rtol=1e-5)


def test_a_closed_surface_has_no_holes_and_looks_the_same_with_and_without_culling():
    vertices, faces = sphere(np.array([60.0, -20.0, 2000.0]), 400.0, 24)
    all_faces = rasterize(vertices, faces, FOCAL, CENTER, 64, 64, cull_backfaces=False)
    front = rasterize(vertices, faces, FOCAL, CENTER, 64, 64, cull_backfaces=True)
    np.testing.assert_array_equal(all_faces.face, front.face)
    covered = front.face >= 0
    for row in covered:
        (columns,) = np.nonzero(row)
        assert len(columns) == 0 or np.diff(columns).max(initial=1) == 1


def test_a_sphere_covers_the_area_of_its_silhouette():
    """A sphere of radius r at distance d on the axis shows a disc of f r / sqrt(d^2 - r^2)."""
    vertices, faces = sphere(np.array([0.0, 0.0, 3000.0]), 500.0, 90)
    focal, center = np.array([600.0, 600.0]), np.array([128.0, 128.0])
    seen = rasterize(vertices, faces, focal, center, 256, 256)
    radius = 600 * 500 / np.sqrt(3000**2 - 500**2)
    assert (seen.face >= 0).sum() == pytest.approx(np.pi * radius**2, rel=0.005)


def test_interpolation_is_perspective_correct():
    """Stripes drawn in camera coordinates fall where each pixel's ray meets the plane."""
    vertices, faces = plane_scene()
    seen = rasterize(vertices, faces, FOCAL, CENTER, 32, 26, cull_backfaces=False)
    look = materials(pattern=1, scale=1 / 700)
    rest = np.ascontiguousarray(vertices[:, [1, 1, 0]])  # stripes along camera x
    colour, coverage, depth = shade_plainly(seen, vertices, faces, rest=rest, look=look)
    plain, _, _ = shade_plainly(seen, vertices, faces, rest=rest)
    rows, columns = np.nonzero(coverage)
    x_mm = (columns + 0.5 - CENTER[0]) / FOCAL[0] * depth[rows, columns]
    weight = np.clip(0.5 + 2 * np.sin(2 * np.pi * x_mm / 700), 0, 1)
    low = 0.5**2.2
    expected = low + (1 - low) * weight
    np.testing.assert_allclose(
        colour[rows, columns, 0] / plain[rows, columns, 0], expected / low, rtol=2e-3
    )
    assert np.ptp(weight) == 1.0


def test_a_supersampled_pixel_is_the_mean_of_its_samples():
    vertices, faces = triangles(8)
    seen = rasterize(vertices, faces, 2 * FOCAL, 2 * CENTER, 64, 52, cull_backfaces=False)
    colour, coverage, depth = shade_plainly(seen, vertices, faces, 2)
    body = surface(vertices, faces)
    fine = shade(seen, body, materials(), flat_lighting(), 2 * FOCAL, 2 * CENTER)
    np.testing.assert_allclose(
        colour, fine[0].reshape(26, 2, 32, 2, 3).mean(axis=(1, 3)), atol=1e-6
    )
    np.testing.assert_allclose(coverage, fine[1].reshape(26, 2, 32, 2).mean(axis=(1, 3)))
    np.testing.assert_array_equal(depth, fine[2].reshape(26, 2, 32, 2).min(axis=(1, 3)))


def test_normals_of_a_sphere_point_away_from_its_middle():
    middle = np.array([10.0, 20.0, 2000.0])
    vertices, faces = sphere(middle, 300.0, 40)
    normals = vertex_normals(vertices, faces)
    outward = (vertices - middle) / 300
    assert ((normals * outward).sum(axis=1) > 0.995).all()


def test_a_vertex_without_triangles_has_no_normal():
    vertices = np.array([[0, 0, 1], [1, 0, 1], [0, 1, 1], [5, 5, 5]], np.float32)
    normals = vertex_normals(vertices, np.array([[0, 1, 2]], np.int32))
    np.testing.assert_allclose(normals, [[0, 0, 1]] * 3 + [[0, 0, 0]])


def test_a_mesh_without_triangles_shows_nothing():
    seen = rasterize(np.zeros((3, 3), np.float32), np.zeros((0, 3), np.int32), FOCAL, CENTER, 8, 8)
    assert (seen.face == -1).all()
    assert (seen.inverse_depth == 0).all()


def test_bad_meshes_are_refused_in_one_line():
    vertices, faces = triangles(1, 4)
    nan = vertices.copy()
    nan[2, 1] = np.nan
    too_high, negative = faces.copy(), faces.copy()
    too_high[0, 0], negative[0, 0] = len(vertices), -1
    for bad_vertices, bad_faces, message in (
        (nan, faces, "NaN or infinity"),
        (vertices.astype(np.float64), faces, "float64"),
        (vertices[:, :2], faces, "shape"),
        (vertices, faces.astype(np.int64), "int64"),
        (vertices, too_high, "vertex indices"),
        (vertices, negative, "vertex indices"),
    ):
        with pytest.raises(InputError, match=message):
            rasterize(bad_vertices, bad_faces, FOCAL, CENTER, 8, 8)
        with pytest.raises(InputError, match=message):
            vertex_normals(bad_vertices, bad_faces)


def test_bad_materials_are_refused_in_one_line():
    with pytest.raises(InputError, match="pattern"):
        materials(pattern=6)
    vertices, faces = triangles(1, 4)
    seen = rasterize(vertices, faces, FOCAL, CENTER, 8, 8)
    body = surface(vertices, faces)._replace(face_material=np.full(4, 1, np.int32))
    with pytest.raises(InputError, match="face_material"):
        shade(seen, body, materials(), flat_lighting(), FOCAL, CENTER)


def test_an_image_that_samples_do_not_divide_is_refused():
    vertices, faces = triangles(1, 4)
    seen = Visibility(np.full((9, 8), -1, np.int32), np.zeros((9, 8), np.float32))
    with pytest.raises(InputError, match="supersample"):
        shade_plainly(seen, vertices, faces, 2)


def sphere(middle: np.ndarray, radius: float, rings: int) -> tuple[np.ndarray, np.ndarray]:
    """A closed sphere, triangles counter-clockwise from outside."""
    polar = np.linspace(0, np.pi, rings + 1)[1:-1]
    around = np.linspace(0, 2 * np.pi, 2 * rings, endpoint=False)
    ring = np.stack(
        [
            np.sin(polar)[:, None] * np.cos(around),
            np.sin(polar)[:, None] * np.sin(around),
            np.cos(polar)[:, None] * np.ones_like(around),
        ],
        axis=-1,
    ).reshape(-1, 3)
    points = np.concatenate([ring, [[0, 0, 1], [0, 0, -1]]])
    size, top, bottom = 2 * rings, len(ring), len(ring) + 1
    faces = []
    for j in range(size):
        k = (j + 1) % size
        faces += [(top, j, k), (bottom, (rings - 2) * size + k, (rings - 2) * size + j)]
        for i in range(rings - 2):
            a, b = i * size + j, i * size + k
            faces += [(a, a + size, b + size), (a, b + size, b)]
    return (middle + radius * points).astype(np.float32), np.array(faces, np.int32)
