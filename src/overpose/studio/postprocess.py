"""From linear light to what a camera writes: blur, noise, exposure, tone curve, JPEG.

Only images come in and go out; what is in them is the business of the rest of the studio.
"""

import functools
import math
from dataclasses import dataclass

import cv2
import numba
import numpy as np

from overpose.studio.noise import FAST_MATH
from overpose.support.checks import check_array
from overpose.support.errors import InputError

_TONES = 4096


@dataclass(frozen=True)
class Sensor:
    """A camera's electronics and lens, constant over a sequence.

    Attributes:
        exposure: factor on linear light.
        white_balance: factors on linear red, green and blue.
        read_noise: standard deviation of the noise in the dark, linear, white is 1.
        shot_noise: standard deviation of the noise at white; it grows with the root of the light.
        blur_px: standard deviation of the lens' blur, px.
        contrast: exponent of linear light before the sRGB curve; above 1 darkens the shadows.
        saturation: factor on the distance from grey.
    """

    exposure: float = 1.0
    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    read_noise: float = 0.003
    shot_noise: float = 0.015
    blur_px: float = 0.45
    contrast: float = 1.0
    saturation: float = 1.0


def random_sensor(rng: np.random.Generator) -> Sensor:
    """A plausible camera."""
    warmth, tint = rng.normal(0.0, 0.06), rng.normal(0.0, 0.02)
    return Sensor(
        exposure=float(np.exp(rng.normal(0.0, 0.18))),
        white_balance=(math.exp(warmth), math.exp(tint), math.exp(-warmth)),
        read_noise=float(np.exp(rng.uniform(np.log(0.001), np.log(0.006)))),
        shot_noise=float(np.exp(rng.uniform(np.log(0.004), np.log(0.03)))),
        blur_px=float(rng.uniform(0.25, 0.65)),
        contrast=float(rng.uniform(0.9, 1.15)),
        saturation=float(rng.uniform(0.75, 1.15)),
    )


def develop(linear_rgb: np.ndarray, sensor: Sensor, rng: np.random.Generator) -> np.ndarray:
    """Turn linear light into the picture that the sensor writes.

    Exposure and sharpness vary a little from picture to picture, and one picture in six is blurred
    along a random direction, as by motion.

    Args:
        linear_rgb: (height, width, 3) float32, white is 1.
        sensor: the camera.
        rng: chooses the noise and the variation.

    Returns:
        (height, width, 3) uint8, sRGB.

    Raises:
        InputError: wrong shape or dtype.
    """
    check_array("linear_rgb", linear_rgb, ("height", "width", 3), dtype=np.float32)
    choices = rng.random(4)
    exposure = sensor.exposure * math.exp(0.1 * (choices[0] - 0.5))
    motion_px = 2.0 * choices[2] if choices[1] < 1 / 6 else 0.0
    kernel = _blur_kernel(
        sensor.blur_px * (0.8 + 0.4 * choices[2]), motion_px, math.pi * choices[3]
    )
    blurred = cv2.filter2D(linear_rgb, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    grey = np.array([0.25, 0.6, 0.15])
    mixing = sensor.saturation * np.eye(3) + (1.0 - sensor.saturation) * grey
    mixing *= exposure * np.array(sensor.white_balance)
    toned = cv2.transform(blurred, mixing.astype(np.float32))
    # Two 32-bit words from each 64-bit one.
    words = rng.bit_generator.random_raw((linear_rgb.size + 1) // 2).view(np.uint32)
    image = np.empty(linear_rgb.shape, dtype=np.uint8)
    _expose(
        toned.ravel(),
        words,
        np.float32(sensor.read_noise),
        np.float32(sensor.shot_noise),
        _tone_curve(sensor.contrast),
        image.ravel(),
    )
    return image


def encode_jpeg(image: np.ndarray, quality: int) -> bytes:
    """The bytes of a JPEG file.

    Args:
        image: (height, width, 3) uint8 RGB.
        quality: 1 to 100.

    Raises:
        InputError: wrong shape or dtype, or quality out of range.
    """
    check_array("image", image, ("height", "width", 3), dtype=np.uint8)
    if not 1 <= quality <= 100:
        raise InputError(f"quality: got {quality}, expected 1 to 100")
    done, encoded = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, int(quality)]
    )
    if not done:
        raise InputError(f"image: a picture of shape {image.shape} cannot be written as JPEG")
    return encoded.tobytes()


def _blur_kernel(sigma_px: float, motion_px: float, direction: float) -> np.ndarray:
    """Gaussian along a segment of length `motion_px`, (5, 5) or (7, 7) float32 that sums to 1."""
    reach = 3 if motion_px > 1.5 else 2
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float64)
    along = x * math.cos(direction) + y * math.sin(direction)
    across = -x * math.sin(direction) + y * math.cos(direction)
    outside = np.maximum(np.abs(along) - 0.5 * motion_px, 0.0)
    kernel = np.exp(-0.5 * (outside**2 + across**2) / max(sigma_px, 0.05) ** 2)
    return (kernel / kernel.sum()).astype(np.float32)


@functools.lru_cache(maxsize=32)
def _tone_curve(contrast: float) -> np.ndarray:
    """(4096,) uint8: linear light 0..1 to sRGB."""
    light = np.linspace(0.0, 1.0, _TONES) ** contrast
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(255.0 * srgb).astype(np.uint8)


@numba.njit(cache=True, nogil=True, fastmath=FAST_MATH)
def _expose(linear, words, read_noise, shot_noise, curve, image):
    """`words` holds four random bytes per value: their sum is nearly normal, and quick to make."""
    last = np.float32(curve.shape[0] - 1)
    zero, one, half = np.float32(0.0), np.float32(1.0), np.float32(0.5)
    mean, unit = np.float32(510.0), np.float32(1.0 / 147.8)  # of the sum of four bytes
    knee, room = np.float32(0.75), np.float32(0.25)
    read_square, shot_square = read_noise * read_noise, shot_noise * shot_noise
    tone = np.empty(256, np.int32)
    for start in range(0, linear.shape[0], 256):
        count = min(256, linear.shape[0] - start)
        for i in range(count):
            word = words[start + i]
            pairs = (word & np.uint32(0x00FF00FF)) + (
                (word >> np.uint32(8)) & np.uint32(0x00FF00FF)
            )
            total = np.float32(np.int32((pairs & np.uint32(0xFFFF)) + (pairs >> np.uint32(16))))
            value = max(zero, linear[start + i])
            value += np.sqrt(read_square + shot_square * value) * unit * (total - mean)
            # A soft shoulder, as film and cameras have.
            over = max(zero, value - knee)
            value = min(value, knee) + room * over / (room + over)
            tone[i] = np.int32(min(one, max(zero, value)) * last + half)
        for i in range(count):
            image[start + i] = curve[tone[i]]
