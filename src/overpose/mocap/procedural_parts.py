"""Parts that plans of procedural motion are made of: standing, steps, arms, easing, wandering.

Whole actions belong to `procedural_moves` and `procedural_exercises`.
"""

import numpy as np

from overpose.mocap.procedural_body import Body, Plan

HANGING = np.array([0.12, -0.06, -0.97])
"""Where the wrist of a hanging arm is, relative to the shoulder, as a share of its length."""

DEFAULT_ELBOW = np.array([0.33, 0.7, -0.63])


def arm_at(
    forward: np.ndarray, outward: np.ndarray, bend: np.ndarray, inward: float = 0.2
) -> tuple[np.ndarray, np.ndarray]:
    """Wrist and elbow direction of an arm of given angles (frames,): both (frames, 3).

    Args:
        forward: of the upper arm from hanging, radians.
        outward: of the upper arm, radians.
        bend: of the elbow, radians.
        inward: how much the forearm turns to the middle rather than straight ahead.
    """
    upper = np.stack([
        np.sin(outward), -np.sin(forward) * np.cos(outward), -np.cos(forward) * np.cos(outward)
    ], axis=-1)  # fmt: skip
    ahead = np.stack([
        np.full(len(forward), -inward), -np.cos(forward), np.sin(forward)
    ], axis=-1)  # fmt: skip
    ahead -= (ahead * upper).sum(-1, keepdims=True) * upper
    ahead /= np.linalg.norm(ahead, axis=-1, keepdims=True)
    lower = np.cos(bend)[:, None] * upper + np.sin(bend)[:, None] * ahead
    return 0.51 * upper + 0.49 * lower, -ahead


def stand(body: Body, t: np.ndarray, rng: np.random.Generator, *, sway: float = 0.15) -> Plan:
    """Standing upright, arms hanging, the weight going slowly from leg to leg."""
    frames = len(t)
    feet = np.zeros((frames, 2, 3))
    yaw = np.empty((frames, 2))
    apart = rng.uniform(0.5, 0.85) * body.hip_width_mm
    for side, sign in enumerate((1, -1)):
        feet[:, side] = (sign * apart, rng.normal(0, 25), 0)
        yaw[:, side] = sign * rng.uniform(0, 0.25)
    pelvis = np.zeros((frames, 3))
    pelvis[:, :2] = feet[:, :, :2].mean(axis=1)
    shift = wander(rng, t, 5, sway) if sway else np.zeros(frames)
    pelvis[:, 0] += shift * apart
    pelvis[:, 2] = body.standing_mm - 5
    pelvis_turn, spine, head = (np.zeros((frames, 3)) for _ in range(3))
    pelvis_turn[:, 2] = -0.25 * shift
    spine[:, 2] = 0.4 * shift
    hands = np.tile(HANGING, (frames, 2, 1))
    hands += np.stack([wander(rng, t, 3, 0.02) for _ in range(3)], axis=-1)[:, None]
    elbows = np.tile(DEFAULT_ELBOW, (frames, 2, 1))
    return Plan(pelvis, pelvis_turn, spine, head, feet, yaw, np.zeros((frames, 2)), hands, elbows)


def tread(
    plan: Plan,
    side: int,
    t: np.ndarray,
    land: np.ndarray,
    lift: np.ndarray,
    places: np.ndarray,
    yaws: np.ndarray,
    lift_mm: float,
) -> None:
    """Write the steps of one foot into a plan: on `places` from `land` to `lift`, then on its way.

    `land`, `lift` and `yaws` are (steps,), `places` (steps, 2) in mm.
    """
    step = np.clip(np.searchsorted(land, t, side="right") - 1, 0, len(land) - 2)
    way = np.clip((t - lift[step]) / (land[step + 1] - lift[step]), 0, 1)
    share = ease(way)
    here, there = places[step], places[step + 1]
    plan.feet_mm[:, side, :2] = here + share[:, None] * (there - here)
    plan.feet_mm[:, side, 2] = lift_mm * np.sin(np.pi * way**0.75) ** 2
    plan.foot_yaw[:, side] = yaws[step] + share * (yaws[step + 1] - yaws[step])


def ease(x: np.ndarray) -> np.ndarray:
    """From 0 to 1 with the least jerk, and constant outside."""
    x = np.clip(x, 0, 1)
    return x**3 * (10 - 15 * x + 6 * x**2)


def keyframes(t: np.ndarray, times: np.ndarray, values: np.ndarray, move_s: float) -> np.ndarray:
    """Values (frames, …) that stay, then move to the next in `move_s`, arriving at `times`."""
    step = np.clip(np.searchsorted(times, t, side="right") - 1, 0, len(times) - 2)
    length = np.minimum(move_s, times[step + 1] - times[step])
    share = ease((t - times[step + 1] + length) / length)
    share = share.reshape(-1, *(1,) * (values.ndim - 1))
    return values[step] + share * (values[step + 1] - values[step])


def wander(rng: np.random.Generator, t: np.ndarray, period: float, size: float) -> np.ndarray:
    """A smooth random course (frames,) around 0, mostly within `size`."""
    phases = rng.uniform(0, 2 * np.pi, 3)
    rates = np.array([1.0, 1.63, 2.41]) * rng.uniform(0.85, 1.15, 3)
    waves = np.sin(2 * np.pi * np.outer(t, rates) / period + phases)
    return size * waves @ np.array([0.6, 0.3, 0.15])
