"""The embedded benchmark's trials: six actions, subjects never on both sides."""

import numpy as np
import pytest

from overpose.datasets.rendering.made_up import ProceduralMotions
from overpose.mocap.procedural import PROCEDURAL_ACTIONS
from overpose.support.errors import InputError


def test_every_subject_does_every_action_and_is_on_one_side() -> None:
    trials = ProceduralMotions(train_subjects=3, test_subjects=2, repetitions=2).trials()
    assert len(trials) == 5 * len(PROCEDURAL_ACTIONS) * 2
    assert len({trial.trial for trial in trials}) == len(trials)
    sides = {
        split: {trial.subject for trial in trials if trial.split == split}
        for split in ("train", "test")
    }
    assert len(sides["train"]) == 3
    assert len(sides["test"]) == 2
    assert not sides["train"] & sides["test"]
    assert {trial.action for trial in trials} == set(PROCEDURAL_ACTIONS)


def test_a_subject_keeps_its_bones_and_repeats_nothing() -> None:
    motions = ProceduralMotions(train_subjects=1, test_subjects=1, repetitions=2, frames=5)
    first, second = (motions.motion(f"P01_walking_{number:02d}") for number in (1, 2))
    np.testing.assert_array_equal(first.skeleton.offsets_mm, second.skeleton.offsets_mm)
    assert (first.rotations != second.rotations).any()
    assert len(first) == 5


def test_an_unknown_trial_is_refused() -> None:
    with pytest.raises(InputError, match="no procedural trial 'P99_flying_01'"):
        ProceduralMotions().motion("P99_flying_01")


@pytest.mark.parametrize("name", ["train_subjects", "test_subjects", "repetitions", "frames"])
def test_numbers_below_one_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"{name}: got 0"):
        ProceduralMotions(**{name: 0})
