"""Contact sheets: many samples of a dataset in one picture, to look at them with their labels."""

from pathlib import Path

import cv2
import numpy as np

from overpose.datasets.store import Dataset
from overpose.skeleton import HUMAN36M, side_and_part
from overpose.support.errors import InputError
from overpose.support.files import writing_file

SIDE_RGB = {"right": (255, 110, 60), "left": (70, 160, 255), "middle": (120, 230, 120)}
HIDDEN_PART = 0.45
"""How bright a joint that is not visible is drawn, of the brightness of one that is."""
_SHIFT = 4  # cv2 draws at 1/16 px


def contact_sheet(
    dataset: Dataset,
    rows: int,
    columns: int,
    with_joints: bool = True,
    *,
    scale: int = 2,
    gap_px: int = 4,
) -> np.ndarray:
    """Samples spread evenly over a dataset, row by row on a white sheet.

    Args:
        dataset: where from; a view made by `select` serves too.
        rows: of pictures.
        columns: of pictures.
        with_joints: whether the 17 joints and 16 limbs are drawn: the right side of the body
            orange, the left blue, the middle green, joints that are not visible darker.
        scale: how much each picture is enlarged.
        gap_px: white space between pictures, pixels of the sheet.

    Returns:
        (height, width, 3) uint8 RGB.

    Raises:
        InputError: the dataset has fewer samples than the sheet has places, or a number is below
            its least.
    """
    for name, value, least in (("rows", rows, 1), ("columns", columns, 1), ("scale", scale, 1)):
        if value < least:
            raise InputError(f"{name}: got {value}, expected at least {least}")
    count = rows * columns
    if len(dataset) < count:
        raise InputError(f"got {len(dataset)} samples, expected at least {rows} x {columns}")
    chosen = (2 * np.arange(count) + 1) * len(dataset) // (2 * count)
    side = dataset.info.image_size * scale
    step = side + gap_px
    sheet = np.full((rows * step - gap_px, columns * step - gap_px, 3), 255, dtype=np.uint8)
    for place, index in enumerate(chosen.tolist()):
        picture = cv2.resize(dataset.image(index), (side, side), interpolation=cv2.INTER_CUBIC)
        if with_joints:
            draw_joints(picture, dataset.keypoints_px[index] * (scale, scale, 1.0))
        top, left = place // columns * step, place % columns * step
        sheet[top : top + side, left : left + side] = picture
    return sheet


def write_contact_sheet(
    path: Path, dataset: Dataset, rows: int = 4, columns: int = 9, *, scale: int = 1
) -> None:
    """Write a sheet with joints, of fewer rows if the dataset has fewer samples.

    Raises:
        InputError: the file's ending is neither .png nor .jpg, or the dataset is empty.
    """
    if path.suffix.lower() not in (".png", ".jpg"):
        raise InputError(f"{path}: got ending {path.suffix!r}, expected .png or .jpg")
    columns = min(columns, max(1, len(dataset)))
    rows = min(rows, max(1, len(dataset) // columns))
    sheet = contact_sheet(dataset, rows, columns, scale=scale)
    encoded = cv2.imencode(path.suffix.lower(), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))[1]
    with writing_file(path) as temporary:
        temporary.write_bytes(encoded.tobytes())


def draw_joints(image: np.ndarray, keypoints_px: np.ndarray) -> None:
    """Draw a skeleton on an image, in place.

    Args:
        image: (height, width, 3) uint8 RGB.
        keypoints_px: (17, 3) x, y in pixels of the image, visibility 0 or 1; joints at NaN are left
            out.
    """
    unit = 1 << _SHIFT
    places: list[tuple[int, int] | None] = [
        (round((x - 0.5) * unit), round((y - 0.5) * unit)) if np.isfinite(x + y) else None
        for x, y in keypoints_px[:, :2].tolist()
    ]
    bright = [1.0 if visible > 0.5 else HIDDEN_PART for visible in keypoints_px[:, 2].tolist()]
    for start, end in HUMAN36M.limbs.tolist():
        first, last = places[start], places[end]
        if first is not None and last is not None:
            colour = _colour(end, min(bright[start], bright[end]))
            cv2.line(image, first, last, colour, 1, cv2.LINE_AA, _SHIFT)
    for joint, place in enumerate(places):
        if place is not None:
            colour = _colour(joint, bright[joint])
            cv2.circle(image, place, 2 * unit, colour, -1, cv2.LINE_AA, _SHIFT)


def _colour(joint: int, brightness: float) -> tuple[int, int, int]:
    rgb = SIDE_RGB[side_and_part(HUMAN36M.joint_names[joint])[0]]
    red, green, blue = (round(brightness * value) for value in rgb)
    return red, green, blue
