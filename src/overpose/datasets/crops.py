"""Square crops of whole images as a dataset stores them: cut out, resized, encoded.

Where to cut is said by the caller; how samples lie on disk by `layout`.
"""

import cv2
import numpy as np

LARGEST_CROP = 4096
"""Height and width of the largest crops that converters make, px."""
_JPEG_QUALITY = 95
Box = tuple[int, int, int]
"""Left, top and side, px; it may leave the image."""


def cut_out(image: np.ndarray, box: Box, size: int) -> np.ndarray:
    """The square `box` of an image, resized to (size, size); black outside.

    Args:
        image: (height, width) or (height, width, 3) uint8.
        box: may leave the image.
        size: px.
    """
    left, top, side = box
    height, width = image.shape[:2]
    whole = np.zeros((side, side, *image.shape[2:]), dtype=np.uint8)
    rows = slice(max(top, 0), min(top + side, height))
    columns = slice(max(left, 0), min(left + side, width))
    if rows.start < rows.stop and columns.start < columns.stop:
        inside = image[rows, columns]
        row, column = rows.start - top, columns.start - left
        whole[row : row + inside.shape[0], column : column + inside.shape[1]] = inside
    way = cv2.INTER_AREA if side >= size else cv2.INTER_LINEAR
    return cv2.resize(whole, (size, size), interpolation=way)


def encoded_crop(image: np.ndarray, box: Box, size: int) -> bytes:
    """The crop of an RGB image (height, width, 3) uint8 as JPEG."""
    bgr = cv2.cvtColor(cut_out(image, box, size), cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()


def encoded_mask(mask: np.ndarray, box: Box, size: int) -> bytes:
    """The crop of a mask (height, width) bool as PNG of two values."""
    small = (cut_out(mask.astype(np.uint8) * 255, box, size) > 127).astype(np.uint8) * 255
    return cv2.imencode(".png", small, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes()
