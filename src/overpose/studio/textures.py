"""Procedural surfaces of the studio's rooms and streets as compiled functions of a point in mm.

Every function fades details smaller than `footprint`, the size of a pixel on the surface in mm, so
that distant surfaces do not flicker. Where surfaces are and how they are lit is the backdrop's.
"""

import math

import numba

from overpose.studio.noise import FAST_MATH, hash_unit, noise2, whole

TEXTURES = ("plain", "tiles", "planks", "carpet", "bricks", "checks", "stripes", "grass")
"""Names of the texture ids 0..7."""


@numba.njit(cache=True, nogil=True, fastmath=FAST_MATH, inline="always")
def _line(fraction, period, width, footprint):
    """How much of a pixel a line at every whole number covers, at `fraction` of a period."""
    away = min(fraction, 1.0 - fraction) * period
    reach = 0.5 * (width + footprint)
    return min(1.0, max(0.0, (reach - away) / footprint)) * min(1.0, width / footprint)


@numba.njit(cache=True, nogil=True, fastmath=FAST_MATH, inline="always")
def _fade(size, footprint):
    """1 for details much larger than a pixel, 0 for those that a pixel averages away."""
    return min(1.0, max(0.0, 0.7 * size / footprint - 0.4))


@numba.njit(cache=True, nogil=True, fastmath=FAST_MATH)
def texture(kind, x, y, scale, contrast, seed, footprint):
    """Weight of the second colour (0..1) and a brightness factor about 1.

    Args:
        kind: index into `TEXTURES`.
        x: mm along the surface (horizontal on walls).
        y: mm along the surface (vertical on walls).
        scale: size of the texture's element, mm.
        contrast: strength of its unevenness, 0..1.
        seed: whole number, which of the random patterns.
        footprint: size of a pixel there, mm.
    """
    cloud = 1.0 + 0.3 * contrast * (noise2(x / 900.0, y / 900.0, seed) - 0.5)
    u, v = x / scale, y / scale
    if kind == 1:
        i, j = whole(u), whole(v)
        joint = max(
            _line(u - i, scale, 0.02 * scale + 3.0, footprint),
            _line(v - j, scale, 0.02 * scale + 3.0, footprint),
        )
        tone = (hash_unit(i, j, seed) - 0.5) * contrast * 0.5 * _fade(scale, footprint)
        return joint, cloud + tone
    if kind == 2:
        row = whole(v)
        along = x / (7.0 * scale) + 5.0 * hash_unit(row, 3, seed)
        plank = whole(along)
        joint = max(
            _line(v - row, scale, 4.0, footprint), _line(along - plank, 7.0 * scale, 4.0, footprint)
        )
        tone = (hash_unit(plank, row, seed) - 0.5) * contrast * _fade(scale, footprint)
        grain = (noise2(x / 260.0, y / 14.0, seed) - 0.5) * contrast * _fade(20.0, footprint)
        return 0.7 * joint, cloud + tone + 0.5 * grain
    if kind == 3:
        tufts = (noise2(x / 22.0, y / 22.0, seed) - 0.5) * _fade(30.0, footprint)
        blotches = noise2(x / (2.0 * scale), y / (2.0 * scale), seed + 1) - 0.5
        blotches *= _fade(2.0 * scale, footprint)
        return min(1.0, max(0.0, 0.5 + 1.2 * blotches)), cloud + contrast * (0.8 * tufts)
    if kind == 4:
        high = 0.34 * scale
        row = whole(y / high)
        along = u + 0.5 * (row & 1)
        brick = whole(along)
        joint = max(
            _line(y / high - row, high, 12.0, footprint),
            _line(along - brick, scale, 12.0, footprint),
        )
        tone = (hash_unit(brick, row, seed) - 0.5) * _fade(high, footprint)
        return joint, cloud + contrast * tone
    if kind == 5:
        i, j = whole(u), whole(v)
        odd = (i + j) & 1
        fade = _fade(scale, footprint)
        return 0.5 + (odd - 0.5) * fade, cloud
    if kind == 6:
        fade = _fade(scale, footprint)
        wave = min(1.0, max(0.0, 0.5 + 2.0 * math.sin(2.0 * math.pi * u)))
        return 0.5 + (wave - 0.5) * fade, cloud
    if kind == 7:
        patches = noise2(x / (6.0 * scale), y / (6.0 * scale), seed) - 0.5
        patches = 0.5 + patches * _fade(6.0 * scale, footprint)
        blades = (noise2(u, v, seed + 1) - 0.5) * _fade(scale, footprint)
        coarse = noise2(u / 2.6, v / 2.6, seed + 2) - 0.5
        coarse *= _fade(2.6 * scale, footprint)
        return patches, cloud + contrast * (0.9 * blades + 0.6 * coarse)
    return 0.0, cloud
