"""What one person of a track does: walks, squats, repeats something, or nothing of it that shows.

How each is found belongs to `gait` and `repetitions`, how it looks to `page`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from overpose.angles import SIDES
from overpose.formats.points import joints_y_up_mm, track_angles
from overpose.movement.cycles import LEAST_CYCLES, Cycles
from overpose.movement.gait import Walk, walks_of
from overpose.movement.repetitions import Repetitions, repetitions_of, squats_of
from overpose.poses import PoseTrack
from overpose.skeleton import HUMAN36M

LEAST_FPS = 12.0
"""Steps are too quick for fewer frames a second."""
LEAST_S = 1.0
"""Nothing is looked for in people who are seen for less."""


@dataclass(frozen=True, eq=False)
class Doing:
    """What somebody does.

    Attributes:
        fps: frames a second.
        seen_s: for how long the person is seen, seconds.
        on_floor: whether the person's place in a world is known.
        angles: (frames,) degrees by the names of `ANGLES`; NaN where not known.
        walks: where the person walks or runs.
        squats: squats, sitting down and the like.
        repetitions: everything else that is repeated.
    """

    fps: float
    seen_s: float
    on_floor: bool
    angles: Mapping[str, np.ndarray]
    walks: tuple[Walk, ...] = ()
    squats: Repetitions | None = None
    repetitions: tuple[Repetitions, ...] = ()

    @property
    def too_short(self) -> bool:
        """Whether there is too little to say anything of it."""
        return self.seen_s < LEAST_S or self.fps < LEAST_FPS

    @cached_property
    def cycles(self) -> Cycles | None:
        """Cycles of what takes the longest; None where nothing is done twice."""
        found = [] if (strides := self._strides()) is None else [strides]
        for each in (self.squats, *self.repetitions):
            if each is not None and len(each.spans) >= LEAST_CYCLES:
                found.append(Cycles(title_of(each), dict.fromkeys(_SIDES, each.spans)))
        return max(found, key=_length, default=None)

    def _strides(self) -> Cycles | None:
        if not self.walks:
            return None
        spans = {
            side: np.concatenate([walk.strides(side) for walk in self.walks]) for side in SIDES
        }
        return Cycles("strides", spans | {"middle": spans["left"]})


_SIDES = (*SIDES, "middle")


def _length(cycles: Cycles) -> float:
    return float(max(np.ptp(spans, axis=1).sum() for spans in cycles.spans.values()))


def title_of(each: Repetitions) -> str:
    """What repetitions are called."""
    if each.depth_mm is not None:
        return "squats"
    name = each.angle.replace("_", " ")
    return f"repetitions of {name}" + (f", {each.side}" if each.side != "middle" else "")


def doing_of(track: PoseTrack, person: int) -> Doing:
    """What a person of a track does; nothing of tracks with joints other than `HUMAN36M`'s.

    Steps have lengths where the track has a world and the person a place in it.
    """
    alone = track.of_people([person])
    seen = track.seen[person]
    placed = bool(np.isfinite(track.root_mm[person, seen]).all())
    on_floor = track.world is not None and placed
    angles = {}
    if track.joint_names == HUMAN36M.joint_names:
        angles = {name: values[0] for name, values in track_angles(alone).items()}
    if not angles:
        return Doing(track.fps, float(seen.sum()) / track.fps, on_floor, angles)
    return doing_in(joints_y_up_mm(alone)[0], angles, track.fps, on_floor=on_floor)


def doing_in(
    joints_mm: np.ndarray, angles: Mapping[str, np.ndarray], fps: float, *, on_floor: bool
) -> Doing:
    """What somebody does.

    Args:
        joints_mm: (frames, 17, 3) joints of `HUMAN36M`, y up; NaN where not seen.
        angles: (frames,) degrees by the names of `ANGLES`, of these joints.
        fps: frames a second.
        on_floor: as in `walks_of`.
    """
    seen = np.isfinite(joints_mm).all(axis=(1, 2))
    empty = Doing(fps, float(seen.sum()) / fps, on_floor, angles)
    if empty.too_short:
        return empty
    walks = walks_of(joints_mm, fps, on_floor=on_floor)
    busy = np.zeros(len(joints_mm), dtype=bool)
    for walk in walks:
        busy[int(walk.contacts[0].frame) : int(walk.contacts[-1].frame) + 1] = True
    squats = squats_of(joints_mm, angles, fps, busy)
    for begin, end in () if squats is None else squats.spans:
        busy[int(begin) : int(end) + 1] = True
    others = repetitions_of(angles, fps, busy)
    return replace(empty, walks=walks, squats=squats, repetitions=others)
