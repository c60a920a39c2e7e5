"""A user's own images and poses: every problem named at once, and the way to a dataset."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from overpose.datasets.own import convert_own_data
from overpose.datasets.own_table import check_own_data, pose_columns
from overpose.errors import InputError
from overpose.evaluation.data_check import check_data
from overpose.skeleton import HUMAN36M

REST = np.array(
    [
        (0, 0, 0),
        (-130, 10, 0), (-130, 440, 0), (-130, 860, 20),
        (130, 10, 0), (130, 440, 0), (130, 860, 20),
        (0, -230, 10), (0, -480, 20), (0, -590, -40), (0, -700, 0),
        (170, -450, 20), (190, -170, 40), (200, 80, 0),
        (-170, -450, 20), (-190, -170, 40), (-200, 80, 0),
    ],
    dtype=np.float64,
)  # fmt: skip
FOCAL, WIDTH, HEIGHT = 300.0, 320, 240


def frame_of(count: int = 6, *, absolute: bool = True) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    poses = REST + rng.normal(0, 10, (count, 17, 3))
    poses -= poses[:, :1]
    if absolute:
        poses += np.array([100.0, 50.0, 3500.0])
    table = pd.DataFrame(poses.reshape(count, 51), columns=pose_columns())
    table["image"] = [f"images/a/{row:04d}.png" for row in range(count)]
    table["subject"] = ["anna", "ben"] * (count // 2)
    table["split"] = ["train", "test"] * (count // 2)
    table["action"] = "jumping"
    return table


def write(directory: Path, table: pd.DataFrame, *, square: bool = False, kind: str = "csv") -> Path:
    """The table, and a picture for each row whose green is its number."""
    for row, name in enumerate(table["image"]):
        path = directory / name
        if ".." in name:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        image = np.full((HEIGHT, HEIGHT if square else WIDTH, 3), (0, 10 * row, 200), np.uint8)
        cv2.imwrite(str(path), image)
    path = directory / f"samples.{kind}"
    table.to_csv(path, index=False) if kind == "csv" else table.to_parquet(path)
    return directory


def problems(directory: Path) -> list[str]:
    return check_own_data(directory).problems


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_poses_cameras_and_images_arrive_in_the_dataset(tmp_path, kind):
    table = frame_of().assign(focal_px=FOCAL, frame=range(10, 16))
    mine = write(tmp_path / "mine", table, kind=kind)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:, WIDTH // 2 :] = 255
    (mine / "masks" / "a").mkdir(parents=True)
    cv2.imwrite(str(mine / "masks" / "a" / "0002.png"), mask)
    assert problems(mine) == []
    with convert_own_data(mine, tmp_path / "out", image_size=64) as dataset:
        absolute = table[pose_columns()].to_numpy().reshape(-1, 17, 3)
        np.testing.assert_allclose(dataset.poses_mm, absolute - absolute[:, :1], atol=1e-2)
        np.testing.assert_allclose(dataset.root_mm, absolute[:, 0], atol=1e-2)
        assert dataset.frames.tolist() == list(range(10, 16))
        assert dataset.splits.tolist() == ["train", "test"] * 3
        left, top, side = dataset.boxes_px[1]
        expected = absolute[1, :, :2] / absolute[1, :, 2:] * FOCAL + (WIDTH / 2, HEIGHT / 2)
        expected = (expected - (left, top)) * 64 / side
        np.testing.assert_allclose(dataset.keypoints_px[1, :, :2], expected, atol=0.01)
        np.testing.assert_allclose(dataset.image(3)[32, 32], (200, 30, 0), atol=6)
        assert dataset.mask(2)[:, -1].all()
        with pytest.raises(InputError, match="has no mask"):
            dataset.mask(1)


def test_relative_poses_with_a_box_need_no_camera(tmp_path):
    table = frame_of(absolute=False).assign(box_x_px=-10, box_y_px=20, box_side_px=100)
    mine = write(tmp_path / "mine", table)
    with convert_own_data(mine, tmp_path / "out", image_size=50) as dataset:
        assert dataset.boxes_px[0].tolist() == [-10, 20, 100]
        assert (dataset.image(0)[:, 0] < 30).all()  # black outside
        assert dataset.image(0)[25, 25, 0] > 150
        assert not dataset.keypoints_px[..., 2].any()
        assert dataset.info.provenance["camera_is_assumed"]


def test_given_2d_joints_are_moved_into_the_crop(tmp_path):
    table = frame_of(absolute=False).assign(box_x_px=20, box_y_px=40, box_side_px=100)
    points = np.tile([[70.0, 90.0], [10.0, 90.0]], (9, 1))[:17]
    for name, value in zip(pose_columns("px"), points.ravel(), strict=True):
        table[name] = value
    mine = write(tmp_path / "mine", table.copy())
    with convert_own_data(mine, tmp_path / "out", image_size=50) as dataset:
        np.testing.assert_allclose(dataset.keypoints_px[0, 0], [25, 25, 1])
        assert dataset.keypoints_px[0, 1].tolist()[2] == 0


def test_a_finished_conversion_is_found_again_and_another_one_refused(tmp_path):
    mine = write(tmp_path / "mine", frame_of(absolute=False), square=True)
    convert_own_data(mine, tmp_path / "out", image_size=32).close()
    convert_own_data(mine, tmp_path / "out", image_size=32).close()
    with pytest.raises(InputError, match="overwrite"):
        convert_own_data(mine, tmp_path / "out", image_size=40)


def test_all_problems_are_named_at_once(tmp_path):
    table = frame_of()
    table.loc[3, "left_knee_y_mm"] = np.nan
    table.loc[4, "split"] = "trian"
    table.loc[5, "image"] = "../secret.png"
    table.loc[1, "subject"] = "anna"
    mine = write(tmp_path / "mine", table.drop(columns="action").assign(Action="x"))
    (mine / "images" / "a" / "0000.png").write_bytes(b"no picture")
    (mine / "images" / "a" / "0002.png").unlink()
    first = problems(mine)
    assert any("'Action' is not known; did you mean 'action'" in line for line in first)
    assert any("columns action are missing" in line for line in first)
    write(mine, table)
    (mine / "images" / "a" / "0000.png").write_bytes(b"no picture")
    (mine / "images" / "a" / "0002.png").unlink()
    found = "\n".join(problems(mine))
    for expected in (
        "NaN or infinity in the pose (row 4)",
        "split 'trian', expected train, val, test (row 5)",
        "a path leaves the directory, expected one relative to it (row 6)",
        "subjects anna are in test and in train or val",
        "the image cannot be read (row 1)",
        "there is no such image (row 3)",
        "the image is not square, and neither box nor camera",
    ):
        assert expected in found, expected
    with pytest.raises(InputError, match="and 2 more: see overpose data check"):
        convert_own_data(mine, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_metres_and_upward_axes_give_a_hint(tmp_path):
    table = frame_of(absolute=False)
    metres = table.copy()
    metres[pose_columns()] /= 1000
    mine = write(tmp_path / "metres", metres, square=True)
    (line,) = problems(mine)
    assert "that looks like metres, expected millimetres; multiply by 1000" in line
    up = table.copy()
    up[[name for name in pose_columns() if "_y_" in name]] *= -1
    (line,) = problems(write(tmp_path / "up", up, square=True))
    assert "y seems to point up" in line


def test_wrong_joint_counts_and_text_for_numbers_are_named(tmp_path):
    few = frame_of().drop(columns=["nose_x_mm", "nose_y_mm", "nose_z_mm"])
    (line,) = problems(write(tmp_path / "few", few))
    assert "of 16 joints, expected 17: nose missing" in line
    text = frame_of().astype({"nose_x_mm": object})
    text.loc[2, "nose_x_mm"] = "left"
    assert problems(write(tmp_path / "text", text)) == [
        "column 'nose_x_mm' holds text, expected numbers"
    ]


def test_cameras_boxes_and_people_behind_the_camera_are_checked(tmp_path):
    table = frame_of().assign(focal_px=[FOCAL, 0, FOCAL, FOCAL, FOCAL, FOCAL], box_x_px=3)
    away = [name for name in pose_columns() if "_x_" in name]
    table.loc[4, away] += 50_000
    table.loc[5, [name for name in pose_columns() if "_z_" in name]] -= 9_000
    table.loc[0, "focal_px"] = np.nan
    found = "\n".join(problems(write(tmp_path / "mine", table)))
    for expected in (
        "focal_px is not a number (row 1)",
        "focal_px is not positive (row 2)",
        "got box_x_px, expected box_x_px, box_y_px, box_side_px",
        "a joint is not in front of the camera",
        "outside the image",
    ):
        assert expected in found, expected


def test_doubles_masks_of_another_size_and_odd_limbs_are_named(tmp_path):
    table = frame_of(absolute=False)
    table.loc[2, "image"] = table.loc[0, "image"]
    table.loc[3, "head_top_y_mm"] -= 5000
    mine = write(tmp_path / "mine", table, square=True)
    (mine / "masks" / "a").mkdir(parents=True)
    cv2.imwrite(str(mine / "masks" / "a" / "0001.png"), np.zeros((9, 9), np.uint8))
    found = "\n".join(problems(mine))
    for expected in (
        "the same image, or box of it, as in an earlier row (row 3)",
        "the mask has another size than the image (row 2)",
        "longer than 1200 mm (row 4)",
    ):
        assert expected in found, expected


def test_tables_that_are_absent_double_empty_or_damaged_are_named(tmp_path):
    (tmp_path / "none").mkdir()
    assert "got neither of samples.csv and samples.parquet" in problems(tmp_path / "none")[0]
    both = write(tmp_path / "both", frame_of())
    frame_of().to_parquet(both / "samples.parquet")
    assert "got both of" in problems(both)[0]
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "samples.parquet").write_bytes(b"PAR1 no")
    assert "not a readable table" in problems(tmp_path / "bad")[0]
    (tmp_path / "empty").mkdir()
    empty = write(tmp_path / "empty", frame_of().iloc[:0])
    assert problems(empty) == ["the table has no rows, expected one a sample"]
    with pytest.raises(InputError, match="no such directory"):
        check_own_data(tmp_path / "nowhere")


def test_the_check_says_what_is_there_and_fails_after_its_list(tmp_path):
    mine = write(tmp_path / "mine", frame_of(absolute=False), square=True)
    lines = list(check_data(mine))
    assert lines[0] == "no problems: 6 samples (3 train, 3 test) of 2 subjects"
    convert_own_data(mine, tmp_path / "out", image_size=32).close()
    assert next(iter(check_data(tmp_path / "out"))).startswith("whole: own data, 32 px: 3 training")
    (mine / "images" / "a" / "0000.png").unlink()
    checked = check_data(mine)
    assert "there is no such image" in next(checked)
    with pytest.raises(InputError, match="one problem"):
        next(checked)


def test_odd_boxes_and_paths_are_named_and_nothing_else_happens(tmp_path):
    table = frame_of(absolute=False).assign(box_x_px=5.0, box_y_px=5.0, box_side_px=90.0)
    table.loc[0, "box_x_px"] = np.nan
    table.loc[1, "box_side_px"] = 1e6
    table.loc[2, "box_x_px"] = 900.0
    table.loc[3, "box_y_px"] = 1e300
    mine = write(tmp_path / "mine", table)
    table.loc[4, "image"] = "."
    table.to_csv(mine / "samples.csv", index=False)
    found = "\n".join(problems(mine))
    for expected in (
        "box_x_px is not a number (row 1)",
        "more than 4 times as large as the image (row 2)",
        "the box lies outside the image (2 rows, the first is row 3)",
        "a path leaves the directory, expected one relative to it (row 5)",
    ):
        assert expected in found, expected


def test_masks_of_zeros_and_ones_and_subjects_called_na_are_taken_as_meant(tmp_path):
    table = frame_of(absolute=False).assign(subject=["NA", "null"] * 3)
    mine = write(tmp_path / "mine", table, square=True)
    (mine / "masks" / "a").mkdir(parents=True)
    mask = np.zeros((HEIGHT, HEIGHT), np.uint8)
    mask[:, HEIGHT // 2 :] = 1
    cv2.imwrite(str(mine / "masks" / "a" / "0000.png"), mask)
    with convert_own_data(mine, tmp_path / "out", image_size=32) as dataset:
        assert dataset.subjects.tolist() == ["NA", "null"] * 3
        assert dataset.mask(0)[:, 20:].all()
        assert not dataset.mask(0)[:, :12].any()


def test_a_replaced_image_is_another_dataset(tmp_path):
    mine = write(tmp_path / "mine", frame_of(absolute=False), square=True)
    convert_own_data(mine, tmp_path / "out", image_size=32).close()
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT, HEIGHT, 3), dtype=np.uint8)
    cv2.imwrite(str(mine / "images" / "a" / "0000.png"), noise)
    with pytest.raises(InputError, match="overwrite"):
        convert_own_data(mine, tmp_path / "out", image_size=32)


def test_every_joint_has_its_columns():
    assert len(pose_columns()) == 51
    assert len(pose_columns("px")) == 34
    assert pose_columns()[3] == f"{HUMAN36M.joint_names[1]}_x_mm"
