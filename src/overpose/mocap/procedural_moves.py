"""How the procedural body walks, runs, dances, boxes and gestures: style, tempo and phase.

Made up, not recorded. How a plan becomes rotations of bones, inside the joint limits, belongs to
`procedural_body`, whose conventions hold here. Every function takes the body, the times in seconds
and a random stream, and gives a `Plan`.
"""

import numpy as np
from scipy.interpolate import PchipInterpolator

from overpose.mocap.procedural_body import Body, Plan
from overpose.mocap.procedural_parts import HANGING, arm_at, ease, keyframes, stand, tread, wander


def walking(body: Body, t: np.ndarray, rng: np.random.Generator) -> Plan:
    """Walking along a slowly turning path."""
    period = rng.uniform(0.98, 1.2)
    return _gait(
        body,
        t,
        rng,
        period=period,
        speed=rng.uniform(0.72, 0.95) * 2 * 0.82 * body.leg_mm / period,
        duty=0.61,
        pitch_keys=(
            (0, 0.08, 0.35, 0.5, 0.62, 0.76, 0.9, 1),
            (-18, 0, 0, 18, 55, 32, -8, -18),
        ),
        lift_mm=45,
        bounce_mm=8,
        lean_deg=rng.uniform(1, 5),
        elbow_deg=rng.uniform(12, 35),
        swing_deg=rng.uniform(16, 30),
    )


def running(body: Body, t: np.ndarray, rng: np.random.Generator) -> Plan:
    """Running, with a flight phase between the steps."""
    period = rng.uniform(0.66, 0.8)
    return _gait(
        body,
        t,
        rng,
        period=period,
        speed=rng.uniform(0.85, 1.15) * 2 * 1.15 * body.leg_mm / period,
        duty=0.36,
        pitch_keys=(
            (0, 0.06, 0.16, 0.36, 0.52, 0.72, 0.9, 1),
            (-6, 0, 4, 60, 85, 45, -4, -6),
        ),
        lift_mm=0.3 * body.leg_mm,
        bounce_mm=38,
        lean_deg=rng.uniform(6, 12),
        elbow_deg=rng.uniform(75, 105),
        swing_deg=rng.uniform(30, 45),
    )


def dance(body: Body, t: np.ndarray, rng: np.random.Generator) -> Plan:
    """Dancing to a steady beat: side steps, sway, bounce, and arms from figure to figure."""
    beat = 60 / rng.uniform(96, 132)
    beats = np.arange(-2, int(t[-1] / beat) + 6)
    plan = stand(body, t, rng, sway=0)
    half = 0.5 * body.hip_width_mm
    turning = np.cumsum(rng.choice([0, 0, 0.35, -0.35, 0.8, -0.8], len(beats)))
    turning -= turning[2]
    place = np.cumsum(rng.normal(0, 90, (len(beats), 2)), axis=0)
    place = 0.85 * (place - place.mean(0))
    wide = rng.uniform(0.35, 1.1)
    step = half * (1 + wide * (1 + rng.uniform(0, 1, (len(beats), 2))))
    lead = rng.integers(2)
    for side, sign in enumerate((1, -1)):
        mine = np.arange(len(beats)) % 2 == (side + lead) % 2
        yaw = turning[mine]
        out = np.stack([np.cos(yaw), np.sin(yaw)], axis=-1) * sign * step[mine, side, None]
        forward = (
            np.stack([np.sin(yaw), -np.cos(yaw)], axis=-1) * rng.normal(0, 70, mine.sum())[:, None]
        )
        tread(
            plan,
            side,
            t,
            land=beats[mine] * beat,
            lift=beats[mine] * beat + 1.35 * beat,
            places=place[mine] + out + forward,
            yaws=yaw + sign * 0.15,
            lift_mm=rng.uniform(40, 110),
        )
    centre = plan.feet_mm[:, :, :2].mean(axis=1)
    phase = np.pi * (t / beat + lead)
    swing = np.cos(phase) * rng.uniform(0.2, 0.55)
    towards = (plan.feet_mm[:, 0, :2] - plan.feet_mm[:, 1, :2]) / 2
    plan.pelvis_mm[:, :2] = centre + swing[:, None] * towards
    bounce = (0.5 - 0.5 * np.cos(2 * np.pi * t / beat)) * rng.uniform(20, 60)
    plan.pelvis_mm[:, 2] -= 15 + bounce
    sway = rng.uniform(0.08, 0.2)
    plan.pelvis_turn[:, 0] = plan.foot_yaw.mean(axis=1) + 0.2 * np.sin(phase / 2)
    plan.pelvis_turn[:, 2] = sway * np.cos(phase)
    plan.spine_turn[:, 2] = -1.6 * sway * np.cos(phase + 0.3)
    plan.spine_turn[:, 0] = wander(rng, t, 4 * beat, 0.3)
    plan.spine_turn[:, 1] = 0.08 + wander(rng, t, 4 * beat, 0.12)
    plan.head_turn[:, 2] = 0.12 * np.cos(phase)
    plan.head_turn[:, 0] = wander(rng, t, 6 * beat, 0.35)
    figures = np.array([
        [0.15, -0.2, -0.9], [0.5, -0.35, -0.45], [0.85, -0.2, 0.05], [0.7, -0.2, 0.55],
        [0.25, -0.15, 0.9], [0.0, -0.6, 0.1], [-0.15, -0.45, -0.2], [0.3, -0.3, -0.7],
        [0.3, -0.75, 0.35], [0.6, 0.2, -0.6],
    ])  # fmt: skip
    every = rng.choice([1, 2])
    for side in range(2):
        chosen = figures[rng.integers(len(figures), size=len(beats))]
        plan.hands[:, side] = keyframes(t, beats * beat * every, chosen, 0.9 * beat * every)
    if rng.random() < 0.4:
        plan.hands[:, 1] = plan.hands[:, 0]
    plan.hands[:] += 0.05 * np.cos(2 * np.pi * t / beat)[:, None, None]
    return plan


def punching(body: Body, t: np.ndarray, rng: np.random.Generator) -> Plan:
    """Boxing at the air: a guard, light steps, and single punches or combinations."""
    plan = stand(body, t, rng, sway=0)
    front = int(rng.random() < 0.25)
    sign = 1.0 if front == 0 else -1.0
    stance = -sign * rng.uniform(0.5, 0.8)
    plan.pelvis_turn[:, 0] = stance
    plan.foot_yaw[:, front] = 0.35 * stance
    plan.foot_yaw[:, 1 - front] = 1.2 * stance
    moves = np.arange(0, t[-1] + 3, rng.uniform(0.7, 1.1))
    drift = np.cumsum(rng.normal(0, 60, (len(moves), 2)), axis=0) * 0.8
    base = np.zeros((2, 2))
    base[front] = (0.55 * sign * body.hip_width_mm, -0.22 * body.leg_mm)
    base[1 - front] = (-0.75 * sign * body.hip_width_mm, 0.24 * body.leg_mm)
    for side in range(2):
        late = 0.0 if side == front else 0.18
        yaw = np.full(len(moves), plan.foot_yaw[0, side])
        lands = moves + late
        tread(plan, side, t, lands, lands + np.diff(moves)[0] - 0.2, drift + base[side], yaw, 25)
    plan.foot_pitch[:, 1 - front] = 0.3
    plan.pelvis_mm[:, :2] = plan.feet_mm[:, :, :2].mean(axis=1)
    bounce = rng.uniform(8, 22)
    plan.pelvis_mm[:, 2] -= 70 + bounce * np.cos(2 * np.pi * t / rng.uniform(0.45, 0.6))
    plan.spine_turn[:, 1] = 0.22 + wander(rng, t, 2, 0.06)
    plan.spine_turn[:, 2] = wander(rng, t, 1.7, 0.1)
    plan.head_turn[:, 1] = 0.12
    plan.hands[:, front] = (-0.1, -0.55, -0.02)
    plan.hands[:, 1 - front] = (-0.22, -0.4, 0.02)
    plan.hands[:] += 0.035 * np.stack([np.sin(9 * t), np.cos(8 * t), np.sin(7 * t)], -1)[:, None]
    plan.elbows[:] = (0.35, 0.1, -0.95)
    ends = {
        "straight": ((-0.22, -0.95, 0.1), (0.5, 0.2, -0.5)),
        "hook": ((-0.45, -0.62, 0.08), (0.95, 0.2, 0.15)),
        "uppercut": ((-0.25, -0.62, 0.2), (0.3, 0.2, -0.95)),
        "body": ((-0.15, -0.85, -0.35), (0.4, 0.2, -0.8)),
    }
    when = rng.uniform(0.1, 0.6)
    while when < t[-1] + 0.5:
        for _ in range(rng.integers(1, 4)):
            side = front if rng.random() < 0.55 else 1 - front
            name = rng.choice(list(ends), p=[0.55, 0.2, 0.12, 0.13])
            out_s, back_s = rng.uniform(0.16, 0.26), rng.uniform(0.26, 0.4)
            amount = ease((t - when) / out_s) * (1 - ease((t - when - out_s - 0.04) / back_s))
            hand, elbow = (np.array(v) + rng.normal(0, 0.05, 3) for v in ends[str(name)])
            share = amount[:, None]
            plan.hands[:, side] = (1 - share) * plan.hands[:, side] + share * hand
            plan.elbows[:, side] = (1 - share) * plan.elbows[:, side] + share * elbow
            turning = (-1.0 if side == 0 else 1.0) * rng.uniform(0.35, 0.6)
            plan.spine_turn[:, 0] += turning * amount
            plan.pelvis_turn[:, 0] += 0.45 * turning * amount
            when += out_s + 0.6 * back_s
        when += rng.exponential(0.5) + 0.15
    plan.spine_turn[:, 0] = np.clip(plan.spine_turn[:, 0], -0.9, 0.9)
    plan.head_turn[:, 0] = -0.8 * (plan.pelvis_turn[:, 0] + plan.spine_turn[:, 0])
    return plan


def gesturing(body: Body, t: np.ndarray, rng: np.random.Generator) -> Plan:
    """Standing and talking with the hands: beats, pointing, waving, resting."""
    plan = stand(body, t, rng, sway=rng.uniform(0.1, 0.3))
    changes = np.cumsum(rng.uniform(0.5, 1.5, int(t[-1]) * 2 + 8)) - 2
    together = rng.uniform(0.2, 0.8)
    places = np.array([
        [0.0, -0.55, -0.3], [-0.15, -0.5, -0.35], [0.25, -0.55, -0.3], [0.45, -0.5, -0.1],
        [-0.05, -0.6, 0.05], [0.3, -0.75, 0.3], [0.15, -0.9, 0.05], [0.5, -0.2, 0.45],
        [-0.25, -0.45, -0.1], [0.2, 0.05, -0.6],
    ])  # fmt: skip
    chance = np.array([5, 5, 5, 3, 3, 1, 2, 1, 2, 1]) / 28
    quiet = rng.uniform(0.1, 0.45)
    keys = np.empty((2, len(changes), 3))
    for side in range(2):
        picked = rng.choice(len(places), size=len(changes), p=chance)
        keys[side] = places[picked] + rng.normal(0, 0.06, (len(changes), 3))
        resting = rng.random(len(changes)) < quiet
        keys[side, resting] = HANGING + rng.normal(0, 0.02, (resting.sum(), 3))
    both = rng.random(len(changes)) < together
    keys[1, both] = keys[0, both] + rng.normal(0, 0.04, (both.sum(), 3))
    for side in range(2):
        late = 0.08 * side
        plan.hands[:, side] = keyframes(t, changes + late, keys[side], 0.5)
        raised = np.clip(plan.hands[:, side, 2] + 0.8, 0, 0.5)[:, None]
        beats = [wander(rng, t, 0.55, 0.11) for _ in range(3)]
        plan.hands[:, side] += raised * np.stack(beats, axis=-1)
        wave = np.clip(3 * (plan.hands[:, side, 2] - 0.25), 0, 1) * 0.16
        plan.hands[:, side, 0] += wave * np.sin(2 * np.pi * 1.8 * t)
    plan.spine_turn[:, 0] = wander(rng, t, 3, 0.25)
    plan.spine_turn[:, 1] = 0.03 + wander(rng, t, 2.5, 0.1)
    plan.head_turn[:, 0] = wander(rng, t, 2.2, 0.5)
    plan.head_turn[:, 1] = wander(rng, t, 1.1, 0.2)
    plan.head_turn[:, 2] = wander(rng, t, 2.0, 0.12)
    return plan


def _gait(
    body: Body,
    t: np.ndarray,
    rng: np.random.Generator,
    *,
    period: float,
    speed: float,
    duty: float,
    pitch_keys: tuple[tuple[float, ...], tuple[float, ...]],
    lift_mm: float,
    bounce_mm: float,
    lean_deg: float,
    elbow_deg: float,
    swing_deg: float,
) -> Plan:
    """Steps along a path: `duty` is the share of the period a foot stays on the ground."""
    plan = stand(body, t, rng, sway=0)
    offset = rng.uniform(0, period)
    fine = np.arange(-3 * period, t[-1] + 3 * period, 0.01)
    heading = wander(rng, fine, 9, 0.5)
    path = np.cumsum(np.stack([np.sin(heading), -np.cos(heading)], -1), axis=0) * speed * 0.01

    def along(times: np.ndarray) -> np.ndarray:
        return np.stack([np.interp(times, fine, path[:, i]) for i in range(2)], axis=-1)

    count = np.arange(-2, int((t[-1] + offset) / period) + 3)
    width = rng.uniform(0.35, 0.6) * body.hip_width_mm
    toe_out = rng.uniform(0, 0.14)
    phases = np.empty((2, len(t)))
    for side, sign in enumerate((1, -1)):
        land = (count + 0.5 * side) * period - offset
        middle = land + (0.45 if duty > 0.5 else 0.55) * duty * period
        yaw = np.interp(middle, fine, heading)
        out = np.stack([np.cos(yaw), np.sin(yaw)], axis=-1) * sign * width / (1 + 2 * (duty < 0.5))
        places = along(middle) + out
        tread(plan, side, t, land, land + duty * period, places, yaw + sign * toe_out, lift_mm)
        phases[side] = ((t + offset) / period - 0.5 * side) % 1
        knots, angles = (np.array(keys, dtype=np.float64) for keys in pitch_keys)
        around = np.concatenate([knots[:-1] - 1, knots, knots[1:] + 1])
        levels = np.concatenate([angles[:-1], angles, angles[1:]])
        plan.foot_pitch[:, side] = np.deg2rad(PchipInterpolator(around, levels)(phases[side]))
    left = 2 * np.pi * phases[0]
    facing = np.interp(t, fine, heading)
    sway = np.sin(left + 0.3) * rng.uniform(10, 25)
    plan.pelvis_mm[:, :2] = along(t)
    plan.pelvis_mm[:, :2] += sway[:, None] * np.stack([np.cos(facing), np.sin(facing)], axis=-1)
    # Two bounces a cycle; lowest in the middle of a stance when running, between steps walking.
    low = duty / 2 if duty < 0.5 else 0.05
    plan.pelvis_mm[:, 2] -= bounce_mm * np.cos(2 * (left - 2 * np.pi * low)) + 10 + bounce_mm
    hips = rng.uniform(0.05, 0.12)
    plan.pelvis_turn[:, 0] = facing - hips * np.cos(left)
    plan.pelvis_turn[:, 1] = np.deg2rad(lean_deg) / 2
    plan.pelvis_turn[:, 2] = -rng.uniform(0.03, 0.07) * np.sin(left)
    plan.spine_turn[:, 0] = (1 + rng.uniform(0.6, 1.2)) * hips * np.cos(left)
    plan.spine_turn[:, 1] = np.deg2rad(lean_deg) / 2 + 0.02 * np.cos(2 * left)
    plan.spine_turn[:, 2] = -plan.pelvis_turn[:, 2]
    plan.head_turn[:, 0] = -0.5 * (plan.spine_turn[:, 0] - hips * np.cos(left))
    plan.head_turn[:, 0] += wander(rng, t, 4, 0.2)
    plan.head_turn[:, 1] = -np.deg2rad(lean_deg) * 0.6 + rng.normal(0, 0.06)
    spread = np.deg2rad(rng.uniform(6, 16))
    for side, sign in enumerate((1, -1)):
        # The arm goes forward with the other side's foot.
        forward = -sign * np.cos(left) * np.deg2rad(swing_deg) * rng.uniform(0.85, 1.15)
        forward += np.deg2rad(4 if duty > 0.5 else -8)
        bend = np.deg2rad(elbow_deg) * (1 + 0.35 * np.sin(forward))
        hand, elbow = arm_at(forward, np.full(len(t), spread), bend, inward=0.35)
        plan.hands[:, side], plan.elbows[:, side] = hand, elbow
    return plan
