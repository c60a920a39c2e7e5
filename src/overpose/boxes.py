"""The crop box of the paper, the crop itself, and the visibility of 2D joints.

Drawing is `frame`'s part, and how crops lie on disk that of `datasets.crops`.
"""

import cv2
import numpy as np

from overpose.camera import Camera
from overpose.skeleton import HUMAN36M
from overpose.support.checks import check_array
from overpose.support.errors import InputError

_JOINTS = len(HUMAN36M)
_LARGEST_WARP = 16_384
"""Height and width of the largest image that is made on the way to a crop, px."""


def _per_joint(default: float, exceptions: dict[str, float]) -> np.ndarray:
    values = np.full(_JOINTS, default)
    for name, value in exceptions.items():
        values[HUMAN36M.index(name)] = value
    return values


BOX_RADIUS_MM = _per_joint(115.0, {"nose": 140.0, "head_top": 140.0, "spine": 260.0, "neck": 260.0})
"""(17,) radius of the sphere about each joint that must be in the box (Li and Chan 2014), mm."""

LIMB_RADIUS_MM = _per_joint(
    110.0,
    {
        "pelvis": 230.0, "spine": 230.0, "neck": 160.0, "nose": 150.0, "head_top": 150.0,
        "right_hip": 170.0, "left_hip": 170.0, "right_shoulder": 130.0, "left_shoulder": 130.0,
        "right_elbow": 85.0, "left_elbow": 85.0, "right_wrist": 75.0, "left_wrist": 75.0,
    },
)  # fmt: skip
"""(17,) how far behind its own skin, clothes included, a joint may lie, mm."""


def _sphere_points() -> np.ndarray:
    """(14, 3) the axes' ends and the diagonals, which lie at 1.22 of the radius.

    The official code has sqrt(2) / 2 for each of a diagonal's three coordinates, as of two.
    """
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    return np.concatenate([axes, corners * np.sqrt(0.5)])


_SPHERE = _sphere_points()


def paper_box(joints_world_mm: np.ndarray, camera: Camera) -> tuple[int, int, int]:
    """The square crop around a person: left, top and side, px, for `Camera.crop`.

    As `sphere_box` about the 17 joints, with `BOX_RADIUS_MM` (Li and Chan 2014).

    Args:
        joints_world_mm: (17, 3) in the order of `HUMAN36M`.
        camera: of the whole image.

    Raises:
        InputError: wrong shape or dtype, NaN, or no part of the person inside the image.
    """
    check_array("joints_world_mm", joints_world_mm, (_JOINTS, 3), finite=True)
    return sphere_box(joints_world_mm, BOX_RADIUS_MM, camera)


def sphere_box(
    joints_world_mm: np.ndarray, radius_mm: np.ndarray, camera: Camera
) -> tuple[int, int, int]:
    """The square crop around spheres: left, top and side, px, for `Camera.crop`.

    14 points about each joint are projected: the ends of a sphere's 6 axes and 8 diagonals at 1.22
    of its radius, as in the official code. Their bounding rectangle is clipped to the image,
    rounded outwards to whole pixels, and its shorter side enlarged about the same centre (Li and
    Chan 2014). The square may leave the image where the rectangle touches its border: a virtual
    camera simply sees the world there; a real one needs padding.

    Args:
        joints_world_mm: (joints, 3), of any skeleton.
        radius_mm: (joints,) of the sphere about each, mm.
        camera: of the whole image.

    Raises:
        InputError: wrong shape or dtype, NaN, or no part of the person inside the image.
    """
    check_array("joints_world_mm", joints_world_mm, (len(radius_mm), 3), finite=True)
    spheres = joints_world_mm[:, None] + radius_mm[:, None, None] * _SPHERE
    points = camera.project(spheres).reshape(-1, 2)
    in_front = np.isfinite(points).all(axis=1)
    points = points[in_front]
    size = np.array([camera.width, camera.height])
    if len(points) == 0 or (points.max(axis=0) <= 0).any() or (points.min(axis=0) >= size).any():
        raise InputError(
            f"paper_box: the person at {joints_world_mm[0].round().tolist()} mm is outside the "
            f"camera's {camera.width} x {camera.height} image; move the camera or leave it out"
        )
    low = np.floor(np.clip(points.min(axis=0), 0, size)).astype(int)
    high = np.ceil(np.clip(points.max(axis=0), 0, size)).astype(int)
    side = int((high - low).max())
    left, top = (int(value) for value in (low + high - side) // 2)
    return left, top, side


def cut_out(
    image: np.ndarray,
    square: tuple[float, float, float],
    size: int,
    border: int = cv2.BORDER_REPLICATE,
) -> np.ndarray:
    """A square of an image, resized: what image networks are shown, in training and in use.

    Args:
        image: (height, width) or (height, width, 3) uint8.
        square: left, top and side, px; it may leave the image.
        size: height and width of the result, px.
        border: of OpenCV: beyond the border the image goes on as it ends there; a mask has nothing
            there (`cv2.BORDER_CONSTANT`).

    Returns:
        (size, size) or (size, size, 3) uint8.
    """
    left, top, side = square
    finer = max(1, min(round(side / size), _LARGEST_WARP // size))  # all pixels count
    step = side / (size * finer)
    cut = warped(image, np.array([[step, 0.0, left], [0.0, step, top]]), size * finer, border)
    return cv2.resize(cut, (size, size), interpolation=cv2.INTER_AREA)


def warped(
    image: np.ndarray,
    to_image: np.ndarray,
    size: int,
    border: int = cv2.BORDER_CONSTANT,
    border_value: float = 0,
) -> np.ndarray:
    """(size, size, …) uint8: what an affine map (2, 3) from pixels of the result to those of the
    image reaches; the corner of the first pixel is (0, 0) in both. OpenCV counts from its middle.
    Beyond a constant border everything is `border_value`.
    """
    matrix = to_image.copy()
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(
        image, matrix, (size, size), flags=flags, borderMode=border, borderValue=border_value
    )


def beyond_border(points_px: np.ndarray, width: int, height: int) -> np.ndarray:
    """(...) bool: which points (..., 2) lie outside a picture; NaN is nowhere, and not outside."""
    outside = (points_px < 0) | (points_px > (width, height))
    return np.asarray(outside.any(axis=-1))


def joint_visibility(
    joints_world_mm: np.ndarray, depth_mm: np.ndarray, camera: Camera
) -> np.ndarray:
    """Which joints can be seen: inside the image, and no surface far in front of them.

    A joint lies inside its limb: surfaces up to `LIMB_RADIUS_MM` nearer to the camera are its own.

    Args:
        joints_world_mm: (17, 3) in the order of `HUMAN36M`.
        depth_mm: (height, width) float32, camera z of the nearest surface, infinite where there
            is none; see `frame.render_layers`.
        camera: of the image that `depth_mm` belongs to.

    Returns:
        (17,) bool.

    Raises:
        InputError: wrong shape or dtype, or NaN joints.
    """
    check_array("joints_world_mm", joints_world_mm, (_JOINTS, 3), finite=True)
    check_array("depth_mm", depth_mm, (camera.height, camera.width))
    depth = camera.to_camera_mm(joints_world_mm)[:, 2]
    points = np.floor(np.nan_to_num(camera.project(joints_world_mm), nan=-1.0))
    column, row = points[:, 0], points[:, 1]
    inside = (column >= 0) & (row >= 0) & (column < camera.width) & (row < camera.height)
    columns, rows = np.where(inside, column, 0).astype(int), np.where(inside, row, 0).astype(int)
    return inside & (depth > 0) & (depth_mm[rows, columns] > depth - LIMB_RADIUS_MM)
