"""Contact sheets: every picture in its place, joints where they were said to be."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from overpose.camera import Camera
from overpose.datasets.layout import Sample
from overpose.datasets.rendering.contact_sheet import (
    SIDE_RGB,
    contact_sheet,
    draw_joints,
    write_contact_sheet,
)
from overpose.datasets.store import Dataset, open_dataset
from overpose.datasets.writer import begin_dataset, finish_dataset, write_shard
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError

SIZE = 8


@pytest.fixture
def greys(tmp_path: Path):
    """Eight images, each of one grey: 0, 30, 60, ..."""
    camera = Camera.look_at((4000.0, 0.0, 1500.0), (0.0, 0.0, 900.0), 1000.0, 1000, 1000)
    samples = [
        Sample(
            jpeg=cv2.imencode(".jpg", np.full((SIZE, SIZE, 3), 30 * n, np.uint8))[1].tobytes(),
            mask_png=None,
            subject="1", action="a", trial="t", split="test", camera_number=0, frame=n, take=0,
            pose_mm=np.zeros((17, 3)), root_mm=np.zeros(3), keypoints_px=np.full((17, 3), 4.0),
            box_px=(0.0, 0.0, 9.0), camera=camera, crop=camera.resize(SIZE, SIZE),
        )
        for n in range(8)
    ]  # fmt: skip
    begin_dataset(tmp_path / "d", {}, 1, overwrite=False)
    write_shard(tmp_path / "d", 0, samples)
    finish_dataset(tmp_path / "d", 1, name="greys", image_size=SIZE, provenance={})
    with open_dataset(tmp_path / "d") as dataset:
        yield dataset


def test_pictures_stand_row_by_row_in_the_order_of_the_dataset(greys: Dataset) -> None:
    sheet = contact_sheet(greys, 2, 4, with_joints=False, scale=2, gap_px=3)
    assert sheet.shape == (2 * 16 + 3, 4 * 16 + 3 * 3, 3)
    for number in range(8):
        top, left = number // 4 * 19, number % 4 * 19
        np.testing.assert_allclose(sheet[top : top + 16, left : left + 16], 30 * number, atol=2)
    assert (sheet[16:19] == 255).all()


def test_a_smaller_sheet_spreads_over_the_whole_dataset(greys: Dataset) -> None:
    sheet = contact_sheet(greys, 1, 2, with_joints=False, scale=1, gap_px=0)
    np.testing.assert_allclose(sheet[:, :SIZE], 60, atol=2)
    np.testing.assert_allclose(sheet[:, SIZE:], 180, atol=2)


def test_a_sheet_with_more_places_than_samples_is_refused(greys: Dataset) -> None:
    with pytest.raises(InputError, match="got 8 samples, expected at least 3 x 3"):
        contact_sheet(greys, 3, 3)


@pytest.mark.parametrize("options", [{"rows": 0}, {"columns": 0}, {"scale": 0}])
def test_numbers_below_one_are_refused(greys: Dataset, options: dict) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        contact_sheet(greys, **({"rows": 1, "columns": 1} | options))


def test_joints_are_drawn_where_they_are_in_the_colour_of_their_side() -> None:
    keypoints = np.full((17, 3), np.nan)
    keypoints[HUMAN36M.index("left_wrist")] = (10.5, 20.5, 1.0)
    keypoints[HUMAN36M.index("right_wrist")] = (40.5, 5.5, 1.0)
    image = np.zeros((50, 50, 3), dtype=np.uint8)
    draw_joints(image, keypoints)
    assert tuple(image[20, 10]) == SIDE_RGB["left"]
    assert tuple(image[5, 40]) == SIDE_RGB["right"]
    assert not image[30:].any()


def test_hidden_joints_are_darker() -> None:
    pictures = []
    for visible in (0.0, 1.0):
        keypoints = np.full((17, 3), np.nan)
        keypoints[0] = (5.5, 5.5, visible)
        pictures.append(np.zeros((11, 11, 3), dtype=np.uint8))
        draw_joints(pictures[-1], keypoints)
    hidden, seen = pictures
    assert 0 < int(hidden.sum()) < int(seen.sum())


@pytest.mark.parametrize("name", ["sheet.png", "sheet.JPG"])
def test_a_written_sheet_has_at_most_as_many_places_as_samples(
    tmp_path: Path, greys: Dataset, name: str
) -> None:
    write_contact_sheet(tmp_path / name, greys, rows=4, columns=3)
    written = cv2.imread(str(tmp_path / name))
    assert written.shape == (2 * SIZE + 4, 3 * SIZE + 2 * 4, 3)


def test_a_sheet_of_an_unknown_kind_of_file_is_refused(tmp_path: Path, greys: Dataset) -> None:
    with pytest.raises(InputError, match=r"got ending '\.gif', expected \.png or \.jpg"):
        write_contact_sheet(tmp_path / "sheet.gif", greys)
