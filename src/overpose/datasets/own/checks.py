"""Everything that is wrong with a user's own images and poses, named at once.

How the table is read belongs to `own_columns`, what a single file is to `own_files`.
"""

from collections import Counter
from pathlib import Path

import numpy as np

from overpose.datasets.layout import SPLITS
from overpose.datasets.own.columns import read_own_table
from overpose.datasets.own.files import FARTHEST_MM, FileReport, make_file_check
from overpose.datasets.own.table import BOX, PELVIS, TABLES, WHOLE_NUMBERS, Findings, OwnTable
from overpose.metrics import limb_lengths
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.support.progress import progress_bar
from overpose.support.workers import do_jobs, number_of_processes

_ROWS_PER_JOB = 256
_NEVER_EMPTY = ("image", "subject", "action", "split")
_ADULT_LIMB_MM = 440.0
_UNITS = (
    (0.8, "metres", 1000.0),
    (5.0, "feet", 304.8),
    (27.0, "inches", 25.4),
    (75.0, "centimetres", 10.0),
)
"""Below which length of the longest limb a unit is likely, and its millimetres."""
_PLAUSIBLE_LIMB_MM = (30.0, 1200.0)
_MOST = 0.8
_NORMALISED_BELOW_PX = 2.0
_LARGEST_INT32 = 2**31 - 1
_NOTES_ON_KINDS = {
    "grey": "grey images: {}; taken as three equal channels",
    "alpha": "images with an alpha channel: {}; it is left out",
}


def check_own_data(directory: Path, *, processes: int | None = None) -> Findings:
    """Read a directory of images and poses and name everything that is wrong with it.

    Args:
        directory: images and table, laid out as docs/own-data.md says.
        processes: how many read the images; None: one for each core.

    Raises:
        InputError: there is no such directory, or a process was killed.
    """
    if not directory.is_dir():
        raise InputError(f"{directory}: no such directory; expected images and {TABLES[0]}")
    findings = Findings()
    table = findings.table = read_own_table(directory, findings)
    if table is None:
        return findings
    _check_names(table, findings)
    _check_poses(table, findings)
    _check_numbers(table, findings)
    if "image" in table.text:
        _check_files(table, findings, number_of_processes(processes))
    return findings


def _check_names(table: OwnTable, findings: Findings) -> None:
    for name in _NEVER_EMPTY:
        if name in table.text:
            findings.group(f"{name} is empty", np.flatnonzero(table.text[name] == ""))
    if "split" in table.text:
        _check_splits(table, findings)
    if "image" in table.text:
        boxes = [table.numbers[name] for name in BOX if name in table.numbers]
        seen: dict[tuple[str, ...], int] = {}
        doubles = []
        for row, image in enumerate(table.text["image"].tolist()):
            key = (image, *(str(column[row]) for column in boxes))
            if image and seen.setdefault(key, row) != row:
                doubles.append(row)
        findings.group("the same image, or box of it, as in an earlier row", np.array(doubles))


def _check_splits(table: OwnTable, findings: Findings) -> None:
    split = table.text["split"]
    odd = ~np.isin(split, (*SPLITS, ""))
    for name in np.unique(split[odd]).tolist():
        findings.group(
            f"split {name!r}, expected {', '.join(SPLITS)}", np.flatnonzero(split == name)
        )
    if "subject" in table.text:
        subjects = table.text["subject"]
        both = set(subjects[split == "test"]) & set(subjects[np.isin(split, ("train", "val"))])
        both.discard("")
        if both:
            findings.problems.append(
                f"subjects {', '.join(sorted(both))} are in test and in train or val; expected "
                "people of their own in test"
            )
    there = set(split.tolist())
    if there == {"val"}:
        findings.problems.append("all rows are of split 'val'; expected rows of train or test too")
    elif "train" not in there and "test" in there:
        findings.notes.append("no rows of split 'train': overpose train has nothing to train on")
    elif "test" not in there and "train" in there:
        findings.notes.append("no rows of split 'test': overpose evaluate has nothing to measure")


def _check_poses(table: OwnTable, findings: Findings) -> None:
    _check_sizes(table, findings)
    _check_axes(table, findings)
    poses = table.poses_mm
    relative = int(table.at_origin.sum())
    known = np.isfinite(poses[:, PELVIS]).all(axis=1)
    elsewhere = np.flatnonzero(known & ~table.at_origin)
    if relative and len(elsewhere):
        findings.problems.append(
            f"the pelvis is at 0 in {relative} rows and elsewhere in {len(elsewhere)}, the first "
            f"is row {elsewhere[0] + 1}: poses relative to the pelvis and positions are mixed; "
            "expected positions in all rows, or 0 for the pelvis in all"
        )
    if table.is_root_relative:
        return
    behind = (poses[..., 2] <= 0).any(axis=1) & ~table.at_origin
    findings.group(
        "a joint is not in front of the camera (z <= 0); give positions in camera axes, or the "
        "pelvis at 0 in all rows",
        np.flatnonzero(behind),
    )
    far = (np.abs(np.nan_to_num(poses)) >= FARTHEST_MM).any(axis=(1, 2))
    findings.group(
        f"a joint is more than {FARTHEST_MM / 1e6:g} km from the camera; expected millimetres",
        np.flatnonzero(far),
    )


def _check_sizes(table: OwnTable, findings: Findings) -> None:
    with np.errstate(over="ignore"):
        lengths = limb_lengths(table.poses_mm)
    rows = np.flatnonzero((~np.isnan(lengths)).any(axis=1))
    lengths = lengths[rows]
    if not len(rows):
        return
    longest = float(np.median(np.nanmax(lengths, axis=1)))
    for below, unit, millimetres in _UNITS:
        if 0 < longest < below:
            findings.problems.append(
                f"the longest limb measures {longest:.3g}, an adult's about {_ADULT_LIMB_MM:g} mm: "
                f"that looks like {unit}, expected millimetres; multiply by {millimetres:g}"
            )
            return
    low, high = _PLAUSIBLE_LIMB_MM
    odd = ((lengths < low) | (lengths > high)).any(axis=1)
    findings.group(f"a limb shorter than {low:.0f} or longer than {high:.0f} mm", rows[odd])


def _check_axes(table: OwnTable, findings: Findings) -> None:
    upward = table.poses_mm[:, HUMAN36M.index("head_top")] - table.poses_mm[:, PELVIS]
    upward = upward[np.isfinite(upward).all(axis=1)]
    if not len(upward):
        return
    along_z = np.abs(upward[:, 2]) > np.hypot(upward[:, 0], upward[:, 1])
    expected = "expected camera axes (x right, y down, z forward)"
    if (along_z & (upward[:, 2] > 0)).mean() > _MOST:
        findings.problems.append(
            f"from pelvis to head goes along z in most poses: z seems to point up, {expected}; "
            "turn world axes by the camera's rotation"
        )
    elif (along_z & (upward[:, 2] < 0)).mean() > _MOST:
        findings.notes.append(
            "from pelvis to head goes against z in most poses: right for a camera overhead, "
            f"otherwise z points down; {expected}"
        )
    elif (upward[:, 1] > 0).mean() > _MOST:
        findings.problems.append(
            f"the head is below the pelvis in most poses: y seems to point up, {expected}; change "
            "the signs of y and z"
        )


def _check_numbers(table: OwnTable, findings: Findings) -> None:
    for name, values in table.numbers.items():
        if name in ("focal_px", "box_side_px"):
            findings.group(f"{name} is not positive", np.flatnonzero(values <= 0))
        if name in WHOLE_NUMBERS:
            known = np.where(np.isfinite(values), values, 0.0)
            odd = (known != np.round(known)) | (np.abs(known) > _LARGEST_INT32)
            findings.group(
                f"{name} is not a whole number from {-_LARGEST_INT32} to {_LARGEST_INT32}",
                np.flatnonzero(odd),
            )
    if table.points_px is not None:
        points = np.abs(table.points_px[np.isfinite(table.points_px)])
        if len(points) and points.max() < _NORMALISED_BELOW_PX:
            findings.problems.append(
                f"no 2D joint is farther than {points.max():.3g} from 0: that looks normalised, "
                "expected pixels of the image file; multiply by its width and height"
            )


def _check_files(table: OwnTable, findings: Findings, processes: int) -> None:
    jobs = [
        range(first, min(first + _ROWS_PER_JOB, len(table)))
        for first in range(0, len(table), _ROWS_PER_JOB)
    ]
    reports: list[FileReport | None] = [None] * len(table)
    with progress_bar(f"checking {table.directory.resolve().name}", len(table)) as advance:
        for rows, found in do_jobs(jobs, make_file_check, table, min(processes, len(jobs))):
            reports[rows.start : rows.stop] = found
            advance(len(rows))
    problems: dict[str, list[int]] = {}
    kinds: Counter[str] = Counter()
    for row, report in enumerate(reports):
        assert report is not None
        for what in report.problems:
            problems.setdefault(what, []).append(row)
        kinds[report.kind] += 1
        findings.files_sha256.append(report.sha256)
    for what, rows in problems.items():
        findings.group(what, np.array(rows))
    for kind, note in _NOTES_ON_KINDS.items():
        if kinds[kind]:
            findings.notes.append(note.format(kinds[kind]))
