"""What of Human3.6M lies in a directory: every usable recording, and everything that is wrong.

Reading a single file belongs to `human36m_files`, making a dataset to `human36m`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from overpose.camera import Camera
from overpose.datasets.human36m.apart import info_of, poses_of
from overpose.datasets.human36m.archives import ARCHIVE_SUFFIXES, find_archives, unpack_archives
from overpose.datasets.human36m.files import (
    Metadata,
    MissingLibraryError,
    VideoInfo,
    read_metadata,
)
from overpose.datasets.human36m.frames import count_frames
from overpose.datasets.human36m.names import (
    ACTIONS,
    CAMERA_IDS,
    SUBJECTS,
    canonical_action,
    checked_actions,
    is_ignored,
    is_known_defect,
    trial_key,
)
from overpose.support.errors import InputError
from overpose.support.progress import progress_bar

LAYOUT = "S1/Videos, S1/MyPoseFeatures/D3_Positions and metadata.xml"
_POSES = Path("MyPoseFeatures", "D3_Positions")
_MONO = Path("MyPoseFeatures", "D3_Positions_mono")
_MASKS = Path("MySegmentsMat", "ground_truth_bs")
_VIDEOS = Path("Videos")
_AGREE_MM = 1.0
_OFF_CENTER = 0.05
"""How far the principal point may be from the centre of the videos, as a part of their sides; those
of the dataset are within 0.02."""
_Key = tuple[tuple[str | None, str], str]
"""What identifies a file among its kind: its `trial_key`, and its camera's id ("" for none)."""


@dataclass(frozen=True, eq=False)
class Recording:
    """One trial seen by one camera.

    Attributes:
        subject: such as "S1".
        action: one of `ACTIONS`.
        trial: the files' own name, such as "TakingPhoto 1".
        camera_number: 0 to 3, in the order of `CAMERA_IDS`.
        camera: of the whole image, its size that of the video.
        poses: CDF file of the poses, world axes; of camera axes where `poses_are_mono`.
        poses_are_mono: whether the poses are of D3_Positions_mono.
        video: MP4 file.
        masks: MAT file of the foreground, None where there is none.
        frames: how many of them are used, see `count_frames`.
    """

    subject: str
    action: str
    trial: str
    camera_number: int
    camera: Camera
    poses: Path
    poses_are_mono: bool
    video: Path
    masks: Path | None
    frames: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the video, pixels."""
        return self.camera.height, self.camera.width

    def joints_world_mm(self) -> np.ndarray:
        """(frames, 32, 3) float64 mm, world axes; NaN where the file has it.

        Raises:
            InputError: the file cannot be read.
        """
        poses = poses_of(self.poses)[: self.frames]
        return self.camera.to_world_mm(poses) if self.poses_are_mono else poses


@dataclass(frozen=True)
class Inventory:
    """What there is.

    Attributes:
        root: the directory with the subjects' folders.
        recordings: everything usable, by subject, trial and camera.
        problems: one line for everything that is missing, damaged or odd.
        notes: one line for everything that is so in the official release itself.
        unknown_actions: files' names that are of no known action.
    """

    root: Path
    recordings: tuple[Recording, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    unknown_actions: tuple[str, ...]


def find_human36m(
    source: Path,
    *,
    actions: Iterable[str] = ACTIONS,
    metadata: Path | None = None,
    unpack_to: Path | None = None,
) -> Inventory:
    """List what of Human3.6M there is, and what is missing or damaged.

    Every file of poses is read and the first frame of every video decoded.

    Args:
        source: the directory with S1, S5, … and metadata.xml, or with the official archives, or
            one archive.
        actions: only these are looked at.
        metadata: metadata.xml, if it is not in `source`.
        unpack_to: where archives are unpacked; without it they are only listed.

    Raises:
        InputError: there is no such directory, an action is unknown, metadata.xml is missing or
            damaged, or an archive is damaged or unsafe.
    """
    wanted = checked_actions(actions)
    root, problems = _root(Path(source), unpack_to)
    known = read_metadata(metadata or _find_metadata(root, Path(source)))
    unknown: set[str] = set()
    recordings: list[Recording] = []
    trials: list[tuple[_SubjectFiles, str]] = []
    for subject in SUBJECTS:
        if not (root / subject).is_dir():
            problems.append(f"{subject}: no folder {root / subject}")
            continue
        files = _files_of(root / subject, subject, wanted, problems)
        trials += [(files, t) for t in _trials_of(files, wanted, known, problems, unknown)]
    checked: dict[tuple[str, int], bool] = {}
    extra: dict[tuple[str, str], int] = {}
    with progress_bar("looking at Human3.6M", len(trials)) as advance:
        for files, trial in trials:
            recordings += _recordings(files, trial, known, problems, checked, extra)
            advance(1)
    # A camera may turn out to be wrong at a later trial than its first.
    recordings = [r for r in recordings if checked.get((r.subject, r.camera_number), True)]
    notes = [line for line in problems if is_known_defect(line)]
    if extra:
        notes.append(
            f"{len(extra)} trials have up to {max(extra.values())} frames more in a video or in "
            "the poses than the official count, which is used"
        )
    problems = [line for line in problems if not is_known_defect(line)]
    return Inventory(root, tuple(recordings), tuple(problems), tuple(notes), tuple(sorted(unknown)))


def _root(source: Path, unpack_to: Path | None) -> tuple[Path, list[str]]:
    """The directory with the subjects' folders, and what is to be said about archives."""
    if source.is_file() and source.name.lower().endswith(ARCHIVE_SUFFIXES):
        archives = [source]
    elif source.is_dir():
        archives = find_archives(source)
    else:
        raise InputError(f"{source}: no such directory; expected {LAYOUT} in it")
    if any((source / subject).is_dir() for subject in SUBJECTS) or not archives:
        return source, [
            f"{archive.name}: an archive beside the subjects' folders; not read, unpack it there"
            for archive in archives
        ]
    if unpack_to is None:
        raise InputError(
            f"{source}: archives only, such as {archives[0].name}; give a directory to unpack to"
        )
    return unpack_to, unpack_archives(archives, unpack_to)


def _find_metadata(root: Path, source: Path) -> Path:
    places = [place for place in dict.fromkeys((root, source)) if place.is_dir()]
    for place in places:
        for pattern in ("metadata.xml", "*/metadata.xml", "*/*/metadata.xml"):
            if found := sorted(place.glob(pattern)):
                return found[0]
    raise InputError(
        f"{root}: no metadata.xml in it, which holds the cameras; copy it there from the dataset's "
        "release code, or name it"
    )


@dataclass(frozen=True)
class _SubjectFiles:
    """The files of a subject's folder, of all actions and of unknown names."""

    folder: Path
    subject: str
    poses: dict[_Key, Path]
    mono: dict[_Key, Path]
    videos: dict[_Key, Path]
    masks: dict[_Key, Path]


def _files_of(
    folder: Path, subject: str, wanted: tuple[str, ...], problems: list[str]
) -> _SubjectFiles:
    def files(part: Path, suffix: str, *, by_camera: bool) -> dict[_Key, Path]:
        found: dict[_Key, Path] = {}
        for path in sorted((folder / part).glob("*")):
            if path.suffix.lower() != suffix or path.name.startswith("."):
                continue
            trial, camera_id = _trial_and_camera(path, by_camera)
            if not trial or is_ignored(trial):
                continue
            action = canonical_action(trial)
            # Two unknown actions are not the same trial because of their number.
            key = (None, trial) if action is None else trial_key(trial)
            first = found.setdefault((key, camera_id), path)
            if first != path and action in wanted:
                problems.append(f"{subject}: {path.name}: the same trial as {first.name}; not used")
        return found

    return _SubjectFiles(
        folder,
        subject,
        poses=files(_POSES, ".cdf", by_camera=False),
        mono=files(_MONO, ".cdf", by_camera=True),
        videos=files(_VIDEOS, ".mp4", by_camera=True),
        masks=files(_MASKS, ".mat", by_camera=True),
    )


def _trial_and_camera(path: Path, by_camera: bool) -> tuple[str, str]:
    """("Walking 1", "54138969") of "Walking 1.54138969.mp4"; ("Walking 1", "") of poses."""
    if not by_camera:
        return path.stem, ""
    trial, _, camera_id = path.stem.rpartition(".")
    return trial, camera_id


def _trials_of(
    files: _SubjectFiles,
    wanted: tuple[str, ...],
    known: Metadata,
    problems: list[str],
    unknown: set[str],
) -> list[str]:
    """The names of all trials with poses; says which are missing."""
    subject, folder = files.subject, files.folder
    names = [_trial_and_camera(path, False)[0] for path in files.poses.values()]
    names += [_trial_and_camera(path, True)[0] for path in files.mono.values()]
    seen = {_trial_and_camera(path, True)[0] for path in files.videos.values()}
    if not names:
        problems.append(f"{subject}: no poses (*.cdf) in {folder / _POSES}")
    if not seen:
        problems.append(f"{subject}: no videos (*.mp4) in {folder / _VIDEOS}")
    unknown |= {f"{subject}: {n}" for n in {*names, *seen} if canonical_action(n) is None}
    # The spelling of the world poses comes first.
    chosen: dict[tuple[str | None, str], str] = {}
    for name in names:
        if canonical_action(name) in wanted:
            chosen.setdefault(trial_key(name), name)
    if not names or not seen:
        return []
    expected = {trial_key(name): name for name in {*known.trials.get(subject, ()), *seen}}
    for key, name in sorted(expected.items(), key=str):
        if key[0] in wanted and key not in chosen:
            problems.append(f"{subject}: {name}: no poses, {folder / _POSES / name}.cdf")
    if not known.trials.get(subject):
        for action in wanted:
            count = sum(key[0] == action for key in chosen)
            if count < 2:
                problems.append(f"{subject}: {action}: {count} trials, expected 2")
    return sorted(chosen.values())


def _recordings(
    files: _SubjectFiles,
    trial: str,
    known: Metadata,
    problems: list[str],
    checked: dict[tuple[str, int], bool],
    extra: dict[tuple[str, str], int],
) -> list[Recording]:
    """The usable recordings of a trial; says why others are not."""
    subject, folder, key = files.subject, files.folder, trial_key(trial)
    official = {trial_key(n): count for (s, n), count in known.frames.items() if s == subject}
    world = files.poses.get((key, ""))
    world_poses = _poses(world, f"{subject}: {trial}", problems) if world is not None else None
    found: list[Recording] = []
    counts: dict[int, int] = {}
    for number, camera_id in enumerate(CAMERA_IDS):
        name = f"{trial}.{camera_id}"
        where = f"{subject}: {name}"
        video, mono = files.videos.get((key, camera_id)), files.mono.get((key, camera_id))
        if video is None:
            problems.append(f"{where}: no video, {folder / _VIDEOS / name}.mp4")
            continue
        source, poses = world, world_poses
        if poses is None and mono is not None:
            source, poses = mono, _poses(mono, where, problems)
        if source is None or poses is None:
            if world is None and mono is None:
                problems.append(f"{where}: no poses, {folder / _POSES / trial}.cdf")
            continue
        camera = known.cameras[subject, number]
        if world_poses is not None and mono is not None and (subject, number) not in checked:
            checked[subject, number] = _agree(camera, world_poses, mono, where, problems)
        info = _fitting_video(video, camera, where, problems)
        if info is None:
            continue
        missing = int((~np.isfinite(poses).all(axis=(1, 2))).sum())
        if missing:
            problems.append(f"{where}: {missing} of {len(poses)} poses hold NaN; left out")
        found.append(
            Recording(
                subject=subject,
                action=canonical_action(trial) or "",
                trial=trial,
                camera_number=number,
                camera=replace(camera, width=info.width, height=info.height),
                poses=source,
                poses_are_mono=world_poses is None,
                video=video,
                masks=files.masks.get((key, camera_id)),
                frames=info.frames,
            )
        )
        counts[number] = len(poses)
    if found:
        videos = {recording.camera_number: recording.frames for recording in found}
        counted = count_frames(min(counts.values()), videos, official.get(key))
        for number, gap in counted.gaps.items():
            problems.append(f"{subject}: {trial}.{CAMERA_IDS[number]}: {gap}")
        if counted.extra > 0 and not counted.gaps:
            extra[subject, trial] = counted.extra
        found = [replace(r, frames=counted.used[r.camera_number]) for r in found]
    if any(recording.masks for recording in found):
        for recording in found:
            if recording.masks is None:
                name = f"{trial}.{CAMERA_IDS[recording.camera_number]}"
                problems.append(f"{subject}: {name}: no masks, {folder / _MASKS / name}.mat")
    return found


def _fitting_video(path: Path, camera: Camera, where: str, problems: list[str]) -> VideoInfo | None:
    """What a video is like; None, and a line that says why, if the camera cannot be of it."""
    try:
        info = info_of(path)
    except InputError as error:
        problems.append(f"{where}: {error}")
        return None
    off = np.abs(camera.center_px / (info.width, info.height) - 0.5)
    if off.max() > _OFF_CENTER:
        width, height = (2 * camera.center_px).round().astype(int).tolist()
        problems.append(
            f"{where}: the video has {info.width} x {info.height} px, but its camera is of about "
            f"{width} x {height}; expected the video as it was recorded; not used"
        )
        return None
    return info


def _poses(path: Path, where: str, problems: list[str]) -> np.ndarray | None:
    try:
        return poses_of(path)
    except MissingLibraryError:
        raise
    except InputError as error:
        problems.append(f"{where}: {error}")
        return None


def _agree(camera: Camera, world: np.ndarray, mono: Path, where: str, problems: list[str]) -> bool:
    """Whether the camera takes the world poses to those of D3_Positions_mono."""
    seen = _poses(mono, where, problems)
    if seen is None:
        return True
    count = min(len(world), len(seen))
    distance = np.linalg.norm(camera.to_camera_mm(world[:count]) - seen[:count], axis=-1)
    median = float(np.nanmedian(distance)) if np.isfinite(distance).any() else 0.0
    if median > _AGREE_MM:
        problems.append(
            f"{where}: the camera of metadata.xml puts the joints {median:.1f} mm away from "
            f"{mono.name} in D3_Positions_mono; is it the metadata.xml of this dataset? not used"
        )
    return median <= _AGREE_MM
