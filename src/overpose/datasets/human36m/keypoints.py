"""The community's files for lifting on Human3.6M: data_3d_h36m.npz with data_2d_h36m_*.npz.

Their content is pickled; `plain_pickle` reads it without running any of it. Cameras are not in
them and are taken from the dataset's metadata.xml.
"""

import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overpose.camera import Camera
from overpose.datasets.human36m.files import read_metadata, require_millimetres
from overpose.datasets.human36m.names import (
    CAMERA_IDS,
    JOINTS_17,
    JOINTS_IN_FILES,
    SUBJECTS,
    canonical_action,
    is_ignored,
    split_of,
    trial_key,
)
from overpose.datasets.human36m.plain_pickle import read_object
from overpose.skeleton import HUMAN36M, side_and_part
from overpose.support.errors import InputError

_PELVIS = HUMAN36M.index("pelvis")
_FAR_PX = 50.0
"""A median distance of keypoints from the projected poses that no detector has; of 1000 px."""


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
    and said. What one file has and the other has not is listed, as are trials with NaN, which are
    left out whole because their frames follow each other, and keypoints that lie far from the
    projected poses, which are kept.

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
        if subject not in SUBJECTS:
            problems.append(f"{subject}: none of {', '.join(SUBJECTS)}; left out")
            continue
        both = True
        for path, found in ((path_3d, positions), (path_2d, keypoints)):
            if subject not in found:
                problems.append(f"{subject}: not in {path.name}")
                both = False
        if both:
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
    sides = [side_and_part(name)[0] for name in HUMAN36M.joint_names]
    wanted = [{i for i, side in enumerate(sides) if side == which} for which in ("left", "right")]
    try:
        got = [{int(joint) for joint in side} for side in described["keypoints_symmetry"]]
    except (TypeError, ValueError, OverflowError):
        got = []
    if got != wanted or described.get("num_joints", len(HUMAN36M)) != len(HUMAN36M):
        raise InputError(
            f"{path}: its joints are in another order ({_short(described.get('num_joints'))} "
            f"joints, left and right {_short(described['keypoints_symmetry'])}); expected the 17 "
            "of Human3.6M"
        )


def _short(value: Any) -> str:
    """A value in words that do not grow: lists that share their parts can be endless in full."""
    return value if isinstance(value, str) and len(value) < 40 else reprlib.repr(value)[:100]


def _matched(
    subject: str, positions: dict[str, Any], keypoints: dict[str, Any], problems: list[str]
) -> list[tuple[str, Any, Any]]:
    """(trial, world poses, views) of the trials that both files have."""
    world_of = _trials(subject, positions, "3D", problems)
    views_of = _trials(subject, keypoints, "2D", problems)
    found = []
    for key, name in world_of.items():
        if key in views_of:
            found.append((name, positions[name], keypoints[views_of[key]]))
        else:
            problems.append(f"{subject}: {name}: no keypoints")
    problems += [f"{subject}: {n}: no poses" for key, n in views_of.items() if key not in world_of]
    return found


def _trials(
    subject: str, names: Iterable[str], kind: str, problems: list[str]
) -> dict[tuple[str | None, str], str]:
    """The names of a file's trials by what they mean; says which mean nothing, or the same."""
    found: dict[tuple[str | None, str], str] = {}
    for name in names:
        if is_ignored(name):
            continue
        if canonical_action(name) is None:
            problems.append(f"{subject}: {name}: unknown action")
            continue
        first = found.setdefault(trial_key(name), name)
        if first != name:
            problems.append(f"{subject}: {name}: the same {kind} trial as {first}; not used")
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
    if len(joints_mm) == 0:
        problems.append(f"{where}: no frames; left out")
    if len(joints_mm) == 0 or not _is_finite(joints_mm, where, problems):
        return []
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
        if not _is_finite(pixels[..., :2], f"{where}, camera {number}", problems):
            continue
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
        away = np.linalg.norm(camera.project_camera(body_mm) - pixels[:frames, :, :2], axis=-1)
        # A joint behind the camera has no projection.
        seen = away[np.isfinite(away)]
        if len(seen) == 0 or np.median(seen) > _FAR_PX:
            far = f"{np.median(seen):.0f} px" if len(seen) else "infinitely"
            problems.append(
                f"{where}, camera {number}: the keypoints are {far} away from the projected "
                f"poses, expected at most {_FAR_PX:.0f}; are they in pixels and of this camera?"
            )
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
    """A float64 array (frames, *shape); None stands for at least 2."""
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
    return value.astype(np.float64)


def _is_finite(values: np.ndarray, where: str, problems: list[str]) -> bool:
    """Whether there is no NaN or infinity; says in how many frames there is."""
    bad = int((~np.isfinite(values).all(axis=(1, 2))).sum())
    if bad:
        problems.append(f"{where}: NaN or infinity in {bad} of {len(values)} frames; left out")
    return bad == 0
