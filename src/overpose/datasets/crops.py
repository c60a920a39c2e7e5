"""Square crops of whole images as a dataset stores them: cut out and encoded.

Where to cut is up to the caller; how samples lie on disk, to `layout`.
"""

import cv2
import numpy as np

from overpose.boxes import cut_out

LARGEST_CROP = 4096
"""Height and width of the largest crops that converters make, px."""
_JPEG_QUALITY = 95


def encoded_crop(image: np.ndarray, box: tuple[int, int, int], size: int) -> bytes:
    """The crop of an RGB image (height, width, 3) uint8 as JPEG."""
    bgr = cv2.cvtColor(cut_out(image, box, size), cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()


def encoded_mask(mask: np.ndarray, box: tuple[int, int, int], size: int) -> bytes:
    """The crop of a mask (height, width) bool as PNG of two values."""
    small = cut_out(mask.astype(np.uint8) * 255, box, size, cv2.BORDER_CONSTANT)
    small = (small > 127).astype(np.uint8) * 255
    return cv2.imencode(".png", small, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes()
