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
        contact_right: share of the contacts of the track that are true.
        contact_found: share of the true contacts that the track has.
    """

    p_mpjpe_mm: float
    position_mm: float
    wa_mpjpe_mm: float
    w_mpjpe_mm: float
    path_ratio: float
    slide_mm: float
    height_mm: float
    sink_mm: float
    contact_right: float = math.nan
    contact_found: float = math.nan


def errors_of(
    joints_mm: np.ndarray,
    clip: WorldClip,
    camera_to_world: np.ndarray | None,
    foot_contact: np.ndarray | None = None,
) -> ClipErrors:
    """Errors of one track.

    Args:
        joints_mm: (frames, 17, 3) in camera coordinates, NaN where not seen.
        clip: the truth.
        camera_to_world: (4, 4) of the track; None where it has none.
        foot_contact: (frames, 2) of the track; None where it has none.
    """
    seen = np.asarray(np.isfinite(joints_mm).all(axis=(1, 2)))
    found, truth = joints_mm[seen].astype(np.float64), clip.joints_mm[seen].astype(np.float64)
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
        distance_after_fit(found, truth, scaled=False),
        distance_after_fit(found, truth, scaled=True),
        distance_after_fit(found, truth, scaled=True, frames=FIRST_FRAMES),
        float(ways[0] / ways[1]) if ways[1] > 1000 else float("nan"),
        _mean(slide[stands]),
        _mean(np.abs(off)),
        _mean(np.maximum(-off, 0.0)),
        *_contact_shares(foot_contact, clip.contact, seen),
    )


def distance_after_fit(
    points: np.ndarray, truth: np.ndarray, *, scaled: bool, frames: int | None = None
) -> float:
    """Mean distance of points (F, n, 3) from the truth after the least-squares motion of all of
    them, or of the first frames, without reflection.

    Args:
        points: of all frames.
        truth: where they truly are.
        scaled: whether sizes may change.
        frames: how many of the first frames the motion is found from; all if None.
    """
    few, onto = points[:frames].reshape(-1, 3), truth[:frames].reshape(-1, 3)
    middle, goal = few.mean(axis=0), onto.mean(axis=0)
    left, sizes, right = np.linalg.svd((few - middle).T @ (onto - goal))
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    turn = left @ np.diag(signs) @ right
    scale = (sizes * signs).sum() / np.square(few - middle).sum() if scaled else 1.0
    return float(np.linalg.norm(scale * (points - middle) @ turn + goal - truth, axis=-1).mean())


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


def _contact_shares(
    found: np.ndarray | None, truth: np.ndarray, seen: np.ndarray
) -> tuple[float, float]:
    if found is None:
        return math.nan, math.nan
    found, truth = found[seen], truth[seen]
    return _mean(truth[found].astype(np.float64)), _mean(found[truth].astype(np.float64))


def _heights(points_mm: np.ndarray, camera_to_world: np.ndarray) -> np.ndarray:
    return points_mm @ camera_to_world[1, :3] + camera_to_world[1, 3]


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")
