"""Human3.6M as a dataset of labelled crops, from a user's own licensed copy.

Which files there are belongs to `human36m_layout`, how they are read to `human36m_files`; the files
for lifting keypoints to `human36m_keypoints`.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from overpose.boxes import sphere_box
from overpose.camera import Camera
from overpose.datasets.crops import LARGEST_CROP
from overpose.datasets.human36m.apart import Box, crops_of, has_frame, masks_of
from overpose.datasets.human36m.archives import unpacked_directory
from overpose.datasets.human36m.files import MissingLibraryError
from overpose.datasets.human36m.layout import Inventory, Recording, find_human36m
from overpose.datasets.human36m.names import (
    BOX_RADIUS_32_MM,
    CAMERA_IDS,
    FPS,
    JOINTS_17,
    PAPER_ACTIONS,
    checked_actions,
    is_known_defect,
    split_of,
)
from overpose.datasets.layout import Sample, part_record_name
from overpose.datasets.sources.human36m import LICENCE, NAME
from overpose.datasets.store import Dataset, open_dataset
from overpose.datasets.writer import (
    finish_dataset,
    raise_if_disk_full,
    write_shard,
    writing_dataset,
)
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.support.files import Output, read_json, write_json
from overpose.support.progress import progress_bar, say
from overpose.support.version import VERSION
from overpose.support.workers import do_jobs, number_of_processes

PROVENANCE = {
    "motion": "Human3.6M, http://vision.imar.ro/human3.6m",
    "motion_licence": LICENCE,
    "motion_credit": "Ionescu, Papava, Olaru, Sminchisescu: Human3.6M, IEEE PAMI 2014",
    "images": "crops of the dataset's videos, which go on beyond their border as they end there",
    "keypoints_visible": "inside the image; whether something hides the joint is not known",
    "fps": FPS,
}
_SAID = 20
"""Problems that are printed; all of them are in dataset.json."""


def convert_human36m(
    source: Path,
    output: Output,
    *,
    image_size: int = 128,
    actions: Iterable[str] = PAPER_ACTIONS,
    every: int = 1,
    metadata: Path | None = None,
    unpack_to: Path | None = None,
    processes: int | None = None,
) -> Dataset:
    """Make a dataset of Human3.6M in the paper's protocol, or finish an interrupted one.

    Subjects S1, S5, S6, S7, S8 train, S9 and S11 test; each camera gives its own samples. A pose is
    R (J - T) minus the pelvis, of 17 of the 32 joints; the box holds 14 points about each of the
    32. What is missing or damaged is reported and left out. `dataset.json` lists it, under
    provenance, as `problems`, and what is so in the official release itself as `notes`.

    Args:
        source: the official directory, or a directory with the official archives, or an archive.
        output: directory of the dataset, and whether a finished one, or one made otherwise, is
            removed from it first.
        image_size: height and width of the crops, px.
        actions: which of the 15, spelt as in the dataset or in the paper; by default the six of the
            paper.
        every: takes frames 0, every, 2 every, … of the 50 a second.
        metadata: metadata.xml, if it is not in `source`.
        unpack_to: where archives are unpacked; by default beside the dataset, in `OUT-unpacked`.
            They stay there.
        processes: videos converted at a time; None: one for each core.

    Raises:
        InputError: nothing usable is there, an argument is out of range, metadata.xml is missing,
            an archive is damaged or unsafe, the directory holds something else, or the disk is
            full.
    """
    out = output.out
    processes = number_of_processes(processes)
    _check_number("image_size", image_size, LARGEST_CROP)
    _check_number("every", every)
    wanted = checked_actions(actions)
    _check_out(source, out)
    unpack_to = unpack_to or unpacked_directory(source, out)
    found = find_human36m(source, actions=wanted, metadata=metadata, unpack_to=unpack_to)
    problems = [*found.problems, *(f"{name}: unknown action" for name in found.unknown_actions)]
    recordings, numbers, digest = _usable_frames(found, every, problems)
    if not recordings:
        first = problems[0] if problems else f"no recording of {', '.join(wanted)}"
        raise InputError(
            f"{source}: nothing usable: {first}"
            + (f" (and {len(problems) - 1} problems more)" if len(problems) > 1 else "")
        )
    _say_problems([*problems, *found.notes])
    plan = {
        "overpose_version": VERSION,
        "source": NAME,
        "image_size": image_size,
        "actions": list(wanted),
        "every": every,
        "recordings": len(recordings),
        "samples": sum(map(len, numbers)),
        "labels_sha256": digest,
    }
    with writing_dataset(out, plan, len(recordings), overwrite=output.overwrite) as missing:
        with progress_bar(f"converting {NAME}", len(recordings)) as advance:
            advance(len(recordings) - len(missing))
            jobs = [_Job(shard, recordings[shard], numbers[shard]) for shard in missing]
            make_work = partial(_make_work, out, image_size)
            for new in do_jobs(jobs, make_work, every, max(1, min(processes, len(jobs)))):
                _say_problems(new)
                advance(1)
        # Those of an earlier run's shards, too.
        for shard in range(len(recordings)):
            path = out / _problems_name(shard)
            problems += read_json(path)["problems"] if path.is_file() else []
        provenance = PROVENANCE | {
            "problems": [line for line in problems if not is_known_defect(line)],
            "notes": [*found.notes, *filter(is_known_defect, problems)],
        }
        finish_dataset(
            out, len(recordings), name=NAME, image_size=image_size, provenance=provenance
        )
    return open_dataset(out)


def _check_number(name: str, value: int, most: int | None = None) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < 1 or (most is not None and value > most):
        to = "on" if most is None else f"to {most}"
        raise InputError(f"{name}: got {value!r}, expected a whole number from 1 {to}")


def _check_out(source: Path, out: Path) -> None:
    if out.resolve() == source.resolve():
        raise InputError(f"{out}: got what is read from, expected another place; give a directory")
    if not out.resolve().name:
        raise InputError(f"{out}: got no directory of its own, expected one for the dataset alone")


def _problems_name(shard: int) -> str:
    """The file beside a shard that keeps what is wrong with its recording until the end."""
    return part_record_name(shard).replace(".json", "-problems.json")


def _usable_frames(
    found: Inventory, every: int, problems: list[str]
) -> tuple[list[Recording], list[np.ndarray], str]:
    """The recordings with frames to use, the numbers of those, and a digest of all labels."""
    digest = hashlib.sha256()
    recordings, numbers = [], []
    for recording in found.recordings:
        joints = recording.joints_world_mm()
        usable = _usable(joints[::every], recording.camera)
        camera_id = CAMERA_IDS[recording.camera_number]
        where = f"{recording.subject}: {recording.trial}.{camera_id}"
        if not usable.all() and np.isfinite(joints[::every]).all():
            problems.append(f"{where}: nobody in the image in {int((~usable).sum())} frames")
        if not usable.any():
            problems.append(f"{where}: no frame with a pose in the image; left out")
            continue
        # Before the plan, because a shard cannot be empty.
        if not _has_any(recording, np.flatnonzero(usable) * every, every, where, problems):
            continue
        recordings.append(recording)
        numbers.append(np.flatnonzero(usable) * every)
        camera = recording.camera.to_dict()
        named = (recording.subject, recording.action, recording.trial, recording.camera_number)
        digest.update(repr((named, recording.masks is not None, camera)).encode())
        digest.update(numbers[-1].tobytes())
        digest.update((np.round(joints[numbers[-1]], 1) + 0.0).tobytes())
    return recordings, numbers, digest.hexdigest()


def _usable(joints_world_mm: np.ndarray, camera: Camera) -> np.ndarray:
    """(frames,) bool: every joint is a number and in front, and some joint is in the image."""
    finite = np.isfinite(joints_world_mm).all(axis=(1, 2))
    points = camera.project(joints_world_mm)
    inside = ((points > 0) & (points < (camera.width, camera.height))).all(axis=2)
    return np.asarray(
        finite & np.isfinite(points).all(axis=(1, 2)) & np.asarray(inside).any(axis=1)
    )


@dataclass(frozen=True, eq=False)
class _Job:
    """A recording, the numbers of its usable frames, and the shard that they become."""

    shard: int
    recording: Recording
    numbers: np.ndarray


def _make_work(
    out: Path, image_size: int, every: int
) -> Callable[[_Job, Callable[[], None]], list[str]]:
    def work(job: _Job, check: Callable[[], None]) -> list[str]:
        samples, problems = _samples(job, every, image_size, check)
        try:
            write_json(out / _problems_name(job.shard), {"problems": problems})
        except OSError as error:
            raise_if_disk_full(error, out)
            raise
        write_shard(out, job.shard, samples)
        return problems

    return work


def _has_any(
    recording: Recording, numbers: np.ndarray, every: int, where: str, problems: list[str]
) -> bool:
    """Whether any of the frames `numbers` can be decoded; says so if not."""
    try:
        if has_frame(recording.video, numbers, every, recording.size):
            return True
        reason = "no frame with a pose can be decoded"
    except InputError as error:
        reason = str(error)
    problems.append(f"{where}: {reason}; left out, get the video again")
    return False


def _samples(
    job: _Job, every: int, image_size: int, check: Callable[[], None]
) -> tuple[list[Sample], list[str]]:
    """The samples of a recording, of as many frames as its video gives, and what is wrong."""
    recording, numbers = job.recording, job.numbers
    joints = recording.joints_world_mm()
    boxes: dict[int, Box] = {
        number: sphere_box(joints[number], BOX_RADIUS_32_MM, recording.camera)
        for number in numbers.tolist()
    }
    problems: list[str] = []
    mask_of = _masks(recording, boxes, image_size, problems)
    samples = []
    try:
        crops = crops_of(recording.video, boxes, every, recording.size, image_size)
        for number, jpeg in crops:
            check()
            mask = mask_of(number)
            box = boxes[number]
            samples.append(_sample(recording, number, box, jpeg, mask, joints[number], image_size))
    except MissingLibraryError:
        raise
    except InputError as error:
        problems.append(f"{recording.subject}: {error}")
    if not samples:
        raise InputError(
            f"{recording.video}: no frame that has a pose can be decoded any more; did it change? "
            "run again"
        )
    if len(samples) < len(numbers):
        problems.append(
            f"{recording.subject}: {recording.video.name}: damaged: {len(samples)} of "
            f"{len(numbers)} frames can be decoded; the others are left out"
        )
    masks = sum(sample.mask_png is not None for sample in samples)
    unsaid = not any(str(recording.masks) in line for line in problems)
    if recording.masks is not None and unsaid and masks < len(samples):
        problems.append(
            f"{recording.subject}: {recording.masks.name}: {len(samples) - masks} of "
            f"{len(samples)} masks are missing, unreadable or of another size; left out"
        )
    return samples, problems


def _masks(
    recording: Recording, boxes: dict[int, Box], image_size: int, problems: list[str]
) -> Callable[[int], bytes | None]:
    """From a frame's number to its mask as PNG, asked in order; one line instead of an error where
    they cannot be read."""
    if recording.masks is None:
        return lambda number: None
    masks = masks_of(recording.masks, boxes, recording.size, image_size)

    def mask(number: int) -> bytes | None:
        try:
            return next((png for at, png in masks if at == number), None)
        except MissingLibraryError:
            raise
        except InputError as error:
            problems.append(f"{recording.subject}: {error}; converted without masks")
            return None

    return mask


def _sample(
    recording: Recording,
    number: int,
    box: Box,
    jpeg: bytes,
    mask_png: bytes | None,
    joints_world_mm: np.ndarray,
    image_size: int,
) -> Sample:
    """A sample from its crop, its mask's crop, and its 32 joints (32, 3) mm."""
    camera = recording.camera
    left, top, side = box
    crop = camera.crop(left, top, side, side).resize(image_size, image_size)
    body_world_mm = joints_world_mm[JOINTS_17]
    body_mm = camera.to_camera_mm(body_world_mm)
    root_mm = body_mm[HUMAN36M.index("pelvis")]
    seen = camera.project(body_world_mm)
    points = crop.project(body_world_mm)
    inside = (seen >= 0) & (seen <= (camera.width, camera.height))
    inside &= (points >= 0) & (points <= image_size)
    visible = np.asarray(np.asarray(inside).all(axis=1))
    return Sample(
        jpeg=jpeg,
        mask_png=mask_png,
        subject=recording.subject,
        action=recording.action,
        trial=f"{recording.subject} {recording.trial}",
        split=split_of(recording.subject),
        camera_number=recording.camera_number,
        frame=number,
        take=0,
        pose_mm=body_mm - root_mm,
        root_mm=root_mm,
        keypoints_px=np.concatenate([points, visible[:, None].astype(np.float64)], axis=1),
        box_px=(float(left), float(top), float(side)),
        camera=camera,
        crop=crop,
    )


def _say_problems(problems: list[str]) -> None:
    for line in problems[:_SAID]:
        say(line)
    if len(problems) > _SAID:
        say(f"and {len(problems) - _SAID} problems more; all are in dataset.json")
