"""How well places in the world are known, part by part, on clips of known people before known
cameras and on real recordings with calibrated ones.

Making clips belongs to `clips`, tracks to `parts`, errors to `errors`, tables to `tables`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from overpose.datasets.motion_source import MotionSource
from overpose.datasets.rendering.recorded import open_recorded
from overpose.experiments.world.angle_errors import angle_pairs, angle_rows
from overpose.experiments.world.clips import WorldClip, make_clips, motions_of
from overpose.experiments.world.errors import LEVEL_ERRORS, ClipErrors, errors_of, level_errors
from overpose.experiments.world.parts import WHOLE, parts, shipped_estimator, with_truth
from overpose.experiments.world.recordings import recorded
from overpose.experiments.world.repetitions import (
    LONGEST,
    counted,
    repeating_motions,
    repetition_row,
    squat_row,
)
from overpose.experiments.world.tables import MEASURES, table_text
from overpose.experiments.world.turning import (
    STILL,
    TurnErrors,
    steady_errors,
    turning_parts,
)
from overpose.poses import PoseTrack
from overpose.report.header import report_header
from overpose.support.files import Output, write_json, writing_file
from overpose.support.progress import progress_bar
from overpose.video.estimator import PoseEstimator

FOCAL_BANDS = (0.6, 0.7, 0.88, 1.1, 1.4)
"""Ends of the bands of true focal lengths, in shares of the longer side, that are told apart; the
second is phones'."""


def study_world(
    motion: MotionSource,
    output: Output,
    models: tuple[Path, Path],
    *,
    clips: tuple[int, int],
    turning_clips: tuple[int, int] = (0, 0),
    repetition_clips: tuple[int, int] = (0, 0),
    recordings: Sequence[Path] = (),
    processes: int | None = None,
) -> dict[str, Any]:
    """Make clips and measure every part on them; writes world.json and world.md.

    Args:
        motion: recorded motion and its splits.
        output: directory; clips that are there are kept.
        models: files of the detector and of the landmark model.
        clips: how many of training and of test subjects.
        turning_clips: how many of these scenes also before a camera that turns.
        repetition_clips: how many clips of squats and of other repetitions.
        recordings: directories of videos with a file of their measured cameras.
        processes: one for each core if None.

    Raises:
        InputError: bad input.
    """
    library, splits = open_recorded(motion)
    both: tuple[Literal["train", "test"], ...] = ("train", "test")
    estimator = shipped_estimator()
    report: dict[str, Any] = {
        "protocol": "renders of one person before one static camera, or one that turns, 100 "
        "frames at 25/s, detector full; numbers chosen on training subjects",
        **report_header(),
        "rows": [],
        "cameras": [],
        "by_focal": [],
        "turning": [],
        "angles": [],
        "squats": [],
        "repetitions": [],
    }
    for seed, split in enumerate(both):
        motions = partial(motions_of, library, splits, split)
        numbered = make_clips(
            motions, models, output.out / split,
            clips=clips[seed], seed=seed, processes=processes,
        )  # fmt: skip
        made = list(numbered.values())
        errors: dict[str, list[ClipErrors]] = {}
        cameras = []
        angles = []
        with progress_bar(f"places, {split}", len(made)) as advance:
            for clip in made:
                tracks = parts(estimator, clip)
                cameras.append(_camera_row(clip, tracks[WHOLE]))
                angles.append(angle_pairs(tracks[WHOLE], clip))
                for part, track in (tracks | with_truth(estimator, clip, tracks[WHOLE])).items():
                    errors.setdefault(part, []).append(_errors_of(track, clip))
                advance(1)
        report["rows"] += [
            {"split": split, "part": part, "clips": len(found), **_means(found)}
            for part, found in errors.items()
        ]
        report["cameras"].append({"split": split, **_camera_means(cameras)})
        whole = errors.get(WHOLE, [])
        report["by_focal"] += [{"split": split, **row} for row in _by_focal(made, cameras, whole)]
        report["angles"] += [{"split": split, **row} for row in angle_rows(angles)]
        if repetition_clips[seed] > 0:
            repeating = make_clips(
                partial(repeating_motions, library, splits, split), models,
                output.out / f"{split}_repetitions", clips=repetition_clips[seed], seed=seed,
                frames=LONGEST, processes=processes,
            )  # fmt: skip
            found = [counted(estimator, clip) for clip in repeating.values()]
            report["squats"].append({"split": split, **squat_row(found)})
            report["repetitions"].append({"split": split, **repetition_row(found)})
        if turning_clips[seed] == 0:
            continue
        turning = make_clips(
            motions, models, output.out / f"{split}_turning",
            clips=turning_clips[seed], seed=seed, turning=True, processes=processes,
        )  # fmt: skip
        still = dict(zip(numbered, whole, strict=True))
        rows, turns = _turning_rows(estimator, turning, still)
        report["rows"] += [{"split": split, **row} for row in rows]
        report["turning"].append({"split": split, **turns})
    looked_at = [recorded(each) for each in recordings]
    report["recordings"] = [row for each in looked_at for row in each.cameras]
    report["places"] = [row for each in looked_at for row in each.places]
    write_json(output.out / "world.json", report)
    with writing_file(output.out / "world.md") as temporary:
        temporary.write_text(table_text(report), encoding="utf-8")
    return report


def _turning_rows(
    estimator: PoseEstimator, clips: Mapping[int, WorldClip], still: Mapping[int, ClipErrors]
) -> tuple[list[dict[str, Any]], dict[str, float | None]]:
    """Rows of the parts on clips whose camera turns, and of the same scenes before one that does
    not, as far as the person is found there too; and means of the errors of turns."""
    errors: dict[str, list[ClipErrors]] = {}
    turns: list[TurnErrors] = []
    with progress_bar("turning cameras", len(clips)) as advance:
        for number, clip in clips.items():
            if number in still:
                tracks, own = turning_parts(estimator, clip)
                turns.append(own)
                for part, track in tracks.items():
                    errors.setdefault(part, []).append(steady_errors(track, clip))
                errors.setdefault(STILL, []).append(still[number])
            advance(1)
    rows = [{"part": part, "clips": len(of), **_means(of)} for part, of in errors.items()]
    names = (field.name for field in fields(TurnErrors))
    return rows, {name: _mean([getattr(each, name) for each in turns]) for name in names}


def _errors_of(track: PoseTrack, clip: WorldClip) -> ClipErrors:
    contact = None if track.foot_contact is None else track.foot_contact[0]
    joints = track.poses_mm[0] + track.root_mm[0][:, None]
    return errors_of(joints, clip, track.camera_to_world, contact)


def _by_focal(
    clips: Sequence[WorldClip], cameras: Sequence[Mapping[str, float]], whole: Sequence[ClipErrors]
) -> list[dict[str, Any]]:
    """A row for each band of true focal lengths that has clips."""
    shares = np.array([clip.focal_px / max(clip.width, clip.height) for clip in clips])
    bands = np.digitize(shares, FOCAL_BANDS[1:-1])
    rows = []
    for band in np.unique(bands).tolist():
        chosen = np.flatnonzero(bands == band).tolist()
        rows.append({
            "from": FOCAL_BANDS[band],
            "to": FOCAL_BANDS[band + 1],
            "clips": len(chosen),
            "focal_share": _mean([cameras[place]["focal_share"] for place in chosen]),
            "height_mm": _mean([cameras[place].get("height_mm", math.nan) for place in chosen]),
            "position_mm": _mean([whole[place].position_mm for place in chosen]),
            "path_ratio": _mean([whole[place].path_ratio for place in chosen]),
        })  # fmt: skip
    return rows


def _camera_row(clip: WorldClip, track: PoseTrack) -> dict[str, float]:
    row = {"focal_share": abs(track.focal_px / clip.focal_px - 1), "found": 0.0}
    if track.camera_to_world is None:
        return row
    return row | {"found": 1.0} | level_errors(track.camera_to_world, clip.camera_to_world)


def _means(found: Sequence[ClipErrors]) -> dict[str, float | None]:
    return {name: _mean([asdict(each)[name] for each in found]) for name in MEASURES}


def _camera_means(rows: Sequence[Mapping[str, float]]) -> dict[str, float | None]:
    names = ("focal_share", "found", *LEVEL_ERRORS)
    return {name: _mean([row.get(name, math.nan) for row in rows]) for name in names}


def _mean(values: Sequence[float]) -> float | None:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else None
