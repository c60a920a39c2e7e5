"""Photos of every kind that phones and cameras make, up to the largest."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from clips import corners
from heif_file import write_heif
from PIL import Image

from overpose.media import photo as photo_module
from overpose.media.photo import Photo, is_moving, is_photo, read_photo
from overpose.media.video import open_media
from overpose.support.errors import InputError

DIAGONAL_MM = 43.27


def exif_of(orientation: int, focal_mm: int = 26) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8769)[0xA405] = focal_mm
    return exif


def near(image: np.ndarray, expected: np.ndarray) -> bool:
    """Whether two pictures are the same but for the losses of a codec at the edges of colours."""
    if image.shape != expected.shape:
        return False
    return float(np.median(np.abs(image.astype(int) - expected))) <= 4


@pytest.mark.parametrize("suffix", [".heic", ".avif"])
@pytest.mark.parametrize("tile", [64, 256])
def test_a_photo_in_tiles_is_read_whole(tmp_path: Path, suffix: str, tile: int) -> None:
    path = tmp_path / f"photo{suffix}"
    write_heif(path, corners(100, 72), tile=tile)
    assert is_photo(path)
    with open_media(path) as media:
        assert (media.info.width, media.info.height, media.info.is_photo) == (100, 72, True)
        assert near(next(iter(media)).image, corners(100, 72))


@pytest.mark.parametrize("suffix", [".heic", ".avif"])
@pytest.mark.parametrize(("quarter_turns", "mirror"), [(1, None), (3, None), (0, 0), (0, 1)])
def test_photos_in_tiles_turn_as_they_say(
    tmp_path: Path, suffix: str, quarter_turns: int, mirror: int | None
) -> None:
    path = tmp_path / f"photo{suffix}"
    write_heif(path, corners(100, 72), quarter_turns=quarter_turns, mirror=mirror)
    expected = np.rot90(corners(100, 72), quarter_turns)
    if mirror is not None:
        expected = np.flip(expected, axis=mirror)
    assert near(read_photo(path).image, expected)


@pytest.mark.parametrize("suffix", [".heic", ".avif"])
def test_focal_lengths_of_phones_are_read_and_pictures_turned_once(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"photo{suffix}"
    exif = exif_of(6).tobytes().removeprefix(b"Exif\0\0")
    write_heif(path, corners(100, 72), quarter_turns=3, exif=exif)  # phones write both
    photo = read_photo(path)
    assert near(photo.image, np.rot90(corners(100, 72), 3))
    assert photo.focal_px == pytest.approx(26 * np.hypot(100, 72) / DIAGONAL_MM)


@pytest.mark.parametrize("kind", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", [2, 5, 6, 7])
def test_orientation_and_focal_length_are_read_in_every_format(
    tmp_path: Path, kind: str, orientation: int
) -> None:
    path = tmp_path / f"photo.{kind}"
    Image.fromarray(corners(100, 72)).save(path, exif=exif_of(orientation), quality=95)
    stored = corners(100, 72)
    expected = {
        2: stored[:, ::-1],
        5: stored.transpose(1, 0, 2),
        6: np.rot90(stored, -1),
        7: np.rot90(stored[:, ::-1], -1),
    }[orientation]
    photo = read_photo(path)
    assert near(photo.image, expected)
    assert (photo.width, photo.height) == expected.shape[1::-1]
    if kind != "tif":  # into which Pillow writes none
        assert photo.focal_px == pytest.approx(26 * np.hypot(100, 72) / DIAGONAL_MM)


@pytest.mark.parametrize(("largest_px", "scale"), [(7200, 1), (7199, 2), (1800, 2), (1799, 4)])
def test_a_jpeg_too_large_for_memory_is_read_smaller_and_says_its_own_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, largest_px: int, scale: int
) -> None:
    path = tmp_path / "photo.jpg"
    Image.fromarray(corners(100, 72)).save(path, exif=exif_of(6), quality=95)
    monkeypatch.setattr(photo_module, "LARGEST_PX", largest_px)
    photo = read_photo(path)
    assert (photo.width, photo.height) == (72, 100)
    assert photo.image.shape == (100 // scale, 72 // scale, 3)
    assert near(photo.image, np.rot90(corners(100 // scale, 72 // scale), -1))
    assert photo.focal_px == pytest.approx(26 * np.hypot(100, 72) / DIAGONAL_MM)


@pytest.mark.slow
def test_a_photo_of_108_megapixels_is_read(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    Image.new("L", (12000, 9000), 120).save(path)
    photo = read_photo(path)
    assert (photo.width, photo.height) == (12000, 9000)
    assert photo.image.shape == (4500, 6000, 3)
    assert (photo.image == 120).all()


def png_header(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    end = struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + end + b"\0\0\0\0IDAT"


@pytest.mark.parametrize("size", [(9500, 9500), (16320, 12240), (2**31 - 1, 2**31 - 1)])
def test_other_formats_are_refused_before_they_take_the_memory(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(png_header(*size))
    with pytest.raises(InputError, match=r"too large a picture|megapixels"):
        read_photo(path)


def test_a_large_progressive_jpeg_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "photo.jpg"
    Image.fromarray(corners(100, 72)).save(path, progressive=True)
    monkeypatch.setattr(photo_module, "LARGEST_PX", 1700)
    with pytest.raises(InputError, match=r"got 0 megapixels.*not progressive"):
        read_photo(path)


def test_a_damaged_picture_is_refused_also_if_its_exif_data_are_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(path)
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 40] = bytes(40)
    path.write_bytes(raw)
    with pytest.raises(InputError, match="damaged or not a picture"):
        read_photo(path)


@pytest.mark.parametrize("suffix", [".heic", ".avif"])
@pytest.mark.parametrize("keep", [0.2, 0.6])
def test_half_a_phone_photo_is_refused_in_one_line(
    tmp_path: Path, suffix: str, keep: float
) -> None:
    path = tmp_path / f"photo{suffix}"
    write_heif(path, corners(100, 72))
    raw = path.read_bytes()
    path.write_bytes(raw[: int(keep * len(raw))])
    with pytest.raises(InputError, match="damaged or not a picture") as error:
        open_media(path)
    assert "\n" not in str(error.value)


def test_tags_of_a_wrong_type_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "photo.tif"
    Image.new("RGB", (8, 8)).save(path)
    raw = path.read_bytes()
    entry = raw.index(struct.pack("<HHI", 273, 4, 1))  # StripOffsets, one LONG: as one FLOAT
    path.write_bytes(raw[: entry + 2] + struct.pack("<H", 11) + raw[entry + 4 :])
    with pytest.raises(InputError, match="damaged or not a picture"):
        read_photo(path)


def test_several_pages_or_views_are_one_photo(tmp_path: Path) -> None:
    pages = [Image.fromarray(corners(40, 24)), Image.new("RGB", (40, 24))]
    for name in ("pages.tif", "views.mpo"):
        path = tmp_path / name
        pages[0].save(path, save_all=True, append_images=pages[1:], quality=95)
        assert not is_moving(path)
        assert near(read_photo(path).image, corners(40, 24))


@pytest.mark.parametrize("mode", ["F", "I", "I;16", "RGBA", "L"])
def test_tall_pictures_are_converted_alike_in_all_their_rows(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "photo.tif"
    grey = np.repeat(np.arange(600, dtype=np.float64)[:, None] / 600 * 255, 4, axis=1)
    stored = {
        "F": grey.astype(np.float32),
        "I": (grey * 257).astype(np.int32),
        "I;16": (grey * 257).astype(np.uint16),
        "RGBA": np.dstack([grey, grey, grey, np.full_like(grey, 255)]).astype(np.uint8),
        "L": grey.astype(np.uint8),
    }[mode]
    Image.fromarray(stored).save(path)
    photo: Photo = read_photo(path)
    assert np.abs(photo.image[:, 0, 0] - grey[:, 0]).max() <= 1


@pytest.mark.parametrize("kind", ["webp", "heic"])
def test_formats_whose_decoders_take_more_are_refused_sooner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = tmp_path / f"photo.{kind}"
    if kind == "webp":
        Image.fromarray(corners(100, 72)).save(path)
    else:
        write_heif(path, corners(100, 72))
    assert read_photo(path).width == 100
    monkeypatch.setitem(photo_module.LARGEST_PX_OF, kind.upper().replace("HEIC", "HEIF"), 7199)
    with pytest.raises(InputError, match="megapixels"):
        read_photo(path)
