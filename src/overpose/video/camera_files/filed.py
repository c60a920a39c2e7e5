"""What a file says of a camera, and the `Camera` of a video that it makes.

Reading each format belongs to the modules beside; pixel coordinates here are OpenCV's, which puts
the middle of the first pixel at (0, 0), where `has_corner_origin` does not say otherwise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from overpose.camera import Camera
from overpose.support.errors import InputError
from overpose.support.progress import say

SAME_SHAPE = 0.015
"""By how much the ratio of the sides may differ: some recorders leave out columns at the edges."""
FARTHEST_M = 100.0
"""Cameras that would stand farther from the origin, in metres, are placed in millimetres."""
_ALIKE_FOCAL = 0.05


@dataclass(frozen=True, eq=False)
class FiledCamera:
    """One camera of a file, as it is written there.

    Attributes:
        name: what the file calls it.
        matrix: (3, 3) intrinsics, pixels.
        distortion: OpenCV's coefficients, none for a pinhole.
        size: width and height it was measured at, pixels; None where the file does not say.
        rotation: (3, 3) or Rodrigues' vector (3,), world to camera; None where it has no place.
        translation: (3,) of the world in the camera.
        unit_mm: of the translation; None where the file does not know its scale.
        is_fisheye: whether the distortion is OpenCV's or another fisheye model.
        has_corner_origin: whether (0, 0) is the corner of the first pixel rather than its middle.
    """

    name: str
    matrix: object
    distortion: Sequence[float] = ()
    size: tuple[float, float] | None = None
    rotation: object = None
    translation: object = None
    unit_mm: float | None = 1000.0
    is_fisheye: bool = False
    has_corner_origin: bool = False


@dataclass(frozen=True)
class CameraFormat:
    """A kind of file.

    Attributes:
        title: what it is called in messages.
        endings: of the names of its files.
        read: the cameras of a file; may raise anything on what is none.
    """

    title: str
    endings: tuple[str, ...]
    read: Callable[[Path], list[FiledCamera]]


@dataclass(frozen=True, eq=False)
class MeasuredCamera:
    """A camera for a video of known size.

    Attributes:
        camera: at the size of the video; at the origin of the world where it has no place.
        is_placed: whether the file says how it stands in its world.
        is_metric: whether the place is in millimetres rather than in units that nobody knows.
    """

    camera: Camera
    is_placed: bool
    is_metric: bool


def measured(filed: FiledCamera, width: int, height: int) -> MeasuredCamera:
    """The camera for a video of this size, pixels: another size is scaled.

    Raises:
        InputError: the values are not a camera's, the shape of the picture is another, or the lens
            is a fisheye.
    """
    if filed.is_fisheye:
        raise InputError(
            f"camera {filed.name}: got a fisheye lens, whose pictures are not straightened here; "
            "undistort the video first and give the camera of the result"
        )
    matrix = _array("matrix", filed.matrix, (3, 3), filed.name)
    own = _size(filed, matrix, width, height)
    if abs(np.log(own[0] / own[1] * height / width)) > SAME_SHAPE:
        turned = abs(np.log(own[1] / own[0] * height / width)) <= SAME_SHAPE
        advice = "turn the video as the camera was" if turned else "give the camera of this video"
        raise InputError(
            f"camera {filed.name}: measured at {own[0]:g}x{own[1]:g} pixels, but the picture has "
            f"{width}x{height}, another shape; {advice}"
        )
    focal = np.array([matrix[0, 0], matrix[1, 1]])
    if not ((focal > 0).all() and abs(np.log(focal[0] / focal[1])) < _ALIKE_FOCAL):
        raise InputError(
            f"camera {filed.name}: got focal lengths {focal.tolist()} px, expected two positive "
            "ones that are nearly alike"
        )
    scale = max(width, height) / max(own)
    center = matrix[:2, 2] + (0.0 if filed.has_corner_origin else 0.5)
    center = (center - np.array(own) / 2) * scale + np.array([width, height]) / 2
    rotation, translation, is_metric = _place(filed)
    try:
        camera = Camera(
            focal * scale, center, rotation, translation, width, height,
            tuple(float(value) for value in filed.distortion),
            "opencv" if len(filed.distortion) else "pinhole",
        )  # fmt: skip
    except (InputError, TypeError, ValueError) as error:
        raise InputError(f"camera {filed.name}: {error}") from None
    return MeasuredCamera(camera, filed.rotation is not None, is_metric)


def _size(filed: FiledCamera, matrix: np.ndarray, width: int, height: int) -> tuple[float, float]:
    if filed.size is not None:
        own = _array("size", filed.size, (2,), filed.name)
        if not (own > 0).all():
            raise InputError(f"camera {filed.name}: got size {own.tolist()}, expected positive px")
        return float(own[0]), float(own[1])
    off = np.abs(matrix[:2, 2] / (width, height) - 0.5)
    if not (off < 0.15).all():
        raise InputError(
            f"camera {filed.name}: its principal point {matrix[:2, 2].tolist()} is not near the "
            f"middle of the picture, {width}x{height} pixels, and the file does not say what size "
            "it was measured at; add image_width and image_height to it"
        )
    return width, height


def _place(filed: FiledCamera) -> tuple[np.ndarray, np.ndarray, bool]:
    """Rotation, translation in mm, and whether its scale is known."""
    if filed.rotation is None:
        return np.eye(3), np.zeros(3), False
    given = np.squeeze(_array("rotation", filed.rotation, None, filed.name))
    if given.shape == (3,):
        from scipy.spatial.transform import Rotation

        rotation = Rotation.from_rotvec(given).as_matrix()
    elif given.shape == (3, 3):
        rotation = _orthonormal(given, filed.name)
    else:
        raise InputError(
            f"camera {filed.name}: got a rotation of shape {given.shape}, expected (3, 3) or "
            "Rodrigues' vector (3,)"
        )
    moved = np.zeros(3) if filed.translation is None else filed.translation
    translation = _array("translation", moved, None, filed.name)
    if translation.shape not in ((3,), (3, 1), (1, 3)):
        raise InputError(
            f"camera {filed.name}: translation has shape {translation.shape}, expected (3,)"
        )
    translation = translation.ravel()
    unit = filed.unit_mm
    if unit == 1000.0 and np.linalg.norm(translation) > FARTHEST_M:
        say(f"camera {filed.name}: placed {np.linalg.norm(translation):.0f} away; taken as mm")
        unit = 1.0
    is_metric = unit is not None and filed.translation is not None
    return rotation, translation * (unit or 1.0), is_metric


def _orthonormal(matrix: np.ndarray, name: str) -> np.ndarray:
    """The rotation nearest to one that was rounded when it was written."""
    left, sizes, right = np.linalg.svd(matrix)
    if np.abs(sizes - 1).max() > 1e-2 or np.linalg.det(matrix) < 0:
        raise InputError(
            f"camera {name}: got a rotation with determinant {np.linalg.det(matrix):.3g} and "
            f"axes of lengths {', '.join(f'{s:.3g}' for s in sizes)}, expected a rotation matrix"
        )
    return left @ right


def _array(what: str, value: object, shape: tuple[int, ...] | None, name: str) -> np.ndarray:
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"camera {name}: {what} is no array of numbers") from None
    if shape is not None and array.shape != shape:
        raise InputError(f"camera {name}: {what} has shape {array.shape}, expected {shape}")
    if not np.isfinite(array).all():
        raise InputError(f"camera {name}: {what} holds NaN or infinity, expected numbers")
    return array
