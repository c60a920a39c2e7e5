"""What a directory of results is for, and when what lies in it may go."""

import json
from pathlib import Path

import pytest

from overpose.experiments.setting import begin_setting
from overpose.support.errors import InputError
from overpose.support.files import Output

MINE = {"budget": 1}


def begin(out: Path, wanted: dict, *, overwrite: bool = False) -> None:
    begin_setting(
        Output(out, overwrite),
        "setting.json",
        wanted,
        kind="ablation",
        finished="report.json",
        products=("seed*",),
    )


@pytest.fixture
def out(tmp_path):
    """A begun experiment with a trained model and a file of somebody else's."""
    begin(tmp_path / "out", MINE)
    (tmp_path / "out" / "seed0").mkdir()
    (tmp_path / "out" / "seed0" / "model").write_text("trained")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    return tmp_path / "out"


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_unfinished_experiment_of_the_same_setting_is_kept(out, overwrite):
    begin(out, MINE, overwrite=overwrite)
    assert (out / "seed0" / "model").read_text() == "trained"


def test_a_finished_one_is_kept_unless_it_is_to_be_replaced(out):
    (out / "report.json").write_text("{}")
    begin(out, MINE)
    assert (out / "seed0").exists()
    begin(out, MINE, overwrite=True)
    assert not (out / "seed0").exists()
    assert not (out / "report.json").exists()


def test_another_setting_is_refused_then_replaced_and_other_files_stay(out):
    with pytest.raises(InputError, match=r"another ablation \(budget: 1 there, 2 now\)"):
        begin(out, {"budget": 2})
    assert (out / "seed0").exists()
    begin(out, {"budget": 2}, overwrite=True)
    assert json.loads((out / "setting.json").read_text()) == {"budget": 2}
    assert not (out / "seed0").exists()
    assert (out / "notes.txt").read_text() == "mine"


def test_a_setting_that_failed_before_it_made_anything_can_be_corrected(tmp_path):
    begin(tmp_path / "out", {"mocap": "mistyped"})
    begin(tmp_path / "out", {"mocap": "right"})
    assert json.loads((tmp_path / "out" / "setting.json").read_text()) == {"mocap": "right"}


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_or_a_directory_of_something_else_is_refused(tmp_path, overwrite):
    (tmp_path / "letter.txt").write_text("mine")
    for place in (tmp_path, tmp_path / "letter.txt"):
        with pytest.raises(InputError, match="holds no ablation; give another directory"):
            begin(place, MINE, overwrite=overwrite)
    assert (tmp_path / "letter.txt").read_text() == "mine"
