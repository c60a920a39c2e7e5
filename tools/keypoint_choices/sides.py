"""Chooses the numbers of `overpose.keypoints.sides` on clips of training subjects: one after the
other, on clips of even number; those of odd number say what they are worth.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from keypoint_choices.clips import HardClip
from overpose.keypoints.sides import (
    LIVE,
    OF_A_TRACK,
    SideKeeper,
    SideNumbers,
    sides_exchanged,
)
from overpose.layouts import BLAZEPOSE_33
from overpose.skeleton import HUMAN36M
from overpose.support.seeding import random_stream
from overpose.synthetic.detections import read_detections
from overpose.synthetic.motions import CLIP_FPS

GRID = {
    "noise": (0.03, 0.08),
    "acceleration": (15.0, 60.0),
    "freedom": (1.0, 8.0),
    "change": (3.0, 6.0),
    "exchanged": (8.0, 30.0),
    "split": (9.0, 40.0),
    "backward": (6.0, 14.0),
    "going": (0.1, 0.4),
    "facing": (0.1, 0.25),
    "torn": (0.15, 0.4),
    "torn_s": (0.06, 0.16),
}
LIVE_GRID = {
    "change": (4.0, 9.0),
    "margin": (1.0, 4.0),
    "torn_s": (0.1, 0.2),
}
_CLEAR = 1.25
"""A half is as given, or exchanged, where this is so many times nearer to the truth."""
_SPINS_PER_S = (-1.2, -0.5, 0.5, 1.2)
_SPIN_NOISE = 0.02
_HALVES = tuple(
    tuple(BLAZEPOSE_33.indices([f"{side}_{part}" for part in parts]) for side in ("left", "right"))
    for parts in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
)


@dataclass(frozen=True, eq=False)
class Track:
    """A track and what is right of its sides.

    Attributes:
        kind: "hard", "easy" or "spinning".
        clip: number of the clip.
        keypoints_px: (F, 33, 3).
        fps: frames a second.
        exchanged, known: (F, 2) bool, whether the halves are exchanged, and whether that is clear.
    """

    kind: str
    clip: int
    keypoints_px: np.ndarray
    fps: float
    exchanged: np.ndarray
    known: np.ndarray


@dataclass(frozen=True)
class Result:
    """Halves of frames, of all that are clear.

    Attributes:
        clear: how many there are.
        given: exchanged by the detector.
        left: exchanged afterwards still.
        made: exchanged by mistake.
    """

    clear: int
    given: int
    left: int
    made: int

    @property
    def wrong(self) -> float:
        """Percent."""
        return 100 * (self.left + self.made) / self.clear

    def __str__(self) -> str:
        before = 100 * self.given / self.clear
        return (
            f"{before:.2f} % exchanged -> {self.wrong:.2f} % ({self.left} left, {self.made} made)"
        )


def tracks_of(clips: Sequence[HardClip], detections: Path | None, easy: int) -> list[Track]:
    """All tracks: of both models, at the rate of the clips and at half of it."""
    found = [*_hard(clips), *_spinning(clips)]
    if detections is not None:
        runs = read_detections(detections, easy)
        truth = runs.perfect().keypoints_px[:, :, 0, :, :2]
        for clip, keypoints in enumerate(runs.keypoints_px):
            for model in range(keypoints.shape[1]):
                found += _tracks("easy", clip, keypoints[:, model], truth[clip])
    return found


def choose(tracks: Sequence[Track]) -> None:
    """Print the numbers chosen and what they are worth."""
    for title, start, grid, found_by in (
        ("track", OF_A_TRACK, GRID, _over_track),
        ("live", LIVE, LIVE_GRID, _live),
    ):
        half = [[track for track in tracks if track.clip % 2 == odd] for odd in (0, 1)]
        best = start
        print(f"{title}: in use {asdict(best)}", flush=True)
        least = measured(half[0], best, found_by).wrong
        print(f"  {least:.3f} %", flush=True)
        for name, values in grid.items():
            for value in values:
                tried = replace(best, **{name: value})
                wrong = measured(half[0], tried, found_by).wrong
                print(f"  {name} {value:g}: {wrong:.3f} %", flush=True)
                if wrong < least:
                    least, best = wrong, tried
        print(f"{title}: chosen {asdict(best)}")
        for what, numbers in (("in use", start), ("chosen", best)):
            for which, some in zip(("chosen on", "held out"), half, strict=True):
                for kind in ("hard", "easy", "spinning"):
                    if of_kind := [track for track in some if track.kind == kind]:
                        result = measured(of_kind, numbers, found_by)
                        print(f"{title}, {what}, {which}, {kind}: {result}")


def measured(
    tracks: Sequence[Track],
    numbers: SideNumbers,
    found_by: Callable[[Track, SideNumbers], np.ndarray],
) -> Result:
    """What the numbers make of tracks."""
    counts = np.zeros(4, np.int64)
    for track in tracks:
        found = found_by(track, numbers)[track.known]
        right = track.exchanged[track.known]
        counts += (len(right), right.sum(), (right & ~found).sum(), (found & ~right).sum())
    return Result(*(int(count) for count in counts))


def _over_track(track: Track, numbers: SideNumbers) -> np.ndarray:
    return sides_exchanged(track.keypoints_px, BLAZEPOSE_33, track.fps, numbers)


def _live(track: Track, numbers: SideNumbers) -> np.ndarray:
    keeper = SideKeeper(BLAZEPOSE_33, track.fps, numbers)
    found = np.zeros((len(track.keypoints_px), 2), dtype=bool)
    for frame, keypoints in enumerate(track.keypoints_px):
        if np.isfinite(keypoints[:, 0]).any():
            kept = keeper(keypoints, frame / track.fps)
            moved = (kept != keypoints).any(axis=-1)
            found[frame] = [moved[np.concatenate(half)].any() for half in _HALVES]
    return found


def _hard(clips: Sequence[HardClip]) -> Iterator[Track]:
    for number, clip in enumerate(clips):
        for model in range(clip.keypoints_px.shape[1]):
            yield from _tracks("hard", number, clip.keypoints_px[:, model], clip.truth_px)


def _spinning(clips: Sequence[HardClip]) -> Iterator[Track]:
    """The people of clips turned round upright, as a detector sees them that errs a little."""
    for number, clip in enumerate(clips[::4]):
        rng = random_stream(0, "spinning", number)
        times_s = np.arange(len(clip.points_mm)) / CLIP_FPS
        angles = 2 * np.pi * rng.choice(_SPINS_PER_S) * times_s
        turns = Rotation.from_euler("y", angles[:, None]).as_matrix()
        points = clip.points_mm.astype(np.float64)
        root = points[:, :1]
        turned = np.einsum("fij,fkj->fki", turns, points - root) + root
        landmarks = turned[:, len(HUMAN36M) :]
        truth = landmarks[..., :2] / landmarks[..., 2:] * clip.focal_px + clip.size_px / 2
        size = 0.4 * clip.size_px
        seen = truth + rng.normal(0.0, _SPIN_NOISE * size, truth.shape)
        scores = np.full((*seen.shape[:2], 1), 0.9)
        yield from _tracks("spinning", number, np.concatenate([seen, scores], axis=-1), truth)


def _tracks(
    kind: str, clip: int, keypoints_px: np.ndarray, truth_px: np.ndarray
) -> Iterator[Track]:
    exchanged = np.zeros((len(keypoints_px), 2), dtype=bool)
    known = np.zeros_like(exchanged)
    for half, (left, right) in enumerate(_HALVES):
        rows, mirrored = np.concatenate([left, right]), np.concatenate([right, left])
        given, other = (
            np.linalg.norm(keypoints_px[:, rows, :2] - truth_px[:, each], axis=-1).sum(axis=-1)
            for each in (rows, mirrored)
        )
        exchanged[:, half] = given > other
        known[:, half] = (given > _CLEAR * other) | (other > _CLEAR * given)
    if kind == "spinning":
        exchanged[:], known[:] = False, True
    for step in (1, 2):
        fps = CLIP_FPS / step
        yield Track(kind, clip, keypoints_px[::step], fps, exchanged[::step], known[::step])
