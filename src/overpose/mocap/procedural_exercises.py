"""Gymnastics of the procedural body: eight exercises, and rounds of them in random order.

Made up, not recorded. The conventions are those of `procedural_body`.
"""

from collections.abc import Callable

import numpy as np

from overpose.mocap.procedural_body import Body, Plan, mix
from overpose.mocap.procedural_parts import HANGING, arm_at, ease, stand, tread, wander


def exercise(body: Body, t: np.ndarray, rng: np.random.Generator) -> Plan:
    """Gymnastics on the spot: a few exercises one after the other, in random order."""
    kinds: list[Callable[..., Plan]] = [
        _squat, _jumping_jack, _side_bend, _toe_touch, _arm_circles, _high_knees, _lunge, _twist,
    ]  # fmt: skip
    stay, change = rng.uniform(5, 9), 0.7
    order = rng.permutation(len(kinds))
    rounds = int(t[-1] // stay) + 1
    plan = None
    for turn_number in range(rounds):
        kind = kinds[order[turn_number % len(kinds)]]
        start = turn_number * stay
        seen = (t > start - change) & (t < start + stay + change)
        if not seen.any():
            continue
        part = kind(body, t - start, rng)
        plan = part if plan is None else mix(plan, part, ease((t - start + change) / change))
    assert plan is not None  # the first round begins at 0
    return plan


def _swing(t: np.ndarray, period: float) -> np.ndarray:
    """From 0 to 1 and back every period, staying a moment at the ends."""
    return ease(0.5 + 0.65 * np.sin(2 * np.pi * t / period - np.pi / 2))


def _squat(body: Body, t: np.ndarray, rng: np.random.Generator) -> Plan:
    plan = _wide(stand(body, t, rng), body, 1.4)
    down = _swing(t, rng.uniform(2.0, 3.2)) * rng.uniform(0.6, 1)
    plan.pelvis_mm[:, 2] -= 0.5 * body.leg_mm * down
    plan.pelvis_mm[:, 1] += 0.18 * body.leg_mm * down
    plan.pelvis_turn[:, 1] += 0.5 * down
    plan.spine_turn[:, 1] += 0.3 * down
    plan.head_turn[:, 1] -= 0.5 * down
    front = np.array([0.0, -0.9, 0.2]) if rng.random() < 0.7 else np.array([0.0, -0.45, 0.0])
    _arms(plan, (front - HANGING) * down[:, None] + HANGING)
    return plan


def _jumping_jack(body: Body, t: np.ndarray, rng: np.random.Generator) -> Plan:
    plan = stand(body, t, rng)
    period = rng.uniform(0.95, 1.25)
    open_ = 0.5 - 0.5 * np.cos(2 * np.pi * t / period)
    jump = 4 * open_ * (1 - open_) * rng.uniform(50, 90)
    plan.feet_mm[:, 0, 0] += open_ * 0.32 * body.leg_mm
    plan.feet_mm[:, 1, 0] -= open_ * 0.32 * body.leg_mm
    plan.feet_mm[:, :, 2] += jump[:, None]
    plan.foot_pitch[:] += 0.5 * np.clip(jump / 50, 0, 1)[:, None]
    plan.pelvis_mm[:, 2] += jump - 15
    angle = np.deg2rad(8 + 158 * open_)
    hand = np.stack([np.sin(angle), np.full(len(t), -0.08), -np.cos(angle)], axis=-1)
    _arms(plan, 0.96 * hand)
    return plan


def _side_bend(body: Body, t: np.ndarray, rng: np.random.Generator) -> Plan:
    plan = _wide(stand(body, t, rng), body, 1.5)
    lean = np.sin(2 * np.pi * t / rng.uniform(2.8, 4.2)) * rng.uniform(0.7, 1)
    plan.spine_turn[:, 2] += 0.75 * lean
    plan.pelvis_turn[:, 2] += 0.12 * lean
    plan.pelvis_mm[:, 0] -= 60 * lean
    hip, over = np.array([0.2, 0.02, -0.62]), np.array([-0.05, -0.12, 0.93])
    out = np.array([0.75, -0.2, 0.2])
    for side, sign in enumerate((1, -1)):
        up = ease(0.5 - 0.9 * sign * lean)[:, None]
        path = hip + up * (over - hip) + 4 * up * (1 - up) * 0.5 * out
        plan.hands[:, side] = path
        plan.elbows[:, side] = (0.9, 0.25, -0.1)
    return plan


def _toe_touch(body: Body, t: np.ndarray, rng: np.random.Generator) -> Plan:
    plan = _wide(stand(body, t, rng), body, 1.2)
    down = _swing(t, rng.uniform(2.4, 3.6)) * rng.uniform(0.75, 1)
    plan.pelvis_turn[:, 1] += 1.05 * down
    plan.spine_turn[:, 1] += 1.0 * down
    plan.pelvis_mm[:, 1] += 0.22 * body.leg_mm * down
    plan.pelvis_mm[:, 2] -= 25 * down
    plan.head_turn[:, 1] += 0.2 * down
    up, floor = np.array([0.1, -0.2, 0.93]), np.array([-0.02, -0.86, 0.45])
    way = ease(2 * down)[:, None]
    _arms(plan, up + way * (floor - up))
    return plan


def _arm_circles(body: Body, t: np.ndarray, rng: np.random.Generator) -> Plan:
    plan = stand(body, t, rng)
    angle = 2 * np.pi * t / rng.uniform(1.1, 2.0) * rng.choice([-1, 1])
    size = rng.uniform(0.25, 0.75)
    hand = np.stack([
        np.full(len(t), 0.85), -0.12 - 0.6 * size * np.cos(angle), size * np.sin(angle)
    ], axis=-1)  # fmt: skip
    _arms(plan, 0.96 * hand / np.linalg.norm(hand, axis=-1, keepdims=True))
    plan.elbows[:] = (0.1, 0.9, -0.5)
    plan.pelvis_mm[:, 2] -= 10 + 8 * np.sin(angle)
    return plan


def _high_knees(body: Body, t: np.ndarray, rng: np.random.Generator) -> Plan:
    plan = stand(body, t, rng)
    period = rng.uniform(0.8, 1.3)
    height = rng.uniform(0.35, 0.5) * body.leg_mm
    for side, sign in enumerate((1, -1)):
        up = np.clip(sign * np.sin(2 * np.pi * t / period), 0, 1) ** 1.5
        plan.feet_mm[:, side, 2] += height * up
        plan.feet_mm[:, side, 1] -= 0.22 * body.leg_mm * up
        plan.foot_pitch[:, side] += 0.5 * up
        forward = -sign * np.sin(2 * np.pi * t / period + 0.2) * 0.7
        bend = np.full(len(t), 1.5)
        hand, elbow = arm_at(forward, np.full(len(t), 0.15), bend)
        plan.hands[:, side], plan.elbows[:, side] = hand, elbow
    plan.pelvis_mm[:, 0] += 25 * np.sin(2 * np.pi * t / period + np.pi)
    plan.pelvis_mm[:, 2] -= 10
    plan.spine_turn[:, 0] += 0.15 * np.sin(2 * np.pi * t / period)
    return plan


def _lunge(body: Body, t: np.ndarray, rng: np.random.Generator) -> Plan:
    plan = stand(body, t, rng)
    period = rng.uniform(2.4, 3.4)
    count = np.arange(-1, int(t[-1] / period) + 3)
    start = float(t[0])
    far = rng.uniform(0.75, 0.95) * body.leg_mm
    # Each side steps forward in its half of two periods, and back.
    for side in range(2):
        land = np.stack([count * 2 + side + 0.3, count * 2 + side + 0.95], -1).ravel() * period
        lift = np.stack([count * 2 + side + 0.65, count * 2 + side + 2.0], -1).ravel() * period
        home = plan.feet_mm[0, side, :2]
        places = np.tile([home + np.array([0.0, -far]), home], (len(count), 1))
        yaws = np.full(len(land), plan.foot_yaw[0, side])
        tread(plan, side, t - min(start, 0), land, lift, places, yaws, 70)
    depth = np.clip(np.ptp(plan.feet_mm[:, :, 1], axis=1) / far, 0, 1)
    out = ease(depth)
    plan.pelvis_mm[:, 1] += plan.feet_mm[:, :, 1].mean(axis=1) * 0.95
    plan.pelvis_mm[:, 2] -= 0.38 * body.leg_mm * out
    for side in range(2):
        behind = plan.feet_mm[:, side, 1] > plan.feet_mm[:, 1 - side, 1]
        plan.foot_pitch[:, side] += np.where(behind, 0.95 * out, 0.0)
    plan.spine_turn[:, 1] += 0.08 * out
    _arms(plan, HANGING + out[:, None] * (np.array([0.3, 0.02, -0.6]) - HANGING))
    return plan


def _twist(body: Body, t: np.ndarray, rng: np.random.Generator) -> Plan:
    plan = _wide(stand(body, t, rng), body, 1.3)
    angle = np.sin(2 * np.pi * t / rng.uniform(1.4, 2.4)) * rng.uniform(0.7, 1)
    plan.spine_turn[:, 0] += 0.85 * angle
    plan.pelvis_turn[:, 0] += 0.25 * angle
    if rng.random() < 0.5:
        _arms(plan, np.tile([0.0, -0.38, -0.02], (len(t), 1)))
        plan.elbows[:] = (0.95, 0.1, -0.1)
    else:
        _arms(plan, np.tile([0.94, -0.2, 0.0], (len(t), 1)))
    plan.head_turn[:, 0] += wander(rng, t, 3, 0.1)
    return plan


def _wide(plan: Plan, body: Body, width: float) -> Plan:
    """The plan with the feet apart, `width` times the hips, turned out."""
    for side, sign in enumerate((1, -1)):
        plan.feet_mm[:, side, 0] = sign * 0.5 * width * body.hip_width_mm * 1.3
        plan.foot_yaw[:, side] = sign * 0.3
    return plan


def _arms(plan: Plan, hand: np.ndarray) -> None:
    """Both wrists to the same place, mirrored."""
    plan.hands[:] = hand[:, None]
