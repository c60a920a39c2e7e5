"""How well squats and other repetitions are counted and measured in tracks of renders, against what
the same measures say of the rendered bodies themselves.

How a repetition is found belongs to `movement`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from overpose.angles import joint_angles
from overpose.datasets.rendering.recorded import Splits
from overpose.experiments.world.clips import WorldClip
from overpose.experiments.world.parts import whole_track
from overpose.mocap.joints17 import joints17_world_mm
from overpose.mocap.library import MotionLibrary, subject_of
from overpose.mocap.motion import Motion
from overpose.movement.doing import Doing, doing_in, doing_of
from overpose.movement.repetitions import Repetitions
from overpose.synthetic.motions import CLIP_FPS
from overpose.video.estimator import PoseEstimator

LONGEST = 250
"""Frames of a clip."""
AROUND_S = 0.8
"""Of a motion, before the first repetition and after the last."""
NEAR_S = 0.5
"""How far apart the bottoms of one squat may be in the track and in truth."""
_Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


@dataclass(frozen=True, eq=False)
class Counted:
    """What is repeated in one clip, in truth and in the track.

    Attributes:
        true, found: what somebody does.
    """

    true: Doing
    found: Doing


def repeating_motions(
    library: MotionLibrary, splits: Splits, split: Literal["train", "test"]
) -> dict[str, tuple[Motion, ...]]:
    """The parts of all trials of a split's subjects in which there are squats, and in which there
    are other repetitions, as far as they fit into a clip."""
    subjects = splits.train_subjects if split == "train" else splits.test_subjects
    found: dict[str, list[Motion]] = {"squats": [], "other repetitions": []}
    for trial in library.trials():
        if subject_of(trial) not in subjects:
            continue
        motion = library.motion(trial, CLIP_FPS)
        doing = _doing_of_joints(joints17_world_mm(motion) @ _Y_UP.T)
        around = round(AROUND_S * CLIP_FPS)
        if doing.squats is not None:
            start = max(0, int(doing.squats.spans[0, 0]) - around)
            stop = int(doing.squats.spans[-1, 1]) + around + 1
            found["squats"].append(motion.slice(start, min(stop, start + LONGEST)))
        for each in doing.repetitions:
            start = max(0, int(each.spans[0, 0]) - around)
            stop = int(each.spans[-1, 1]) + around + 1
            if stop - start <= LONGEST:
                found["other repetitions"].append(motion.slice(start, stop))
    return {kind: tuple(motions) for kind, motions in found.items() if motions}


def counted(estimator: PoseEstimator, clip: WorldClip) -> Counted:
    """What is repeated in a clip, as `predict` sees it and in truth."""
    turn, shift = clip.camera_to_world[:3, :3], clip.camera_to_world[:3, 3]
    true = _doing_of_joints(clip.joints_mm.astype(np.float64) @ turn.T + shift)
    return Counted(true, doing_of(whole_track(estimator, clip), 0))


def _doing_of_joints(joints_mm: np.ndarray) -> Doing:
    """What somebody does whose joints (frames, 17, 3), y up, are known."""
    angles = joint_angles(joints_mm, None, np.eye(3))
    return doing_in(joints_mm, angles, CLIP_FPS, on_floor=True)


def squat_row(clips: Sequence[Counted]) -> dict[str, float | None]:
    """How many squats there are, how many of them are found, how many that are none; and errors of
    knee flexion at the bottom, degrees, and of depth, mm, of those found: mean of absolute values,
    and bias."""
    true = found = false = right = 0
    pairs: list[tuple[float, float, float, float]] = []
    for clip in clips:
        one, other = clip.true.squats, clip.found.squats
        own = [] if one is None else _each(one)
        said = [] if other is None else _each(other)
        true, right = true + len(own), right + (len(own) == len(said))
        for peak, knee, depth in own:
            near = min(said, key=lambda each, at=peak: abs(each[0] - at), default=None)
            if near is not None and abs(near[0] - peak) <= NEAR_S * CLIP_FPS:
                said.remove(near)
                pairs.append((knee, near[1], depth, near[2]))
        false += len(said)
    found = len(pairs)
    values = np.array(pairs).reshape(-1, 4)
    row = {"clips": len(clips), "true": true, "found": found, "false": false,
           "counted_right": right}  # fmt: skip
    return row | _errors("knee_deg", values[:, :2]) | _errors("depth_mm", values[:, 2:])


def repetition_row(clips: Sequence[Counted]) -> dict[str, float | None]:
    """How many movements are repeated, how many of them are found by the same angle, by how much
    their numbers and ranges are off, and how many are found where none is repeated."""
    numbers, ranges, false, true = [], [], 0, 0
    for clip in clips:
        for each in clip.true.repetitions:
            true += 1
            same = [other for other in clip.found.repetitions
                    if other.angle == each.angle and _share(each, other) > 0]  # fmt: skip
            if same:
                best = max(same, key=lambda other, own=each: _share(own, other))
                numbers.append((len(each.spans), len(best.spans)))
                ranges.append((each.range_deg, best.range_deg))
        squats = [clip.true.squats] if clip.true.squats is not None else []
        known = [*clip.true.repetitions, *squats]
        false += sum(
            all(_share(each, other) <= 0 for each in known) for other in clip.found.repetitions
        )
    right = sum(one == other for one, other in numbers)
    row = {"clips": len(clips), "true": true, "found": len(numbers), "false": false,
           "counted_right": right}  # fmt: skip
    pairs = [np.array(each, np.float64).reshape(-1, 2) for each in (numbers, ranges)]
    return row | _errors("number", pairs[0]) | _errors("range_deg", pairs[1])


def _each(squats: Repetitions) -> list[tuple[float, float, float]]:
    assert squats.depth_mm is not None
    return [
        (float(peak), float(knee), float(depth))
        for peak, knee, depth in zip(squats.peaks, squats.most_deg, squats.depth_mm, strict=True)
    ]


def _share(one: Repetitions, other: Repetitions) -> float:
    """For how many frames both last; less than 0 where they do not meet."""
    begin = max(one.spans[0, 0], other.spans[0, 0])
    return float(min(one.spans[-1, 1], other.spans[-1, 1]) - begin)


def _errors(name: str, pairs: np.ndarray) -> dict[str, float | None]:
    """Of (n, 2) true and found values."""
    if not len(pairs):
        return {f"{name}_error": None, f"{name}_bias": None, f"true_{name}": None}
    off = pairs[:, 1] - pairs[:, 0]
    return {
        f"{name}_error": float(np.abs(off).mean()),
        f"{name}_bias": float(off.mean()),
        f"true_{name}": float(pairs[:, 0].mean()),
    }
