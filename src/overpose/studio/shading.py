"""The shader: a flat compiled loop over the samples that see the body; see `rasterizer.shade`.

Arrays are not passed to helpers inside the loop: that costs more than the helper.
"""

import math

import numba
import numpy as np

from overpose.studio.noise import FAST_MATH, noise2, noise3

BIAS_MM, SOFTNESS_MM = 45.0, 50.0
"""How far below its shadow map's surface a point must lie to be shaded, and until fully so."""


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
        u, v = u - math.floor(u) - 0.5, v - math.floor(v) - 0.5
        return 1.0 if u * u + v * v < 0.08 else 0.0
    return 0.0


@numba.njit(cache=True, nogil=True, fastmath=FAST_MATH)
def shade_samples(
    face_ids, vertices, faces, normals, face_material, rest, colour_a, colour_b, pattern,
    pattern_scale, specular, sky_up, sky_rgb, bounce_rgb, to_lights, light_rgb, shadow_depth,
    to_shadow, shadow_strength, intrinsics, supersample, colour, coverage, depth,
):  # fmt: skip
    fx, fy, cx, cy = intrinsics[0], intrinsics[1], intrinsics[2], intrinsics[3]
    last_cell, half_cell = shadow_depth.shape[0] - 1, np.float32(0.5)
    share = np.float32(1.0 / (supersample * supersample))
    for row in range(coverage.shape[0]):
        for column in range(coverage.shape[1]):
            red, green, blue, covered, nearest = 0.0, 0.0, 0.0, 0.0, np.inf
            for sample in range(supersample * supersample):
                r = row * supersample + sample // supersample
                s = column * supersample + sample % supersample
                f = face_ids[r, s]
                if f < 0:
                    continue
                i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
                ux, uy, uz, vx, vy, vz, wx, wy, wz, volume = edge_normals(vertices, i, j, k)
                rx, ry = (s + 0.5 - cx) / fx, (r + 0.5 - cy) / fy
                a = rx * ux + ry * uy + uz
                b = rx * vx + ry * vy + vz
                c = rx * wx + ry * wy + wz
                total = 1.0 / (a + b + c)
                z = volume * total
                a, b, c = np.float32(a * total), np.float32(b * total), np.float32(c * total)
                nearest = min(nearest, z)
                px, py, pz = np.float32(rx * z), np.float32(ry * z), np.float32(z)

                nx = a * normals[i, 0] + b * normals[j, 0] + c * normals[k, 0]
                ny = a * normals[i, 1] + b * normals[j, 1] + c * normals[k, 1]
                nz = a * normals[i, 2] + b * normals[j, 2] + c * normals[k, 2]
                length = np.sqrt(nx * nx + ny * ny + nz * nz) + np.float32(1e-12)
                # A surface seen from behind (a skirt's inside) is lit as if it faced us.
                length = -length if volume > 0.0 else length
                nx, ny, nz = nx / length, ny / length, nz / length

                m = face_material[f]
                x = a * rest[i, 0] + b * rest[j, 0] + c * rest[k, 0]
                y = a * rest[i, 1] + b * rest[j, 1] + c * rest[k, 1]
                h = a * rest[i, 2] + b * rest[j, 2] + c * rest[k, 2]
                blend = _pattern(pattern[m], x, y, h, pattern_scale[m])
                # Folds and unevenness: nothing real has one flat colour.
                uneven = 0.86 + 0.28 * noise2(x * 0.021 + 0.013 * y, h * 0.017 + y * 0.011, 7)

                facing = nx * sky_up[0] + ny * sky_up[1] + nz * sky_up[2]
                sky = 0.5 + 0.5 * facing
                lit_r = bounce_rgb[0] + (sky_rgb[0] - bounce_rgb[0]) * sky
                lit_g = bounce_rgb[1] + (sky_rgb[1] - bounce_rgb[1]) * sky
                lit_b = bounce_rgb[2] + (sky_rgb[2] - bounce_rgb[2]) * sky
                gloss_r, gloss_g, gloss_b = 0.0, 0.0, 0.0
                distance = np.sqrt(px * px + py * py + pz * pz)
                for lamp in range(to_lights.shape[0]):
                    lx, ly, lz = (
                        to_lights[lamp, 0],
                        to_lights[lamp, 1],
                        to_lights[lamp, 2],
                    )
                    # Lamps have a size: light reaches a little past the terminator.
                    strength = (nx * lx + ny * ly + nz * lz + 0.15) / 1.15
                    if strength <= 0.0:
                        continue
                    open_to = 1.0
                    if lamp == 0:
                        u = to_shadow[0, 0] * px + to_shadow[0, 1] * py + to_shadow[0, 2] * pz
                        v = to_shadow[1, 0] * px + to_shadow[1, 1] * py + to_shadow[1, 2] * pz
                        w = to_shadow[2, 0] * px + to_shadow[2, 1] * py + to_shadow[2, 2] * pz
                        u, v = u + to_shadow[0, 3] - half_cell, v + to_shadow[1, 3] - half_cell
                        w += to_shadow[2, 3] + BIAS_MM
                        p, q = int(v), int(u)
                        u, v = u - q, v - p
                        shadow = 0.0
                        if 0 <= p < last_cell and 0 <= q < last_cell:
                            for corner in range(4):
                                down, along = corner >> 1, corner & 1
                                over = (shadow_depth[p + down, q + along] - w) / SOFTNESS_MM
                                weight = (v if down else 1.0 - v) * (u if along else 1.0 - u)
                                shadow += weight * min(1.0, max(0.0, over))
                        open_to = 1.0 - shadow_strength * shadow
                    strength *= open_to
                    lit_r += strength * light_rgb[lamp, 0]
                    lit_g += strength * light_rgb[lamp, 1]
                    lit_b += strength * light_rgb[lamp, 2]
                    if specular[m] > 0.0:
                        hx, hy, hz = lx - px / distance, ly - py / distance, lz - pz / distance
                        half = (nx * hx + ny * hy + nz * hz) / np.sqrt(hx * hx + hy * hy + hz * hz)
                        half = half * half if half > 0.0 else 0.0
                        half *= half
                        half *= half
                        half *= half * specular[m] * open_to
                        gloss_r += half * light_rgb[lamp, 0]
                        gloss_g += half * light_rgb[lamp, 1]
                        gloss_b += half * light_rgb[lamp, 2]
                red += gloss_r + lit_r * uneven * (
                    colour_a[m, 0] + (colour_b[m, 0] - colour_a[m, 0]) * blend
                )
                green += gloss_g + lit_g * uneven * (
                    colour_a[m, 1] + (colour_b[m, 1] - colour_a[m, 1]) * blend
                )
                blue += gloss_b + lit_b * uneven * (
                    colour_a[m, 2] + (colour_b[m, 2] - colour_a[m, 2]) * blend
                )
                covered += 1.0
            colour[row, column, 0] = red * share
            colour[row, column, 1] = green * share
            colour[row, column, 2] = blue * share
            coverage[row, column] = covered * share
            depth[row, column] = nearest
