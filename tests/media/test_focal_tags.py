"""Focal lengths that files say: what is believed, and what not."""

from pathlib import Path

import av
import numpy as np
import pytest
from clips import corners, level
from PIL import Image

from overpose.media.photo import read_photo
from overpose.media.video import open_media

DIAGONAL_MM = 43.27
APPLE = "com.apple.quicktime.camera.focal_length.35mm_equivalent"


def photo(path: Path, tags: dict[int, object]) -> float | None:
    exif = Image.Exif()
    exif.get_ifd(0x8769).update(tags)
    Image.fromarray(corners(100, 72)).save(path, exif=exif)
    return read_photo(path).focal_px


def test_the_diagonal_counts_and_digital_zoom_is_in_the_number(tmp_path: Path) -> None:
    expected = 52 * np.hypot(100, 72) / DIAGONAL_MM
    found = photo(tmp_path / "a.jpg", {0xA405: 52, 0xA404: 2.0, 0xA002: 1000, 0xA003: 720})
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("focal_mm", [0, 1, 3, 60000])
def test_a_focal_length_that_makes_no_sense_is_not_believed(tmp_path: Path, focal_mm: int) -> None:
    assert photo(tmp_path / "a.jpg", {0xA405: focal_mm}) is None


@pytest.mark.parametrize(
    ("taken", "believed"),
    [((4000, 2880), True), ((2880, 4000), True), ((4000, 3000), False), ((0, 0), True)],
)
def test_a_picture_cut_out_of_another_has_another_angle_of_view(
    tmp_path: Path, taken: tuple[int, int], believed: bool
) -> None:
    tags = {0xA405: 26, 0xA002: taken[0], 0xA003: taken[1]}
    assert (photo(tmp_path / "a.jpg", tags) is not None) == believed


@pytest.mark.parametrize(
    ("said", "focal_mm"), [("26", 26.0), ("13.5", 13.5), ("0", None), ("-13", None), ("f", None)]
)
def test_videos_of_phones_say_it_in_their_metadata(
    tmp_path: Path, said: str, focal_mm: float | None
) -> None:
    path = tmp_path / "clip.mov"
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata[APPLE] = said
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(level(number), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with open_media(path) as media:
        expected = None if focal_mm is None else pytest.approx(focal_mm * 80 / DIAGONAL_MM)
        assert media.info.focal_px == expected
