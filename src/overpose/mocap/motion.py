"""Motion: a skeleton of bones and its rotations through time, in the world frame.

Everything here is in millimetres, right-handed, z up, ground plane z = 0. Reading and writing files
belongs to the modules beside this one.

Convention (that of ASF): a bone goes from the end of its parent to its own end and turns its own
offset. In the rest pose every global rotation is the identity, so the global rotation of a bone
maps its rest direction to its current one.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from overpose.skeleton import KeypointLayout, check_tree
from overpose.support.checks import check_array
from overpose.support.errors import InputError

MAX_BONE_MM = 3_000.0
MAX_ROOT_MM = 100_000.0
MAX_FPS = 10_000.0
MAX_BONES = 1_000

Y_UP_TO_Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""Turns y-up axes (x, y, z) into the world's z-up axes (x, -z, y)."""


def check_size(path: Path, bones: int, frames: int, values: int) -> None:
    """Refuse motion that would take far more memory than its file has content.

    Args:
        path: the file, for the error.
        bones, frames: of the motion; a rotation of each bone is held for every frame.
        values: numbers that the file gives for all frames.

    Raises:
        InputError: it is so.
    """
    if bones * frames > 1_000_000 + 4 * values:
        raise InputError(
            f"{path}: got {values} numbers for {bones} bones in {frames} frames, expected about "
            "three for each bone and frame; is it the motion of a body?"
        )


@dataclass(frozen=True, eq=False)
class BoneSkeleton:
    """A tree of bones at rest.

    Attributes:
        names: bone names in array order; the first is the root.
        parents: index of each bone's parent, -1 for the root; a parent comes before its children.
        offsets_mm: (bones, 3) float64 vector from the end of the parent to the end of the bone in
            the rest pose, z up, mm; zero for the root.

    Raises:
        InputError: the parts do not fit together, or a bone is longer than 3 m.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets_mm: np.ndarray

    def __post_init__(self) -> None:
        check_array("offsets_mm", self.offsets_mm, (len(self.names), 3), finite=True)
        if not self.names:
            raise InputError("skeleton: got no bones, expected a root at least")
        check_tree("skeleton", "bone", self.names, self.parents)
        if np.any(self.offsets_mm[0] != 0):
            raise InputError(f"skeleton: root {self.names[0]} has an offset, expected zeros")
        longest = int(self.lengths_mm.argmax())
        if self.lengths_mm[longest] > MAX_BONE_MM:
            raise InputError(
                f"skeleton: bone {self.names[longest]} is {self.lengths_mm[longest] / 1000:.4g} m "
                f"long, expected at most {MAX_BONE_MM / 1000:g} m; check the units of the file"
            )

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def lengths_mm(self) -> np.ndarray:
        """(bones,) float64: length of every bone."""
        return np.linalg.norm(self.offsets_mm, axis=-1)

    @cached_property
    def _layout(self) -> KeypointLayout:
        return KeypointLayout("skeleton", self.names)

    def index(self, name: str) -> int:
        """Array index of a bone.

        Raises:
            InputError: the skeleton has no such bone.
        """
        return self._layout.index(name)


@dataclass(frozen=True, eq=False)
class Motion:
    """A skeleton moving through time.

    Attributes:
        skeleton: the bones.
        rotations: (frames, bones, 3, 3) float64, rotation of each bone relative to its parent, in
            the axes of the rest pose (z up); that of the root is its orientation in the world.
        root_mm: (frames, 3) float64, root position in the world, z up, mm.
        fps: frames per second.
        subject: who moves.
        trial: name of the recording.
        action: what is done, where known.

    Raises:
        InputError: no frames, wrong shapes, values that are not finite, matrices that are not
            rotations, a root more than 100 m from the origin, or an absurd frame rate.
    """

    skeleton: BoneSkeleton
    rotations: np.ndarray
    root_mm: np.ndarray
    fps: float
    subject: str = ""
    trial: str = ""
    action: str = ""

    def __post_init__(self) -> None:
        what = f"motion {self.trial}".rstrip()
        if not (math.isfinite(self.fps) and 0 < self.fps <= MAX_FPS):
            raise InputError(f"{what}: got fps {self.fps}, expected 0 < fps <= {MAX_FPS:g}")
        bones = len(self.skeleton)
        check_array(f"{what}: rotations", self.rotations, ("frames", bones, 3, 3), dtype=np.float64)
        frames = len(self.rotations)
        if frames == 0:
            raise InputError(f"{what}: got no frames, expected at least one")
        check_array(f"{what}: root_mm", self.root_mm, (frames, 3), dtype=np.float64, finite=True)
        rows = self.rotations
        wrong = ~np.isfinite(rows).all(axis=(-1, -2))
        if not wrong.any():
            gram = rows @ rows.swapaxes(-1, -2)
            wrong = np.abs(gram - np.eye(3)).max(axis=(-1, -2)) > 1e-4
            wrong |= np.linalg.det(rows) < 0
        if wrong.any():
            frame, bone = np.argwhere(wrong)[0]
            raise InputError(
                f"{what}: the matrix of bone {self.skeleton.names[bone]} at frame {frame} is not a "
                "rotation; expected orthonormal rows and determinant 1"
            )
        far = np.abs(self.root_mm).max(axis=-1)
        if far.max() > MAX_ROOT_MM:
            frame = int(far.argmax())
            raise InputError(
                f"{what}: the root is {far[frame] / 1000:.4g} m from the origin at frame {frame}, "
                f"expected at most {MAX_ROOT_MM / 1000:g} m; check the units of the file"
            )

    def __len__(self) -> int:
        return len(self.rotations)

    def global_rotations(self) -> np.ndarray:
        """(frames, bones, 3, 3) float64: rotation of each bone from the rest pose, in the world."""
        result = np.empty_like(self.rotations)
        for bone, parent in enumerate(self.skeleton.parents):
            local = self.rotations[:, bone]
            result[:, bone] = local if parent < 0 else result[:, parent] @ local
        return result

    def positions_mm(self) -> np.ndarray:
        """(frames, bones, 3) float64: where each bone ends, in the world, z up, mm.

        The first is the root's own position; a bone starts where its parent ends.
        """
        turned = np.einsum("fbij,bj->fbi", self.global_rotations(), self.skeleton.offsets_mm)
        turned[:, 0] = self.root_mm
        for bone, parent in enumerate(self.skeleton.parents):
            if parent >= 0:
                turned[:, bone] += turned[:, parent]
        return turned

    def slice(self, start: int | None = None, stop: int | None = None) -> "Motion":
        """Frames `start` to `stop` (not included), as in Python's slices.

        Raises:
            InputError: no frame is left.
        """
        part = slice(start, stop)
        return replace(self, rotations=self.rotations[part], root_mm=self.root_mm[part])

    def resample(self, fps: float) -> "Motion":
        """The same motion at another frame rate, starting with the same first frame.

        Rotations are interpolated along the shortest arc (slerp), the root linearly. Where a new
        frame falls on an old one (integer ratios down, always), the old frame is taken as it is.

        Args:
            fps: frames per second wanted.

        Raises:
            InputError: `fps` is not a positive number within reason.
        """
        if not (math.isfinite(fps) and 0 < fps <= MAX_FPS):
            raise InputError(f"fps: got {fps}, expected 0 < fps <= {MAX_FPS:g}")
        ratio = self.fps / fps
        count = math.floor((len(self) - 1) / ratio + 1e-9) + 1
        times = np.arange(count) * ratio
        nearest = np.rint(times)
        times = np.where(np.abs(times - nearest) < 1e-9 * (1 + nearest), nearest, times)
        before = np.minimum(np.floor(times).astype(np.int64), len(self) - 1)
        weights = times - before
        rotations = self.rotations[before]
        root_mm = self.root_mm[before]
        between = weights > 0
        if between.any():
            after = before[between] + 1
            weight = weights[between]
            rotations[between] = _slerp(rotations[between], self.rotations[after], weight)
            root_mm[between] += weight[:, None] * (self.root_mm[after] - root_mm[between])
        return replace(self, rotations=rotations, root_mm=root_mm, fps=float(fps))


def _slerp(start: np.ndarray, end: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Rotations (frames, bones, 3, 3) between `start` and `end`, `weight` (frames,) of the way."""
    shape = start.shape
    step = Rotation.from_matrix((start.swapaxes(-1, -2) @ end).reshape(-1, 3, 3)).as_rotvec()
    partial = step * np.repeat(weight, shape[1])[:, None]
    return start @ Rotation.from_rotvec(partial).as_matrix().reshape(shape)
