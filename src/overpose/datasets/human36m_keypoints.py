"""The community's files for lifting on Human3.6M: data_3d_h36m.npz with data_2d_h36m_*.npz.

Their content is pickled; `plain_pickle` reads it without running any of it. Cameras are not in
them and are taken from the dataset's metadata.xml.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overpose.camera import Camera
from overpose.datasets.human36m_files import read_metadata, require_millimetres
from overpose.datasets.human36m_names import (
    CAMERA_IDS,
    JOINTS_17,
    JOINTS_IN_FILES,
    canonical_action,
    is_ignored,
    split_of,
    trial_key,
)
from overpose.datasets.plain_pickle import read_object
from overpose.errors import InputError
from overpose.skeleton import HUMAN36M

_PELVIS = HUMAN36M.index("pelvis")


@dataclass(frozen=True, eq=False)
class LiftingSequence:
    """One trial seen by one camera, as keypoints and poses.

    Attributes:
        subject: such as "S9".
        action: one of `human36m_names.ACTIONS`.
        trial: the files' own name, such as "Photo 1".
        split: "train" or "test".
        camera_number: 0 to 3.
        camera: of the whole image.
        keypoints_px: (frames, 17, 2) float32, px of the whole image, as the file has them.
        poses_mm: (frames, 17, 3) float32 mm, camera axes, root-relative.
        root_mm: (frames, 3) float32 mm, the pelvis in camera axes.
    """

    subject: str
    action: str
    trial: str
    split: str
    camera_number: int
    camera: Camera
    keypoints_px: np.ndarray
    poses_mm: np.ndarray
    root_mm: np.ndarray


@dataclass(frozen=True)
class LiftingData:
    """Everything that a pair of files holds.

    Attributes:
        sequences: by subject, trial and camera.
        problems: one line for everything that is missing or odd.
    """

    sequences: tuple[LiftingSequence, ...]
    problems: tuple[str, ...]

    def select(self, split: str, action: str | None = None) -> list[LiftingSequence]:
        """The sequences of "train" or "test", of one action or of all."""
        return [s for s in self.sequences if s.split == split and action in (None, s.action)]


def read_lifting_files(path_3d: Path, path_2d: Path, metadata: Path) -> LiftingData:
    """Read the pair of files that methods lifting keypoints use.

    Trials of 3D and 2D are matched by action and number; of different lengths the shorter is taken,
    and said. What one file has and the other has not is listed.

    Args:
        path_3d: data_3d_h36m.npz: `positions_3d`, subject -> trial -> (frames, 32, 3), metres,
            world axes.
        path_2d: data_2d_h36m_*.npz: `positions_2d`, subject -> trial -> 4 cameras (frames, 17, 2)
            px; its `metadata`, where there is one, must say that the joints are in our order.
        metadata: the dataset's metadata.xml.

    Raises:
        InputError: a file is missing, damaged or laid out otherwise, has something else than plain
            data in it (which is never run), has another unit, or nothing is in both files.
    """
    path_3d, path_2d = Path(path_3d), Path(path_2d)
    positions = _by_subject(path_3d, "positions_3d")
    keypoints = _by_subject(path_2d, "positions_2d")
    _check_joint_order(path_2d)
    cameras = read_metadata(Path(metadata)).cameras
    problems: list[str] = []
    sequences: list[LiftingSequence] = []
    for subject in sorted(set(positions) | set(keypoints), key=lambda name: (len(name), name)):
        both = True
        for path, found in ((path_3d, positions), (path_2d, keypoints)):
            if subject not in found:
                problems.append(f"{subject}: not in {path.name}")
                both = False
        if both and (subject, 0) not in cameras:
            problems.append(f"{subject}: no cameras in {Path(metadata).name}")
        elif both:
            matched = _matched(subject, positions[subject], keypoints[subject], problems)
            for trial, world, views in matched:
                sequences += _sequences(
                    path_3d, path_2d, subject, trial, world, views, cameras, problems
                )
    if not sequences:
        raise InputError(
            f"{path_3d} and {path_2d} have no trial in common: {'; '.join(problems[:3])}"
        )
    return LiftingData(tuple(sequences), tuple(problems))


def _by_subject(path: Path, key: str) -> dict[str, dict[str, Any]]:
    value = read_object(path, key)
    fits = isinstance(value, dict) and all(
        isinstance(name, str)
        and isinstance(trials, dict)
        and all(isinstance(trial, str) for trial in trials)
        for name, trials in value.items()
    )
    if not fits:
        raise InputError(f"{path}: {key} is not laid out as subject, trial, array")
    return value


def _check_joint_order(path: Path) -> None:
    described = read_object(path, "metadata", optional=True)
    if not isinstance(described, dict) or "keypoints_symmetry" not in described:
        return
    left = {name for name in HUMAN36M.joint_names if name.startswith("left")}
    right = {name for name in HUMAN36M.joint_names if name.startswith("right")}
    wanted = [set(HUMAN36M.indices(sorted(names)).tolist()) for names in (left, right)]
    try:
        got = [{int(joint) for joint in side} for side in described["keypoints_symmetry"]]
    except (TypeError, ValueError):
        got = []
    if got != wanted or described.get("num_joints", len(HUMAN36M)) != len(HUMAN36M):
        raise InputError(
            f"{path}: its joints are in another order ({described.get('num_joints')} joints, "
            f"left and right {described['keypoints_symmetry']}); expected the 17 of Human3.6M"
        )


def _matched(
    subject: str, positions: dict[str, Any], keypoints: dict[str, Any], problems: list[str]
) -> list[tuple[str, Any, Any]]:
    """(trial, world poses, views) of the trials that both files have."""
    views = {trial_key(name): name for name in keypoints if canonical_action(name)}
    found = []
    for name, world in positions.items():
        if is_ignored(name):
            continue
        if canonical_action(name) is None:
            problems.append(f"{subject}: {name}: unknown action")
        elif trial_key(name) not in views:
            problems.append(f"{subject}: {name}: no keypoints")
        else:
            found.append((name, world, keypoints[views.pop(trial_key(name))]))
    problems += [f"{subject}: {name}: no poses" for name in views.values() if not is_ignored(name)]
    return found


def _sequences(
    path_3d: Path,
    path_2d: Path,
    subject: str,
    trial: str,
    world: Any,
    views: Any,
    cameras: Mapping[tuple[str, int], Camera],
    problems: list[str],
) -> list[LiftingSequence]:
    where = f"{subject}: {trial}"
    joints_mm = 1000.0 * _numbers(path_3d, where, world, (JOINTS_IN_FILES, 3))
    try:
        require_millimetres(path_3d, joints_mm)
    except InputError:
        raise InputError(
            f"{path_3d}: {where}: a thigh is not 0.2 to 0.7 long, expected metres; divide by 1000 "
            "if these are millimetres"
        ) from None
    views = list(views) if isinstance(views, list | tuple | np.ndarray) else []
    if len(views) != len(CAMERA_IDS):
        problems.append(f"{where}: {len(views)} cameras in {path_2d.name}, expected 4")
    found = []
    for number, view in enumerate(views[: len(CAMERA_IDS)]):
        pixels = _numbers(path_2d, f"{where}, camera {number}", view, (len(HUMAN36M), None))
        frames = min(len(pixels), len(joints_mm))
        if len(pixels) != len(joints_mm):
            problems.append(
                f"{where}, camera {number}: {len(pixels)} frames of keypoints, {len(joints_mm)} "
                f"poses; the first {frames} are used"
            )
        if frames == 0:
            continue
        camera = cameras[subject, number]
        body_mm = camera.to_camera_mm(joints_mm[:frames, JOINTS_17])
        root_mm = body_mm[:, _PELVIS]
        found.append(
            LiftingSequence(
                subject=subject,
                action=canonical_action(trial) or "",
                trial=trial,
                split=split_of(subject),
                camera_number=number,
                camera=camera,
                keypoints_px=pixels[:frames, :, :2].astype(np.float32),
                poses_mm=(body_mm - root_mm[:, None]).astype(np.float32),
                root_mm=root_mm.astype(np.float32),
            )
        )
    return found


def _numbers(path: Path, where: str, value: Any, shape: tuple[int, int | None]) -> np.ndarray:
    """A finite float64 array (frames, *shape); None stands for at least 2."""
    good = (
        isinstance(value, np.ndarray)
        and value.dtype.kind == "f"
        and value.ndim == 3
        and value.shape[1] == shape[0]
        and (value.shape[2] >= 2 if shape[1] is None else value.shape[2] == shape[1])
    )
    if not good:
        got = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value)
        raise InputError(
            f"{path}: {where}: got {got}, expected numbers (frames, {shape[0]}, {shape[1] or 2})"
        )
    if not np.isfinite(value).all():
        raise InputError(f"{path}: {where}: NaN or infinity in it; get the file again")
    return value.astype(np.float64)
