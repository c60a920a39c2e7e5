"""Frames as they are stored show the same as their RGB."""

from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from clips import write_frames
from rendered_people import blazepose, rendered_still

from overpose.boxes import warped
from overpose.keypoints.appearance import appearance
from overpose.keypoints.blazepose import Region
from overpose.media.planes import PlanarImage, planar_image, rgb_of_frame
from overpose.media.upright import AS_STORED, turn_of_exif, turned
from overpose.media.video import open_media

WIDTH, HEIGHT = 330, 250


def smooth(height: int, width: int, low: int, high: int, seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(low, high, (5, 5)).astype(np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8)


def frame_of(pixel_format: str = "yuv420p", space: int = 1, size: tuple[int, int] = (330, 250)):
    frame: Any = av.VideoFrame(*size, pixel_format)
    for number, plane in enumerate(frame.planes):
        low, high = (40, 210) if number == 0 else (95, 160)
        values = np.zeros((plane.height, plane.line_size), np.uint8)
        values[:, : plane.width] = smooth(plane.height, plane.width, low, high, number)
        plane.update(values.tobytes())
    frame.colorspace = space
    return frame


def planar(frame: Any, turn: tuple[int, int, int, int] = AS_STORED) -> PlanarImage:
    image = planar_image(frame, turn)
    assert image is not None
    return image


def apart(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(one.astype(int) - other).max())


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p"])
@pytest.mark.parametrize("space", [1, 2, 4, 5, 6, 7, 9])
def test_colours_are_those_of_ffmpeg(pixel_format: str, space: int) -> None:
    image = planar(frame_of(pixel_format, space))
    rows, columns = (grid.ravel() for grid in np.mgrid[:HEIGHT:3, :WIDTH:3])
    assert apart(image.colours(columns, rows), image.rgb[rows, columns]) <= 3
    step = np.array([[1.0, 0.0, 20.0], [0.0, 1.0, 30.0]])
    assert apart(image.warped(step, 128), image.rgb[30:158, 20:148]) <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_frame_is_seen_upright(orientation: int) -> None:
    turn = turn_of_exif(orientation)
    frame = frame_of()
    image = planar(frame, turn)
    upright = turned(rgb_of_frame(frame), turn)
    assert image.shape == upright.shape
    np.testing.assert_array_equal(np.asarray(image), upright)
    slanted = np.array([[1.3, 0.2, 20.0], [-0.2, 1.3, 50.0]])
    assert apart(image.warped(slanted, 100), warped(upright, slanted, 100)) <= 6
    rows, columns = (
        grid.ravel() for grid in np.mgrid[: upright.shape[0] : 7, : upright.shape[1] : 7]
    )
    assert apart(image.colours(columns, rows), upright[rows, columns]) <= 3


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p"])
def test_beyond_the_border_everything_is_black(pixel_format: str) -> None:
    image = planar(frame_of(pixel_format))
    outside = np.array([[1.0, 0.0, -300.0], [0.0, 1.0, 10.0]])
    assert (image.warped(outside, 200) == 0).all()


def test_a_frame_of_odd_size_has_its_last_row_and_column() -> None:
    image = planar(frame_of(size=(33, 25)))
    assert image.shape == (25, 33, 3)
    found = image.colours(np.array([32]), np.array([24]))
    assert apart(found, image.rgb[24, 32]) <= 3


@pytest.mark.parametrize(("pixel_format", "space"), [("yuv444p", 1), ("gray", 1), ("yuv420p", 8)])
def test_others_are_left_to_ffmpeg(pixel_format: str, space: int) -> None:
    assert planar_image(frame_of(pixel_format, space), AS_STORED) is None


def test_a_video_comes_as_it_is_stored_and_its_people_are_the_same(tmp_path: Path) -> None:
    still = rendered_still(1)
    path = tmp_path / "clip.mp4"
    write_frames(path, [still.image] * 3, np.arange(3) / 25)
    engine = blazepose()
    with open_media(path) as media:
        for frame in media:
            assert isinstance(frame.pixels, PlanarImage)
            stored, rgb = frame.pixels, frame.image
            (person,) = engine.detect(rgb)
            (same,) = engine.detect(stored)
            assert (same.x, same.y) == pytest.approx((person.x, person.y), abs=0.02 * person.size)
            region = Region(person.x, person.y, person.size, person.angle_rad)
            known, found = engine.landmarks(rgb, region), engine.landmarks(stored, region)
            off = np.linalg.norm(found.keypoints_px - known.keypoints_px, axis=-1)
            assert np.median(off) < 0.01 * person.size
            one, other = (appearance(image, known.keypoints_px) for image in (rgb, stored))
            assert one is not None
            assert other is not None
            assert np.abs(one - other).sum() < 0.1


def test_a_copy_can_be_changed_without_changing_the_image() -> None:
    image = planar(frame_of())
    np.array(image)[:] = 0
    assert image.rgb.any()
    assert np.asarray(image) is image.rgb
