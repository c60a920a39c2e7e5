"""Walking and running: when a foot comes down, and what speed, cadence and steps follow from it.

What is said of joint angles over a stride belongs to `cycles`.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.signal import find_peaks

from overpose.angles import SIDES
from overpose.movement.body import joint, leg_mm
from overpose.support.stretches import stretches
from overpose.video.smoothing import smooth_zero_phase

FACING_HZ, ANKLES_HZ, WAY_HZ = 0.7, 6.0, 1.0
"""Low-passes of where somebody looks, of the ankles, and of the pelvis' way."""
LEAST_SWING = 0.2
"""Of a leg's length: how far a foot passes from behind the other to before it, at least."""
HIGH = 0.5
"""A foot that comes down is ahead of the other by more than this share of the most it will be."""
STAYS, MOST_SLIDE = (0.2, 0.8), 0.7
"""From and to which share of a step the foot that came down stays in its place, and by which share
of the pelvis' way it may move in this time: legs that are taken for each other go with the body."""
STEP_S = (0.2, 1.1)
"""How long a step may take."""
EVEN = 1.5
"""By how much a step may be longer, in time, than the one before or after it."""
EVEN_LENGTH = 0.45
"""Of their mean: standard deviation of the lengths of a walk's steps, at most. It is 0.2 at most of
people who truly walk on, and larger where legs are taken for each other, or runners turn."""
LEAST_STEPS = 3
"""Steps one after the other that make a walk."""
LEAST_SPEED_MM_S = 250.0
"""Of the pelvis over the floor: who steps on the spot does not walk."""


@dataclass(frozen=True)
class Contact:
    """A foot comes down.

    Attributes:
        frame: when; between frames, too.
        side: "left" or "right".
    """

    frame: float
    side: str


@dataclass(frozen=True, eq=False)
class Walk:
    """Steps one after the other without a break.

    Attributes:
        contacts: of both feet in turn, in order of time; a step leads from each to the next.
        step_s: (steps,) how long each step takes.
        step_mm: (steps,) its length: how far the foot that comes down is before the other foot
            when that came down, along the way the person goes. NaN without a floor.
        speed_mm_s: of the pelvis along the floor, the mean over all steps; NaN without a floor.
    """

    contacts: tuple[Contact, ...]
    step_s: np.ndarray
    step_mm: np.ndarray
    speed_mm_s: float

    def strides(self, side: str) -> np.ndarray:
        """(n, 2) frames between which a foot comes down and comes down again."""
        own = [contact.frame for contact in self.contacts if contact.side == side]
        return np.array(list(pairwise(own)), np.float64).reshape(-1, 2)


def walks_of(joints_mm: np.ndarray, fps: float, *, on_floor: bool) -> tuple[Walk, ...]:
    """Where somebody walks or runs.

    A foot comes down where it is farthest before the other, seen along where the person looks
    (after Zeni et al., "Two simple methods for determining gait events during treadmill and
    overground walking using kinematic data", Gait and Posture 27, 2008: there it is the foot before
    the sacrum). Where the floor is known, it stays where it came down while the body goes on.

    Args:
        joints_mm: (frames, 17, 3) joints of `HUMAN36M`, y up; NaN where not seen.
        fps: frames a second.
        on_floor: whether they are in a world that stands still; if not, steps on the spot count,
            and nothing has a length.
    """
    walks = []
    for start, stop in stretches(np.asarray(np.isfinite(joints_mm).all(axis=(1, 2)))):
        part = joints_mm[start:stop]
        before = smooth_zero_phase(
            joint(part, "left_ankle") - joint(part, "right_ankle"), fps, ANKLES_HZ
        )
        ahead = (before * _ahead(part, fps)).sum(axis=-1)
        contacts = _contacts(ahead, LEAST_SWING * leg_mm(part), fps)
        for run in _runs(contacts, fps, _level(part) if on_floor else None):
            walk = _walk(run, part, fps, start, on_floor=on_floor)
            if not on_floor or _goes_on(walk):
                walks.append(walk)
    return tuple(walks)


def _goes_on(walk: Walk) -> bool:
    """Whether somebody gets along, in steps of roughly one length."""
    even = walk.step_mm.std() <= EVEN_LENGTH * walk.step_mm.mean()
    return bool(even and walk.speed_mm_s >= LEAST_SPEED_MM_S)


def _ahead(joints_mm: np.ndarray, fps: float) -> np.ndarray:
    """(frames, 3) level directions in which the person looks: square to the hips."""
    right = joint(joints_mm, "right_hip") - joint(joints_mm, "left_hip")
    right = smooth_zero_phase(right / np.linalg.norm(right, axis=-1, keepdims=True), fps, FACING_HZ)
    ahead = np.cross((0.0, 1.0, 0.0), right)
    return ahead / np.maximum(np.linalg.norm(ahead, axis=-1, keepdims=True), 1e-9)


def _contacts(before: np.ndarray, swing_mm: float, fps: float) -> list[Contact]:
    """When each foot comes down after swings that long; `before` (frames,) is how far the left one
    is before the right."""
    found: list[Contact] = []
    for side, signal in zip(SIDES, (before, -before), strict=True):
        peaks, _ = find_peaks(signal, prominence=swing_mm, distance=max(1, round(STEP_S[0] * fps)))
        found += [
            Contact(_moment(signal, peak), side) for peak in peaks.tolist() if signal[peak] > 0
        ]
    return sorted(found, key=lambda contact: contact.frame)


def _moment(signal: np.ndarray, peak: int) -> float:
    """Midway between the moments at which the foot comes to be `HIGH` ahead and ceases to be, which
    are known better than where a flat peak is highest; that where one is not in the track."""
    level = HIGH * signal[peak]
    lower = np.flatnonzero(signal <= level)
    before, after = lower[lower < peak], lower[lower > peak]
    if not len(before) or not len(after):
        return _summit(signal, peak)
    passes = [(int(before[-1]), int(before[-1]) + 1), (int(after[0]) - 1, int(after[0]))]
    times = [a + (level - signal[a]) / (signal[b] - signal[a]) for a, b in passes]
    return float(np.mean(times))


def _summit(signal: np.ndarray, peak: int) -> float:
    """Where the parabola through a peak and its neighbours is highest."""
    a, b, c = signal[peak - 1 : peak + 2]
    bend = a - 2 * b + c
    return peak + (0.0 if bend >= 0 else float(np.clip((a - c) / 2 / bend, -0.5, 0.5)))


def _runs(contacts: list[Contact], fps: float, level_mm: np.ndarray | None) -> list[list[Contact]]:
    """Contacts of both feet in turn, in even time, enough of them; each foot stays in its place
    where joints along the floor (frames, 17, 3) are known."""
    runs: list[list[Contact]] = []
    for contact in contacts:
        run = runs[-1] if runs else []
        steps = [(b.frame - a.frame) / fps for a, b in pairwise([*run[-2:], contact])]
        in_turn = bool(run) and run[-1].side != contact.side
        step = in_turn and STEP_S[0] <= steps[-1] <= STEP_S[1]
        if step and level_mm is not None:
            step = _slide(run[-1], contact, level_mm) <= MOST_SLIDE
        if step and max(steps) <= EVEN * min(steps):
            run.append(contact)
        elif step:
            runs.append([run[-1], contact])
        else:
            runs.append([contact])
    return [run for run in runs if len(run) > LEAST_STEPS]


def _slide(down: Contact, following: Contact, level_mm: np.ndarray) -> float:
    """How far the foot that came down goes while it should stay, as a share of the pelvis' way."""
    during = down.frame + np.array(STAYS) * (following.frame - down.frame)
    foot, pelvis = (
        np.diff(_at(joint(level_mm, name), during), axis=0)[0]
        for name in (f"{down.side}_ankle", "pelvis")
    )
    return float(foot @ pelvis / max(pelvis @ pelvis, 1e-9))


def _level(joints_mm: np.ndarray) -> np.ndarray:
    """Joints, y up, as seen from above."""
    return joints_mm * (1.0, 0.0, 1.0)


def _walk(
    contacts: list[Contact], joints_mm: np.ndarray, fps: float, start: int, *, on_floor: bool
) -> Walk:
    """The walk of contacts in a part of a track that starts at a frame."""
    frames = np.array([contact.frame for contact in contacts])
    moved = tuple(Contact(contact.frame + start, contact.side) for contact in contacts)
    step_s = np.diff(frames) / fps
    if not on_floor:
        return Walk(moved, step_s, np.full(len(step_s), np.nan), float("nan"))
    level = _level(joints_mm)
    pelvis = _at(smooth_zero_phase(joint(level, "pelvis"), fps, WAY_HZ), frames)
    ankles = {side: _at(joint(level, f"{side}_ankle"), frames) for side in SIDES}
    feet = np.stack([ankles[contact.side][n] for n, contact in enumerate(contacts)])
    went = np.diff(pelvis, axis=0)
    lengths = np.linalg.norm(went, axis=-1)
    along = went / np.maximum(lengths, 1e-9)[:, None]
    step_mm = (np.diff(feet, axis=0) * along).sum(axis=-1)
    return Walk(moved, step_s, step_mm, float(lengths.sum() / step_s.sum()))


def _at(values: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """(n, 3) values (frames, 3) at times between frames."""
    known = np.arange(len(values))
    return np.stack([np.interp(frames, known, column) for column in values.T], axis=-1)
