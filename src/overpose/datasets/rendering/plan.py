"""What will be rendered: which frames of which trials, seen by which cameras, in what order.

A sequence is a stretch of a trial short enough that a fixed rig of cameras sees the person well. No
image is made here, and nothing depends on the number of processes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from overpose.mocap.motion import Motion
from overpose.support.checks import repeated
from overpose.support.errors import InputError

LONGEST = 100
"""Most frames of a sequence: 4 s at 25 Hz. Then clothes, light and place change even where somebody
stands still for a minute, as few recordings would otherwise give few appearances."""
TRAVEL_MM = 2000.0
"""Longest way across the ground within a sequence. With cameras 4 to 6 m from its middle the person
stays 3 to 7 m away from each."""
VALIDATION_PART = 0.10
GAP_PART = 0.05
"""Of each training trial the last tenth is for validation; the twentieth before it is left out, so
that no validation frame is next to a training frame."""


@dataclass(frozen=True)
class Trial:
    """A recording to render.

    Attributes:
        subject: who moves.
        action: what is done.
        trial: the recording's name, unique over all.
        split: "train" (its last part becomes "val") or "test".
    """

    subject: str
    action: str
    trial: str
    split: str


@runtime_checkable
class Motions(Protocol):
    """Where motions come from: a library on disk, or made up."""

    def motion(self, trial: str) -> Motion: ...


@dataclass(frozen=True)
class RenderSequence:
    """A stretch of a trial, rendered in one place with one rig of cameras.

    Attributes:
        subject, action, trial, split: names; split is "train", "val" or "test".
        take: which rendering of the trial.
        start, stop: frames of the trial that the whole stretch covers, chosen or not.
        frames: frame of the trial for every sample, ascending.
        cameras: camera of the rig for every sample.
    """

    subject: str
    action: str
    trial: str
    split: str
    take: int
    start: int
    stop: int
    frames: tuple[int, ...]
    cameras: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.frames)


def plan_sequences(
    trials: Iterable[Trial],
    motions: Motions,
    *,
    cameras: int = 4,
    takes: int = 1,
    longest: int = LONGEST,
    limits: dict[str, int | None] | None = None,
) -> list[RenderSequence]:
    """Choose the samples and group them into sequences; always the same for the same arguments.

    Within a split every action gets the same number of samples, as far as it has them, and these
    are spread evenly over its trials, frames, cameras and takes.

    Args:
        trials: what to render.
        motions: gives each trial's motion, already at the frame rate wanted.
        cameras: cameras of a rig.
        takes: how often each trial is rendered, each time with other clothes, light and place.
        longest: most frames of the trial that a sequence covers.
        limits: most samples of each split, "train", "val" and "test"; None or absent: all.

    Raises:
        InputError: a number is out of range, or a trial is given twice.
    """
    trials = sorted(trials, key=lambda t: (t.split, t.action, t.trial))
    names = [trial.trial for trial in trials]
    if twice := repeated(names):
        raise InputError(f"trial {twice[0]} is given twice, expected once")
    for what, number in (("cameras", cameras), ("takes", takes), ("longest", longest)):
        if number < 1:
            raise InputError(f"{what}: got {number}, expected at least 1")
    pools: dict[tuple[str, str], list[_Frame]] = {}
    for trial in trials:
        root_mm = motions.motion(trial.trial).root_mm
        for split, part in split_frames(len(root_mm), trial.split).items():
            for start, stop in cut_stretches(root_mm[part.start : part.stop], longest):
                stretch = _Stretch(trial, split, part.start + start, part.start + stop)
                frames = range(stretch.start, stretch.stop)
                pools.setdefault((split, trial.action), []).extend((stretch, f) for f in frames)
    chosen: dict[tuple[_Stretch, int], list[tuple[int, int]]] = {}
    for split in sorted({split for split, _ in pools}):
        actions = {action: pool for (part, action), pool in pools.items() if part == split}
        sizes = {action: len(pool) * cameras * takes for action, pool in actions.items()}
        shares = share_evenly(sizes, (limits or {}).get(split))
        for action, pool in actions.items():
            for place, variant in spread_evenly(len(pool), cameras * takes, shares[action]):
                stretch, frame = pool[place]
                take, camera = divmod(variant, cameras)
                chosen.setdefault((stretch, take), []).append((frame, camera))
    return [
        _sequence(stretch, take, samples)
        for (stretch, take), samples in sorted(chosen.items(), key=_order)
    ]


@dataclass(frozen=True)
class _Stretch:
    trial: Trial
    split: str
    start: int
    stop: int


_Frame = tuple[_Stretch, int]


def _order(item: tuple[tuple[_Stretch, int], object]) -> tuple:
    (stretch, take), _ = item
    trial = stretch.trial
    return (stretch.split, trial.action, trial.trial, take, stretch.start)


def _sequence(stretch: _Stretch, take: int, samples: list[tuple[int, int]]) -> RenderSequence:
    trial = stretch.trial
    samples = sorted(samples)
    return RenderSequence(
        subject=trial.subject,
        action=trial.action,
        trial=trial.trial,
        split=stretch.split,
        take=take,
        start=stretch.start,
        stop=stretch.stop,
        frames=tuple(frame for frame, _ in samples),
        cameras=tuple(camera for _, camera in samples),
    )


def split_frames(total: int, split: str) -> dict[str, range]:
    """Frames of a trial that each split may use: a training trial also gives validation frames.

    Raises:
        InputError: `split` is neither "train" nor "test".
    """
    if split == "test":
        return {"test": range(total)}
    if split != "train":
        raise InputError(f"split: got {split!r}, expected train or test")
    validation = round(VALIDATION_PART * total)
    gap = max(1, round(GAP_PART * total)) if validation else 0
    return {
        "train": range(total - validation - gap),
        "val": range(total - validation, total),
    }


def cut_stretches(
    root_mm: np.ndarray, longest: int = LONGEST, travel_mm: float = TRAVEL_MM
) -> list[tuple[int, int]]:
    """Cut a trial into stretches (start, stop) that cover it, each as long as it may be.

    Within a stretch the box around the root's way over the ground has a diagonal of at most
    `travel_mm`, and there are at most `longest` frames.

    Args:
        root_mm: (frames, 3) world, mm.
    """
    if len(root_mm) == 0:
        return []
    stretches, start = [], 0
    low = high = root_mm[0, :2]
    for frame, place in enumerate(root_mm[:, :2]):
        lower, higher = np.minimum(low, place), np.maximum(high, place)
        if frame - start >= longest or np.linalg.norm(higher - lower) > travel_mm:
            stretches.append((start, frame))
            start, lower, higher = frame, place, place
        low, high = lower, higher
    return [*stretches, (start, len(root_mm))]


def share_evenly(sizes: dict[str, int], limit: int | None) -> dict[str, int]:
    """Split `limit` among named pools: equal parts; what a small pool leaves goes to the others.

    Returns:
        For every name at most its size; together `limit`, or everything if that is less.
    """
    if limit is None:
        return dict(sizes)
    shares: dict[str, int] = {}
    left = max(0, limit)
    ordered = sorted(sizes, key=lambda name: (sizes[name], name))
    for place, name in enumerate(ordered):
        shares[name] = min(sizes[name], left // (len(ordered) - place))
        left -= shares[name]
    return shares


def spread_evenly(frames: int, variants: int, count: int) -> list[tuple[int, int]]:
    """`count` different pairs (frame, variant), even over frames and over variants.

    All pairs if `count` is their number; at most that many may be asked for.
    """
    total = frames * variants
    places = [((2 * i + 1) * total) // (2 * count) // variants for i in range(count)]
    return [(place, number % variants) for number, place in enumerate(places)]


def pack_shards(
    sequences: Sequence[RenderSequence], samples_per_shard: int
) -> list[list[tuple[int, int, int]]]:
    """Deal the sequences' samples to shards of a fixed size, in order.

    Returns:
        For every shard its pieces: number of the sequence, first sample, and the one past the last.

    Raises:
        InputError: `samples_per_shard` is not at least 1.
    """
    if samples_per_shard < 1:
        raise InputError(f"samples_per_shard: got {samples_per_shard}, expected at least 1")
    shards: list[list[tuple[int, int, int]]] = []
    room = 0
    for number, sequence in enumerate(sequences):
        start = 0
        while start < len(sequence):
            if room == 0:
                shards.append([])
                room = samples_per_shard
            stop = min(len(sequence), start + room)
            shards[-1].append((number, start, stop))
            room -= stop - start
            start = stop
    return shards
