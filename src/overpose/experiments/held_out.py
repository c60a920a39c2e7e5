"""Training subjects in place of the test's: whatever is chosen is chosen on them."""

from dataclasses import dataclass

import numpy as np

from overpose.datasets.store import Dataset
from overpose.support.errors import InputError

HELD_OUT_PART = 0.12


@dataclass(frozen=True)
class Split:
    """What variants are trained and measured on: rows of training subjects only.

    Attributes:
        train, held_out: rows of different subjects; the actions of `held_out` are all in `train`.
        subjects: the held-out subjects.
    """

    train: Dataset
    held_out: Dataset
    subjects: tuple[str, ...]


def hold_out_subjects(dataset: Dataset) -> Split:
    """Hold out some training subjects: whole people, as in the test, but never the test's.

    Subjects are taken from the one with the fewest samples on, until they have at least 12 % of
    the training samples; one without whom an action would be left without training is passed over.
    Rows of split "val" belong to training trials: they are dropped for the subjects that train.

    Raises:
        InputError: there are fewer than two training subjects that could be parted.
    """
    seen = dataset.select(dataset.splits != "test")
    names, counts = np.unique(seen.subjects, return_counts=True)
    actions = set(seen.actions.tolist())
    out: list[str] = []
    for subject in names[np.argsort(counts, kind="stable")].tolist():
        rest = ~np.isin(seen.subjects, [*out, subject]) & (seen.splits == "train")
        if set(seen.actions[rest].tolist()) == actions:
            out.append(subject)
        if np.isin(seen.subjects, out).sum() >= HELD_OUT_PART * len(seen):
            break
    if not out:
        raise InputError(
            f"dataset: got training subjects {', '.join(names.tolist()) or 'none'}, none of whom "
            "can be held out with every action left in training; expected more subjects"
        )
    held_out = np.isin(seen.subjects, out)
    return Split(
        seen.select(~held_out & (seen.splits == "train")), seen.select(held_out), tuple(sorted(out))
    )


def in_place_of_test(dataset: Dataset) -> Dataset:
    """The dataset without its test subjects; the held-out training subjects are its split "test".

    Raises:
        InputError: as `hold_out_subjects`.
    """
    seen = dataset.select(dataset.splits != "test")
    held_out = np.isin(seen.subjects, hold_out_subjects(dataset).subjects)
    return seen.with_splits(np.where(held_out, "test", seen.splits))
