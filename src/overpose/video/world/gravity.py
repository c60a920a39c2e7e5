"""Gravity and floor from what people do before a static camera.

Bodies are upright on average, feet rest on a plane, and people hold cameras nearly level. Each says
so with an uncertainty that was measured on renders of training subjects (`experiments.world`); the
estimate is where the three agree best. Lying people, handstands and people without feet in the
picture say nothing.
"""

import math
from collections.abc import Sequence

import numpy as np

from overpose.video.world.feet import Feet
from overpose.video.world.level import STEEPEST, Level, body_axes, up_of

USUAL_TILT, TILT_STD, ROLL_STD = map(math.radians, (6.0, 10.0, 4.0))
"""How people hold cameras; cameras held quite otherwise are believed when all else says so."""
POSTURE_STD, MOMENT_STD = map(math.radians, (6.0, 12.0))
"""How upright a person is on average over a long clip, and besides in any one second."""
FARTHEST_FROM_UP = math.radians(50.0)
"""Bodies that lean more against a camera held as usual do not stand."""
LEAST_UPRIGHT = 0.3
"""Share of a person's frames in which the body must be upright, to count."""
STILL_MM_S = 350.0
SOLE_STD_MM = 60.0
NEAR_FLOOR_MM = 80.0
MOST_STEPS = 8.0
"""Standing feet, of all people together, count for that many independent points at most."""
LEAST_STANDING_S = 0.03
FLOOR_QUANTILE = 0.25
_ROUNDS = 12


def level_of_people(
    people: Sequence[tuple[np.ndarray, Feet]],
    fps: float,
    *,
    up: np.ndarray | None = None,
    focal_share_std: float = 0.0,
) -> Level | None:
    """Gravity and floor.

    Args:
        people: of each the joints (frames, 17, 3) in camera coordinates, and the feet.
        fps: frames a second.
        up: (3,) if it is known; then only the height is looked for.
        focal_share_std: standard deviation of the focal length, as a share of it.

    Returns:
        None where nothing tells.
    """
    points, still = _soles(people, fps)
    if still.sum() / fps < (LEAST_STANDING_S if _longest(people) > 1 else 0.0) or not len(points):
        return None
    if up is not None:
        height, std = _height(points @ up, still, fps)
        return Level(up, height, 0.0, math.hypot(std, focal_share_std * height))
    axes, stds = _postures(people, fps)
    if not len(axes):
        return None
    start = (axes / stds[:, None] ** 2).sum(axis=0)
    start = start / max(np.linalg.norm(start), 1e-9)
    tilt, roll = Level(start, 0.0).tilt, Level(start, 0.0).roll
    floor = -_height(points @ start, still, fps)[0]
    state = np.array([tilt, roll, floor])
    covariance = np.eye(3)
    for _ in range(_ROUNDS):
        rows, misses = _equations(state, axes, stds, points, still, fps)
        normal = rows.T @ rows
        covariance = np.linalg.inv(normal + 1e-12 * np.trace(normal) * np.eye(3))
        state = state - covariance @ (rows.T @ misses)
        state[0] = np.clip(state[0], -math.pi / 2, math.pi / 2)
    if abs(state[0]) > STEEPEST or not np.isfinite(state).all():
        return None
    height = -float(state[2])
    return Level(
        up_of(state[0], state[1]),
        height,
        math.degrees(math.sqrt((covariance[0, 0] + covariance[1, 1]) / 2)),
        math.hypot(math.sqrt(covariance[2, 2]), focal_share_std * height),
    )


def _longest(people: Sequence[tuple[np.ndarray, Feet]]) -> int:
    return max((len(joints) for joints, _ in people), default=0)


def _postures(
    people: Sequence[tuple[np.ndarray, Feet]], fps: float
) -> tuple[np.ndarray, np.ndarray]:
    """(n, 3) how each person who stands is turned on average, and (n,) how surely that is up."""
    usual = up_of(USUAL_TILT, 0.0)
    found, stds = [], []
    for joints, _ in people:
        axes = body_axes(joints)
        axes = axes[np.isfinite(axes).all(axis=-1)]
        upright = axes @ usual > math.cos(FARTHEST_FROM_UP)
        if not len(axes) or upright.mean() < LEAST_UPRIGHT:
            continue
        typical = np.median(axes[upright], axis=0)
        found.append(typical / max(np.linalg.norm(typical), 1e-9))
        seconds = max(1.0, upright.sum() / fps) if len(joints) > 1 else 1.0
        stds.append(math.hypot(POSTURE_STD, MOMENT_STD / math.sqrt(seconds)))
    return np.array(found).reshape(-1, 3), np.array(stds)


def _soles(people: Sequence[tuple[np.ndarray, Feet]], fps: float) -> tuple[np.ndarray, np.ndarray]:
    """(n, 3) heels and toes that are seen, and (n,) 0 to 1 how still each is held."""
    points, still = [np.empty((0, 3))], [np.empty(0)]
    for _, feet in people:
        speed = np.zeros(feet.seen.shape)
        if len(feet.points_mm) > 1:
            speed = np.linalg.norm(np.gradient(feet.points_mm, axis=0), axis=-1) * fps
        known = feet.seen & np.isfinite(speed)
        points.append(feet.points_mm[known])
        still.append(1 / (1 + (speed[known] / STILL_MM_S) ** 2) ** 2)
    return np.concatenate(points), np.concatenate(still)


def _height(along_up: np.ndarray, still: np.ndarray, fps: float) -> tuple[float, float]:
    """Height of the camera above a low quantile of the feet that are held still, and how surely."""
    order = np.argsort(along_up)
    share = still[order].cumsum()
    floor = float(along_up[order][np.searchsorted(share, FLOOR_QUANTILE * share[-1])])
    near = np.abs(along_up - floor) < 2 * NEAR_FLOOR_MM
    steps = min(MOST_STEPS, max(1.0, still[near].sum() / fps))
    return -floor, SOLE_STD_MM / math.sqrt(steps)


def _equations(
    state: np.ndarray,
    axes: np.ndarray,
    stds: np.ndarray,
    points: np.ndarray,
    still: np.ndarray,
    fps: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n, 3) and misses (n,) of one Gauss-Newton round, each over its deviation."""
    tilt, roll, floor = state
    up = up_of(tilt, roll)
    level, steep = math.cos(tilt), math.sin(tilt)
    by_tilt = np.array([-math.sin(roll) * steep, math.cos(roll) * steep, -level])
    by_roll = np.array([math.cos(roll) * level, math.sin(roll) * level, 0.0])
    turns = np.stack([by_tilt, by_roll, np.zeros(3)], axis=-1)  # (3, 3): of up by the state
    held = np.array([(tilt - USUAL_TILT) / TILT_STD, roll / ROLL_STD])
    trust = 1 / np.sqrt(1 + (held / 2) ** 2)
    rows = [np.diag([1 / TILT_STD, 1 / ROLL_STD, 0.0])[:2] * trust[:, None]]
    misses = [held * trust]
    for axis, std in zip(axes, stds, strict=True):
        rows.append(turns / std)
        misses.append((up - axis) / std)
    above = points @ up - floor
    near = still / (1 + (np.maximum(above, 0.0) / NEAR_FLOOR_MM) ** 2) ** 2
    near = near / (1 + (np.minimum(above, 0.0) / (1.5 * NEAR_FLOOR_MM)) ** 2)
    total = max(near.sum(), 1e-9)
    weight = np.sqrt(near / total * min(MOST_STEPS, max(1.0, 2 * total / fps))) / SOLE_STD_MM
    rows.append(np.column_stack([points @ by_tilt, points @ by_roll, -np.ones(len(points))])
                * weight[:, None])  # fmt: skip
    misses.append(above * weight)
    return np.concatenate(rows), np.concatenate(misses)
