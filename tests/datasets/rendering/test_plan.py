"""Choosing samples: balanced, even, never the same twice, splits never mixed."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overpose.datasets.rendering.plan import (
    RenderSequence,
    Trial,
    cut_stretches,
    pack_shards,
    plan_sequences,
    share_evenly,
    split_frames,
    spread_evenly,
)
from overpose.mocap.motion import BoneSkeleton, Motion
from overpose.support.errors import InputError

LENGTHS = {"a1": 200, "a2": 40, "b1": 120, "b2": 10, "c1": 60, "c2": 30}
TRIALS = [
    Trial("01", "walking", "a1", "train"),
    Trial("02", "walking", "a2", "train"),
    Trial("01", "dance", "b1", "train"),
    Trial("02", "dance", "b2", "train"),
    Trial("03", "walking", "c1", "test"),
    Trial("03", "dance", "c2", "test"),
]


class Walks:
    """Motions along x, 50 mm a frame."""

    def motion(self, trial: str) -> Motion:
        frames = LENGTHS[trial]
        skeleton = BoneSkeleton(("root",), (-1,), np.zeros((1, 3)))
        root = np.zeros((frames, 3))
        root[:, 0] = 50.0 * np.arange(frames)
        return Motion(skeleton, np.tile(np.eye(3), (frames, 1, 1, 1)), root, 25.0)


def samples(sequences: list[RenderSequence]) -> list[tuple]:
    return [
        (s.split, s.action, s.trial, s.take, frame, camera)
        for s in sequences
        for frame, camera in zip(s.frames, s.cameras, strict=True)
    ]


LIMITS = st.one_of(st.none(), st.integers(0, 400))


@given(LIMITS, LIMITS, LIMITS, st.integers(1, 4), st.integers(1, 3))
def test_no_sample_is_chosen_twice_and_limits_hold(train, val, test, cameras, takes) -> None:
    limits = {"train": train, "val": val, "test": test}
    plan = plan_sequences(TRIALS, Walks(), cameras=cameras, takes=takes, limits=limits)
    chosen = samples(plan)
    assert len(set(chosen)) == len(chosen)
    available = Counter(s[0] for s in samples(plan_sequences(TRIALS, Walks(), cameras=cameras)))
    counts = Counter(sample[0] for sample in chosen)
    for split, limit in limits.items():
        everything = available[split] * takes
        assert counts[split] == (everything if limit is None else min(limit, everything))


def test_without_limits_every_frame_is_seen_by_every_camera_in_every_take() -> None:
    plan = plan_sequences(TRIALS, Walks(), cameras=4, takes=2)
    tests = {sample[2:] for sample in samples(plan) if sample[0] == "test"}
    assert tests == {
        (trial, take, frame, camera)
        for trial in ("c1", "c2")
        for take in range(2)
        for frame in range(LENGTHS[trial])
        for camera in range(4)
    }


def test_a_limited_split_is_balanced_over_actions_and_cameras() -> None:
    plan = plan_sequences(TRIALS, Walks(), cameras=4, limits={"train": 80})
    train = [sample for sample in samples(plan) if sample[0] == "train"]
    assert Counter(sample[1] for sample in train) == {"walking": 40, "dance": 40}
    assert set(Counter(sample[5] for sample in train).values()) == {20}


def test_subjects_and_frames_of_test_and_training_never_mix() -> None:
    plan = plan_sequences(TRIALS, Walks())
    assert {s.subject for s in plan if s.split == "test"} == {"03"}
    assert {s.subject for s in plan if s.split != "test"} == {"01", "02"}
    frames = {split: {x[2:5] for x in samples(plan) if x[0] == split} for split in ("train", "val")}
    assert not frames["train"] & frames["val"]
    for trial in ("a1", "a2", "b1", "b2"):
        last = max(frame for name, _, frame in frames["train"] if name == trial)
        first = min(frame for name, _, frame in frames["val"] if name == trial)
        assert first - last >= 2, "a frame lies between them"


def test_a_sequence_never_travels_far_and_holds_its_frames() -> None:
    for sequence in plan_sequences(TRIALS, Walks()):
        assert 50.0 * (sequence.stop - 1 - sequence.start) <= 2000.0
        assert sequence.start <= min(sequence.frames)
        assert max(sequence.frames) < sequence.stop
        assert list(sequence.frames) == sorted(sequence.frames)


def test_the_order_in_which_trials_are_listed_does_not_matter() -> None:
    limits: dict[str, int | None] = {"train": 33, "test": 17}
    one = plan_sequences(TRIALS, Walks(), limits=limits)
    assert plan_sequences(TRIALS[::-1], Walks(), limits=limits) == one


def test_a_trial_given_twice_is_refused() -> None:
    with pytest.raises(InputError, match="a1 is given twice"):
        plan_sequences([*TRIALS, TRIALS[0]], Walks())


@pytest.mark.parametrize("options", [{"cameras": 0}, {"takes": 0}, {"longest": 0}])
def test_numbers_below_one_are_refused(options: dict) -> None:
    with pytest.raises(InputError, match="at least 1"):
        plan_sequences(TRIALS, Walks(), **options)


def test_an_unknown_side_is_refused() -> None:
    with pytest.raises(InputError, match="expected train or test"):
        split_frames(10, "val")


@given(st.integers(0, 3000))
def test_validation_is_a_tenth_and_training_most_of_the_rest(total) -> None:
    parts = split_frames(total, "train")
    assert abs(len(parts["val"]) - total / 10) <= 0.5
    assert len(parts["train"]) >= 0.84 * total - 1.5


@given(
    st.lists(st.tuples(st.floats(-1500, 1500), st.floats(-1500, 1500)), min_size=1, max_size=60),
    st.floats(100, 4000),
    st.integers(1, 30),
)
def test_stretches_cover_a_trial_and_stay_within_travel_and_time(way, travel_mm, longest) -> None:
    root = np.array([(x, y, 900.0) for x, y in way])
    stretches = cut_stretches(root, longest, travel_mm)
    assert [start for start, _ in stretches] == [0, *(stop for _, stop in stretches[:-1])]
    assert stretches[-1][1] == len(root)
    for start, stop in stretches:
        part = root[start:stop, :2]
        assert 1 <= len(part) <= longest
        assert np.linalg.norm(part.max(axis=0) - part.min(axis=0)) <= travel_mm


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 100), max_size=6), st.integers(0, 500))
def test_shares_add_up_and_differ_only_where_a_pool_is_small(sizes, limit) -> None:
    shares = share_evenly(sizes, limit)
    assert sum(shares.values()) == min(limit, sum(sizes.values()))
    assert all(shares[name] <= sizes[name] for name in sizes)
    largest = max(shares.values(), default=0)
    assert all(shares[n] >= largest - 1 or shares[n] == sizes[n] for n in sizes)


@given(st.integers(1, 50), st.integers(1, 12), st.data())
def test_spread_pairs_are_different_ordered_and_even(frames, variants, data) -> None:
    count = data.draw(st.integers(0, frames * variants))
    pairs = spread_evenly(frames, variants, count)
    assert len(set(pairs)) == len(pairs) == count
    places = [place for place, _ in pairs]
    assert places == sorted(places)
    assert all(0 <= place < frames for place in places)
    per_variant = Counter(variant for _, variant in pairs)
    counts = [per_variant[variant] for variant in range(variants)]
    assert max(counts) - min(counts) <= 1
    if count:
        assert np.diff([-1, *places, frames]).max() <= frames / count + 2


@given(st.lists(st.integers(1, 40), max_size=12), st.integers(1, 30))
def test_shards_hold_every_sample_once_in_order_and_are_full(lengths, size) -> None:
    sequences = [
        RenderSequence("1", "a", "t", "test", 0, 0, n, tuple(range(n)), (0,) * n) for n in lengths
    ]
    shards = pack_shards(sequences, size)
    dealt = [(s, i) for shard in shards for s, start, stop in shard for i in range(start, stop)]
    assert dealt == [(s, i) for s, n in enumerate(lengths) for i in range(n)]
    sizes = [sum(stop - start for _, start, stop in shard) for shard in shards]
    assert all(n == size for n in sizes[:-1])
