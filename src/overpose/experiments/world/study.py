"""How well places in the world are known, part by part, on clips of known people before known
cameras and on real recordings with calibrated ones.

Making clips belongs to `clips`, the errors to `errors`.
"""

import contextlib
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from overpose.datasets.motion_source import MotionSource
from overpose.datasets.rendering.recorded import open_recorded
from overpose.experiments.world.clips import WorldClip, make_clips, motions_of
from overpose.experiments.world.errors import LEVEL_ERRORS, ClipErrors, errors_of, level_errors
from overpose.experiments.world.recordings import recording_rows
from overpose.keypoints.people import DetectionFinder
from overpose.layouts import BLAZEPOSE_33
from overpose.poses import PoseTrack
from overpose.report.header import report_header
from overpose.report.tables import markdown_lines
from overpose.support.files import Output, write_json, writing_file
from overpose.support.progress import progress_bar
from overpose.synthetic.motions import CLIP_FPS
from overpose.video.estimator import PoseEstimator
from overpose.video.models import shipped_judge
from overpose.video.optics import view_of
from overpose.video.options import PredictOptions
from overpose.video.world.placing import people_of
from overpose.video.world.standing import standing

OLD_FOV_DEG = 60.0
"""Across the diagonal: what was assumed of cameras before, for the first row."""
MEASURES = (
    "p_mpjpe_mm", "position_mm", "wa_mpjpe_mm", "w_mpjpe_mm", "path_ratio", "slide_mm",
    "height_mm", "sink_mm",
)  # fmt: skip


def study_world(
    motion: MotionSource,
    output: Output,
    models: tuple[Path, Path],
    *,
    clips: tuple[int, int],
    recordings: Sequence[Path] = (),
    processes: int | None = None,
) -> dict[str, Any]:
    """Make clips and measure every part on them; writes world.json and world.md.

    Args:
        motion: recorded motion and its splits.
        output: directory; clips that are there are kept.
        models: files of the detector and of the landmark model.
        clips: how many of training and of test subjects.
        recordings: directories of videos with a file of their measured cameras.
        processes: one for each core if None.

    Raises:
        InputError: bad input.
    """
    library, splits = open_recorded(motion)
    both: tuple[Literal["train", "test"], ...] = ("train", "test")
    judge = shipped_judge()
    estimator = PoseEstimator(
        lambda fps: DetectionFinder(lambda image: [], BLAZEPOSE_33, fps),
        judge.photo, judge.video, name="shipped",
    )  # fmt: skip
    report: dict[str, Any] = {
        "protocol": "renders of one person before one static camera, 100 frames at 25/s, detector "
        "full; numbers chosen on training subjects",
        **report_header(),
        "rows": [],
        "cameras": [],
    }
    for seed, split in enumerate(both):
        made = make_clips(
            partial(motions_of, library, splits, split), models, output.out / split,
            clips=clips[seed], seed=seed, processes=processes,
        )  # fmt: skip
        errors: dict[str, list[ClipErrors]] = {}
        cameras = []
        with progress_bar(f"places, {split}", len(made)) as advance:
            for clip in made:
                tracks = parts(estimator, clip)
                for part, track in tracks.items():
                    joints = track.poses_mm[0] + track.root_mm[0][:, None]
                    found = errors_of(joints, clip, track.camera_to_world)
                    errors.setdefault(part, []).append(found)
                cameras.append(_camera_row(clip, tracks["and floor"]))
                advance(1)
        report["rows"] += [
            {"split": split, "part": part, "clips": len(found), **_means(found)}
            for part, found in errors.items()
        ]
        report["cameras"].append({"split": split, **_camera_means(cameras)})
    report["recordings"] = [row for each in recordings for row in recording_rows(each)]
    write_json(output.out / "world.json", report)
    with writing_file(output.out / "world.md") as temporary:
        temporary.write_text(table_text(report), encoding="utf-8")
    return report


def parts(estimator: PoseEstimator, clip: WorldClip) -> dict[str, PoseTrack]:
    """The track of a clip with more and more of the parts, by the last one's name."""
    old = math.hypot(clip.width, clip.height) / 2 / math.tan(math.radians(OLD_FOV_DEG) / 2)
    bare = PredictOptions(ground=False)
    options = {
        "60 degrees across the diagonal": replace(bare, focal_px=old),
        "0.8 of the longer side": bare,
        "and floor": PredictOptions(),
        "with the true focal length": PredictOptions(focal_px=clip.focal_px),
    }
    found = {name: _track(estimator, clip, each) for name, each in options.items()}
    view = view_of(bare, clip.width, clip.height, CLIP_FPS)
    placed = found["0.8 of the longer side"]
    fitted = standing(placed, people_of(placed, view), None, view, PredictOptions())
    names = list(options)
    return {
        names[0]: found[names[0]], names[1]: placed, "and fit": fitted,
        names[2]: found[names[2]], names[3]: found[names[3]],
    }  # fmt: skip


def _track(estimator: PoseEstimator, clip: WorldClip, options: PredictOptions) -> PoseTrack:
    with contextlib.redirect_stderr(io.StringIO()):  # what it says of every clip
        return estimator.predict_keypoints(
            clip.keypoints_px[None],
            layout=BLAZEPOSE_33,
            fps=CLIP_FPS,
            size_px=(clip.width, clip.height),
            options=options,
        )


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


def table_text(report: Mapping[str, Any]) -> str:
    """The report as Markdown."""
    lines = [f"{report['protocol']}. Commit {report['commit']}, {report['machine']}, "
             f"{report['date']}.", ""]  # fmt: skip
    cells = [
        [row["split"], row["part"], str(row["clips"]), *(_text(row[name]) for name in MEASURES)]
        for row in report["rows"]
    ]
    titles = (
        "subjects", "part", "clips", "P-MPJPE mm", "position mm", "WA-MPJPE mm", "W-MPJPE mm",
        "way, ratio", "slide mm a frame", "ankle height mm", "sinks mm",
    )  # fmt: skip
    lines += markdown_lines(titles, cells, left=2)
    lines += [
        "",
        "Position: after one rigid fit of the clip. WA- and W-MPJPE: after the similarity fit of "
        "the clip, and of its first two frames, as SLAHMR and WHAM define them. Slide: way of an "
        "ankle per frame in which it truly stands still.",
        "",
    ]
    rows = [
        [row["split"], f"{100 * row['focal_share']:.0f} %", f"{100 * row['found']:.0f} %",
         *(_text(row[name]) for name in LEVEL_ERRORS)]
        for row in report["cameras"]
    ]  # fmt: skip
    of_camera = ("focal error", "world found", "up, degrees", "tilt", "roll", "height mm")
    lines += markdown_lines(("subjects", *of_camera), rows)
    if report["recordings"]:
        lines += ["", "Real recordings with measured cameras, focal length assumed:", ""]
        rows = [
            [row["recording"], row["camera"], f"{100 * row['focal_share']:+.0f} %",
             *(_text(row[name]) for name in LEVEL_ERRORS)]
            for row in report["recordings"]
        ]  # fmt: skip
        titles = ("recording", "camera", "focal error", "up, degrees", "tilt", "roll", "height mm")
        lines += markdown_lines(titles, rows, left=2)
    return "\n".join(lines) + "\n"


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}" if value < 2 else f"{value:.1f}"
