"""PoseTrack: what `predict` finds in a photo or a video, and its `.npz` file.

Finding the poses belongs to `video`, other file formats to export, and errors to `metrics`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from overpose.camera import Camera, check_rotation
from overpose.skeleton import FEET, HUMAN36M, Skeleton
from overpose.support.checks import check_array
from overpose.support.errors import InputError
from overpose.support.files import require_writable, writing_file
from overpose.support.npz import read_npz
from overpose.support.object_storage import path_of
from overpose.support.version import VERSION

_ARRAYS = ("poses_mm", "root_mm", "keypoints_px")
_OPTIONAL: Mapping[str, tuple[type[np.generic], tuple[str | int, ...]]] = MappingProxyType(
    {
        "person_score": (np.float32, ("people",)),
        "feet_mm": (np.float32, ("people", "frames", 4, 3)),
        "joint_error_mm": (np.float32, ("people", "frames", 17)),
        "foot_contact": (np.bool_, ("people", "frames", 2)),
        "camera_to_world": (np.float64, (4, 4)),
        "moving_camera_to_world": (np.float64, ("frames", 4, 4)),
        "principal_px": (np.float64, (2,)),
        "distortion": (np.float64, (5,)),
    }
)
"""Arrays that a track may lack, their types and shapes."""
_OPTIONAL_VALUES = ("focal_px_std", "camera_is_static", "world_is_estimated")
"""Single values that it may lack."""
MAX_FPS = 100_000.0
MIN_FPS = 1e-6
MAX_PIXELS = 1_000_000


@dataclass(frozen=True, eq=False)
class PoseTrack:
    """The people of one video through time. A photo is a video of one frame.

    Attributes:
        poses_mm: (people, frames, 17, 3) float32, camera axes (x right, y down, z forward),
            relative to the root; NaN where a person is not seen.
        root_mm: (people, frames, 3) float32, the pelvis in camera coordinates; NaN where not seen.
        keypoints_px: (people, frames, K, 3) float32: x, y, score; NaN where not seen.
        keypoint_names: K names.
        fps: frames a second, positive; 1 for a photo.
        width: width of the video, pixels.
        height: height of the video, pixels.
        focal_px: focal length, pixels; the principal point is the middle of the image, unless
            `principal_px` is there.
        focal_is_estimated: whether the focal length was guessed rather than given.
        model: name of the model that made the poses.
        joint_names: 17 names.
        parents: 17 indices, -1 for the root.
        overpose_version: version of this package that made the track.
        person_score: (people,) float32, 0 to 1, how much each looks like a real person (see
            `video.judging`); NaN where nobody judged. None in tracks that were not judged.
        feet_mm: (people, frames, 4, 3) float32, relative to the root like the poses; None where the
            lifter does not know feet.
        foot_names: what these points are, those of `skeleton.FEET`; None without them.
        joint_error_mm: (people, frames, 17) float32, how far from the truth each joint is expected
            to be, about the root, whose own is 0; None where the lifter does not know.
        focal_px_std: standard deviation of the focal length, pixels; None where it is exact.
        principal_px: (2,) float64, the principal point of a measured camera, pixels; else None.
        distortion: (5,) float64, its k1, k2, p1, p2, k3 in OpenCV's order; else None. Keypoints are
            pixels of the picture as it was taken; poses and roots are without distortion.
        camera_is_static: whether the camera stood still; None where nobody looked.
        camera_to_world: (4, 4) float64, from camera coordinates to the world's, mm: right-handed, y
            up, the floor at y = 0, the camera above the origin, its optical axis along -z on the
            floor. None where no world is known.
        moving_camera_to_world: (frames, 4, 4) float64, the same for every frame of a camera that
            turns in its place; the camera of the first frame is that above the origin. None of
            others.
        world_is_estimated: whether the world was estimated from the people rather than given.
        foot_contact: (people, frames, 2) bool, whether the left and the right foot stand on
            something; None where nobody looked.

    Raises:
        InputError: a value has the wrong type, dtype or shape, or an array holds infinity.
    """

    poses_mm: np.ndarray
    root_mm: np.ndarray
    keypoints_px: np.ndarray
    keypoint_names: tuple[str, ...]
    fps: float
    width: int
    height: int
    focal_px: float
    focal_is_estimated: bool
    model: str
    joint_names: tuple[str, ...] = HUMAN36M.joint_names
    parents: tuple[int, ...] = HUMAN36M.parents
    overpose_version: str = VERSION
    person_score: np.ndarray | None = None
    feet_mm: np.ndarray | None = None
    foot_names: tuple[str, ...] | None = None
    joint_error_mm: np.ndarray | None = None
    focal_px_std: float | None = None
    principal_px: np.ndarray | None = None
    distortion: np.ndarray | None = None
    camera_is_static: bool | None = None
    camera_to_world: np.ndarray | None = None
    moving_camera_to_world: np.ndarray | None = None
    world_is_estimated: bool | None = None
    foot_contact: np.ndarray | None = None

    def __post_init__(self) -> None:
        names = None if self.feet_mm is None else self.foot_names or FEET.names
        object.__setattr__(self, "foot_names", names)
        for name in ("keypoint_names", "joint_names", *(("foot_names",) if names else ())):
            object.__setattr__(self, name, _names(name, getattr(self, name)))
        object.__setattr__(self, "parents", _parents(self.parents))
        object.__setattr__(self, "fps", _positive("fps", self.fps, MIN_FPS, MAX_FPS))
        object.__setattr__(self, "focal_px", _positive("focal_px", self.focal_px, 1e-6, 1e12))
        for name in ("width", "height"):
            object.__setattr__(self, name, _size(name, getattr(self, name)))
        for name in ("focal_is_estimated", "camera_is_static", "world_is_estimated"):
            object.__setattr__(self, name, _whether(name, getattr(self, name)))
        if self.focal_is_estimated is None:
            raise InputError("focal_is_estimated: got None, expected a bool")
        if self.focal_px_std is not None:
            std = _positive("focal_px_std", self.focal_px_std, 0.0, 1e12)
            object.__setattr__(self, "focal_px_std", std)
        for name in ("model", "overpose_version"):
            if not isinstance(getattr(self, name), str) or "\0" in getattr(self, name):
                raise InputError(f"{name}: got {getattr(self, name)!r}, expected text")
        joints = len(HUMAN36M)
        if len(self.joint_names) != joints:
            raise InputError(f"joint_names: got {len(self.joint_names)} names, expected {joints}")
        _ = self.skeleton  # refuses parents that are no tree
        check_array("poses_mm", self.poses_mm, ("people", "frames", joints, 3), dtype=np.float32)
        people, frames = self.poses_mm.shape[:2]
        check_array("root_mm", self.root_mm, (people, frames, 3), dtype=np.float32)
        keypoints = len(self.keypoint_names)
        check_array(
            "keypoints_px", self.keypoints_px, (people, frames, keypoints, 3), dtype=np.float32
        )
        sizes: dict[str | int, int] = {"people": people, "frames": frames}
        for name, (dtype, shape) in _OPTIONAL.items():
            value = getattr(self, name)
            if value is not None:
                expected = tuple(sizes.get(size, size) for size in shape)
                check_array(name, value, expected, dtype=dtype, finite=dtype is np.float64)
        if names is not None and len(names) != len(FEET):
            raise InputError(f"foot_names: got {len(names)} names, expected {len(FEET)}")
        if self.joint_error_mm is not None and (self.joint_error_mm < 0).any():
            raise InputError("joint_error_mm: got a negative distance, expected 0 or more, or NaN")
        score = self.person_score
        if score is not None and ((score < 0) | (score > 1)).any():
            raise InputError(f"person_score: got {score}, expected numbers from 0 to 1")
        for name in (*_ARRAYS, *_OPTIONAL):
            value = getattr(self, name)
            if value is not None and np.isinf(value).any():
                raise InputError(f"{name}: got infinity, expected numbers, or NaN where not seen")
        if self.camera_to_world is not None:
            _check_motion("camera_to_world", self.camera_to_world)
        if self.moving_camera_to_world is not None:
            if self.camera_to_world is not None:
                raise InputError("got camera_to_world and moving_camera_to_world, expected one")
            for frame, matrix in enumerate(self.moving_camera_to_world):
                _check_motion(f"moving_camera_to_world of frame {frame}", matrix)

    @property
    def people(self) -> int:
        """How many people there are."""
        return self.poses_mm.shape[0]

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return self.poses_mm.shape[1]

    @property
    def seen(self) -> np.ndarray:
        """(people, frames) bool: where a person has a whole pose."""
        return np.asarray(np.isfinite(self.poses_mm).all(axis=(-2, -1)))

    @property
    def world(self) -> np.ndarray | None:
        """(frames, 4, 4) float64, from the camera coordinates of each frame to the world's; None
        where no world is known."""
        if self.camera_to_world is not None:
            return np.broadcast_to(self.camera_to_world, (self.frames, 4, 4))
        return self.moving_camera_to_world

    @cached_property
    def camera(self) -> Camera:
        """The camera, in its own coordinates: where it projects to are pixels of the picture."""
        middle = np.array([self.width / 2, self.height / 2])
        return Camera(
            focal_px=np.repeat(self.focal_px, 2),
            center_px=middle if self.principal_px is None else self.principal_px,
            rotation=np.eye(3),
            translation_mm=np.zeros(3),
            width=self.width,
            height=self.height,
            distortion=() if self.distortion is None else tuple(self.distortion.tolist()),
            model="pinhole" if self.distortion is None else "opencv",
        )

    @cached_property
    def skeleton(self) -> Skeleton:
        """The skeleton of the poses; `HUMAN36M` itself when names and parents are its own."""
        if (self.joint_names, self.parents) == (HUMAN36M.joint_names, HUMAN36M.parents):
            return HUMAN36M
        return Skeleton("track", self.joint_names, self.parents)

    def of_people(self, kept: Sequence[int]) -> "PoseTrack":
        """The track of some people alone, by their places from 0, in the order given."""
        places = np.array(kept, dtype=np.int64)
        optional = (name for name, (_, shape) in _OPTIONAL.items() if "people" in shape)
        per_person = {*_ARRAYS, *optional}
        arrays: dict[str, Any] = {name: getattr(self, name) for name in per_person}
        return replace(self, **{n: None if a is None else a[places] for n, a in arrays.items()})

    def save(self, path: Path | str, *, overwrite: bool = False) -> None:
        """Write the track to `path`, a compressed `.npz` without pickles, whole or not at all.

        Raises:
            InputError: the name does not end in .npz, or the file exists and `overwrite` is false.
        """
        path = path_of(path)
        if path.suffix != ".npz":
            raise InputError(f"{path}: expected a file name that ends in .npz")
        require_writable(path, overwrite=overwrite)
        arrays: dict[str, Any] = {
            field.name: np.asarray(getattr(self, field.name))
            for field in fields(self)
            if getattr(self, field.name) is not None
        }
        arrays["keypoint_names"] = np.array(self.keypoint_names, dtype=np.str_)
        with writing_file(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: Path | str) -> "PoseTrack":
        """Read a track that `save` wrote; arrays under other names are ignored.

        Raises:
            InputError: the file is missing, damaged, not a pose track, or of another major version.
        """
        path = path_of(path)
        arrays = read_npz(path, [field.name for field in fields(cls)], "a pose track")
        optional = {*_OPTIONAL, *_OPTIONAL_VALUES, "foot_names"}
        names = [field.name for field in fields(cls) if field.name not in optional]
        missing = [name for name in names if name not in arrays]
        if missing:
            raise InputError(
                f"{path}: no {', '.join(missing)} in it; expected a pose track that overpose wrote"
            )
        try:
            _check_version(_scalar("overpose_version", arrays["overpose_version"]))
            values: dict[str, Any] = {
                name: array if name in (*_ARRAYS, *_OPTIONAL) else _plain(name, array)
                for name, array in arrays.items()
            }
            return cls(**values)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None


def _check_motion(name: str, matrix: np.ndarray) -> None:
    check_rotation(name, matrix[:3, :3])
    if (matrix[3] != (0, 0, 0, 1)).any():
        raise InputError(f"{name}: got the last row {matrix[3].tolist()}, expected 0, 0, 0, 1")


def _scalar(name: str, array: np.ndarray) -> Any:
    if array.ndim != 0:
        raise InputError(f"{name}: got shape {array.shape}, expected a single value")
    return array.item()


def _plain(name: str, array: np.ndarray) -> Any:
    if name in ("keypoint_names", "joint_names", "foot_names", "parents"):
        check_array(name, array, ("n",), dtype=np.integer if name == "parents" else np.str_)
        return tuple(array.tolist())
    return _scalar(name, array)


def _check_version(version: object) -> None:
    major = str(version).split(".")[0]
    if major != VERSION.split(".")[0]:
        raise InputError(
            f"overpose_version: got {version}, expected one that starts with "
            f"{VERSION.split('.')[0]}.; install the matching overpose or predict again"
        )


def _names(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise InputError(f"{name}: got {type(value).__name__}, expected a sequence of names")
    for item in value:
        if not isinstance(item, str) or not item or "\0" in item:
            raise InputError(f"{name}: got {item!r} among the names, expected text")
    if len(set(value)) != len(value):
        raise InputError(f"{name}: names repeat: {', '.join(value)}")
    return tuple(str(item) for item in value)


def _parents(value: object) -> tuple[int, ...]:
    if not isinstance(value, Sequence) or not all(
        isinstance(item, int | np.integer) and not isinstance(item, bool) for item in value
    ):
        raise InputError(f"parents: got {value!r}, expected a sequence of joint indices")
    return tuple(int(item) for item in value)


def _whether(name: str, value: object) -> bool | None:
    if value is not None and not isinstance(value, bool | np.bool):
        raise InputError(f"{name}: got {value!r}, expected a bool")
    return None if value is None else bool(value)


def _positive(name: str, value: object, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InputError(f"{name}: got {value!r}, expected a number")
    if not least <= value <= most:  # not so of NaN
        raise InputError(
            f"{name}: got {value:g}, expected a positive number, {least:g} to {most:g}"
        )
    return float(value)


def _size(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InputError(f"{name}: got {value!r}, expected a positive whole number of pixels")
    if not 0 < value <= MAX_PIXELS:
        raise InputError(
            f"{name}: got {value}, expected a positive whole number of pixels, at most {MAX_PIXELS}"
        )
    return int(value)
