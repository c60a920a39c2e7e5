"""Identities through time, and duplicates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from walkers import FPS, noisy, path, walker

from overpose.keypoints.likeness import keypoint_similarity, suppress_duplicates
from overpose.keypoints.tracking import NOBODY, Tracker
from overpose.support.errors import InputError


def track(
    people: list[np.ndarray],
    *,
    seed: int = 0,
    looks: list[np.ndarray] | None = None,
    seen: np.ndarray | None = None,
    tracker: Tracker | None = None,
) -> np.ndarray:
    """(people, frames) numbers given; people come in random order in each frame; -9 = not seen."""
    tracker = tracker or Tracker(FPS)
    rng = np.random.default_rng(seed)
    frames = len(people[0])
    numbers = np.full((len(people), frames), -9)
    for frame in range(frames):
        there = [p for p in range(len(people)) if seen is None or seen[p, frame]]
        order = [int(p) for p in rng.permutation(there)]
        given_looks = [looks[p] for p in order] if looks else None
        numbers[order, frame] = tracker.update(
            frame, [people[p][frame] for p in order], given_looks
        )
    return numbers


def own_numbers(numbers: np.ndarray) -> bool:
    """Whether each person has one number, and no two the same."""
    sets = [set(row[row != -9].tolist()) for row in numbers]
    return all(len(each) == 1 for each in sets) and len(set.union(*sets)) == len(sets)


def colours(seed: int) -> np.ndarray:
    look = np.zeros((2, 64), dtype=np.float32)
    look[:, seed * 7 : seed * 7 + 3] = 1 / 3
    return look.reshape(-1)


@given(
    seed=st.integers(0, 10_000),
    phase=st.floats(0, 1),
    height=st.floats(150, 260),
    drop=st.floats(-15, 15),
)
@settings(max_examples=30, deadline=None)
def test_two_people_who_pass_each_other_keep_their_numbers(seed, phase, height, drop):
    left = walker(path((150, 300), (600, 300), 90), phase=phase)
    right = walker(path((600, 300 + drop), (150, 300 + drop), 90), height_px=height)
    assert own_numbers(track(noisy([left, right], seed), seed=seed))


@pytest.mark.parametrize("seed", range(5))
def test_the_one_behind_keeps_the_number_when_hidden_while_passing(seed):
    front = walker(path((150, 300), (650, 300), 100))
    behind = walker(path((650, 290), (150, 290), 100), height_px=180, phase=0.3)
    seen = np.ones((2, 100), dtype=bool)
    seen[1] = np.abs(front[:, 11, 0] - behind[:, 11, 0]) > 70
    assert 8 < (~seen[1]).sum() < 30
    assert own_numbers(track(noisy([front, behind], seed), seed=seed, seen=seen))


@pytest.mark.parametrize("seed", range(5))
def test_five_people_in_a_crowd_keep_their_numbers(seed):
    rng = np.random.default_rng(seed)
    crowd = [
        walker(
            path(
                (rng.uniform(0, 800), 200 + 45 * row),
                (rng.uniform(0, 800), 200 + 45 * row),
                120,
            ),
            phase=rng.random(),
            height_px=170 + 15 * row,
        )
        for row in range(5)
    ]
    assert own_numbers(track(noisy(crowd, seed), seed=seed))


def test_a_person_missed_for_less_than_a_second_keeps_the_number():
    person = walker(path((100, 300), (700, 300), 120))
    seen = np.ones((1, 120), dtype=bool)
    seen[0, 40:68] = False
    assert own_numbers(track(noisy([person], 1), seen=seen))


def test_a_person_away_for_longer_than_allowed_gets_a_new_number():
    person = walker(path((400, 300), (400, 300), 120))
    seen = np.ones((1, 120), dtype=bool)
    seen[0, 40:75] = False
    assert track([person], seen=seen)[0, -1] == 2
    assert track([person], seen=seen, tracker=Tracker(FPS, max_absence_s=1.5))[0, -1] == 1


def test_somebody_else_far_away_does_not_inherit_the_number():
    leaves = walker(path((100, 300), (100, 300), 60))
    comes = walker(path((700, 300), (700, 300), 60))
    seen = np.array([np.arange(60) < 30, np.arange(60) >= 35])
    assert own_numbers(track([leaves, comes], seen=seen))


def test_somebody_of_another_size_at_the_same_place_does_not_inherit_the_number():
    leaves = walker(path((300, 300), (300, 300), 60))
    comes = walker(path((300, 300), (300, 300), 60), height_px=70)
    seen = np.array([np.arange(60) < 30, np.arange(60) >= 35])
    assert own_numbers(track([leaves, comes], seen=seen))


def test_somebody_who_looks_different_does_not_inherit_the_number():
    leaves = walker(path((300, 300), (300, 300), 60))
    comes = walker(path((340, 300), (340, 300), 60))
    seen = np.array([np.arange(60) < 30, np.arange(60) >= 40])
    assert not own_numbers(track([leaves, comes], seen=seen))
    assert own_numbers(track([leaves, comes], seen=seen, looks=[colours(1), colours(5)]))


def test_two_who_vanish_together_and_change_places_are_told_apart_by_their_looks():
    one = walker(
        np.concatenate([path((200, 300), (280, 300), 30), path((360, 300), (360, 300), 40)])
    )
    other = walker(
        np.concatenate([path((440, 300), (360, 300), 30), path((280, 300), (280, 300), 40)]),
        phase=0.4,
    )
    seen = np.ones((2, 70), dtype=bool)
    seen[:, 30:45] = False
    looks = [colours(1), colours(1) * 0.3 + colours(5) * 0.7]
    assert own_numbers(track(noisy([one, other], 2), seen=seen, looks=looks))


def test_skipped_frames_do_not_lose_anybody():
    people = [
        walker(path((100, 300), (700, 300), 120)),
        walker(path((700, 320), (100, 320), 120), phase=0.5),
    ]
    tracker = Tracker(FPS)
    numbers = [tracker.update(f, [person[f] for person in people]) for f in range(0, 120, 5)]
    assert numbers == [[1, 2]] * len(numbers)


def test_a_poor_result_starts_nobody_but_continues_somebody():
    person = walker(path((300, 300), (310, 300), 3))
    poor = person.copy()
    poor[..., 2] = 0.1
    assert Tracker(FPS).update(0, [poor[0]]) == [NOBODY]
    tracker = Tracker(FPS)
    assert [tracker.update(0, [person[0]]), tracker.update(1, [poor[1]])] == [[1], [1]]


def test_a_weaker_result_on_a_part_of_somebody_starts_nobody():
    person = walker(path((300, 300), (300, 300), 3))
    ghost = walker(path((305, 340), (305, 340), 3), height_px=110, phase=0.4)
    ghost[..., 2] = 0.6
    tracker = Tracker(FPS)
    numbers = [tracker.update(frame, [ghost[frame], person[frame]]) for frame in range(3)]
    assert numbers == [[NOBODY, 1]] * 3
    assert Tracker(FPS).update(0, [ghost[0]]) == [1]


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_results_on_one_body_the_surer_starts_somebody(first):
    """They are too far apart to be called doubles, and nobody is known yet."""
    person = walker(path((300, 300), (300, 300), 1))[0]
    ghost = walker(path((320, 300), (320, 300), 1), phase=0.3)[0]
    ghost[:, 2] *= 0.97
    people = [person, ghost] if first == 0 else [ghost, person]
    assert suppress_duplicates(people) == [0, 1]
    assert Tracker(FPS).update(0, people) == ([1, NOBODY] if first == 0 else [NOBODY, 1])
    same = [person, person.copy() + np.array([20.0, 0.0, 0.0])]  # as sure: the first
    assert sorted(Tracker(FPS).update(0, same)) == [NOBODY, 1]


def test_a_small_but_sure_result_in_front_of_somebody_is_somebody():
    person = walker(path((300, 300), (300, 300), 1))[0]
    child = walker(path((305, 340), (305, 340), 1), height_px=110, phase=0.4)[0]
    assert Tracker(FPS).update(0, [person, child]) == [1, 2]


def test_somebody_who_looks_the_same_is_known_again_further_away():
    before, after = path((200, 300), (200, 300), 30), path((500, 420), (510, 420), 30)
    leaps = walker(np.concatenate([before, after]))
    seen = np.array([[*(frame < 30 or frame >= 48 for frame in range(60))]])
    assert own_numbers(track([leaps], seen=seen, looks=[colours(1)]))
    assert not own_numbers(track([leaps], seen=seen))


def test_too_few_keypoints_start_nobody():
    person = walker(path((300, 300), (300, 300), 1))[0]
    person[3:] = (np.nan, np.nan, 0)
    nothing = np.full((17, 3), np.nan)
    assert Tracker(FPS).update(0, [person, nothing]) == [NOBODY, NOBODY]


def test_missing_keypoints_do_not_lose_anybody():
    people = noisy([walker(path((100, 300), (700, 300), 90))], 3)
    missing = np.random.default_rng(4).random((90, 17)) < 0.5
    people[0][missing] = (np.nan, np.nan, 0)
    assert own_numbers(track(people))


def test_the_prediction_moves_on_with_the_person():
    person = walker(path((100, 300), (700, 300), 61))
    tracker = Tracker(FPS)
    for frame in range(60):
        tracker.update(frame, [person[frame]])
    predicted = tracker.predicted(1, 60)
    trunk = [5, 6, 11, 12]
    np.testing.assert_allclose(predicted[trunk, :2], person[60, trunk, :2], atol=3)
    tracker.update(60, [])
    assert predicted[:, 0].mean() < tracker.predicted(1, 61)[:, 0].mean()


def test_people_are_those_not_away_for_too_long():
    person = walker(path((100, 300), (100, 300), 1))[0]
    tracker = Tracker(FPS, max_absence_s=0.5)
    tracker.update(0, [person])
    tracker.update(10, [])
    assert tracker.people == [1]
    tracker.update(30, [])
    assert tracker.people == []
    with pytest.raises(InputError, match="expected one of nobody"):
        tracker.predicted(1, 31)


def test_presences_count_frames_and_area():
    person = walker(path((100, 300), (100, 300), 12))
    tracker = Tracker(FPS)
    for frame in (2, 3, 5):
        tracker.update(frame, [person[frame]])
    (presence,) = tracker.presences
    assert (presence.person, presence.first_frame, presence.frames) == (1, 2, 3)
    area = [np.prod(np.ptp(person[f, :, :2], axis=0)) for f in (2, 3, 5)]
    assert presence.area_px == pytest.approx(sum(area))


def test_frames_shapes_and_counts_are_checked():
    tracker = Tracker(FPS)
    tracker.update(3, [np.zeros((17, 3))])
    with pytest.raises(InputError, match="got 3 after frame 3"):
        tracker.update(3, [])
    with pytest.raises(InputError, match="appearances: got 0, expected 1"):
        tracker.update(4, [np.zeros((17, 3))], [])
    with pytest.raises(InputError, match="people: got shape"):
        tracker.update(4, [np.zeros((17, 2))])
    with pytest.raises(InputError, match="fps: got 0"):
        Tracker(0)
    with pytest.raises(InputError, match="max_absence_s: got -1"):
        Tracker(30, max_absence_s=-1)


def test_similarity_is_one_for_the_same_symmetric_and_falls_with_distance():
    person = walker(path((300, 300), (300, 300), 1))
    moved = np.concatenate([person + np.array([shift, 0, 0]) for shift in (0.0, 10.0, 40.0, 500.0)])
    likeness = keypoint_similarity(person, moved)[0]
    assert likeness[0] == pytest.approx(1)
    assert (np.diff(likeness) < 0).all()
    assert likeness[-1] < 1e-6
    np.testing.assert_allclose(keypoint_similarity(moved, person)[:, 0], likeness)


def test_similarity_does_not_depend_on_resolution():
    people = np.stack([walker(path((x, 300), (x, 300), 1))[0] for x in (300, 330)])
    double = people * [2, 2, 1]
    np.testing.assert_allclose(
        keypoint_similarity(people, people), keypoint_similarity(double, double)
    )


def test_similarity_of_nothing_in_common_is_zero():
    person = walker(path((300, 300), (300, 300), 1))
    other = person.copy()
    person[:, 8:, :2], other[:, :8, :2] = np.nan, np.nan
    assert keypoint_similarity(person, other) == 0


def test_of_two_results_on_one_body_the_better_stays():
    bodies = noisy([walker(path((300, 300), (300, 300), 1))] * 3, 5, px=4.0)
    people = [body[0] for body in bodies]
    people[1][:, 2] = 0.95
    far = walker(path((420, 300), (420, 300), 1))[0]
    assert suppress_duplicates([*people, far]) == [1, 3]


@pytest.mark.parametrize("shift", [25, 40, 80])
def test_people_who_only_overlap_are_both_kept(shift):
    one = walker(path((300, 300), (300, 300), 1))[0]
    other = walker(path((300 + shift, 300), (300, 300), 1), phase=0.4, height_px=190)[0]
    assert suppress_duplicates([one, other]) == [0, 1]


def test_nobody_one_and_unseen_results_are_kept():
    nothing = np.full((17, 3), np.nan)
    assert suppress_duplicates([]) == []
    assert suppress_duplicates([nothing]) == [0]
    assert suppress_duplicates([nothing, nothing]) == [0, 1]


def test_presences_count_frames_on_the_body_of_somebody_known_before():
    first = walker(path((200, 300), (200, 300), 20))
    second = np.concatenate(
        [
            walker(path((500, 300), (230, 300), 10)),
            walker(path((212, 300), (212, 300), 10)),
        ]
    )
    tracker = Tracker(FPS)
    for frame in range(20):
        tracker.update(frame, [first[frame], second[frame]])
    one, other = tracker.presences
    assert (one.frames, one.doubled) == (20, 0)
    assert other.frames == 20
    assert 10 <= other.doubled <= 12
