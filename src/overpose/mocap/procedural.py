"""Procedural motion: people who move as arithmetic says, for use where there are no recordings.

Nothing in it was measured on a person. Six actions, random proportions for each subject, random
style, tempo and phase for each seed, every joint inside its limits (`procedural_body`). For real
motion use `library`.
"""

import math

import numpy as np

from overpose.mocap.motion import MAX_FPS, Motion
from overpose.mocap.procedural_body import body_of, procedural_skeleton, solve
from overpose.mocap.procedural_exercises import exercise
from overpose.mocap.procedural_moves import dance, gesturing, punching, running, walking
from overpose.support.errors import InputError
from overpose.support.seeding import random_stream

_PLANS = {
    "walking": walking,
    "running": running,
    "exercise": exercise,
    "dance": dance,
    "punching": punching,
    "gesturing": gesturing,
}

PROCEDURAL_ACTIONS = tuple(_PLANS)
"""Names of the actions."""


def procedural_motion(
    action: str, subject: int | str, seed: int, frames: int, fps: float = 25.0
) -> Motion:
    """Make motion up.

    Args:
        action: one of `PROCEDURAL_ACTIONS`.
        subject: who moves; the same subject has the same body in all motions.
        seed: chooses style, tempo and phase. The same arguments give the same motion.
        frames: how many.
        fps: frames per second.

    Returns:
        The motion, over a skeleton with CMU's bone names and rest pose, near the origin at first,
        its lowest foot standing on the ground z = 0 (the bones of the foot a sole above it).

    Raises:
        InputError: no such action, fewer than one frame, or an absurd frame rate.
    """
    if action not in _PLANS:
        raise InputError(f"action: got {action!r}, expected one of {', '.join(PROCEDURAL_ACTIONS)}")
    if frames < 1:
        raise InputError(f"frames: got {frames}, expected at least 1")
    if not (math.isfinite(fps) and 0 < fps <= MAX_FPS):
        raise InputError(f"fps: got {fps}, expected 0 < fps <= {MAX_FPS:g}")
    skeleton = procedural_skeleton(subject)
    rng = random_stream(seed, "procedural motion", action, subject)
    heading = rng.uniform(-np.pi, np.pi)
    body = body_of(skeleton)
    plan = _PLANS[action](body, np.arange(frames) / fps, rng)
    rotations, root_mm = solve(body, plan, fps)
    cosine, sine = np.cos(heading), np.sin(heading)
    facing = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    rotations[:, 0] = facing @ rotations[:, 0]
    root_mm = (root_mm - root_mm[0] * (1.0, 1.0, 0.0)) @ facing.T
    name = f"procedural-{action}-{subject}-{seed}"
    return Motion(skeleton, rotations, root_mm, float(fps), str(subject), name, action)
