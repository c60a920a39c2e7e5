"""Cameras: where a point of the world appears in an image, and back; crops and resized images too.

Lens models live in `lens.py`; drawing and choosing viewpoints belong to the studio.

Conventions: world and camera coordinates in mm; camera axes are x right, y down, z forward.
Pixel coordinates are continuous: pixel (row i, column j) covers [j, j + 1) x [i, i + 1), so its
centre is (j + 0.5, i + 0.5) and the image spans [0, width] x [0, height]. OpenCV calibrations put
the centre of the first pixel at (0, 0): add 0.5 to their principal point.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from overpose.lens import LENS_SIZES, distort, undistort
from overpose.support.checks import check_array
from overpose.support.errors import InputError

_FIELDS = (
    "focal_px", "center_px", "rotation", "translation_mm", "width", "height", "distortion", "model",
)  # fmt: skip
_SHAPES = {"focal_px": (2,), "center_px": (2,), "rotation": (3, 3), "translation_mm": (3,)}
_ORTHONORMAL_TOLERANCE = 1e-5


@dataclass(frozen=True, eq=False)
class Camera:
    """A calibrated camera; arrays are float64, copied and read-only.

    Attributes:
        focal_px: (2,) focal lengths along x and y, pixels.
        center_px: (2,) principal point, pixels.
        rotation: (3, 3) world to camera, orthonormal with determinant 1.
        translation_mm: (3,) millimetres; x_camera = rotation @ x_world + translation_mm.
        width: image width, pixels.
        height: image height, pixels.
        distortion: (k1, k2, p1, p2[, k3[, k4, k5, k6[, s1, s2, s3, s4]]]), OpenCV's order, for
            both distorting models; empty for none. "human36m" takes 4 or 5 of them.
        model: "pinhole", "opencv" or "human36m" (see `lens.distort`).

    Raises:
        InputError: a value is not finite, has the wrong shape or does not make a camera.
    """

    focal_px: np.ndarray
    center_px: np.ndarray
    rotation: np.ndarray
    translation_mm: np.ndarray
    width: int
    height: int
    distortion: tuple[float, ...] = ()
    model: str = "pinhole"

    def __post_init__(self) -> None:
        for name, shape in _SHAPES.items():
            object.__setattr__(self, name, _numbers(name, getattr(self, name), shape))
        if not (self.focal_px > 0).all():
            raise InputError(f"focal_px: got {self.focal_px.tolist()}, expected positive numbers")
        check_rotation("rotation", self.rotation)
        for name in ("width", "height"):
            object.__setattr__(self, name, _size(name, getattr(self, name)))
        if not isinstance(self.model, str) or self.model not in LENS_SIZES:
            raise InputError(f"model: got {self.model!r}, expected one of {', '.join(LENS_SIZES)}")
        coefficients = _numbers("distortion", self.distortion, (None,))
        if len(coefficients) not in LENS_SIZES[self.model]:
            raise InputError(
                f"distortion: got {len(coefficients)} coefficients, expected "
                f"{' or '.join(map(str, LENS_SIZES[self.model]))} for model {self.model!r}"
            )
        object.__setattr__(self, "distortion", tuple(coefficients.tolist()))

    @property
    def position_mm(self) -> np.ndarray:
        """(3,) the camera's centre in the world, millimetres."""
        return -self.rotation.T @ self.translation_mm

    def to_camera_mm(self, points_world_mm: np.ndarray) -> np.ndarray:
        """World (..., 3) to camera (..., 3) coordinates, millimetres, float64."""
        check_array("points_world_mm", points_world_mm, ("...", 3))
        return points_world_mm.astype(np.float64) @ self.rotation.T + self.translation_mm

    def to_world_mm(self, points_camera_mm: np.ndarray) -> np.ndarray:
        """Camera (..., 3) to world (..., 3) coordinates, millimetres, float64."""
        check_array("points_camera_mm", points_camera_mm, ("...", 3))
        return (points_camera_mm.astype(np.float64) - self.translation_mm) @ self.rotation

    def project(self, points_world_mm: np.ndarray) -> np.ndarray:
        """Pixels (..., 2), float64, where world points (..., 3) in millimetres appear.

        Points at or behind the camera's plane (z <= 0) give NaN; points outside the image give
        coordinates outside it.

        Raises:
            InputError: the points are not a floating array (..., 3).
        """
        return self.project_camera(self.to_camera_mm(points_world_mm))

    def project_camera(self, points_camera_mm: np.ndarray) -> np.ndarray:
        """Pixels (..., 2) of points (..., 3) in camera coordinates; otherwise as `project`."""
        check_array("points_camera_mm", points_camera_mm, ("...", 3))
        points = points_camera_mm.astype(np.float64)
        depth = np.where(points[..., 2:] > 0, points[..., 2:], np.nan)
        slopes = distort(points[..., :2] / depth, self.model, self.distortion)
        return slopes * self.focal_px + self.center_px

    def unproject(self, points_px: np.ndarray, depth_mm: np.ndarray | float) -> np.ndarray:
        """World points (..., 3), millimetres, that appear at pixels and lie at depths.

        The inverse of `project` wherever the lens model is one to one; pixels that no point in
        front of the lens reaches give NaN.

        Args:
            points_px: (..., 2) pixels.
            depth_mm: (...) or a number: camera z, millimetres (not the distance along the ray).

        Raises:
            InputError: wrong shape or dtype.
        """
        return self.to_world_mm(self.unproject_camera(points_px, depth_mm))

    def unproject_camera(self, points_px: np.ndarray, depth_mm: np.ndarray | float) -> np.ndarray:
        """As `unproject`, in camera coordinates (..., 3), millimetres."""
        check_array("points_px", points_px, ("...", 2))
        depth = _broadcast_depth(depth_mm, points_px.shape[:-1])
        slopes = (points_px.astype(np.float64) - self.center_px) / self.focal_px
        slopes = undistort(slopes, self.model, self.distortion)
        return np.concatenate([slopes * depth, depth], axis=-1)

    def crop(self, x0: float, y0: float, width: int, height: int) -> "Camera":
        """The camera of the image cut out at (x0, y0), pixels; the cut may leave the image."""
        corner = _numbers("crop corner", (x0, y0), (2,))
        return replace(self, center_px=self.center_px - corner, width=width, height=height)

    def resize(self, width: int, height: int) -> "Camera":
        """The camera of the whole image resized to (width, height) pixels."""
        size = np.array([_size("width", width), _size("height", height)], dtype=np.float64)
        scale = size / (self.width, self.height)
        return replace(
            self,
            focal_px=self.focal_px * scale,
            center_px=self.center_px * scale,
            width=width,
            height=height,
        )

    @classmethod
    def look_at(
        cls,
        position_mm: ArrayLike,
        target_mm: ArrayLike,
        focal_px: ArrayLike,
        width: int,
        height: int,
        up: ArrayLike = (0.0, 0.0, 1.0),
    ) -> "Camera":
        """A pinhole camera at `position_mm` with `target_mm` in the middle of its image.

        Args:
            position_mm: (3,) the camera's centre, world, millimetres.
            target_mm: (3,) the point looked at, world, millimetres.
            focal_px: focal length, pixels, or one for x and one for y.
            width: image width, pixels.
            height: image height, pixels.
            up: (3,) world direction that points up in the image.

        Raises:
            InputError: position and target coincide, or the view is parallel to `up`.
        """
        position = _numbers("position_mm", position_mm, (3,))
        forward = _numbers("target_mm", target_mm, (3,)) - position
        distance = np.linalg.norm(forward)
        if not distance > 0:
            raise InputError(f"look_at: position and target are both {position.tolist()}")
        forward /= distance
        upward = _numbers("up", up, (3,))
        right = np.cross(forward, upward)
        breadth = np.linalg.norm(right)
        if not breadth > 1e-9 * np.linalg.norm(upward):
            raise InputError("look_at: the view is parallel to `up`; give another `up`")
        right /= breadth
        rotation = np.stack([right, np.cross(forward, right), forward])
        focal = np.asarray(focal_px)
        return cls(
            focal_px=np.repeat(focal, 2) if focal.ndim == 0 else focal,
            center_px=np.array([_size("width", width) / 2, _size("height", height) / 2]),
            rotation=rotation,
            translation_mm=-rotation @ position,
            width=width,
            height=height,
        )

    @classmethod
    def from_human36m(
        cls,
        rotation: ArrayLike,
        position_mm: ArrayLike,
        focal_px: ArrayLike,
        center_px: ArrayLike,
        radial: ArrayLike,
        tangential: ArrayLike,
        width: int,
        height: int,
    ) -> "Camera":
        """A camera from Human3.6M's own parameters R, T, f, c, k, p, in the dataset's order.

        Args:
            rotation: (3, 3) R, world to camera.
            position_mm: (3,) T, the camera's centre: x_camera = R (x_world - T).
            focal_px: (2,) f.
            center_px: (2,) c; the dataset counts pixels from 1, so 0.5 is taken off.
            radial: (3,) k = (k1, k2, k3).
            tangential: (2,) p = (p1, p2).
            width: image width, pixels.
            height: image height, pixels.
        """
        k1, k2, k3 = _numbers("radial", radial, (3,)).tolist()
        p1, p2 = _numbers("tangential", tangential, (2,)).tolist()
        matrix = _numbers("rotation", rotation, (3, 3))
        return cls(
            focal_px=np.asarray(focal_px),
            center_px=_numbers("center_px", center_px, (2,)) - 0.5,
            rotation=matrix,
            translation_mm=-matrix @ _numbers("position_mm", position_mm, (3,)),
            width=width,
            height=height,
            distortion=(k1, k2, p1, p2, k3),
            model="human36m",
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain numbers and lists, fit for JSON; `from_dict` is the way back."""
        return {
            "focal_px": self.focal_px.tolist(),
            "center_px": self.center_px.tolist(),
            "rotation": self.rotation.tolist(),
            "translation_mm": self.translation_mm.tolist(),
            "width": self.width,
            "height": self.height,
            "distortion": list(self.distortion),
            "model": self.model,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Camera":
        """The camera that `to_dict` described.

        Raises:
            InputError: a key is missing or unknown, or a value does not make a camera.
        """
        if not isinstance(values, Mapping) or set(values) != set(_FIELDS):
            got = sorted(map(str, values)) if isinstance(values, Mapping) else type(values).__name__
            raise InputError(f"camera: got {got}, expected the keys {', '.join(_FIELDS)}")
        arrays = {name: _numbers(name, values[name], shape) for name, shape in _SHAPES.items()}
        distortion = tuple(_numbers("distortion", values["distortion"], (None,)).tolist())
        return cls(**{**values, **arrays, "distortion": distortion})


def check_rotation(name: str, matrix: np.ndarray) -> None:
    """Refuse a (3, 3) matrix that is not a rotation.

    Raises:
        InputError: the matrix is not orthonormal or its determinant is not 1.
    """
    deviation = float(np.abs(matrix @ matrix.T - np.eye(3)).max())
    determinant = float(np.linalg.det(matrix))
    if deviation > _ORTHONORMAL_TOLERANCE or determinant < 0:
        raise InputError(
            f"{name}: got a matrix with determinant {determinant:.6g} that is "
            f"{deviation:.3g} away from orthonormal, expected a rotation (determinant 1)"
        )


def _numbers(name: str, value: object, shape: tuple[int | None, ...]) -> np.ndarray:
    """A read-only float64 copy of an array-like of finite numbers; None stands for any size."""
    expected = "(" + ", ".join("n" if size is None else str(size) for size in shape) + ")"
    try:
        array = np.asarray(value)
    except ValueError:
        raise InputError(
            f"{name}: got ragged lists, expected numbers of shape {expected}"
        ) from None
    if array.size and array.dtype.kind not in "fiu":
        raise InputError(f"{name}: got dtype {array.dtype}, expected numbers of shape {expected}")
    fits = array.ndim == len(shape) and all(
        size in (None, got) for size, got in zip(shape, array.shape, strict=True)
    )
    if not fits:
        raise InputError(f"{name}: got shape {array.shape}, expected {expected}")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise InputError(f"{name}: got {array.tolist()}, expected finite numbers")
    array.flags.writeable = False
    return array


def _size(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value <= 0:
        raise InputError(f"{name}: got {value!r}, expected a positive whole number of pixels")
    return int(value)


def _broadcast_depth(depth_mm: object, shape: tuple[int, ...]) -> np.ndarray:
    depth = np.asarray(depth_mm)
    if depth.dtype.kind not in "fiu":
        raise InputError(f"depth_mm: got dtype {depth.dtype}, expected numbers")
    if depth.ndim and depth.shape != shape:
        raise InputError(f"depth_mm: got shape {depth.shape}, expected {shape} or one number")
    return np.broadcast_to(depth.astype(np.float64), shape)[..., None]


def turned(points: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Points (frames, …, 3) turned by a rotation (3, 3) for each frame; their dtype stays."""
    flat = points.reshape(len(points), -1, 3)
    return (flat @ rotations.swapaxes(1, 2)).reshape(points.shape).astype(points.dtype)


def degrees_turned(rotations: np.ndarray) -> np.ndarray:
    """(n,) by how much rotations (n, 3, 3) turn, about whatever axis."""
    cosines = (np.trace(rotations, axis1=1, axis2=2) - 1) / 2
    return np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0)))
