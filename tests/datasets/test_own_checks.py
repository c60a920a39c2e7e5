"""A user's own images and poses: every problem is named, all at once, in a line of its own."""

import os
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from own_samples import (
    FOCAL,
    HEIGHT,
    assert_all_named,
    axis_columns,
    frame_of,
    problems,
    write,
)

from overpose.datasets.own.checks import check_own_data
from overpose.datasets.own.convert import convert_own_data
from overpose.datasets.own.files import read_image
from overpose.datasets.own.table import pose_columns
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.support.files import Output


def with_points(table: pd.DataFrame, points_px: np.ndarray) -> pd.DataFrame:
    """The table with the same 2D joints (17, 2) in every row."""
    named = dict(zip(pose_columns("px"), points_px.ravel().tolist(), strict=True))
    return table.assign(**named)


def test_every_joint_has_its_columns():
    assert len(pose_columns()) == 51
    assert len(pose_columns("px")) == 34
    assert pose_columns()[3] == f"{HUMAN36M.joint_names[1]}_x_mm"


def test_all_problems_of_rows_are_named_at_once(tmp_path):
    table = frame_of()
    table.loc[3, "left_knee_y_mm"] = np.nan
    table.loc[4, "split"] = "trian"
    table.loc[5, "image"] = "../secret.png"
    table.loc[1, "subject"] = "anna"
    mine = write(tmp_path / "mine", table)
    (mine / "images" / "a" / "0000.png").write_bytes(b"no picture")
    (mine / "images" / "a" / "0002.png").unlink()
    assert_all_named(
        mine,
        "NaN or infinity in the pose (row 4)",
        "split 'trian', expected train, val, test (row 5)",
        "a path leaves the directory, expected one relative to it (row 6)",
        "subjects anna are in test and in train or val",
        "the image cannot be read; expected a whole one of at most 89 megapixels (row 1)",
        "there is no such image (row 3)",
        "the image is not square, and neither box nor camera",
    )
    with pytest.raises(InputError, match="and 2 more: see overpose data check"):
        convert_own_data(mine, Output(tmp_path / "out"), processes=1)
    assert not (tmp_path / "out").exists()


def test_a_missing_column_hides_no_other_problem(tmp_path):
    table = frame_of().drop(columns=["action", "nose_x_mm"]).assign(Action="x")
    table.loc[3, "left_knee_y_mm"] = np.nan
    mine = write(tmp_path / "mine", table, square=True)
    (mine / "images" / "a" / "0002.png").unlink()
    assert_all_named(
        mine,
        "column 'Action' is not known; did you mean 'action'?",
        "columns action are missing",
        "of 16 joints, expected 17: nose missing",
        "NaN or infinity in the pose (row 4)",
        "there is no such image (row 3)",
    )
    assert len(problems(mine)) == 5


def test_text_for_a_number_hides_no_other_problem(tmp_path):
    table = frame_of().astype({"nose_x_mm": object})
    table.loc[2, "nose_x_mm"] = "left"
    table.loc[4, "split"] = "trian"
    mine = write(tmp_path / "mine", table, square=True)
    (mine / "images" / "a" / "0001.png").unlink()
    assert problems(mine) == [
        "column 'nose_x_mm' holds text, expected numbers: 'left' (row 3)",
        "split 'trian', expected train, val, test (row 5)",
        "there is no such image (row 2)",
    ]


def test_a_column_that_is_there_twice_hides_no_other_problem(tmp_path):
    mine = write(tmp_path / "mine", frame_of(absolute=False), square=True)
    lines = (mine / "samples.csv").read_text().splitlines()
    doubled = [f"{line},{'action' if number == 0 else 'x'}" for number, line in enumerate(lines)]
    (mine / "samples.csv").write_text("\n".join(doubled))
    (mine / "images" / "a" / "0001.png").unlink()
    assert_all_named(mine, "columns action are there more than once", "no such image (row 2)")


@pytest.mark.parametrize(
    ("column", "what"),
    [
        (pa.array([["anna"]] * 6), "holds list<"),
        (pa.array([{"name": "anna"}] * 6), "holds struct<"),
        (pa.array([b"\xff"] * 6), "holds bytes that are not UTF-8"),
    ],
)
def test_a_column_of_names_that_holds_something_else_is_one_line(tmp_path, column, what):
    mine = write(tmp_path / "mine", frame_of(absolute=False), square=True, kind="parquet")
    table = pq.read_table(mine / "samples.parquet")
    place = table.column_names.index("subject")
    pq.write_table(table.set_column(place, "subject", column), mine / "samples.parquet")
    (line,) = problems(mine)
    assert f"column 'subject' {what}" in line
    assert line.endswith("expected text")


def test_lists_in_a_column_of_numbers_are_named(tmp_path):
    table = frame_of(absolute=False).assign(frame=[[1], [2], [3], [4], [5], [6]])
    (line,) = problems(write(tmp_path / "mine", table, square=True, kind="parquet"))
    assert line.startswith("column 'frame' holds list<")
    assert "expected numbers: '[1]' (6 rows, the first is row 1)" in line


def test_dates_in_a_column_of_numbers_are_shown_as_they_were_written(tmp_path):
    table = frame_of(absolute=False).assign(frame="2020-01-01")
    (line,) = problems(write(tmp_path / "mine", table, square=True))
    assert line.startswith("column 'frame' holds text, expected numbers: '2020-01-01'")


@pytest.mark.parametrize("decimal", [".", ","])
def test_a_table_separated_by_semicolons_is_told_so(tmp_path, decimal):
    mine = write(tmp_path / "mine", frame_of())
    frame_of().to_csv(mine / "samples.csv", index=False, sep=";", decimal=decimal)
    (line,) = problems(mine)
    assert "looks separated by semicolons; expected commas, and a point in decimal" in line


def test_decimal_commas_in_every_column_are_not_listed_one_by_one(tmp_path):
    mine = write(tmp_path / "mine", frame_of(absolute=False), square=True)
    frame_of(absolute=False).to_csv(mine / "samples.csv", index=False, decimal=",")
    found = problems(mine)
    assert found[0].endswith("holds text, expected numbers: '0,0' (6 rows, the first is row 1)")
    assert found[3:] == ["48 more columns do not hold numbers"]


@pytest.mark.parametrize(
    ("scale", "hint"),
    [
        (1e-3, "metres, expected millimetres; multiply by 1000"),
        (1 / 304.8, "feet, expected millimetres; multiply by 304.8"),
        (1 / 25.4, "inches, expected millimetres; multiply by 25.4"),
        (1e-1, "centimetres, expected millimetres; multiply by 10"),
    ],
)
def test_other_units_give_a_hint(tmp_path, scale, hint):
    table = frame_of(absolute=False)
    table[pose_columns()] *= scale
    (line,) = problems(write(tmp_path / "mine", table, square=True))
    assert f"that looks like {hint}" in line


def test_a_childs_millimetres_are_no_other_unit(tmp_path):
    table = frame_of(absolute=False)
    table[pose_columns()] *= 0.35
    assert problems(write(tmp_path / "mine", table, square=True)) == []


def test_axes_of_which_y_points_up_give_a_hint(tmp_path):
    table = frame_of(absolute=False)
    table[axis_columns("y")] *= -1
    (line,) = problems(write(tmp_path / "mine", table, square=True))
    assert "y seems to point up" in line


def turned_upright(table: pd.DataFrame, sign: int) -> pd.DataFrame:
    """The table in axes of which z runs along the body: to the head, or away from it (-1)."""
    turned = table.copy()
    turned[axis_columns("z")] = -sign * table[axis_columns("y")].to_numpy()
    turned[axis_columns("y")] = sign * table[axis_columns("z")].to_numpy()
    return turned


def test_axes_of_which_z_points_up_give_a_hint(tmp_path):
    table = turned_upright(frame_of(absolute=False), 1)
    (line,) = problems(write(tmp_path / "mine", table, square=True))
    assert "z seems to point up, expected camera axes" in line


def test_heads_towards_the_camera_are_noted_since_a_camera_may_hang_overhead(tmp_path):
    table = turned_upright(frame_of(absolute=False), -1)
    found = check_own_data(write(tmp_path / "mine", table, square=True))
    assert found.problems == []
    assert any("right for a camera overhead, otherwise z points down" in n for n in found.notes)


def test_poses_relative_to_the_pelvis_among_positions_are_named(tmp_path):
    table = frame_of()
    table.loc[2:3, pose_columns()] = frame_of(absolute=False).loc[2:3, pose_columns()]
    (line,) = problems(write(tmp_path / "mine", table.assign(focal_px=FOCAL)))
    assert "the pelvis is at 0 in 2 rows and elsewhere in 4, the first is row 1" in line
    assert "expected positions in all rows, or 0 for the pelvis in all" in line


def test_cameras_boxes_and_people_behind_the_camera_are_checked(tmp_path):
    table = frame_of().assign(focal_px=[FOCAL, 0, FOCAL, FOCAL, FOCAL, FOCAL])
    table.loc[4, axis_columns("x")] += 50_000
    table.loc[5, axis_columns("z")] -= 9_000
    table.loc[0, "focal_px"] = np.nan
    assert_all_named(
        write(tmp_path / "mine", table),
        "focal_px is not a number (row 1)",
        "focal_px is not positive (row 2)",
        "a joint is not in front of the camera",
        "outside the image",
    )


def test_a_part_of_a_box_or_of_a_centre_is_named(tmp_path):
    table = frame_of().assign(focal_px=FOCAL, box_x_px=3, center_x_px=3)
    assert problems(write(tmp_path / "mine", table)) == [
        "got center_x_px, expected center_x_px, center_y_px",
        "got box_x_px, expected box_x_px, box_y_px, box_side_px",
    ]


def test_focal_lengths_far_from_the_size_of_the_image_are_named(tmp_path):
    table = frame_of().assign(focal_px=[1e-20, 31, 33, 31_900, 32_100, 1e9])
    (line,) = problems(write(tmp_path / "mine", table))
    assert "focal_px is not 0.1 to 100 times the larger side of the image" in line
    assert line.endswith("(4 rows, the first is row 1)")


def test_principal_points_2d_joints_and_people_far_away_are_named(tmp_path):
    table = frame_of().assign(focal_px=FOCAL, center_x_px=160.0, center_y_px=120.0)
    table = with_points(table, np.full((17, 2), 100.0))
    table.loc[1, "center_x_px"] = 1e200
    table.loc[2, "nose_x_px"] = 1e200
    table.loc[3, axis_columns("z")] += 2e6
    assert problems(write(tmp_path / "mine", table)) == [
        "a joint is more than 1 km from the camera; expected millimetres (row 4)",
        "center_x_px or center_y_px is more than 100 image sides away (row 2)",
        "a 2D joint is more than 100 image sides away (row 3)",
    ]


@pytest.mark.parametrize("name", ["frame", "camera"])
def test_numbers_of_frames_and_cameras_are_whole_and_fit_32_bits(tmp_path, name):
    table = frame_of(absolute=False).assign(**{name: [0, 0.4, 2**31, 1e12, -3, 2**31 - 1]})
    (line,) = problems(write(tmp_path / "mine", table, square=True))
    assert line.startswith(f"{name} is not a whole number from -2147483647 to 2147483647 (3 rows")
    assert line.endswith("the first is row 2)")


def test_normalised_2d_joints_give_a_hint(tmp_path):
    table = with_points(frame_of(absolute=False), np.linspace(0, 1, 34).reshape(17, 2))
    (line,) = problems(write(tmp_path / "mine", table, square=True))
    assert "that looks normalised, expected pixels of the image file" in line


def test_columns_of_joints_that_are_not_used_are_noted(tmp_path):
    table = frame_of(absolute=False).assign(tail_x_mm=1, tail_y_mm=2, left_ear_x_mm=3)
    found = check_own_data(write(tmp_path / "mine", table, square=True))
    assert found.problems == []
    assert "columns of tail, left_ear are not used: not among the 17 joints" in found.notes


def test_many_misspelt_columns_are_not_listed_one_by_one(tmp_path):
    table = frame_of(absolute=False)
    table = table.rename(columns={name: name.removesuffix("_mm") for name in pose_columns()})
    found = problems(write(tmp_path / "mine", table, square=True))
    assert "column 'pelvis_x' is not known; did you mean 'pelvis_x_mm'?" in found
    assert "48 more columns with such names" in found
    assert len(found) == 5


def test_doubles_masks_of_another_size_and_odd_limbs_are_named(tmp_path):
    table = frame_of(absolute=False)
    table.loc[2, "image"] = table.loc[0, "image"]
    table.loc[3, "head_top_y_mm"] -= 5000
    mine = write(tmp_path / "mine", table, square=True)
    (mine / "masks" / "a").mkdir(parents=True)
    cv2.imwrite(str(mine / "masks" / "a" / "0001.png"), np.zeros((9, 9), np.uint8))
    assert_all_named(
        mine,
        "the same image, or box of it, as in an earlier row (row 3)",
        "the mask has another size than the image (row 2)",
        "longer than 1200 mm (row 4)",
    )


def test_tables_that_are_absent_double_empty_or_damaged_are_named(tmp_path):
    (tmp_path / "none").mkdir()
    assert "got neither of samples.csv and samples.parquet" in problems(tmp_path / "none")[0]
    both = write(tmp_path / "both", frame_of())
    frame_of().to_parquet(both / "samples.parquet")
    assert "got both of" in problems(both)[0]
    for kind, content in (("parquet", b"PAR1 no"), ("csv", b""), ("csv", b"a,b\n1,2,3\n")):
        bad = tmp_path / f"bad-{kind}-{len(content)}"
        bad.mkdir()
        (bad / f"samples.{kind}").write_bytes(content)
        (line,) = problems(bad)
        assert "not a readable table" in line
    empty = write(tmp_path / "empty", frame_of().iloc[:0])
    assert problems(empty) == ["the table has no rows, expected one a sample"]
    with pytest.raises(InputError, match="no such directory"):
        check_own_data(tmp_path / "nowhere")


def test_odd_boxes_are_named(tmp_path):
    table = frame_of(absolute=False).assign(box_x_px=5.0, box_y_px=5.0, box_side_px=90.0)
    table.loc[0, "box_x_px"] = np.nan
    table.loc[1, "box_side_px"] = 1e6
    table.loc[2, "box_x_px"] = 900.0
    table.loc[3, "box_y_px"] = 1e300
    table.loc[4, "box_side_px"] = -3
    assert problems(write(tmp_path / "mine", table)) == [
        "box_x_px is not a number (row 1)",
        "box_side_px is not positive (row 5)",
        "the box is more than 4 times as large as the image (row 2)",
        "the box lies outside the image (2 rows, the first is row 3)",
    ]


def test_odd_paths_are_named_row_by_row(tmp_path):
    table = frame_of(absolute=False).assign(mask="")
    mine = write(tmp_path / "mine", table, square=True)
    table.loc[0, "image"] = "images/" + "n" * 400 + ".png"
    table.loc[1, "image"] = "images\\a\\0001.png"
    table.loc[2, "image"] = "images/a"
    table.loc[3, "image"] = "."
    table.loc[4, "mask"] = "images"
    table.loc[5, "mask"] = "masks/none.png"
    table.to_csv(mine / "samples.csv", index=False)
    assert problems(mine) == [
        "the image cannot be looked up (File name too long) (row 1)",
        "a path has backslashes, expected / between folders (row 2)",
        "a directory is in the image's place, expected a file (row 3)",
        "a path leaves the directory, expected one relative to it (row 4)",
        "a directory is in the mask's place, expected a file (row 5)",
        "there is no such mask (row 6)",
    ]


def test_a_directory_in_the_place_of_a_mask_beside_its_image_is_named(tmp_path):
    mine = write(tmp_path / "mine", frame_of(absolute=False), square=True)
    (mine / "masks" / "a" / "0003.png").mkdir(parents=True)
    assert problems(mine) == ["a directory is in the mask's place, expected a file (row 4)"]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may look everywhere")
def test_a_folder_that_may_not_be_entered_is_named(tmp_path):
    mine = write(tmp_path / "mine", frame_of(absolute=False), square=True)
    (mine / "images").chmod(0)
    try:
        (line,) = problems(mine)
        assert "the image cannot be looked up (Permission denied)" in line
    finally:
        (mine / "images").chmod(0o700)


def test_grey_and_transparent_images_are_noted_and_16_bits_refused(tmp_path):
    mine = write(tmp_path / "mine", frame_of(absolute=False), square=True)
    images = mine / "images" / "a"
    cv2.imwrite(str(images / "0000.png"), np.zeros((HEIGHT, HEIGHT), np.uint8))
    for row in (1, 2):
        cv2.imwrite(str(images / f"000{row}.png"), np.zeros((HEIGHT, HEIGHT, 4), np.uint8))
    found = check_own_data(mine)
    assert found.problems == []
    assert found.notes == [
        "grey images: 1; taken as three equal channels",
        "images with an alpha channel: 2; it is left out",
    ]
    cv2.imwrite(str(images / "0003.png"), np.zeros((HEIGHT, HEIGHT, 3), np.uint16))
    assert problems(mine) == ["the image has 16 bits a channel, expected 8; convert it (row 4)"]


def test_lack_of_memory_is_no_damaged_image(tmp_path, monkeypatch):
    def fail(*_):
        raise cv2.error("error: (-4:Insufficient memory) Failed to allocate 12288 bytes")

    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 4, 3), np.uint8))
    monkeypatch.setattr(cv2, "imdecode", fail)
    with pytest.raises(MemoryError, match="12288 bytes"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize(("split", "missing"), [("train", "test"), ("test", "train")])
def test_a_table_of_one_split_is_noted(tmp_path, split, missing):
    found = check_own_data(
        write(tmp_path / "mine", frame_of(absolute=False).assign(split=split), square=True)
    )
    assert found.problems == []
    assert any(f"no rows of split '{missing}'" in note for note in found.notes)


def test_a_table_of_validation_alone_is_refused(tmp_path):
    mine = write(tmp_path / "mine", frame_of(absolute=False).assign(split="val"), square=True)
    assert problems(mine) == ["all rows are of split 'val'; expected rows of train or test too"]


@pytest.mark.slow
def test_two_processes_find_the_same_as_one(tmp_path: Path):
    table = frame_of(600, absolute=False)
    mine = write(tmp_path / "mine", table, square=True)
    for row in (3, 300, 599):
        (mine / "images" / "a" / f"{row:04d}.png").unlink()
    one, two = (check_own_data(mine, processes=count) for count in (1, 2))
    assert one.problems == ["there is no such image (3 rows, the first is row 4)"]
    assert (two.problems, two.files_sha256) == (one.problems, one.files_sha256)
