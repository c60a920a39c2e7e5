"""Pictures come as they are meant to be seen, whichever way they are stored."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clips import corners, write_frames
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from overpose.media.upright import turn_of_exif, turn_of_matrix, turned
from overpose.media.video import open_media

ONE = 1 << 16
MATRICES = {
    "as stored": (ONE, 0, 0, ONE),
    "mirrored": (-ONE, 0, 0, ONE),
    "upside down": (ONE, 0, 0, -ONE),
    "half a turn": (-ONE, 0, 0, -ONE),
    "transposed": (0, ONE, ONE, 0),
    "transversed": (0, -ONE, -ONE, 0),
    "quarter turn": (0, ONE, -ONE, 0),
    "quarter turn back": (0, -ONE, ONE, 0),
}
SEEN = {
    "as stored": "RGBW", "mirrored": "GRWB", "upside down": "BWRG", "half a turn": "WBGR",
    "transposed": "RBGW", "transversed": "WGBR", "quarter turn": "BRWG",
    "quarter turn back": "GWRB",
}  # fmt: skip
"""Colours of the corners of `corners` as players show it: top left and right, bottom left and
right; worked out by hand with a piece of paper."""


def colours(image: np.ndarray) -> str:
    """The initials of the colours near the corners."""
    height, width = image.shape[:2]
    names = ""
    for y in (height // 4, -height // 4):
        for x in (width // 4, -width // 4):
            r, g, b = (image[y, x].astype(int) > 130).tolist()
            names += "W" if r and g and b else "R" if r else "G" if g else "B"
    return names


def full_matrix(parts: tuple[int, int, int, int]) -> list[int]:
    a, b, c, d = parts
    return [a, b, 0, c, d, 0, 0, 0, 1 << 30]


@pytest.mark.parametrize("name", MATRICES)
def test_a_video_is_turned_and_mirrored_by_its_matrix(tmp_path: Path, name: str) -> None:
    path = tmp_path / "clip.mp4"
    write_frames(path, [corners()] * 2, [0, 0.04], matrix=full_matrix(MATRICES[name]))
    with open_media(path) as media:
        image = next(iter(media)).image
        size = media.info.width, media.info.height
    assert size == (image.shape[1], image.shape[0])
    assert size == ((96, 64) if MATRICES[name][0] else (64, 96))
    assert colours(image) == SEEN[name]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_of_exif_are_those_of_pillow(orientation: int) -> None:
    picture = Image.fromarray(corners())
    picture.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(picture))
    assert np.array_equal(turned(corners(), turn_of_exif(orientation)), expected)


@pytest.mark.parametrize("orientation", [0, 9, "6", None, 2.0, (6,)])
def test_an_orientation_that_there_is_not_turns_nothing(orientation: object) -> None:
    assert turn_of_exif(orientation) == (1, 0, 0, 1)


@given(st.sampled_from(sorted(MATRICES)), st.floats(0.05, 20), st.floats(-0.4, 0.4))
def test_a_matrix_that_also_scales_and_shears_is_the_nearest_turn(
    name: str, scale: float, shear: float
) -> None:
    a, b, c, d = MATRICES[name]
    near = [round(v * scale) or round(shear * scale * ONE) for v in (a, b, c, d)]
    exact = np.array(full_matrix((a, b, c, d)), np.int32).tobytes()
    assert turn_of_matrix(
        np.array(full_matrix((near[0], near[1], near[2], near[3])), np.int32).tobytes()
    ) == turn_of_matrix(exact)


@pytest.mark.parametrize(
    ("stretch", "matrix", "size"),
    [
        (Fraction(2), "as stored", (192, 64)),
        (Fraction(1, 2), "as stored", (48, 64)),
        (Fraction(16, 15), "mirrored", (102, 64)),
        (Fraction(2), "quarter turn", (64, 192)),
        (Fraction(2), "transposed", (64, 192)),
    ],
)
def test_pixels_that_are_not_square_become_so_before_turning(
    tmp_path: Path, stretch: Fraction, matrix: str, size: tuple[int, int]
) -> None:
    path = tmp_path / "clip.mp4"
    parts = full_matrix(MATRICES[matrix])
    write_frames(path, [corners()] * 2, [0, 0.04], sample_aspect_ratio=stretch, matrix=parts)
    with open_media(path) as media:
        image = next(iter(media)).image
        assert (media.info.width, media.info.height) == size
    assert image.shape[1::-1] == size
    assert colours(image) == SEEN[matrix]


def test_a_ratio_beyond_reason_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    write_frames(path, [corners()] * 2, [0, 0.04], sample_aspect_ratio=Fraction(250))
    with open_media(path) as media:
        assert (media.info.width, media.info.height) == (96, 64)
