"""How well steps are measured: against feet that stand still in recorded motion, and in tracks of
renders against the feet of the rendered bodies.

True steps know nothing of how `movement` finds them: they begin where a foot comes to stand, and
are as long as the ways between places in which feet stand.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from overpose.angles import SIDES
from overpose.datasets.motion_source import MotionSource
from overpose.datasets.rendering.recorded import open_recorded
from overpose.experiments.world.clips import UNEVEN, read_clip
from overpose.experiments.world.parts import shipped_estimator, whole_track
from overpose.formats.points import joints_y_up_mm
from overpose.mocap.joints17 import joints17_world_mm
from overpose.mocap.motion import Motion
from overpose.movement.body import joint
from overpose.movement.gait import LEAST_STEPS, STEP_S, Walk, walks_of
from overpose.report.header import report_header
from overpose.report.tables import markdown_lines
from overpose.skeleton import FEET
from overpose.support.errors import InputError
from overpose.support.files import Output, write_json, writing_file
from overpose.support.stretches import stretches
from overpose.synthetic.motions import CLIP_FPS
from overpose.video.smoothing import smooth_zero_phase

ACTIONS = ("walking", "running")
RECORDED_FPS = 60.0
STILL_MM_S, STILL, STANDS_S, GAP_S = 500.0, 0.4, 0.1, 0.08
"""A foot stands where ankle or ball is slower than this, or than this share of the pelvis' speed,
for so long; gaps as short as this between two stands are none."""
PLACE_MM = 200.0
"""Nor is a gap between stands this near to each other: a foot that rolls off is not a new one."""
SHORTEST_MM = 150.0
"""A foot that comes to stand less far before the other ends a walk and makes no step."""
NEAR_S = 0.15
"""How far before the first and after the last contact that was found true steps may reach."""
_Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


@dataclass(frozen=True)
class Step:
    """A true step: from one foot coming to stand to the other.

    Attributes:
        begin_s, end_s: when.
        length_mm: between the places where the ankles stand, along the way of the pelvis.
        speed_mm_s: of the pelvis over the floor.
    """

    begin_s: float
    end_s: float
    length_mm: float
    speed_mm_s: float


@dataclass(frozen=True)
class StepErrors:
    """Of one walk, what was found and what is true: means over its steps."""

    cadence: float
    true_cadence: float
    step_mm: float
    true_step_mm: float
    speed_mm_s: float
    true_speed_mm_s: float


def true_steps(
    stands: np.ndarray, ankles_mm: np.ndarray, pelvis_mm: np.ndarray, fps: float
) -> list[Step]:
    """Steps of feet that stand.

    Args:
        stands: (frames, 2) bool, left and right.
        ankles_mm: (frames, 2, 3) y up.
        pelvis_mm: (frames, 3).
        fps: frames a second.
    """
    begun = []
    for side in range(2):
        places = ankles_mm[:, side] * (1.0, 0.0, 1.0)
        runs: list[tuple[int, int]] = []
        for start, stop in stretches(stands[:, side]):
            if runs and _is_same(runs[-1], (start, stop), places, fps):
                runs[-1] = (runs[-1][0], stop)
            else:
                runs.append((start, stop))
        begun += [
            (start, side, np.median(places[start:stop], axis=0))
            for start, stop in runs if stop - start >= STANDS_S * fps
        ]  # fmt: skip
    steps = []
    for (a, one, place), (b, other, next_place) in pairwise(sorted(begun, key=lambda e: e[:2])):
        went = (pelvis_mm[b] - pelvis_mm[a]) * (1.0, 0.0, 1.0)
        way = float(np.linalg.norm(went))
        seconds = (b - a) / fps
        if a > 0 and one != other and STEP_S[0] <= seconds <= STEP_S[1] and way > 0:
            length = float((next_place - place) @ went) / way
            if length > SHORTEST_MM:
                steps.append(Step(a / fps, b / fps, length, way / seconds))
    return steps


def feet_that_stand(feet_mm: np.ndarray, pelvis_mm: np.ndarray, fps: float) -> np.ndarray:
    """(frames, 2) bool: whether the left and the right foot stand.

    Args:
        feet_mm: (frames, 2, 2, 3) ankle and ball of each, y up.
        pelvis_mm: (frames, 3).
        fps: frames a second.
    """
    feet = _speed(smooth_zero_phase(feet_mm, fps, 8.0), fps).min(axis=-1)
    pelvis = _speed(smooth_zero_phase(pelvis_mm * (1.0, 0.0, 1.0), fps, 1.0), fps)
    return feet < np.maximum(STILL_MM_S, STILL * pelvis)[:, None]


def _speed(points_mm: np.ndarray, fps: float) -> np.ndarray:
    return np.linalg.norm(np.gradient(points_mm, axis=0), axis=-1) * fps


def _is_same(
    before: tuple[int, int], after: tuple[int, int], places_mm: np.ndarray, fps: float
) -> bool:
    """Whether a foot that stands for some frames, and for some later ones, stood all the time."""
    one, other = (np.median(places_mm[start:stop], axis=0) for start, stop in (before, after))
    near = float(np.linalg.norm(other - one)) < PLACE_MM
    return near or after[0] - before[1] <= GAP_S * fps


def step_errors(walks: Sequence[Walk], truth: Sequence[Step], fps: float) -> StepErrors | None:
    """Errors of the longest walk; None without one, or if fewer than two true steps are in it."""
    if not walks:
        return None
    walk = max(walks, key=lambda each: len(each.step_s))
    begin, end = (walk.contacts[at].frame / fps for at in (0, -1))
    own = [s for s in truth if s.begin_s >= begin - NEAR_S and s.end_s <= end + NEAR_S]
    if len(own) < 2:
        return None
    return StepErrors(
        60 / float(walk.step_s.mean()),
        60 / float(np.mean([step.end_s - step.begin_s for step in own])),
        float(walk.step_mm.mean()),
        float(np.mean([step.length_mm for step in own])),
        walk.speed_mm_s,
        float(np.mean([step.speed_mm_s for step in own])),
    )


def study_steps(motion: MotionSource, clips: Path, output: Output) -> dict[str, Any]:
    """Measure steps on recorded motion and on the clips that `evaluate-world` made; writes
    steps.json and steps.md.

    Args:
        motion: recorded motion and its splits.
        clips: directory that `evaluate-world` wrote to.
        output: directory.

    Raises:
        InputError: bad input.
    """
    if not any(clips.glob("*/clip_*.npz")):
        raise InputError(f"{clips}: no clips in it, expected what evaluate-world wrote")
    library, splits = open_recorded(motion)
    rows = []
    for split, trials in (("train", splits.train), ("test", splits.test)):
        for action in ACTIONS:
            names = [name for name in trials.get(action, ()) if name not in UNEVEN]
            motions = (library.motion(name, RECORDED_FPS) for name in names)
            rows.append(_row(split, action, "recorded motion", map(_of_motion, motions)))
            rows.append(_row(split, action, "renders", _of_clips(clips / split, action)))
    report = {
        "protocol": "steps, cadence and speed as the report page tells them, against feet that "
        "stand; numbers chosen on training subjects",
        **report_header(),
        "rows": rows,
    }
    output.out.mkdir(parents=True, exist_ok=True)
    write_json(output.out / "steps.json", report)
    with writing_file(output.out / "steps.md") as temporary:
        temporary.write_text(table_text(report), encoding="utf-8")
    return report


Found = tuple[StepErrors | None, bool]
"""Errors, and whether there truly are as many steps in turn as make a walk."""


def _of_motion(motion: Motion) -> Found:
    joints = joints17_world_mm(motion) @ _Y_UP.T
    ends = motion.positions_mm() @ _Y_UP.T
    index, fps = motion.skeleton.index, motion.fps
    feet = np.stack([ends[:, [index(f"{side}tibia"), index(f"{side}foot")]] for side in "lr"], 1)
    pelvis = joint(joints, "pelvis")
    truth = true_steps(feet_that_stand(feet, pelvis, fps), feet[:, :, 0], pelvis, fps)
    found = step_errors(walks_of(joints, fps, on_floor=True), truth, fps)
    return found, len(truth) >= LEAST_STEPS


def _of_clips(directory: Path, action: str) -> Iterator[Found]:
    estimator = shipped_estimator()
    for path in sorted(directory.glob("clip_*.npz")):
        clip = read_clip(path)
        if clip.kind != action:
            continue
        turn, shift = clip.camera_to_world[:3, :3], clip.camera_to_world[:3, 3]
        world = clip.joints_mm.astype(np.float64) @ turn.T + shift
        ankles = np.stack([joint(world, f"{side}_ankle") for side in SIDES], axis=1)
        toes = FEET.indices(f"{side}_toe" for side in SIDES)
        balls = clip.feet_mm[:, toes].astype(np.float64) @ turn.T + shift
        pelvis = joint(world, "pelvis")
        stands = feet_that_stand(np.stack([ankles, balls], axis=2), pelvis, CLIP_FPS)
        truth = true_steps(stands, ankles, pelvis, CLIP_FPS)
        track = whole_track(estimator, clip)
        walks: tuple[Walk, ...] = ()
        if track.camera_to_world is not None:
            walks = walks_of(joints_y_up_mm(track)[0], track.fps, on_floor=True)
        yield step_errors(walks, truth, CLIP_FPS), len(truth) >= LEAST_STEPS


def _row(split: str, action: str, of: str, found: Iterator[Found]) -> dict[str, Any]:
    each = list(found)
    errors = [asdict(error) for error, _ in each if error is not None]
    row: dict[str, Any] = {
        "split": split, "action": action, "of": of, "takes": len(each),
        "with_steps": sum(steps for _, steps in each),
        "found": sum(error is not None for error, _ in each),
    }  # fmt: skip
    for name in ("cadence", "step_mm", "speed_mm_s"):
        off = [error[name] - error[f"true_{name}"] for error in errors]
        row[f"{name}_error"] = float(np.mean(np.abs(off))) if off else None
        row[f"{name}_bias"] = float(np.mean(off)) if off else None
        row[f"true_{name}"] = float(np.mean([e[f"true_{name}"] for e in errors])) if off else None
    return row


def table_text(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    titles = (
        "subjects", "action", "of", "takes", "with 3 true steps", "measured", "cadence, steps/min",
        "error", "step mm", "error", "speed mm/s", "error",
    )  # fmt: skip
    cells = [
        [row["split"], row["action"], row["of"],
         *(str(row[name]) for name in ("takes", "with_steps", "found")),
         *(_text(row[name]) for measure in ("cadence", "step_mm", "speed_mm_s")
           for name in (f"true_{measure}", f"{measure}_error"))]
        for row in report["rows"]
    ]  # fmt: skip
    lines = [
        f"{report['protocol']}. Commit {report['commit']}, {report['machine']}, {report['date']}.",
        "",
        *markdown_lines(titles, cells, left=3),
        "",
        "Errors are means of absolute differences between means over the steps of a walk and over "
        "the true steps in it; beside them what is true, on average.",
    ]
    return "\n".join(lines) + "\n"


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}" if value < 10 else f"{value:.0f}"
