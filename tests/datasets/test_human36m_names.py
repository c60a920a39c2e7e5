"""Names of Human3.6M: every spelling of an action, the 17 joints among the 32, the box."""

import pytest

from overpose.datasets.human36m.names import (
    ACTIONS,
    BOX_RADIUS_32_MM,
    JOINTS_17,
    PAPER_ACTIONS,
    canonical_action,
    checked_actions,
    is_ignored,
    split_of,
    trial_key,
)
from overpose.report.published import TABLE_1_ACTIONS
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("TakingPhoto 1", "Taking Photo"), ("Photo", "Taking Photo"), ("Photo 2", "Taking Photo"),
        ("WalkingDog", "Walking Dog"), ("WalkDog 1", "Walking Dog"), ("Walking 2", "Walking"),
        ("WalkTogether 3", "Walking Together"), ("WalkingTogether", "Walking Together"),
        ("SittingDown", "Sitting Down"), ("Sitting Down 1", "Sitting Down"), ("sitting", "Sitting"),
        ("Directions 1", "Directions"), ("walking_dog", "Walking Dog"), ("Eating-2", "Eating"),
        ("_ALL 1", None), ("Swimming", None), ("", None), ("1", None),
    ],
)  # fmt: skip
def test_every_spelling_of_an_action_is_known(name: str, action: str | None) -> None:
    assert canonical_action(name) == action


def test_a_canonical_name_is_its_own() -> None:
    assert [canonical_action(action) for action in ACTIONS] == list(ACTIONS)
    assert checked_actions(ACTIONS) == ACTIONS


def test_the_papers_actions_are_those_of_its_table() -> None:
    assert PAPER_ACTIONS == TABLE_1_ACTIONS
    assert set(PAPER_ACTIONS) < set(ACTIONS)


def test_trials_are_the_same_however_they_are_spelt() -> None:
    assert trial_key("TakingPhoto 1") == trial_key("Photo 1") != trial_key("Photo")
    assert trial_key("WalkDog") == trial_key("WalkingDog")
    assert is_ignored("_ALL 1")
    assert not is_ignored("Walking")


def test_asking_for_an_unknown_action_or_for_none_is_refused() -> None:
    assert checked_actions(["photo", "Taking Photo", "walking"]) == ("Taking Photo", "Walking")
    assert checked_actions("Walking") == ("Walking",)
    with pytest.raises(InputError, match=r"got 'Swimming', expected some of Directions"):
        checked_actions(["Walking", "Swimming"])
    with pytest.raises(InputError, match="got none"):
        checked_actions([])


def test_joints_are_the_papers_seventeen_of_thirty_two() -> None:
    one_based = [1, 2, 3, 4, 7, 8, 9, 13, 14, 15, 16, 18, 19, 20, 26, 27, 28]
    assert (JOINTS_17 + 1).tolist() == one_based
    # In the files the right leg comes first, and the left arm.
    places = dict(zip(HUMAN36M.joint_names, one_based, strict=True))
    assert places["right_hip"] < places["left_hip"]
    assert places["left_wrist"] < places["right_wrist"]


def test_the_spheres_of_the_box_are_the_papers() -> None:
    radii = dict(enumerate(BOX_RADIUS_32_MM.tolist(), start=1))
    assert {radii[j] for j in (15, 16)} == {140.0}
    assert {radii[j] for j in (12, 13, 14)} == {260.0}
    assert {radii[j] for j in radii if j not in (12, 13, 14, 15, 16)} == {115.0}


def test_subjects_are_split_as_in_the_paper() -> None:
    split = {subject: split_of(subject) for subject in ("S1", "S5", "S6", "S7", "S8", "S9", "S11")}
    assert [s for s, side in split.items() if side == "test"] == ["S9", "S11"]


def test_a_subject_without_public_poses_is_of_no_split() -> None:
    with pytest.raises(InputError, match="got 'S2', expected one of S1, S5"):
        split_of("S2")
