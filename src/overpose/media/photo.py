"""Photos: any common picture file as an upright RGB image, and its focal length.

Videos belong to `media`.
"""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from overpose.support.errors import InputError

_START = {
    b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\x00", b"MM\x00*", b"GIF87a", b"GIF89a",
}  # fmt: skip
_FOCAL_35MM, _EXIF = 0xA405, 0x8769
_FILM_DIAGONAL_MM = 43.27
"""Diagonal of 35 mm film, 36 x 24 mm."""


def is_photo(path: Path) -> bool:
    """Whether a file starts like a picture (JPEG, PNG, BMP, TIFF, GIF, WebP)."""
    try:
        with path.open("rb") as file:
            start = file.read(12)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    webp = start[:4] == b"RIFF" and start[8:12] == b"WEBP"
    return webp or any(start.startswith(magic) for magic in _START)


def read_photo(path: Path) -> tuple[np.ndarray, float | None]:
    """Read a picture; of an animation the first frame.

    Turned upright as EXIF says; transparent parts white; CMYK, grey, palette and 16-bit converted.

    Returns:
        (height, width, 3) uint8 RGB, and the focal length in pixels if EXIF has that for 35 mm film
        (times the picture's diagonal over the film's), else None.

    Raises:
        InputError: the file is damaged, not a picture, or has more pixels than Pillow takes for
            sane.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                focal_35mm = opened.getexif().get_ifd(_EXIF).get(_FOCAL_35MM)
                upright = ImageOps.exif_transpose(opened)
                upright.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"{path}: too large a picture ({error})") from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise InputError(f"{path}: damaged or not a picture ({error})") from None
    image = _to_rgb(upright)
    focal_px = None
    if isinstance(focal_35mm, int | float) and focal_35mm > 0:
        diagonal = float(np.hypot(*image.shape[:2]))
        focal_px = float(focal_35mm) * diagonal / _FILM_DIAGONAL_MM
    return image, focal_px


def _to_rgb(picture: Image.Image) -> np.ndarray:
    if picture.mode.startswith("I") or picture.mode == "F":  # 16 or 32 bits of grey
        values = np.asarray(picture, dtype=np.float64)
        if picture.mode != "F" or values.max(initial=0.0) > 255:
            values = values / 257.0
        grey = np.clip(np.rint(values), 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if "A" in picture.getbands() or "transparency" in picture.info:
        coloured = picture.convert("RGBA")
        white = Image.new("RGBA", coloured.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, coloured)
    return np.array(picture.convert("RGB"))
