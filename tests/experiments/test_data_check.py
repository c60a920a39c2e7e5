"""The check of a directory: it says what is there, what is noted, and fails after its list."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from overpose.datasets.own.convert import convert_own_data
from overpose.datasets.own.table import pose_columns
from overpose.experiments.data_check import check_data
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.support.files import Output


def own_data(directory: Path) -> Path:
    """Four square images of standing people, poses relative to the pelvis."""
    (directory / "images").mkdir(parents=True)
    pose = np.zeros((len(HUMAN36M), 3))
    for joint, parent in enumerate(HUMAN36M.parents):
        if parent >= 0:
            down = HUMAN36M.joint_names[joint] in HUMAN36M.lower_limbs
            pose[joint] = pose[parent] + (0, 300 if down else -200, 0)
    lines = [",".join(["image", "subject", "action", "split", *pose_columns()])]
    for row in range(4):
        cv2.imwrite(str(directory / "images" / f"{row}.png"), np.zeros((40, 40, 3), np.uint8))
        who = ("anna,jumping,train", "ben,jumping,test")[row % 2]
        lines.append(f"images/{row}.png,{who},{','.join(map(str, pose.ravel()))}")
    (directory / "samples.csv").write_text("\n".join(lines))
    return directory


def test_own_data_is_summed_up_and_a_dataset_of_it_is_whole(tmp_path):
    mine = own_data(tmp_path / "mine")
    assert list(check_data(mine)) == [
        "no problems: 4 samples (2 train, 2 test) of 2 subjects",
        f"next: overpose data own --from {mine} --out DIR",
    ]
    convert_own_data(mine, Output(tmp_path / "out"), image_size=32, processes=1).close()
    (line,) = check_data(tmp_path / "out")
    assert line.startswith("whole: own data, 32 px: 2 training")


def test_a_problem_is_named_before_the_check_fails(tmp_path):
    mine = own_data(tmp_path / "mine")
    (mine / "images" / "0.png").unlink()
    checked = check_data(mine)
    assert "there is no such image" in next(checked)
    with pytest.raises(InputError, match="one problem"):
        next(checked)


def test_notes_are_told_from_problems(tmp_path):
    mine = own_data(tmp_path / "mine")
    cv2.imwrite(str(mine / "images" / "1.png"), np.zeros((40, 40), np.uint8))
    lines = list(check_data(mine))
    assert lines[0] == "note: grey images: 1; taken as three equal channels"
    assert lines[1].startswith("no problems")


@pytest.mark.parametrize("what", ["S5/Videos/", "S11/MyPoseFeatures/", "Poses_D3_Positions_S1.tgz"])
def test_a_copy_of_human36m_is_pointed_to_its_own_command(tmp_path, what):
    if what.endswith("/"):
        (tmp_path / what).mkdir(parents=True)
    else:
        (tmp_path / what).write_bytes(b"")
    with pytest.raises(InputError, match="overpose data human36m --from"):
        list(check_data(tmp_path))


def test_own_data_beside_a_folder_called_as_in_human36m_is_own_data(tmp_path):
    mine = own_data(tmp_path / "mine")
    (mine / "S1" / "Videos").mkdir(parents=True)
    assert next(iter(check_data(mine))).startswith("no problems")
