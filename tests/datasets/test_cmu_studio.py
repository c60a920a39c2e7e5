"""The splits file of CMU-Studio: what it must hold, and what is refused."""

import json
from pathlib import Path

import pytest

from overpose.datasets.rendering.recorded import LibraryMotions, read_splits
from overpose.mocap.library import MotionLibrary
from overpose.mocap.motion import Motion
from overpose.mocap.procedural import procedural_motion
from overpose.support.errors import InputError

GOOD = {
    "train_subjects": ["01", "02"],
    "test_subjects": ["03"],
    "actions": {
        "walking": {"train": ["01_01", "02_01"], "test": ["03_01"]},
        "dance": {"train": ["01_02"], "test": ["03_02"]},
    },
}


def written(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "splits.json"
    path.write_text(json.dumps(content))
    return path


def test_trials_come_with_their_subject_action_and_split(tmp_path: Path) -> None:
    trials = read_splits(written(tmp_path, GOOD)).trials()
    listed = {(t.trial, t.subject, t.action, t.split) for t in trials}
    assert listed == {
        ("01_01", "01", "walking", "train"),
        ("02_01", "02", "walking", "train"),
        ("01_02", "01", "dance", "train"),
        ("03_01", "03", "walking", "test"),
        ("03_02", "03", "dance", "test"),
    }


def _with_trials(split: str, trials: object) -> dict:
    return GOOD | {"actions": {"walking": GOOD["actions"]["walking"] | {split: trials}}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "train_subjects: expected a list"),
        (GOOD | {"train_subjects": ["01", "02", "03"]}, "subject 03 is in train_subjects and in"),
        (GOOD | {"train_subjects": []}, "train_subjects: expected a list of at least one"),
        (GOOD | {"actions": {}}, "no actions"),
        (GOOD | {"actions": {"walking": []}}, "expected an object with train and test"),
        (_with_trials("train", "01_01"), "walking: train: expected a list"),
        (_with_trials("train", [1]), "walking: train: expected a list"),
        (_with_trials("train", ["03_09"]), "03_09 in walking/train is of subject '03'"),
        (_with_trials("test", ["01_01"]), "01_01 is in walking/train and in walking/test"),
        (_with_trials("test", ["nonsense"]), "nonsense in walking/test is of subject ''"),
    ],
)
def test_a_splits_file_that_makes_no_benchmark_is_refused(
    tmp_path: Path, content: dict, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_splits(written(tmp_path, content))


def test_a_trial_that_the_library_lacks_is_named(tmp_path: Path) -> None:
    files = dict.fromkeys(("01_01", "01_02", "02_01", "03_01"), (tmp_path, tmp_path))
    library = MotionLibrary(tmp_path, files)
    with pytest.raises(InputError, match="trial 03_02 in dance/test is not in"):
        read_splits(written(tmp_path, GOOD), library)


def test_a_motion_is_read_once_and_at_the_rate_asked_for(tmp_path: Path) -> None:
    read: list[tuple[str, float | None]] = []

    class Library(MotionLibrary):
        def motion(self, trial: str, fps: float | None = None) -> Motion:
            read.append((trial, fps))
            return procedural_motion("walking", 1, 1, 5)

    motions = LibraryMotions(Library(tmp_path, {}), 25.0)
    assert motions.motion("01_01") is motions.motion("01_01")
    assert read == [("01_01", 25.0)]


def test_the_published_splits_are_a_benchmark(shared_dir: Path) -> None:
    splits = read_splits(shared_dir / "mocap" / "splits.json")
    assert len(splits.actions) == 6
    assert not set(splits.train_subjects) & set(splits.test_subjects)
