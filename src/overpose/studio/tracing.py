"""Compiled kernels of the backdrop: rays to walls, floor, furniture and sky, and their colours.

What the arrays mean is said in `background.Background` and `background.FloorLight`. The loops are
flat on purpose: passing arrays to a function for every ray costs more than the ray.
"""

import math
from typing import NamedTuple

import numba
import numpy as np

from overpose.studio.noise import FAST_MATH, hash_unit, noise2, whole
from overpose.studio.textures import texture

FAR_MM = 1e7
"""Half size of a place without walls, mm."""

SKY, BOX = -1, 8
"""Surface ids of `trace` besides 0 floor, 1..4 walls, 5 ceiling; BOX + 3 b + axis is furniture."""


class Eye(NamedTuple):
    """A camera in the backdrop's axes, float64.

    Attributes:
        origin: (3,) its centre, mm.
        turn: (3, 3) camera axes to the backdrop's.
        intrinsics: (4,) focal lengths and principal point, px.
    """

    origin: np.ndarray
    turn: np.ndarray
    intrinsics: np.ndarray


class Backdrop(NamedTuple):
    """What rays meet.

    Attributes:
        room: (4,) half sizes, height, mm, and 1 where there is a ceiling.
        surfaces, panels, boxes, sky: as in `background.Background`.
    """

    room: np.ndarray
    surfaces: np.ndarray
    panels: np.ndarray
    boxes: np.ndarray
    sky: np.ndarray


@numba.njit(cache=True, nogil=True, fastmath=FAST_MATH)
def trace(height, width, eye, room, boxes):
    """Camera z (mm) and surface id of what the ray through each pixel corner meets."""
    origin, turn, intrinsics = eye
    depths = np.empty((height, width), np.float64)
    surfaces = np.empty((height, width), np.int32)
    fx, fy, cx, cy = intrinsics[0], intrinsics[1], intrinsics[2], intrinsics[3]
    ox, oy, oz = origin[0], origin[1], origin[2]
    for row in range(height):
        v = (row - cy) / fy
        for column in range(width):
            u = (column - cx) / fx
            dx = turn[0, 0] * u + turn[0, 1] * v + turn[0, 2]
            dy = turn[1, 0] * u + turn[1, 1] * v + turn[1, 2]
            dz = turn[2, 0] * u + turn[2, 1] * v + turn[2, 2]
            # No ray is exactly parallel to a wall: the slopes are divided by.
            dx = dx if abs(dx) > 1e-9 else 1e-9
            dy = dy if abs(dy) > 1e-9 else 1e-9
            dz = dz if abs(dz) > 1e-9 else 1e-9
            over_x, over_y, over_z = 1.0 / dx, 1.0 / dy, 1.0 / dz
            depth, surface = np.inf, SKY
            if dz < 0.0:
                depth, surface = -oz * over_z, 0
            t = ((room[0] if dx > 0.0 else -room[0]) - ox) * over_x
            if 0.0 < t < depth:
                depth, surface = t, (1 if dx > 0.0 else 2)
            t = ((room[1] if dy > 0.0 else -room[1]) - oy) * over_y
            if 0.0 < t < depth:
                depth, surface = t, (3 if dy > 0.0 else 4)
            if surface > 0 and oz + dz * depth > room[2]:
                t = (room[2] - oz) * over_z
                if room[3] > 0.5 and t > 0.0:
                    depth, surface = t, 5
                else:
                    depth, surface = np.inf, SKY
            for b in range(boxes.shape[0]):
                x, half_x = (boxes[b, 0] - ox) * over_x, abs(boxes[b, 3] * over_x)
                y, half_y = (boxes[b, 1] - oy) * over_y, abs(boxes[b, 4] * over_y)
                z, half_z = (boxes[b, 2] - oz) * over_z, abs(boxes[b, 5] * over_z)
                leave = min(x + half_x, y + half_y, z + half_z)
                enter, axis = x - half_x, 0
                if y - half_y > enter:
                    enter, axis = y - half_y, 1
                if z - half_z > enter:
                    enter, axis = z - half_z, 2
                if 0.0 < enter < leave and enter < depth:
                    depth, surface = enter, BOX + 3 * b + axis
            depths[row, column] = depth
            surfaces[row, column] = surface if depth < 0.5 * FAR_MM else SKY
    return depths, surfaces


@numba.njit(cache=True, nogil=True, fastmath=FAST_MATH)
def paint(depths, ids, eye, backdrop, light):
    """Linear RGB of a picture one smaller than `depths`: a pixel is the mean of its corners."""
    origin, turn, intrinsics = eye
    room, surfaces, panels, boxes, sky = backdrop
    ambient, to_light, direct = light[:3]
    cover, to_cover, contact, to_contact, shadow_strength, contact_strength = light[3:]
    corners = np.empty((depths.shape[0], depths.shape[1], 3), np.float32)
    fx, fy, cx, cy = intrinsics[0], intrinsics[1], intrinsics[2], intrinsics[3]
    for row in range(depths.shape[0]):
        v = (row - cy) / fy
        for column in range(depths.shape[1]):
            u = (column - cx) / fx
            dx = turn[0, 0] * u + turn[0, 1] * v + turn[0, 2]
            dy = turn[1, 0] * u + turn[1, 1] * v + turn[1, 2]
            dz = turn[2, 0] * u + turn[2, 1] * v + turn[2, 2]
            surface, depth = ids[row, column], depths[row, column]
            if surface == SKY:
                slope = dz / (math.sqrt(dx * dx + dy * dy) + 1e-9)
                angle = math.atan2(dy, dx) / (2.0 * math.pi) + 0.5
                tone = _skyline(angle, slope, sky[4, 0], sky[4, 1], int(sky[4, 2]))
                up = math.sqrt(min(1.0, max(0.0, slope * 1.3)))
                cloud = _clouds(dx, dy, dz, slope)
                for c in range(3):
                    clear = sky[1, c] + (sky[0, c] - sky[1, c]) * up
                    clear += (sky[2, c] - clear) * cloud
                    corners[row, column, c] = sky[3, c] * tone if tone > 0.0 else clear
                continue
            x = origin[0] + dx * depth
            y = origin[1] + dy * depth
            z = origin[2] + dz * depth
            length = math.sqrt(dx * dx + dy * dy + dz * dz)
            lit, corner = 0.0, 1.0  # light fails where surfaces meet
            if surface >= BOX:
                b, axis = (surface - BOX) // 3, (surface - BOX) % 3
                blend, bright = texture(
                    int(boxes[b, 9]), y if axis == 0 else x, y if axis == 2 else z,
                    boxes[b, 10], 0.3, int(boxes[b, 11]), depth / fx,
                )  # fmt: skip
                towards = dx if axis == 0 else (dy if axis == 1 else dz)
                lit = 0.7 * max(0.0, to_light[axis] * (-1.0 if towards > 0.0 else 1.0))
                red = boxes[b, 6] * (1.0 - 0.5 * blend)
                green = boxes[b, 7] * (1.0 - 0.5 * blend)
                blue = boxes[b, 8] * (1.0 - 0.5 * blend)
                corner = 0.85 - _near_edge(0.3, z)
            else:
                if surface == 0 or surface == 5:
                    along, up, facing = x, y, abs(dz) / length
                elif surface <= 2:
                    along, up, facing = y, z, abs(dx) / length
                else:
                    along, up, facing = x, z, abs(dy) / length
                # Between a pixel's width and its length along the slope of the surface.
                footprint = depth / fx * (0.4 + 0.6 / max(facing, 0.05))
                blend, bright = texture(
                    int(surfaces[surface, 0]), along, up, surfaces[surface, 1],
                    surfaces[surface, 2], int(surfaces[surface, 3]), footprint,
                )  # fmt: skip
                red = surfaces[surface, 4] + (surfaces[surface, 7] - surfaces[surface, 4]) * blend
                green = surfaces[surface, 5] + (surfaces[surface, 8] - surfaces[surface, 5]) * blend
                blue = surfaces[surface, 6] + (surfaces[surface, 9] - surfaces[surface, 6]) * blend
                bright = max(0.2, bright)
                if surface == 0:
                    lit = max(0.0, to_light[2])
                    corner -= _near_edge(0.35, min(room[0] - abs(x), room[1] - abs(y)))
                    shadow = 0.0
                    at = to_cover[0, 0] * x + to_cover[0, 1] * y + to_cover[0, 2] - 0.5
                    to = to_cover[1, 0] * x + to_cover[1, 1] * y + to_cover[1, 2] - 0.5
                    j, i = whole(at), whole(to)
                    if 0 <= j < cover.shape[1] - 1 and 0 <= i < cover.shape[0] - 1:
                        low = cover[i, j] + (cover[i, j + 1] - cover[i, j]) * (at - j)
                        high = cover[i + 1, j] + (cover[i + 1, j + 1] - cover[i + 1, j]) * (at - j)
                        shadow = low + (high - low) * (to - i)
                    lit *= 1.0 - shadow_strength * shadow
                    shadow = 0.0
                    at = to_contact[0, 0] * x + to_contact[0, 1] * y + to_contact[0, 2] - 0.5
                    to = to_contact[1, 0] * x + to_contact[1, 1] * y + to_contact[1, 2] - 0.5
                    j, i = whole(at), whole(to)
                    if 0 <= j < contact.shape[1] - 1 and 0 <= i < contact.shape[0] - 1:
                        low = contact[i, j] + (contact[i, j + 1] - contact[i, j]) * (at - j)
                        high = contact[i + 1, j]
                        high += (contact[i + 1, j + 1] - contact[i + 1, j]) * (at - j)
                        shadow = low + (high - low) * (to - i)
                    corner *= 1.0 - contact_strength * shadow
                elif surface <= 4:
                    corner -= _near_edge(0.3, z)
                    across = room[1] - abs(y) if surface <= 2 else room[0] - abs(x)
                    corner -= _near_edge(0.2, across)
                    inward = to_light[0] if surface <= 2 else to_light[1]
                    lit = 0.6 * max(0.0, -inward if surface == 1 or surface == 3 else inward)
                    for p in range(panels.shape[0]):
                        if int(panels[p, 0]) != surface:
                            continue
                        left, rise = along - panels[p, 1], up - panels[p, 2]
                        edge = min(panels[p, 3] - abs(left), panels[p, 4] - abs(rise))
                        if edge < 0.0:
                            continue
                        bright, first = 1.0, 11
                        if edge > panels[p, 5]:
                            first, seed = 8, int(panels[p, 6])
                            size = panels[p, 3] + panels[p, 4]
                            value = noise2(3.0 * left / size, 3.0 * rise / size, seed)
                            bright = 0.85 + 0.3 * value
                            if seed & 1:  # a picture: flat fields of colour
                                bright = 0.6 + 0.8 * hash_unit(int(5.0 * value), 0, seed)
                        red, green, blue = (
                            panels[p, first],
                            panels[p, first + 1],
                            panels[p, first + 2],
                        )
                        if bright > 1.1:
                            red, blue = blue, red
                        break
            haze = 1.0 - math.exp(-depth * length / 90000.0) if room[3] < 0.5 else 0.0
            kept = bright * (1.0 - haze)
            red *= kept * (corner * ambient[0] + lit * direct[0])
            green *= kept * (corner * ambient[1] + lit * direct[1])
            blue *= kept * (corner * ambient[2] + lit * direct[2])
            corners[row, column, 0] = red + sky[1, 0] * haze
            corners[row, column, 1] = green + sky[1, 1] * haze
            corners[row, column, 2] = blue + sky[1, 2] * haze
    return _mean_of_corners(corners)


@numba.njit(cache=True, nogil=True, fastmath=FAST_MATH)
def paint_photo(height, width, eye, photo, span, middle, light):
    """Linear RGB of the photo wrapped around the camera, mirrored at its edges, with the person's
    shadow on the ground; that ground's own light is unknown, so part of the shadow is left out."""
    origin, turn, intrinsics = eye
    cover, to_cover, contact, to_contact, shadow_strength, contact_strength = light[3:]
    image = np.empty((height, width, 3), np.float32)
    fx, fy, cx, cy = intrinsics[0], intrinsics[1], intrinsics[2], intrinsics[3]
    rows, columns = photo.shape[0], photo.shape[1]
    per_radian = columns / span
    # As many samples as a pixel is wide, up to 3 x 3.
    taps = min(3, max(1, int(per_radian / fx + 0.5)))
    scale = 1.0 / (255.0 * taps * taps)
    for row in range(height):
        v = (row + 0.5 - cy) / fy
        for column in range(width):
            u = (column + 0.5 - cx) / fx
            dx = turn[0, 0] * u + turn[0, 1] * v + turn[0, 2]
            dy = turn[1, 0] * u + turn[1, 1] * v + turn[1, 2]
            dz = turn[2, 0] * u + turn[2, 1] * v + turn[2, 2]
            slope = dz / (math.sqrt(dx * dx + dy * dy) + 1e-9)
            x = math.atan2(dy, dx) * per_radian / (2.0 * columns)
            x = 2.0 * columns * (x - whole(x))
            x = 2.0 * columns - x if x > columns else x
            y = ((middle - slope) * per_radian + 0.5 * rows) / (2.0 * rows)
            y = 2.0 * rows * (y - whole(y))
            y = 2.0 * rows - y if y > rows else y
            kept = 1.0
            if dz < -1e-6:
                to_floor = -origin[2] / dz
                x_mm, y_mm = origin[0] + dx * to_floor, origin[1] + dy * to_floor
                j = whole(to_cover[0, 0] * x_mm + to_cover[0, 1] * y_mm + to_cover[0, 2])
                i = whole(to_cover[1, 0] * x_mm + to_cover[1, 1] * y_mm + to_cover[1, 2])
                if 0 <= j < cover.shape[1] and 0 <= i < cover.shape[0]:
                    kept -= 0.6 * shadow_strength * cover[i, j]
                j = int(whole(to_contact[0, 0] * x_mm + to_contact[0, 1] * y_mm + to_contact[0, 2]))
                i = int(whole(to_contact[1, 0] * x_mm + to_contact[1, 1] * y_mm + to_contact[1, 2]))
                if 0 <= j < contact.shape[1] and 0 <= i < contact.shape[0]:
                    kept *= 1.0 - contact_strength * contact[i, j]
            j, i = whole(x - 0.5), whole(y - 0.5)
            right, down = x - 0.5 - j, y - 0.5 - i
            for c in range(3):
                value = 0.0
                if taps == 1:
                    i0, i1 = max(0, i), min(rows - 1, i + 1)
                    j0, j1 = max(0, j), min(columns - 1, j + 1)
                    low = (1.0 - right) * photo[i0, j0, c] + right * photo[i0, j1, c]
                    high = (1.0 - right) * photo[i1, j0, c] + right * photo[i1, j1, c]
                    value = (1.0 - down) * low + down * high
                else:
                    for tap in range(taps * taps):
                        near_j = min(columns - 1, max(0, int(x) + tap % taps - taps // 2))
                        near_i = min(rows - 1, max(0, int(y) + tap // taps - taps // 2))
                        value += photo[near_i, near_j, c]
                value *= scale
                image[row, column, c] = kept * value * value  # close to sRGB's curve
    return image


@numba.njit(cache=True, nogil=True, fastmath=FAST_MATH)
def _mean_of_corners(corners):
    height, width = corners.shape[0] - 1, corners.shape[1] - 1
    image = np.empty((height, width, 3), np.float32)
    quarter = np.float32(0.25)
    for row in range(height):
        for column in range(width):
            for c in range(3):
                image[row, column, c] = quarter * (
                    corners[row, column, c]
                    + corners[row, column + 1, c]
                    + corners[row + 1, column, c]
                    + corners[row + 1, column + 1, c]
                )
    return image


@numba.njit(cache=True, nogil=True, fastmath=FAST_MATH, inline="always")
def _near_edge(strength, away):
    """How much ambient light a point loses `away` mm from where two surfaces meet."""
    return strength * math.exp(-abs(away) / 220.0) if abs(away) < 1000.0 else 0.0


@numba.njit(cache=True, nogil=True, fastmath=FAST_MATH)
def _clouds(dx, dy, dz, slope):
    """Share of cloud in a direction, 0..1."""
    if slope < 0.03:
        return 0.0
    cloud = noise2(1.5 * dx / dz, 1.5 * dy / dz, 11) * 0.65
    cloud += noise2(4.0 * dx / dz, 4.0 * dy / dz, 12) * 0.35
    return min(1.0, max(0.0, 2.5 * cloud - 0.9)) * min(1.0, 4.0 * slope)


@numba.njit(cache=True, nogil=True, fastmath=FAST_MATH)
def _skyline(angle, slope, high, cells, seed):
    """Brightness of houses (odd seeds) or trees at the horizon, 0 where the sky is seen."""
    if slope > high:
        return 0.0
    at = angle * cells
    if seed & 1:
        cell = whole(at)
        if slope > high * (0.25 + 0.75 * hash_unit(cell, 5, seed)):
            return 0.0
        row = slope * cells * 1.2
        window = at * 6.0 - whole(at * 6.0) > 0.45 and row - whole(row) > 0.4
        return (0.6 + 0.8 * hash_unit(cell, 6, seed)) * (0.7 if window else 1.0)
    top = 0.3 + 0.5 * noise2(at, 0.0, seed) + 0.2 * noise2(7.0 * at, 0.0, seed + 1)
    return 0.6 + 0.8 * noise2(12.0 * at, 2.0 * slope * cells, seed) if slope < high * top else 0.0
