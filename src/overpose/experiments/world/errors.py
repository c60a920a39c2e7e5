"""Errors of places in the world: how far off whole trajectories are, how feet slide and sink."""

import math
from dataclasses import dataclass

import numpy as np

from overpose.experiments.world.clips import WorldClip
from overpose.metrics import p_mpjpe
from overpose.skeleton import HUMAN36M
from overpose.video.world.level import Level

ANKLES = HUMAN36M.indices(("left_ankle", "right_ankle"))
STILL_ANKLE_MM = 8.0
"""Ankles that truly move less between two frames of a standing foot are held still."""
FIRST_FRAMES = 2
LEVEL_ERRORS = ("up_deg", "tilt_deg", "roll_deg", "height_mm")


@dataclass(frozen=True)
class ClipErrors:
    """Of one clip, mm.

    Attributes:
        p_mpjpe_mm: each pose after a similarity alignment of its own.
        position_mm: all joints after one rigid fit of the whole clip.
        wa_mpjpe_mm: after one similarity fit of the whole clip, 100 frames (WA-MPJPE of SLAHMR and
            WHAM).
        w_mpjpe_mm: after the similarity fit of the first two frames (their W-MPJPE).
        path_ratio: length of the pelvis' way, as a multiple of the true one; NaN where nobody goes.
        slide_mm: way of an ankle per frame in which it truly stands still.
        height_mm: mean distance of standing ankles from their true height above the floor, in the
            world of the track; NaN without one.
        sink_mm: how far they are below it, on average.
    """

    p_mpjpe_mm: float
    position_mm: float
    wa_mpjpe_mm: float
    w_mpjpe_mm: float
    path_ratio: float
    slide_mm: float
    height_mm: float
    sink_mm: float


def errors_of(
    joints_mm: np.ndarray, clip: WorldClip, camera_to_world: np.ndarray | None
) -> ClipErrors:
    """Errors of joints (frames, 17, 3) in camera coordinates, NaN where not seen."""
    seen = np.asarray(np.isfinite(joints_mm).all(axis=(1, 2)))
    found, truth = joints_mm[seen].astype(np.float64), clip.joints_mm[seen].astype(np.float64)
    rigid = _moved(found, truth, found, truth, scaled=False)
    whole = _moved(found, truth, found, truth, scaled=True)
    first = _moved(found[:FIRST_FRAMES], truth[:FIRST_FRAMES], found, truth, scaled=True)
    ways = [np.linalg.norm(np.diff(each[:: max(1, len(each) // 10), 0], axis=0), axis=-1).sum()
            for each in (found, truth)]  # fmt: skip
    both = seen[1:] & seen[:-1]
    slide, true_slide = (
        np.linalg.norm(np.diff(each[:, ANKLES].astype(np.float64), axis=0), axis=-1)[both]
        for each in (joints_mm, clip.joints_mm)
    )
    stands = (clip.contact[1:] & clip.contact[:-1])[both] & (true_slide < STILL_ANKLE_MM)
    off = np.empty(0)
    if camera_to_world is not None:
        above = _heights(found[:, ANKLES], camera_to_world)
        off = (above - _heights(truth[:, ANKLES], clip.camera_to_world))[clip.contact[seen]]
    return ClipErrors(
        float(p_mpjpe(found, truth)),
        rigid,
        whole,
        first,
        float(ways[0] / ways[1]) if ways[1] > 1000 else float("nan"),
        _mean(slide[stands]),
        _mean(np.abs(off)),
        _mean(np.maximum(-off, 0.0)),
    )


def level_errors(camera_to_world: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Errors of a camera's up, tilt and roll, degrees, and of its height, mm: `LEVEL_ERRORS`."""
    own, true = (Level(m[1, :3], float(m[1, 3])) for m in (camera_to_world, truth))
    values = (
        math.degrees(math.acos(max(-1.0, min(1.0, float(own.up @ true.up))))),
        abs(math.degrees(own.tilt - true.tilt)),
        abs(math.degrees(own.roll - true.roll)),
        abs(own.height_mm - true.height_mm),
    )
    return dict(zip(LEVEL_ERRORS, values, strict=True))


def _heights(points_mm: np.ndarray, camera_to_world: np.ndarray) -> np.ndarray:
    return points_mm @ camera_to_world[1, :3] + camera_to_world[1, 3]


def _moved(
    points: np.ndarray, onto: np.ndarray, moved: np.ndarray, truth: np.ndarray, *, scaled: bool
) -> float:
    """Mean distance of `moved` from `truth` after the least-squares motion of `points` onto `onto`,
    without reflection."""
    points, onto = points.reshape(-1, 3), onto.reshape(-1, 3)
    middle, goal = points.mean(axis=0), onto.mean(axis=0)
    left, sizes, right = np.linalg.svd((points - middle).T @ (onto - goal))
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    turn = left @ np.diag(signs) @ right
    scale = (sizes * signs).sum() / np.square(points - middle).sum() if scaled else 1.0
    return float(np.linalg.norm(scale * (moved - middle) @ turn + goal - truth, axis=-1).mean())


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")
