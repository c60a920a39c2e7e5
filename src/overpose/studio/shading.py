"""The shader: a flat compiled loop over the samples that see the body; see `rasterizer.shade`.

Arrays are not passed to helpers inside the loop: that costs more than the helper.
"""

import math

import numba
import numpy as np

from overpose.studio.noise import FAST_MATH, noise2, noise3, whole

BIAS_MM = np.float32(45.0)
"""How far below its shadow map's surface a point must lie to be in shadow at all."""

OVER_SOFT = np.float32(1.0 / 50.0)
"""One over the further mm until it is wholly in shadow."""

SAME_SURFACE_MM = np.float32(40.0)
"""Samples of a pixel whose depths differ less are lit as one."""

GLOSS = np.float32(0.4)
"""Linear light of a highlight on a material of specular 1 under a light of 1."""

WRAP = np.float32(0.15)
"""How far light reaches past the terminator, as a cosine."""


@numba.njit(cache=True, nogil=True, inline="always")
def edge_normals(vertices, i, j, k):
    """v1 x v2, v2 x v0, v0 x v1 and v0 . (v1 x v2): a ray r meets the triangle at barycentric
    coordinates proportional to r . (v1 x v2), ..., wherever the corners are, behind the camera too
    (Olano and Greer 1997). Double precision: the products cancel at metres of distance."""
    ax, ay, az = np.float64(vertices[i, 0]), np.float64(vertices[i, 1]), np.float64(vertices[i, 2])
    bx, by, bz = np.float64(vertices[j, 0]), np.float64(vertices[j, 1]), np.float64(vertices[j, 2])
    cx, cy, cz = np.float64(vertices[k, 0]), np.float64(vertices[k, 1]), np.float64(vertices[k, 2])
    ux, uy, uz = by * cz - bz * cy, bz * cx - bx * cz, bx * cy - by * cx
    vx, vy, vz = cy * az - cz * ay, cz * ax - cx * az, cx * ay - cy * ax
    wx, wy, wz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    return ux, uy, uz, vx, vy, vz, wx, wy, wz, ax * ux + ay * uy + az * uz


@numba.njit(cache=True, nogil=True, fastmath=FAST_MATH, inline="always")
def _pattern(kind, x, y, z, scale):
    """Weight of the second colour, 0..1, at a point of the rest pose (mm)."""
    if kind == 1:
        return min(1.0, max(0.0, 0.5 + 2.0 * math.sin(2.0 * math.pi * scale * z)))
    if kind == 2:
        # Slanted in depth, or the body's sides would have no stripes.
        return min(1.0, max(0.0, 0.5 + 2.0 * math.sin(2.0 * math.pi * scale * (x + 0.6 * y))))
    if kind == 3:
        across = 1.0 if math.sin(2.0 * math.pi * scale * (x + 0.6 * y)) > 0.0 else 0.0
        along = 1.0 if math.sin(2.0 * math.pi * scale * z) > 0.0 else 0.0
        return 0.5 * (across + along)
    if kind == 4:
        value = noise3(scale * x, scale * y, scale * z)
        return min(1.0, max(0.0, 0.5 + 4.0 * (value - 0.5)))
    if kind == 5:
        u, v = scale * (x + 0.6 * y), scale * z
        u, v = u - whole(u) - 0.5, v - whole(v) - 0.5
        return 1.0 if u * u + v * v < 0.08 else 0.0
    return 0.0


@numba.njit(cache=True, nogil=True, fastmath=FAST_MATH)
def shade_samples(face_ids, surface, materials, lighting, intrinsics, supersample):
    """Colour, coverage and depth as `rasterizer.shade` gives them; the values are what its
    `Surface`, `Materials` (colours linear) and `Lighting` hold."""
    vertices, faces, normals, face_material, rest = surface
    colour_a, colour_b, pattern, pattern_scale, specular = materials
    sky_up, sky_rgb, bounce_rgb, to_lights, light_rgb = lighting[:5]
    shadow_depth, to_shadow, shadow_strength = lighting[5:]
    height, width = face_ids.shape[0] // supersample, face_ids.shape[1] // supersample
    colour = np.empty((height, width, 3), np.float32)
    coverage = np.empty((height, width), np.float32)
    depth = np.empty((height, width), np.float32)
    over_fx, over_fy = 1.0 / intrinsics[0], 1.0 / intrinsics[1]
    cx, cy = intrinsics[2], intrinsics[3]
    last_cell = shadow_depth.shape[0] - 1
    samples = supersample * supersample
    share, one, zero = np.float32(1.0 / samples), np.float32(1.0), np.float32(0.0)
    half = np.float32(0.5)
    for row in range(height):
        for column in range(width):
            red, green, blue, covered, nearest = zero, zero, zero, zero, np.float32(np.inf)
            # Samples of one surface share their light: sums over the surface at hand.
            weight, first_z, gloss = zero, zero, zero
            nx, ny, nz, px, py, pz = zero, zero, zero, zero, zero, zero
            own_r, own_g, own_b = zero, zero, zero
            r, s = row * supersample, column * supersample
            for sample in range(samples + 1):  # one more to finish the last surface
                f, i, j, k = -1, 0, 0, 0
                a, b, c, z, rx, ry, volume = zero, zero, zero, zero, 0.0, 0.0, 0.0
                if sample < samples:
                    f = face_ids[r, s]
                    at_r, at_s = r, s
                    s += 1
                    if s == (column + 1) * supersample:
                        r, s = r + 1, column * supersample
                    if f < 0:
                        continue
                    i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
                    ux, uy, uz, vx, vy, vz, wx, wy, wz, volume = edge_normals(vertices, i, j, k)
                    rx, ry = (at_s + 0.5 - cx) * over_fx, (at_r + 0.5 - cy) * over_fy
                    a64 = rx * ux + ry * uy + uz
                    b64 = rx * vx + ry * vy + vz
                    c64 = rx * wx + ry * wy + wz
                    total = 1.0 / (a64 + b64 + c64)
                    a, b, c = (
                        np.float32(a64 * total),
                        np.float32(b64 * total),
                        np.float32(c64 * total),
                    )
                    z = np.float32(volume * total)
                if weight > zero and (f < 0 or abs(z - first_z) > SAME_SURFACE_MM):
                    length = one / (np.sqrt(nx * nx + ny * ny + nz * nz) + np.float32(1e-12))
                    nx, ny, nz = nx * length, ny * length, nz * length
                    length = one / weight
                    px, py, pz = px * length, py * length, pz * length
                    gloss *= length
                    sky = half + half * (nx * sky_up[0] + ny * sky_up[1] + nz * sky_up[2])
                    lit_r = bounce_rgb[0] + (sky_rgb[0] - bounce_rgb[0]) * sky
                    lit_g = bounce_rgb[1] + (sky_rgb[1] - bounce_rgb[1]) * sky
                    lit_b = bounce_rgb[2] + (sky_rgb[2] - bounce_rgb[2]) * sky
                    length = one / np.sqrt(px * px + py * py + pz * pz)
                    for lamp in range(to_lights.shape[0]):
                        lx, ly, lz = to_lights[lamp, 0], to_lights[lamp, 1], to_lights[lamp, 2]
                        # Lamps have a size: light reaches a little past the terminator.
                        strength = nx * lx + ny * ly + nz * lz
                        strength = (strength + WRAP) / (one + WRAP)
                        if strength <= zero:
                            continue
                        open_to = one
                        if lamp == 0:
                            u = to_shadow[0, 0] * px + to_shadow[0, 1] * py + to_shadow[0, 2] * pz
                            v = to_shadow[1, 0] * px + to_shadow[1, 1] * py + to_shadow[1, 2] * pz
                            w = to_shadow[2, 0] * px + to_shadow[2, 1] * py + to_shadow[2, 2] * pz
                            u, v = u + to_shadow[0, 3] - half, v + to_shadow[1, 3] - half
                            w += to_shadow[2, 3] + BIAS_MM
                            p, q = int(v), int(u)
                            u, v = u - np.float32(q), v - np.float32(p)
                            if 0 <= p < last_cell and 0 <= q < last_cell:
                                s00 = min(one, max(zero, (shadow_depth[p, q] - w) * OVER_SOFT))
                                s01 = min(one, max(zero, (shadow_depth[p, q + 1] - w) * OVER_SOFT))
                                s10 = min(one, max(zero, (shadow_depth[p + 1, q] - w) * OVER_SOFT))
                                s11 = min(
                                    one, max(zero, (shadow_depth[p + 1, q + 1] - w) * OVER_SOFT)
                                )
                                s00, s10 = s00 + (s01 - s00) * u, s10 + (s11 - s10) * u
                                open_to -= shadow_strength * (s00 + (s10 - s00) * v)
                        strength *= open_to
                        lit_r += strength * light_rgb[lamp, 0]
                        lit_g += strength * light_rgb[lamp, 1]
                        lit_b += strength * light_rgb[lamp, 2]
                        if gloss > zero:
                            hx, hy, hz = lx - px * length, ly - py * length, lz - pz * length
                            shine = max(zero, nx * hx + ny * hy + nz * hz)
                            shine *= shine / (hx * hx + hy * hy + hz * hz)
                            shine *= shine
                            shine *= shine
                            shine *= shine * GLOSS * gloss * open_to * weight
                            red += shine * light_rgb[lamp, 0]
                            green += shine * light_rgb[lamp, 1]
                            blue += shine * light_rgb[lamp, 2]
                    red += own_r * lit_r
                    green += own_g * lit_g
                    blue += own_b * lit_b
                    weight, gloss = zero, zero
                    nx, ny, nz, px, py, pz = zero, zero, zero, zero, zero, zero
                    own_r, own_g, own_b = zero, zero, zero
                if f < 0:
                    break
                if weight == zero:
                    first_z = z
                m = face_material[f]
                weight += one
                covered += one
                nearest = min(nearest, z)
                px += np.float32(rx) * z
                py += np.float32(ry) * z
                pz += z
                # A surface seen from behind (a skirt's inside) is lit as if it faced us.
                facing = -one if volume > 0.0 else one
                nx += facing * (a * normals[i, 0] + b * normals[j, 0] + c * normals[k, 0])
                ny += facing * (a * normals[i, 1] + b * normals[j, 1] + c * normals[k, 1])
                nz += facing * (a * normals[i, 2] + b * normals[j, 2] + c * normals[k, 2])
                gloss += specular[m]
                x = a * rest[i, 0] + b * rest[j, 0] + c * rest[k, 0]
                y = a * rest[i, 1] + b * rest[j, 1] + c * rest[k, 1]
                h = a * rest[i, 2] + b * rest[j, 2] + c * rest[k, 2]
                # Folds and unevenness: nothing real has one flat colour.
                uneven = np.float32(0.86) + np.float32(0.28) * noise2(
                    x * np.float32(0.021) + np.float32(0.013) * y,
                    h * np.float32(0.017) + np.float32(0.011) * y,
                    7,
                )
                blend = zero
                if pattern[m] > 0:
                    blend = np.float32(_pattern(pattern[m], x, y, h, pattern_scale[m]))
                own_r += uneven * (colour_a[m, 0] + (colour_b[m, 0] - colour_a[m, 0]) * blend)
                own_g += uneven * (colour_a[m, 1] + (colour_b[m, 1] - colour_a[m, 1]) * blend)
                own_b += uneven * (colour_a[m, 2] + (colour_b[m, 2] - colour_a[m, 2]) * blend)
            colour[row, column, 0] = red * share
            colour[row, column, 1] = green * share
            colour[row, column, 2] = blue * share
            coverage[row, column] = covered * share
            depth[row, column] = nearest
    return colour, coverage, depth
