"""Trained lifters on subjects they have never seen: errors of every method, as JSON and a table.

Keypoints are those of the test subjects' joints and landmarks seen by random cameras, with the
errors of real detector runs that no lifter learned from. Training belongs to `training_run`.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from overpose.datasets.motion_source import MotionSource
from overpose.datasets.rendering.recorded import open_recorded
from overpose.experiments.lifters.recipe import LifterRecipe
from overpose.experiments.lifters.training import METHODS, recordings_of, split_clips
from overpose.metrics import limb_ratio_error, mpjpe, p_mpjpe
from overpose.networks.pose_predictor import KIND, PosePredictor
from overpose.networks.storage import load_model
from overpose.report.header import report_header
from overpose.studio.body import load_body
from overpose.studio.retarget import retarget
from overpose.support.files import write_json, writing_file
from overpose.support.progress import progress_bar
from overpose.support.seeding import random_stream
from overpose.synthetic.batches import BatchSource
from overpose.synthetic.bodies import published_shape
from overpose.synthetic.detections import read_detections
from overpose.synthetic.detector import DetectorModel
from overpose.synthetic.landmarks import body_points
from overpose.synthetic.motions import Recordings
from overpose.synthetic.pool import as_steps
from overpose.training.loop import read_metrics

PROTOCOL = "keypoints of test subjects, errors of held-out detector runs"
CLIP_FRAMES = 64
CLIPS_PER_TRIAL = 8


@dataclass(frozen=True)
class LifterRow:
    """Errors of one method of one lifter on the test windows.

    Attributes:
        lifter: "photo" or "video".
        method: one of `training_run.METHODS`.
        mpjpe_mm: mean joint distance over the 17 joints, the root included.
        p_mpjpe_mm: the same after a similarity Procrustes alignment of each pose.
        limb_ratio_lower, limb_ratio_upper, limb_ratio_full: limb-ratio errors, without unit.
        val_mpjpe_mm: on real runs of the detector on held-out renders of training subjects, after
            the last epoch.
        train_s: seconds of training of all stages behind it, on one core beside another.
        predict_ms: milliseconds a frame, keypoints to pose, in batches, on one core.
    """

    lifter: str
    method: str
    mpjpe_mm: float
    p_mpjpe_mm: float
    limb_ratio_lower: float
    limb_ratio_upper: float
    limb_ratio_full: float
    val_mpjpe_mm: float
    train_s: float
    predict_ms: float


def evaluate_lifters(
    recipe: LifterRecipe,
    motion: MotionSource,
    out: Path,
    *,
    detections: Path | None = None,
    seed: int = 0,
) -> list[LifterRow]:
    """Measure every method in the directory of a run; writes `report.json` and `tables.md` there.

    Raises:
        InputError: the run is not finished, or bad input.
    """
    recordings = recordings_of(*open_recorded(motion), "test")
    pool = evaluation_clips(recordings, seed)
    found = read_detections(detections or out / "detections", recipe.detection_clips)
    held_out = DetectorModel.fit(split_clips(found, recipe.held_out_clips)[0])
    rows = []
    with progress_bar("measure lifters", len(recipe.encoders) * len(METHODS)) as advance:
        for lifter, encoder in recipe.encoders.items():
            noise = replace(
                recipe.batches, detected=0.0, generic=0.0, drop_part=0.0,
                assumed=0.0, focal_error=0.0, shift=0.0,
            )  # fmt: skip
            source = BatchSource(pool, held_out, None, encoder.offsets, noise)
            windows = source.draw(recipe.test_windows, random_stream(seed, "lifter test"))[:2]
            for method in METHODS:
                rows.append(_measured(out, lifter, method, windows))
                advance(1)
    report = {
        "protocol": PROTOCOL,
        "dataset": f"{motion.name}: {len(recordings.motions)} trials of test subjects",
        "recipe": recipe.name,
        **report_header(),
        "windows": recipe.test_windows,
        "rows": [asdict(row) for row in rows],
    }
    with writing_file(out / "tables.md") as temporary:
        temporary.write_text(table_text(report), encoding="utf-8")
    write_json(out / "report.json", report)
    return rows


def evaluation_clips(recordings: Recordings, seed: int) -> np.ndarray:
    """(clips, 64, 50, 3) int16 like a pool: the recordings as they are, each on a random body."""
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
        "| lifter | method | MPJPE mm | P-MPJPE mm | limb ratio lower | upper | full | "
        "val MPJPE mm | training s | ms a frame |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in report["rows"]:
        numbers = [f"{row[name]:.1f}" for name in ("mpjpe_mm", "p_mpjpe_mm")]
        numbers += [f"{row[f'limb_ratio_{part}']:.2f}" for part in ("lower", "upper", "full")]
        numbers += [f"{row['val_mpjpe_mm']:.1f}", f"{row['train_s']:.0f}"]
        cells = [row["lifter"], row["method"], *numbers, f"{row['predict_ms']:.3f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _measured(
    out: Path, lifter: str, method: str, windows: tuple[np.ndarray, np.ndarray]
) -> LifterRow:
    features, poses = windows
    stages = [method]
    if method.startswith("finetuned"):
        stages.insert(0, method.replace("finetuned", "latent"))
    history = [read_metrics(out / lifter / stage) for stage in stages]
    model = load_model(out / lifter / method / "last", (KIND,))
    assert isinstance(model, PosePredictor)  # `train_lifters` wrote it
    model.predict(features[:1024])
    began = time.perf_counter()
    predicted = model.predict(features)
    seconds = time.perf_counter() - began
    return LifterRow(
        lifter,
        method,
        float(mpjpe(predicted, poses)),
        float(p_mpjpe(predicted, poses)),
        *(
            float(limb_ratio_error(predicted, poses, part=part))
            for part in ("lower", "upper", "full")
        ),
        val_mpjpe_mm=float(history[-1][-1]["val_mpjpe_mm"]),
        train_s=sum(entry["train_s"] for stage in history for entry in stage),
        predict_ms=1000.0 * seconds / len(features),
    )
