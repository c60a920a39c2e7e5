"""From linear light to pictures."""

import cv2
import numpy as np
import pytest

from overpose.studio.postprocess import (
    Sensor,
    develop,
    encode_jpeg,
    random_sensor,
)
from overpose.support.errors import InputError
from overpose.support.seeding import random_stream

STILL = Sensor(read_noise=0.0, shot_noise=0.0, blur_px=0.05)


def constant(level: float, size: int = 32) -> np.ndarray:
    return np.full((size, size, 3), level, np.float32)


def test_without_noise_a_flat_field_stays_flat_and_follows_the_srgb_curve():
    image = develop(constant(0.2), STILL, random_stream(1))
    assert np.ptp(image) == 0
    srgb = 255 * (1.055 * 0.2 ** (1 / 2.4) - 0.055)
    # The exposure varies by up to 5 %, which is 2.3 % after the curve.
    assert image[0, 0, 0] == pytest.approx(srgb, rel=0.03)


def test_noise_has_the_sensors_spread():
    level, read, shot = 0.2, 0.01, 0.05
    sensor = Sensor(read_noise=read, shot_noise=shot, blur_px=0.05)
    noisy = develop(constant(level, 128), sensor, random_stream(1)).astype(np.float64) / 255
    linear = ((noisy + 0.055) / 1.055) ** 2.4
    assert linear.std() == pytest.approx(np.sqrt(read**2 + shot**2 * level), rel=0.05)
    neighbours = np.corrcoef(linear[:, 1:].ravel(), linear[:, :-1].ravel())[0, 1]
    assert abs(neighbours) < 0.05


def test_brighter_light_never_gives_a_darker_picture():
    ramp = np.repeat(np.linspace(0, 3, 200, dtype=np.float32), 3).reshape(1, 200, 3)
    image = develop(np.repeat(ramp, 8, axis=0), STILL, random_stream(0)).astype(int)
    assert (np.diff(image[4, :, 1]) >= 0).all()
    assert image[4, 0, 1] == 0
    assert image[4, -1, 1] > 230


def test_blur_keeps_the_light_of_an_image():
    """The mean of linear light before and after; sRGB is undone to compare."""
    rng = np.random.default_rng(0)
    linear = np.repeat(rng.uniform(0.1, 0.5, size=(64, 64, 1)), 3, axis=2).astype(np.float32)
    sharp = develop(linear, STILL, random_stream(3))
    soft = develop(linear, Sensor(read_noise=0, shot_noise=0, blur_px=0.8), random_stream(3))
    means = [(((i / 255 + 0.055) / 1.055) ** 2.4).mean() for i in (sharp, soft)]
    assert means[0] == pytest.approx(means[1], rel=0.01)
    assert soft.std() < 0.6 * sharp.std()


def test_the_same_stream_gives_the_same_picture_and_another_gives_another():
    rng = np.random.default_rng(0)
    linear = rng.random((16, 16, 3), dtype=np.float32)
    sensor = random_sensor(random_stream(5))
    first = develop(linear, sensor, random_stream(1, "a"))
    np.testing.assert_array_equal(first, develop(linear, sensor, random_stream(1, "a")))
    assert (first != develop(linear, sensor, random_stream(1, "b"))).any()


def test_jpeg_keeps_colours_in_their_channels():
    image = np.zeros((32, 32, 3), np.uint8)
    image[..., 0] = 200
    decoded = cv2.imdecode(np.frombuffer(encode_jpeg(image, 95), np.uint8), cv2.IMREAD_COLOR_RGB)
    np.testing.assert_allclose(decoded, image, atol=4)


def test_higher_quality_takes_more_bytes():
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    assert len(encode_jpeg(image, 95)) > len(encode_jpeg(image, 60))


def test_bad_images_are_refused():
    with pytest.raises(InputError, match="float64"):
        develop(np.zeros((4, 4, 3)), STILL, random_stream(0))
    with pytest.raises(InputError, match="uint8"):
        encode_jpeg(np.zeros((4, 4, 3), np.float32), 90)
    with pytest.raises(InputError, match="quality"):
        encode_jpeg(np.zeros((4, 4, 3), np.uint8), 0)
