"""The studio's rasteriser, compiled by numba: triangles to a z-buffer, then what is seen shaded.

It knows triangles, materials and lights; scenes, backdrops and viewpoints belong to its callers.

Conventions: camera axes (x right, y down, z forward), mm; pixel (row i, column j) covers
[j, j + 1) x [i, i + 1). A triangle faces the camera if its corners run counter-clockwise as seen
from outside the body, (v1 - v0) x (v2 - v0) pointing out. Colours inside are linear light.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np

from overpose.studio.noise import FAST_MATH
from overpose.studio.shading import edge_normals, shade_samples
from overpose.support.checks import check_array
from overpose.support.errors import InputError

PATTERNS = ("plain", "horizontal stripes", "vertical stripes", "checks", "blotches", "dots")
"""Names of the pattern ids 0..5."""

_EDGE_TOLERANCE = 1e-9  # of a barycentric coordinate: neighbours never both miss a pixel


@dataclass(frozen=True, eq=False)
class Materials:
    """What M materials look like.

    Attributes:
        colour_a: (M, 3) float32, base colour, sRGB 0..1.
        colour_b: (M, 3) float32, the pattern's second colour, sRGB 0..1.
        pattern: (M,) integer, index into `PATTERNS`.
        pattern_scale: (M,) float32, pattern repeats per mm of the rest pose.
        specular: (M,) float32, strength of the highlight, 0..1.
    """

    colour_a: np.ndarray
    colour_b: np.ndarray
    pattern: np.ndarray
    pattern_scale: np.ndarray
    specular: np.ndarray

    def __post_init__(self) -> None:
        count = len(check_array("colour_a", self.colour_a, ("materials", 3), finite=True))
        check_array("colour_b", self.colour_b, (count, 3), finite=True)
        check_array("pattern", self.pattern, (count,), dtype=np.integer)
        check_array("pattern_scale", self.pattern_scale, (count,), finite=True)
        check_array("specular", self.specular, (count,), finite=True)
        if count and not 0 <= self.pattern.min() <= self.pattern.max() < len(PATTERNS):
            raise InputError(
                f"pattern: got ids from {self.pattern.min()} to {self.pattern.max()}, "
                f"expected 0 to {len(PATTERNS) - 1}"
            )


class Surface(NamedTuple):
    """The triangles of a body, and what the shader asks about them.

    Attributes:
        vertices_camera_mm: (V, 3) float32, camera axes.
        faces: (F, 3) int32.
        normals_camera: (V, 3) float32 unit normals, camera axes.
        face_material: (F,) int32, index into the materials.
        rest_mm: (V, 3) float32, where each vertex is in the rest pose (x left, z up): the
            coordinates that patterns are drawn in, interpolated perspective-correctly.
    """

    vertices_camera_mm: np.ndarray
    faces: np.ndarray
    normals_camera: np.ndarray
    face_material: np.ndarray
    rest_mm: np.ndarray


class Lighting(NamedTuple):
    """Lights as the shader wants them, float32; directions are unit vectors in camera axes.

    Attributes:
        up: (3,) the direction of the sky.
        sky_rgb: (3,) light that falls on a surface facing up, linear.
        bounce_rgb: (3,) light that falls on a surface facing down, linear.
        directions: (L, 3) towards the directional lights; the first casts the shadow.
        colours: (L, 3) of the directional lights, linear.
        shadow_depth: (G, G) height along the first light of the surface nearest to it, mm, on a
            grid across the light; -inf where there is none.
        shadow_from_camera: (3, 4) camera mm to grid column, grid row and height along the light.
        shadow_strength: how much of the first light a shadow takes away, 0..1.
    """

    up: np.ndarray
    sky_rgb: np.ndarray
    bounce_rgb: np.ndarray
    directions: np.ndarray
    colours: np.ndarray
    shadow_depth: np.ndarray
    shadow_from_camera: np.ndarray
    shadow_strength: float


class Visibility(NamedTuple):
    """What each sample of the image sees.

    Attributes:
        face: (height, width) int32, the nearest triangle, -1 where there is none.
        inverse_depth: (height, width) float32, 1 / camera z in 1/mm, 0 where there is none.
    """

    face: np.ndarray
    inverse_depth: np.ndarray


def vertex_normals(vertices_mm: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(V, 3) float32 unit normals, the mean of the adjoining triangles' weighted by their areas.

    Vertices without a triangle get a zero normal.

    Args:
        vertices_mm: (V, 3) float32, any frame.
        faces: (F, 3) int32.

    Raises:
        InputError: wrong shape or dtype, NaN, or an index that is out of range.
    """
    _check_mesh(vertices_mm, faces)
    return _vertex_normals(vertices_mm, faces)


def rasterize(
    vertices_camera_mm: np.ndarray,
    faces: np.ndarray,
    focal_px: np.ndarray,
    center_px: np.ndarray,
    width: int,
    height: int,
    *,
    near_mm: float = 100.0,
    cull_backfaces: bool = True,
) -> Visibility:
    """Find the nearest triangle at the centre of every pixel.

    Args:
        vertices_camera_mm: (V, 3) float32, camera axes, mm; may lie behind the camera.
        faces: (F, 3) int32, indices of vertices.
        focal_px: (2,) focal lengths, px.
        center_px: (2,) principal point, px.
        width: image width, px.
        height: image height, px.
        near_mm: surfaces nearer than this camera z are cut away.
        cull_backfaces: whether triangles seen from behind are left out.

    Raises:
        InputError: wrong shape or dtype, NaN, or an index that is out of range.
    """
    _check_mesh(vertices_camera_mm, faces)
    if width < 1 or height < 1 or not near_mm > 0:
        raise InputError(
            f"rasterize: got {width} x {height} pixels and near_mm {near_mm}, expected positive"
        )
    intrinsics = np.array([*focal_px, *center_px], dtype=np.float64)
    face = np.empty((height, width), dtype=np.int32)
    inverse_depth = np.empty((height, width), dtype=np.float32)
    _visibility(vertices_camera_mm, faces, intrinsics, near_mm, cull_backfaces, face, inverse_depth)
    return Visibility(face, inverse_depth)


def shade(
    visibility: Visibility,
    surface: Surface,
    materials: Materials,
    lighting: Lighting,
    focal_px: np.ndarray,
    center_px: np.ndarray,
    *,
    supersample: int = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Colour what is visible and average blocks of `supersample` x `supersample` samples.

    Colour and pattern are taken at every sample; light once for the samples of a pixel that lie on
    the same surface.

    Args:
        visibility: of an image `supersample` times as large as the result; see `rasterize`.
        surface: vertices and faces as given to `rasterize`, and the rest.
        materials: what the M materials look like.
        lighting: the lights.
        focal_px: (2,) of the large image, px.
        center_px: (2,) of the large image, px.
        supersample: samples along each side of a pixel.

    Returns:
        Linear RGB times coverage (height, width, 3) float32, coverage (height, width) float32 in
        0..1, and the depth (camera z, mm) of the nearest sample (height, width) float32, infinite
        where there is none.

    Raises:
        InputError: wrong shape or dtype, or a material's index out of range.
    """
    count, face_material = len(surface.vertices_camera_mm), surface.face_material
    check_array("normals_camera", surface.normals_camera, (count, 3), dtype=np.float32)
    check_array("rest_mm", surface.rest_mm, (count, 3), dtype=np.float32)
    check_array("face_material", face_material, (len(surface.faces),), dtype=np.int32)
    if len(face_material) and not (
        face_material.min() >= 0 and face_material.max() < len(materials.pattern)
    ):
        raise InputError(
            f"face_material: got indices from {face_material.min()} to {face_material.max()}, "
            f"expected 0 to {len(materials.pattern) - 1}"
        )
    rows, columns = visibility.face.shape
    if supersample < 1 or rows % supersample or columns % supersample:
        raise InputError(
            f"supersample: got {supersample} for {columns} x {rows} samples, expected a divisor"
        )
    linear = (
        to_linear(materials.colour_a),
        to_linear(materials.colour_b),
        materials.pattern.astype(np.int32),
        materials.pattern_scale.astype(np.float32),
        materials.specular.astype(np.float32),
    )
    intrinsics = np.array([*focal_px, *center_px], dtype=np.float64)
    return shade_samples(visibility.face, surface, linear, lighting, intrinsics, supersample)


def to_linear(srgb: np.ndarray) -> np.ndarray:
    """sRGB values 0..1 as linear light, float32 (IEC 61966-2-1, without the toe)."""
    return np.clip(srgb, 0.0, 1.0).astype(np.float32) ** np.float32(2.2)


def _check_mesh(vertices_mm: np.ndarray, faces: np.ndarray) -> None:
    check_array("vertices", vertices_mm, ("vertices", 3), dtype=np.float32, finite=True)
    check_array("faces", faces, ("faces", 3), dtype=np.int32)
    if len(faces) and not (faces.min() >= 0 and faces.max() < len(vertices_mm)):
        raise InputError(
            f"faces: got vertex indices from {faces.min()} to {faces.max()}, "
            f"expected 0 to {len(vertices_mm) - 1}"
        )


@numba.njit(cache=True, nogil=True, fastmath=FAST_MATH)
def _vertex_normals(vertices, faces):
    normals = np.zeros(vertices.shape, np.float32)
    for f in range(faces.shape[0]):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        ax = vertices[j, 0] - vertices[i, 0]
        ay = vertices[j, 1] - vertices[i, 1]
        az = vertices[j, 2] - vertices[i, 2]
        bx = vertices[k, 0] - vertices[i, 0]
        by = vertices[k, 1] - vertices[i, 1]
        bz = vertices[k, 2] - vertices[i, 2]
        nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        for v in (i, j, k):
            normals[v, 0] += nx
            normals[v, 1] += ny
            normals[v, 2] += nz
    for v in range(normals.shape[0]):
        square = normals[v, 0] ** 2 + normals[v, 1] ** 2 + normals[v, 2] ** 2
        if square > 0.0:
            scale = np.float32(1.0) / np.sqrt(square)
            normals[v, 0] *= scale
            normals[v, 1] *= scale
            normals[v, 2] *= scale
    return normals


@numba.njit(cache=True, nogil=True)
def _visibility(vertices, faces, intrinsics, near, cull, face_ids, inverse_depth):
    """First what faces the camera, then what does not: most of the latter is hidden and ends at
    the comparison of a triangle's nearest corner with what its pixels already show."""
    height, width = face_ids.shape
    fx, fy, cx, cy = intrinsics[0], intrinsics[1], intrinsics[2], intrinsics[3]
    over_fx, over_fy, nearest = 1.0 / fx, 1.0 / fy, 1.0 / near
    face_ids[:] = -1
    inverse_depth[:] = 0.0
    count = vertices.shape[0]
    projected = np.empty((count, 3), np.float32)
    for v in range(count):
        z = vertices[v, 2]
        if z >= near:
            over_z = 1.0 / z
            projected[v, 0] = vertices[v, 0] * over_z * fx + cx
            projected[v, 1] = vertices[v, 1] * over_z * fy + cy
            projected[v, 2] = over_z
    later = np.empty(faces.shape[0], np.int32)
    waiting = 0
    for turn in range(faces.shape[0] * 2):
        f = turn
        if turn >= faces.shape[0]:
            if turn - faces.shape[0] >= waiting:
                break
            f = later[turn - faces.shape[0]]
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        behind = (vertices[i, 2] < near) + (vertices[j, 2] < near) + (vertices[k, 2] < near)
        if behind == 3:
            continue
        left, right, top, bottom = 0, width - 1, 0, height - 1
        if behind == 0:
            # A hundredth of a pixel of slack absorbs the single precision of `projected`.
            x0, x1, x2 = projected[i, 0], projected[j, 0], projected[k, 0]
            left = int(max(0.0, min(min(x0, x1, x2) + 0.49, width)))
            right = int(max(-1.0, min(max(x0, x1, x2) - 0.49, width - 1)))
            if left > right:
                continue
            y0, y1, y2 = projected[i, 1], projected[j, 1], projected[k, 1]
            top = int(max(0.0, min(min(y0, y1, y2) + 0.49, height)))
            bottom = int(max(-1.0, min(max(y0, y1, y2) - 0.49, height - 1)))
            if top > bottom:
                continue
            turned_away = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0) > 0.0
            if turned_away and turn < faces.shape[0]:
                later[waiting] = f
                waiting += 1
                continue
            closest = max(projected[i, 2], projected[j, 2], projected[k, 2]) * 1.000001
            hidden = True
            for row in range(top, bottom + 1):
                for column in range(left, right + 1):
                    hidden &= inverse_depth[row, column] > closest
            if hidden:
                continue
        ux, uy, uz, vx, vy, vz, wx, wy, wz, volume = edge_normals(vertices, i, j, k)
        if volume == 0.0 or (cull and volume > 0.0):
            continue
        sign = 1.0 if volume > 0.0 else -1.0
        over_volume = 1.0 / abs(volume)
        ux, uy, uz = sign * ux * over_fx, sign * uy * over_fy, sign * uz
        vx, vy, vz = sign * vx * over_fx, sign * vy * over_fy, sign * vz
        wx, wy, wz = sign * wx * over_fx, sign * wy * over_fy, sign * wz
        for row in range(top, bottom + 1):
            y = row + 0.5 - cy
            for column in range(left, right + 1):
                x = column + 0.5 - cx
                a = ux * x + uy * y + uz
                b = vx * x + vy * y + vz
                c = wx * x + wy * y + wz
                total = a + b + c
                slack = -_EDGE_TOLERANCE * abs(total)
                if a < slack or b < slack or c < slack:
                    continue
                total *= over_volume
                if inverse_depth[row, column] < total <= nearest:
                    inverse_depth[row, column] = total
                    face_ids[row, column] = f
