"""Recorded motion that the studio renders: a library of it, and which trials train and test.

Which trials train and which test is in a splits file; how frames are chosen is in `plan`, how they
are rendered in `render`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from overpose.datasets.motion_source import MotionSource
from overpose.datasets.rendering.plan import Trial
from overpose.mocap.library import MotionLibrary, open_library, subject_of
from overpose.mocap.motion import Motion
from overpose.support.errors import InputError
from overpose.support.files import read_json


@dataclass(frozen=True)
class Splits:
    """Which trials of which actions train and test.

    Attributes:
        train_subjects, test_subjects: names of subjects; no one is in both.
        train, test: for every action the names of its trials.
    """

    train_subjects: tuple[str, ...]
    test_subjects: tuple[str, ...]
    train: Mapping[str, tuple[str, ...]]
    test: Mapping[str, tuple[str, ...]]

    @property
    def actions(self) -> tuple[str, ...]:
        """Names of the actions, in the order of the file."""
        return tuple(self.train)

    def trials(self) -> list[Trial]:
        """All trials, ready to be planned."""
        return [
            Trial(subject=subject_of(trial), action=action, trial=trial, split=split)
            for split, actions in (("train", self.train), ("test", self.test))
            for action, trials in actions.items()
            for trial in trials
        ]


@dataclass
class LibraryMotions:
    """The motions of a library at one frame rate, each read from its files once.

    Attributes:
        library: where the files are.
        fps: frames per second wanted.
    """

    library: MotionLibrary
    fps: float
    _read: dict[str, Motion] = field(default_factory=dict, repr=False)

    def motion(self, trial: str) -> Motion:
        """A trial's motion at `fps`.

        Raises:
            InputError: there is no such trial, or its files are damaged.
        """
        if trial not in self._read:
            self._read[trial] = self.library.motion(trial, self.fps)
        return self._read[trial]


def open_recorded(source: MotionSource) -> tuple[MotionLibrary, Splits]:
    """The recordings of a source, and which of them train and test.

    Raises:
        InputError: the source has none, or they are missing, damaged or do not fit the splits.
    """
    if source.mocap is None or source.splits is None:
        raise InputError(
            "got no motion capture, expected --mocap (CMU's files, a directory or archive) and "
            "--splits"
        )
    library = open_library(source.mocap, up=source.up)
    return library, read_splits(source.splits, library)


def read_splits(path: Path | str, library: MotionLibrary | None = None) -> Splits:
    """Read and check a splits file.

    It is a JSON object: `train_subjects` and `test_subjects`, lists of names, and `actions`, for
    each action an object with the lists of trials `train` and `test`.

    Args:
        path: the file.
        library: if given, every trial must be in it.

    Raises:
        InputError: the file is not laid out so, a subject is in both lists, a trial is listed
            twice, on the wrong side or not in the library.
    """
    path = Path(path)
    content = read_json(path)
    train_subjects = _names(path, "train_subjects", content.get("train_subjects"))
    test_subjects = _names(path, "test_subjects", content.get("test_subjects"))
    if both := sorted(set(train_subjects) & set(test_subjects)):
        raise InputError(
            f"{path}: subject {both[0]} is in train_subjects and in test_subjects; expected in one"
        )
    actions = content.get("actions")
    if not isinstance(actions, dict) or not actions:
        raise InputError(f"{path}: got no actions, expected an object with at least one")
    sides: dict[str, dict[str, tuple[str, ...]]] = {"train": {}, "test": {}}
    seen: dict[str, str] = {}
    for action, lists in actions.items():
        if not isinstance(lists, dict):
            raise InputError(f"{path}: action {action}: expected an object with train and test")
        for split, subjects in (("train", train_subjects), ("test", test_subjects)):
            trials = _names(path, f"action {action}: {split}", lists.get(split))
            for trial in trials:
                _check_trial(path, trial, f"{action}/{split}", subjects, seen, library)
            sides[split][action] = trials
    return Splits(train_subjects, test_subjects, sides["train"], sides["test"])


def _check_trial(
    path: Path,
    trial: str,
    where: str,
    subjects: tuple[str, ...],
    seen: dict[str, str],
    library: MotionLibrary | None,
) -> None:
    if trial in seen:
        raise InputError(f"{path}: trial {trial} is in {seen[trial]} and in {where}; expected once")
    seen[trial] = where
    if subject_of(trial) not in subjects:
        raise InputError(
            f"{path}: trial {trial} in {where} is of subject {subject_of(trial)!r}, expected one "
            f"of {', '.join(subjects)}"
        )
    if library is not None and trial not in library.files:
        raise InputError(f"{path}: trial {trial} in {where} is not in {library.source}")


def _names(path: Path, what: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
        raise InputError(f"{path}: {what}: expected a list of at least one name")
    return tuple(value)
