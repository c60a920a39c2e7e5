"""Trained lifters on subjects they have never seen: errors of every method, as JSON and a table.

Keypoints are those of the test subjects' joints and landmarks seen by random cameras, with the
errors of real detector runs that no lifter learned from, and without any. Training belongs to
`training`.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from overpose.datasets.motion_source import MotionSource
from overpose.datasets.rendering.recorded import open_recorded
from overpose.experiments.lifters.data import LifterData, recordings_of, split_clips
from overpose.experiments.lifters.expected_errors import bins_of, error_rows, errors_of
from overpose.experiments.lifters.recipe import ALIKE, LifterRecipe
from overpose.experiments.lifters.training import CHAINS, methods_of
from overpose.metrics import limb_ratio_error, mpjpe, p_mpjpe
from overpose.networks.numpy_lifter import NumpyLifter, load_numpy_lifter
from overpose.report.figures import draw_expected_errors, draw_windows_curve
from overpose.report.header import report_header
from overpose.report.tables import markdown_lines
from overpose.studio.body import load_body
from overpose.studio.retarget import retarget
from overpose.support.files import write_json, writing_file
from overpose.support.progress import progress_bar
from overpose.support.seeding import random_stream
from overpose.synthetic.batches import BatchSource
from overpose.synthetic.bodies import published_shape
from overpose.synthetic.detector import DetectorModel
from overpose.synthetic.landmarks import body_points
from overpose.synthetic.motions import Recordings
from overpose.synthetic.pool import as_steps
from overpose.training.loop import read_metrics
from overpose.training.samples import Drawn
from overpose.video.models import shipped_lifter

BEFORE = "shipped"
"""The method of the rows of the weights that come with the package."""
PROTOCOL = "keypoints of test subjects, errors of held-out detector runs on poses alike"
CLIP_FRAMES = 96
"""Longer than the longest windows of `recipe.ENCODERS`."""
CLIPS_PER_TRIAL = 8


@dataclass(frozen=True)
class LifterRow:
    """Errors of one method of one lifter on the test windows.

    Attributes:
        lifter: "photo" or "video", or what the recipe calls it.
        method: one of `training.methods_of`, or `BEFORE`.
        mpjpe_mm: mean joint distance over the 17 joints, the root included.
        p_mpjpe_mm: the same after a similarity Procrustes alignment of each pose.
        perfect_mpjpe_mm, perfect_p_mpjpe_mm: of the same poses, with keypoints without error.
        limb_ratio_lower, limb_ratio_upper, limb_ratio_full: limb-ratio errors, without unit.
        feet_mm: mean distance of heels and toes from the truth; None where they are not predicted.
        val_mpjpe_mm: on real runs of the detector on held-out renders of training subjects, after
            the last epoch.
        val_own_mpjpe_mm: of the last weights themselves, where an average of them is kept, or None.
        val_perfect_mpjpe_mm: on the same renders, with keypoints without error.
        windows_seen: in training, of all stages behind it; None of the shipped weights.
        train_s: seconds of training of all stages behind it, on one core beside another, or None.
        predict_ms: milliseconds a frame, keypoints to pose, in batches, on one core, in numpy.
    """

    lifter: str
    method: str
    mpjpe_mm: float
    p_mpjpe_mm: float
    perfect_mpjpe_mm: float
    perfect_p_mpjpe_mm: float
    limb_ratio_lower: float
    limb_ratio_upper: float
    limb_ratio_full: float
    feet_mm: float | None
    val_mpjpe_mm: float
    val_own_mpjpe_mm: float | None
    val_perfect_mpjpe_mm: float
    windows_seen: int | None
    train_s: float | None
    predict_ms: float


class EvaluationWindows(NamedTuple):
    """What every method of a lifter is measured on.

    Attributes:
        seen: poses of test subjects, with the errors of the detector.
        perfect: the same without its errors.
        renders: what the detector said of held-out renders of training subjects.
        perfect_renders: the same renders without its errors.
    """

    seen: Drawn
    perfect: Drawn
    renders: Drawn
    perfect_renders: Drawn


def evaluate_lifters(
    recipe: LifterRecipe,
    motion: MotionSource,
    out: Path,
    *,
    detections: Path | None = None,
    seed: int = 0,
) -> list[LifterRow]:
    """Measure every method in the directory of a run, and whether `weights` expect their errors.

    The weights that come with the package are measured on the same motions and renders. Writes
    `report.json`, `tables.md`, `learning_curve.png` and, where errors are expected,
    `expected_errors.png` there.

    Raises:
        InputError: the run is not finished, or bad input.
    """
    recordings = recordings_of(*open_recorded(motion), "test")
    pool = evaluation_clips(recordings, seed)
    data = LifterData.read(recipe, out, detections or out / "detections")
    held_out, methods = DetectorModel.fit(data.held_out), methods_of(recipe)
    draw = partial(_windows, recipe, data, pool, held_out, seed)
    rows: list[LifterRow] = []
    with progress_bar("measure lifters", 2 + len(recipe.encoders) * len(methods)) as advance:
        for name in ("photo", "video"):
            before = shipped_lifter(name)
            rows.append(_row(name, BEFORE, before, draw(before.offsets)))
            advance(1)
        for lifter, encoder in recipe.encoders.items():
            tests = draw(encoder.offsets)
            for method in methods:
                rows.append(_measured(out, lifter, method, tests))
                advance(1)
    report = {
        "protocol": PROTOCOL,
        "dataset": f"{motion.name}: {len(recordings.motions)} trials of test subjects",
        "recipe": recipe.name,
        **report_header(),
        "windows": recipe.test_windows,
        "rows": [asdict(row) for row in rows],
        "learning_curve": learning_curve(recipe, out),
        "expected_errors": expected_errors(recipe, data, out),
    }
    draw_windows_curve(out / "learning_curve.png", report["learning_curve"])
    if report["expected_errors"]:
        draw_expected_errors(
            out / "expected_errors.png",
            {name: each["bins"] for name, each in report["expected_errors"].items()},
        )
    with writing_file(out / "tables.md") as temporary:
        temporary.write_text(table_text(report), encoding="utf-8")
    write_json(out / "report.json", report)
    return rows


def learning_curve(recipe: LifterRecipe, out: Path) -> dict[str, list[tuple[int, float]]]:
    """By "lifter, method", windows seen in training and the error on held-out renders, mm, after
    each epoch; a method begins where the one before it has ended."""
    curve = {}
    for lifter in recipe.encoders:
        for chain in recipe.chains:
            before = 0
            for method in CHAINS[chain]:
                history = read_metrics(out / lifter / method)
                seen = [(before + each["samples_seen"], each["val_mpjpe_mm"]) for each in history]
                curve[f"{lifter}, {method}"] = seen
                before = seen[-1][0]
    return curve


def expected_errors(recipe: LifterRecipe, data: LifterData, out: Path) -> dict[str, Any]:
    """By lifter that expects errors, `rows` and `bins` on the held-out renders that its scale was
    not set on; see `expected_errors`."""
    _, rest = split_clips(data.held_out, -(-recipe.held_out_clips // 2))
    found: dict[str, Any] = {}
    for lifter in recipe.encoders if len(rest.focal_px) else ():
        directory = out / "weights" / lifter
        model = load_numpy_lifter(directory) if directory.is_dir() else None
        if model is None or not model.config.errors:
            continue
        expected, made = errors_of(
            model, data.real_windows(recipe, recipe.encoders[lifter].offsets, rest)
        )
        found[lifter] = {
            "rows": [asdict(row) for row in error_rows(expected, made)],
            "bins": [asdict(one) for one in bins_of(expected[:, 1:].ravel(), made[:, 1:].ravel())],
        }
    return found


def evaluation_clips(recordings: Recordings, seed: int) -> np.ndarray:
    """(clips, 96, 50, 3) int16 like a pool: the recordings as they are, each on a random body."""
    model = load_body()
    clips = []
    with progress_bar("test motions", len(recordings.motions)) as advance:
        for number, motion in enumerate(recordings.motions):
            shape = published_shape(model, seed, f"test {number}")
            starts = list(range(0, max(1, len(motion) - CLIP_FRAMES + 1), CLIP_FRAMES))
            chosen = random_stream(seed, "test clips", number).permutation(len(starts))
            for place in sorted(chosen[:CLIPS_PER_TRIAL]):
                part = motion.slice(starts[place], starts[place] + CLIP_FRAMES)
                points = body_points(model, shape, retarget(part, model, shape).transforms)
                held = np.minimum(np.arange(CLIP_FRAMES), len(points) - 1)
                clips.append(as_steps(points[held]))
            advance(1)
    return np.stack(clips)


def table_text(report: Mapping[str, Any]) -> str:
    """The report as Markdown."""
    lines = [
        f"Protocol: {report['protocol']}. {report['dataset']}, {report['windows']} windows; recipe "
        f"{report['recipe']}, commit {report['commit']}, {report['machine']}, {report['date']}.",
        "",
        "MPJPE and P-MPJPE in mm, with the detector's errors / with keypoints without error. Feet: "
        "heels and toes. Renders: of training subjects, held out, with real runs of the detector; "
        "not averaged: by the last weights instead of their running average. Shipped: the weights "
        "that came with the package.",
        "",
    ]
    cells = []
    for row in report["rows"]:
        feet, own = row["feet_mm"], row["val_own_mpjpe_mm"]
        cells.append(
            [
                row["lifter"],
                row["method"],
                f"{row['mpjpe_mm']:.1f} / {row['perfect_mpjpe_mm']:.1f}",
                f"{row['p_mpjpe_mm']:.1f} / {row['perfect_p_mpjpe_mm']:.1f}",
                "" if feet is None else f"{feet:.1f}",
                f"{row['val_mpjpe_mm']:.1f} / {row['val_perfect_mpjpe_mm']:.1f}",
                "" if own is None else f"{own:.1f}",
                *(f"{row[f'limb_ratio_{part}']:.2f}" for part in ("lower", "upper", "full")),
                "" if row["windows_seen"] is None else f"{row['windows_seen'] / 1e6:.2f} M",
                "" if row["train_s"] is None else f"{row['train_s']:.0f}",
                f"{row['predict_ms']:.3f}",
            ]
        )
    lines += markdown_lines(
        (
            "lifter", "method", "MPJPE / perfect 2D", "P-MPJPE / perfect 2D", "feet",
            "renders / perfect 2D", "not averaged", "limb ratio lower", "upper", "full",
            "windows seen", "training s", "ms a frame",
        ),
        cells,
        left=2,
    )  # fmt: skip
    for lifter, found in report["expected_errors"].items():
        lines += [
            "",
            f"Expected errors of {lifter}, mm, on held-out renders that their scale was not set "
            "on. Off: mean distance of ten bins from what they expect (expected calibration "
            "error). Single errors: how far from their mean / from what was expected of each.",
            "",
        ]
        rows = [
            [
                each["joint"],
                *(f"{each[name]:.1f}" for name in ("made_mm", "expected_mm", "off_mm")),
                f"{each['constant_off_mm']:.1f} / {each['single_off_mm']:.1f}",
                f"{each['rank_correlation']:.2f}",
            ]
            for each in found["rows"]
        ]
        titles = ("joint", "error", "expected", "off", "single errors", "rank correlation")
        lines += markdown_lines(titles, rows)
    return "\n".join(lines) + "\n"


def _windows(
    recipe: LifterRecipe,
    data: LifterData,
    pool: np.ndarray,
    held_out: DetectorModel,
    seed: int,
    offsets: tuple[int, ...],
) -> EvaluationWindows:
    """Drawn alike for all networks that see the same frames."""
    noise = replace(
        recipe.batches, detected=0.0, generic=0.0, drop_part=0.0, assumed=0.0, focal_error=0.0,
        shift=0.0, quiet=0.0, alike=ALIKE,
    )  # fmt: skip
    clean = replace(noise, drop=0.0, drop_frame=0.0, swap=0.0)
    seen, perfect = (
        BatchSource(pool, detector, None, offsets, config).draw(
            recipe.test_windows, random_stream(seed, "lifter test")
        )
        for detector, config in ((held_out, noise), (DetectorModel.perfect(), clean))
    )
    renders, perfect_renders = (
        data.real_windows(recipe, offsets, runs)
        for runs in (data.held_out, data.held_out.perfect())
    )
    return EvaluationWindows(seen, perfect, renders, perfect_renders)


def _measured(out: Path, lifter: str, method: str, tests: EvaluationWindows) -> LifterRow:
    stages = [method]
    if method.startswith("finetuned"):
        stages.insert(0, method.replace("finetuned", "latent"))
    history = [read_metrics(out / lifter / stage) for stage in stages]
    model = load_numpy_lifter(out / lifter / method / "last")
    return replace(
        _row(lifter, method, model, tests),
        val_own_mpjpe_mm=history[-1][-1].get("val_own_mpjpe_mm"),
        windows_seen=sum(int(stage[-1]["samples_seen"]) for stage in history),
        train_s=sum(entry["train_s"] for stage in history for entry in stage),
    )


def _row(lifter: str, method: str, model: NumpyLifter, tests: EvaluationWindows) -> LifterRow:
    """Errors with the detector's errors and without; nothing of how it was trained."""
    seen, perfect, renders, perfect_renders = tests
    model.predict(seen.features[:256])
    began = time.perf_counter()
    lifted = model.predict_all(seen.features)
    seconds = time.perf_counter() - began
    predicted, exact = lifted.poses_mm, model.predict(perfect.features)
    feet = lifted.feet_mm
    return LifterRow(
        lifter,
        method,
        float(mpjpe(predicted, seen.poses_mm)),
        float(p_mpjpe(predicted, seen.poses_mm)),
        float(mpjpe(exact, perfect.poses_mm)),
        float(p_mpjpe(exact, perfect.poses_mm)),
        *(
            float(limb_ratio_error(predicted, seen.poses_mm, part=part))
            for part in ("lower", "upper", "full")
        ),
        feet_mm=None if feet is None else float(mpjpe(feet, seen.feet_mm)),
        val_mpjpe_mm=float(mpjpe(model.predict(renders.features), renders.poses_mm)),
        val_own_mpjpe_mm=None,
        val_perfect_mpjpe_mm=float(
            mpjpe(model.predict(perfect_renders.features), perfect_renders.poses_mm)
        ),
        windows_seen=None,
        train_s=None,
        predict_ms=1000.0 * seconds / len(seen.features),
    )
