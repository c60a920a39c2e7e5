"""Photos: any common picture file as an upright RGB image, and its focal length.

Pictures that move belong to `animation`, videos to `container`.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from overpose.media.focal_tags import focal_px_of_35mm, is_of_this_picture
from overpose.media.upright import at_size, turn_of_exif, turned
from overpose.support.errors import InputError
from overpose.support.object_storage import as_file

LARGEST_PX = 89_000_000
"""Pixels of the largest picture that is held in memory, up to 0.8 GB with what decoding takes."""
LARGEST_PX_OF = {"WEBP": 65_000_000, "HEIF": 65_000_000}
"""Of formats whose decoders take more."""
_START = {
    b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\x00", b"MM\x00*", b"GIF87a", b"GIF89a",
}  # fmt: skip
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"mif1"}
_AVIF = {b"avif", b"avis"}
_MOVING = {"GIF", "PNG", "WEBP", "AVIF"}
"""Formats whose several pictures are one after the other in time; in others (MPO, TIFF) not."""
_ORIENTATION, _FOCAL_35MM, _EXIF = 0x0112, 0xA405, 0x8769
_TAKEN_SIZE = (0xA002, 0xA003)
_ROWS = 256
"""Rows that are converted at a time."""
_JPEG_SCALES = (1, 2, 4, 8)
"""By which JPEG can be made smaller while it is read."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A picture.

    Attributes:
        image: (height, width, 3) uint8 RGB, upright; of a photo too large for memory smaller.
        width: of the original upright, pixels.
        height: likewise.
        focal_px: focal length in pixels of the original if EXIF has that for 35 mm film (see
            `focal_tags`) and the picture still has the shape that was taken, else None.
    """

    image: np.ndarray
    width: int
    height: int
    focal_px: float | None


def is_picture(path: Path) -> bool:
    """Whether a file starts like a picture (JPEG, PNG, BMP, TIFF, GIF, WebP, HEIC, AVIF)."""
    start = _start(path)
    webp = start[:4] == b"RIFF" and start[8:12] == b"WEBP"
    return webp or bool(_brand(start)) or any(start.startswith(magic) for magic in _START)


def is_moving(path: Path) -> bool:
    """Whether a picture, by `is_picture`, is a GIF, PNG, WebP or AVIF of several frames."""
    with open_picture(path) as opened:
        return opened.format in _MOVING and bool(getattr(opened, "is_animated", False))


def is_photo(path: Path) -> bool:
    """Whether a file is a single picture."""
    return path.is_file() and is_picture(path) and not is_moving(path)


def read_photo(path: Path) -> Photo:
    """Read a picture.

    Turned upright as its file says; transparent parts white; CMYK, grey, palette and 16-bit
    converted. A JPEG of more than `LARGEST_PX` pixels is read at a half, a quarter or an eighth.

    Raises:
        InputError: the file is damaged, not a picture, or too large for memory.
    """
    with open_picture(path) as opened:
        width, height = opened.size
        make_fit(opened, path)
        if opened.format == "PNG":
            opened.load()  # whose EXIF data may come last: looking for them would hide damage
        focal_35mm, taken, _ = _from_exif(opened)
        opened.load()
        *_, orientation = _from_exif(opened)  # of TIFF, Pillow has turned it now
        image = at_size(turned(rgb_of(opened), turn_of_exif(orientation)), None)
    if (image.shape[0] < image.shape[1]) != (height < width):
        width, height = height, width
    focal_px = focal_px_of_35mm(focal_35mm, width, height)
    if not is_of_this_picture(taken, width, height):
        focal_px = None
    return Photo(image, width, height, focal_px)


@contextmanager
def open_picture(path: Path) -> Iterator[Image.Image]:
    """Open a picture with Pillow, undecoded; what goes wrong with it in the block is bad input.

    Raises:
        InputError: the file is damaged, or not a picture.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes and EXIF data: both are checked here
            with _opened(path) as opened:
                yield opened
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError(f"{path}: too large a picture ({error})") from None
    except Exception as error:  # readers of other people's formats raise whatever they meet
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{path}: damaged or not a picture ({reason})") from None


def _opened(path: Path) -> Image.Image:
    start = _start(path)
    if start.startswith(b"\xff\xd8\xff"):
        # `Image.open` refuses large ones before they are made smaller.
        return JpegImageFile(as_file(path))
    if _brand(start) == "HEIC":
        from pi_heif.as_plugin import HeifImageFile

        _require_whole(path)
        return HeifImageFile(as_file(path))
    return Image.open(as_file(path))


def _require_whole(path: Path) -> None:
    """Refuse an ISO file that ends inside one of its boxes: tiles that are missing come out black.

    Raises:
        InputError: it does.
    """
    size, place = path.stat().st_size, 0
    with path.open("rb") as file:
        while place < size:
            file.seek(place)
            start = file.read(16)
            length = int.from_bytes(start[:4], "big")
            if length == 1:  # the length of large boxes comes after their name
                length = int.from_bytes(start[8:], "big")
            place = size if length == 0 else place + max(length, 8)
    if place > size:
        raise InputError(f"{path}: damaged or not a picture (cut short)")


def make_fit(opened: Image.Image, path: Path) -> None:
    """See that a picture fits into memory, made smaller while it is read where that can be.

    Raises:
        InputError: it does not.
    """
    width, height = opened.size
    largest_px = min(LARGEST_PX, LARGEST_PX_OF.get(opened.format or "", LARGEST_PX))
    scales = (1,)
    if isinstance(opened, JpegImageFile):
        # A progressive one is held in memory at full size, coefficient by coefficient.
        scales = _JPEG_SCALES if not opened.info.get("progressive") else _JPEG_SCALES[:2]
        scale = next((n for n in scales if width * height <= n * n * LARGEST_PX), None)
        if scale is not None and scale > 1:
            opened.draft(None, (width // scale, height // scale))
    if opened.size[0] * opened.size[1] > largest_px:
        raise InputError(
            f"{path}: got {width * height / 1e6:.0f} megapixels, expected at most "
            f"{largest_px / 1e6:.0f} of this kind of file; make it smaller, or save it as a JPEG "
            "that is not progressive, which can be read at a smaller size"
        )


def _from_exif(opened: Image.Image) -> tuple[object, tuple[object, object], object]:
    """Focal length for 35 mm film, size of the picture taken, and orientation; None of what is not
    said, or damaged."""
    try:
        exif = opened.getexif()
        of_camera = exif.get_ifd(_EXIF)
        wide, high = (of_camera.get(tag) for tag in _TAKEN_SIZE)
        return of_camera.get(_FOCAL_35MM), (wide, high), exif.get(_ORIENTATION)
    except Exception:  # damaged EXIF data do not make the picture worse
        return None, (None, None), None


def rgb_of(picture: Image.Image) -> np.ndarray:
    """(height, width, 3) uint8 RGB of a decoded picture of any mode; transparent parts white."""
    width, height = picture.size
    image = np.empty((height, width, 3), np.uint8)
    bright = picture.mode == "F" and max(np.asarray(picture.getextrema(), float)) <= 255
    for top in range(0, height, _ROWS):  # the whole at once would take several times the memory
        bottom = min(height, top + _ROWS)
        rows = picture.crop((0, top, width, bottom))
        image[top:bottom] = _rgb_of_rows(rows, 1.0 if bright else 257.0)
    return image


def _rgb_of_rows(rows: Image.Image, full: float) -> np.ndarray:
    if rows.mode.startswith("I") or rows.mode == "F":  # 16 or 32 bits of grey
        values = np.asarray(rows, dtype=np.float32) / full
        grey = np.clip(np.rint(np.nan_to_num(values)), 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if rows.mode in ("RGBa", "La"):
        rows = rows.convert("RGBA" if rows.mode == "RGBa" else "LA")
    if "A" in rows.getbands() or "transparency" in rows.info:
        coloured = rows.convert("RGBA")
        white = Image.new("RGBA", coloured.size, (255, 255, 255, 255))
        rows = Image.alpha_composite(white, coloured)
    return np.asarray(rows.convert("RGB"))


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(64)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None


def _brand(start: bytes) -> str | None:
    """ "HEIC" or "AVIF" by the brands at the start of an ISO file; None for its other kinds."""
    if start[4:8] != b"ftyp":
        return None
    major, others = start[8:12], start[16 : int.from_bytes(start[:4], "big")]
    compatible = {others[at : at + 4] for at in range(0, len(others), 4)}
    if major in _AVIF or (major in _HEIC and compatible & _AVIF):
        return "AVIF"
    return "HEIC" if major in _HEIC else None
