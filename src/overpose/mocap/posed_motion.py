"""Motion from one key pose to the next, smooth in time: what recordings lack.

What poses there are belongs to `key_poses`; what body moves like this, to the studio.
"""

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from overpose.mocap.joint_angles import ANGLES, bone_turns, within_ranges
from overpose.mocap.key_poses import KINDS, PoseKind, draw_pose
from overpose.mocap.motion import BoneSkeleton, Motion

HOLD_S = (0.0, 1.0)
MOVE_S = (0.5, 1.8)
STAY = 0.6
"""Probability that the next key pose is of the same kind."""
SWAY_DEGREES = 4.0
"""Standard deviation of what every joint moves besides."""
FLOOR_MM = 60.0
"""Height of the lowest end of a bone above the floor, about."""


def posed_motion(
    skeleton: BoneSkeleton,
    rng: np.random.Generator,
    frames: int,
    fps: float,
    kinds: tuple[PoseKind, ...] = KINDS,
) -> Motion:
    """Key poses drawn from kinds, one after the other.

    Each is held for a moment (`HOLD_S`), then all angles go to those of the next within `MOVE_S`
    with the least jerk (Flash and Hogan 1985), swaying a little. They stay in the published ranges.

    Args:
        skeleton: with CMU's bone names.
        rng: decides everything.
        frames: how many.
        fps: frames per second.
        kinds: what to draw from.
    """
    kind = kinds[rng.integers(len(kinds))]
    heading = rng.uniform(-180.0, 180.0)
    times, angles, roots = [], [], []
    time = -rng.uniform(0.0, 1.0)
    while True:
        pose, root = draw_pose(skeleton, kind, rng)
        facing = Rotation.from_euler("z", heading, degrees=True).as_matrix()
        hold = rng.uniform(*HOLD_S)
        for moment in (time, time + hold):
            times.append(moment)
            angles.append(pose)
            roots.append(facing @ root)
        if time + hold > frames / fps:
            break
        time += hold + rng.uniform(*MOVE_S)
        if rng.random() > STAY:
            kind = kinds[rng.integers(len(kinds))]
        heading += rng.normal(0.0, 30.0)
    moments = np.arange(frames) / fps
    place = np.clip(np.searchsorted(times, moments, side="right") - 1, 0, len(times) - 2)
    begin, end = np.array(times)[place], np.array(times)[place + 1]
    share = np.clip((moments - begin) / np.maximum(end - begin, 1e-9), 0.0, 1.0)
    share = share**3 * (10 - 15 * share + 6 * share**2)
    keys = np.array(angles)
    moving = keys[place] + share[:, None] * (keys[place + 1] - keys[place])
    moving = within_ranges(moving + _sway(rng, moments))
    turn = Slerp(np.arange(len(roots)), Rotation.from_matrix(np.array(roots)))
    turns = bone_turns(skeleton, moving, turn(place + share).as_matrix())
    return grounded(Motion(skeleton, turns, np.zeros((frames, 3)), fps, "", "posed", kind.name))


def grounded(motion: Motion) -> Motion:
    """The motion with its lowest bone on the floor in every frame."""
    root = motion.root_mm.copy()
    root[:, 2] += FLOOR_MM - motion.positions_mm()[..., 2].min(axis=1)
    return Motion(
        motion.skeleton, motion.rotations, root, motion.fps, motion.subject, motion.trial,
        motion.action,
    )  # fmt: skip


def _sway(rng: np.random.Generator, moments: np.ndarray) -> np.ndarray:
    """(frames, 28) degrees: two slow waves for each angle."""
    total = np.zeros((len(moments), len(ANGLES)))
    for _ in range(2):
        pace = rng.uniform(0.1, 0.8, len(ANGLES))
        phase = rng.uniform(0.0, 2 * np.pi, len(ANGLES))
        total += rng.normal(0.0, SWAY_DEGREES, len(ANGLES)) * np.sin(
            2 * np.pi * moments[:, None] * pace + phase
        )
    return total
