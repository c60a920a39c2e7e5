"""A user's own images and poses become a dataset: what arrives in it, and what stays untouched."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from own_samples import FOCAL, HEIGHT, WIDTH, axis_columns, frame_of, problems, write
from PIL import Image

from overpose.boxes import paper_box
from overpose.datasets.own import convert as module
from overpose.datasets.own.convert import convert_own_data
from overpose.datasets.own.table import pose_columns
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.support.files import Output


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_poses_cameras_and_images_arrive_in_the_dataset(tmp_path, kind):
    table = frame_of().assign(focal_px=FOCAL, frame=range(10, 16))
    mine = write(tmp_path / "mine", table, kind=kind)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:, WIDTH // 2 :] = 255
    (mine / "masks" / "a").mkdir(parents=True)
    cv2.imwrite(str(mine / "masks" / "a" / "0002.png"), mask)
    assert problems(mine) == []
    with convert_own_data(mine, Output(tmp_path / "out"), image_size=64, processes=1) as dataset:
        absolute = table[pose_columns()].to_numpy().reshape(-1, 17, 3)
        relative = (absolute - absolute[:, :1]).astype(np.float32)
        np.testing.assert_array_equal(dataset.poses_mm, relative)
        np.testing.assert_array_equal(dataset.root_mm, absolute[:, 0].astype(np.float32))
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


def test_the_world_is_upright_and_projects_to_the_joints(tmp_path):
    mine = write(tmp_path / "mine", frame_of().assign(focal_px=FOCAL))
    with convert_own_data(mine, Output(tmp_path / "out"), image_size=64, processes=1) as dataset:
        joints = (dataset.poses_mm + dataset.root_mm[:, None]).astype(np.float64)
        for row in range(len(dataset)):
            world = dataset.full_camera(row).to_world_mm(joints[row])
            up = world[HUMAN36M.index("head_top")] - world[HUMAN36M.index("pelvis")]
            assert np.argmax(np.abs(up)) == 2
            assert up[2] > 0
            np.testing.assert_allclose(
                dataset.camera(row).project(world), dataset.keypoints_px[row, :, :2], atol=0.01
            )
            box = paper_box(world, dataset.full_camera(row))
            assert dataset.boxes_px[row].tolist() == list(box)


def test_relative_poses_with_a_box_need_no_camera(tmp_path):
    table = frame_of(absolute=False).assign(box_x_px=-10, box_y_px=20, box_side_px=100)
    mine = write(tmp_path / "mine", table)
    with convert_own_data(mine, Output(tmp_path / "out"), image_size=50, processes=1) as dataset:
        assert dataset.boxes_px[0].tolist() == [-10, 20, 100]
        image = dataset.image(0).astype(int)
        assert np.abs(image[:, :5] - image[:, 5:6]).max() < 30  # goes on beyond the border
        assert image[25, 25, 0] > 150
        assert not dataset.keypoints_px[..., 2].any()


def test_given_2d_joints_are_moved_into_the_crop(tmp_path):
    table = frame_of(absolute=False).assign(box_x_px=20, box_y_px=40, box_side_px=100)
    points = np.tile([[70.0, 90.0], [10.0, 90.0]], (9, 1))[:17]
    for name, value in zip(pose_columns("px"), points.ravel(), strict=True):
        table[name] = value
    mine = write(tmp_path / "mine", table.copy())
    with convert_own_data(mine, Output(tmp_path / "out"), image_size=50, processes=1) as dataset:
        np.testing.assert_allclose(dataset.keypoints_px[0, 0], [25, 25, 1])
        assert dataset.keypoints_px[0, 1].tolist()[2] == 0


@pytest.mark.parametrize(
    ("absolute", "focal", "assumed", "root"),
    [
        (True, True, False, None),
        (True, False, True, None),
        (False, True, False, "unknown: poses were given relative to the pelvis"),
        (False, False, True, "unknown: poses were given relative to the pelvis"),
    ],
)
def test_provenance_says_what_is_assumed_and_unknown(tmp_path, absolute, focal, assumed, root):
    table = frame_of(absolute=absolute)
    mine = write(tmp_path / "mine", table.assign(focal_px=FOCAL) if focal else table, square=True)
    with convert_own_data(mine, Output(tmp_path / "out"), image_size=32, processes=1) as dataset:
        assert dataset.info.provenance["camera_is_assumed"] is assumed
        assert dataset.info.provenance.get("root_mm") == root


def test_the_directory_has_a_name_even_when_it_is_given_as_a_dot(tmp_path, monkeypatch):
    mine = write(tmp_path / "mine", frame_of(absolute=False), square=True)
    monkeypatch.chdir(mine)
    with convert_own_data(Path(), Output(Path("../out")), image_size=32, processes=1) as dataset:
        assert dataset.info.provenance["motion"] == "the user's own, mine"


def test_a_finished_conversion_is_found_again_and_another_one_refused(tmp_path):
    mine = write(tmp_path / "mine", frame_of(absolute=False), square=True)
    convert_own_data(mine, Output(tmp_path / "out"), image_size=32, processes=1).close()
    convert_own_data(mine, Output(tmp_path / "out"), image_size=32, processes=1).close()
    with pytest.raises(InputError, match="overwrite"):
        convert_own_data(mine, Output(tmp_path / "out"), image_size=40, processes=1)


def test_an_interrupted_conversion_leaves_finished_shards_as_they_are(tmp_path, monkeypatch):
    mine = write(tmp_path / "mine", frame_of(absolute=False), square=True)
    monkeypatch.setattr(module, "_SAMPLES_PER_SHARD", 2)
    write_shard = module.write_shard

    def interrupted(directory: Path, number: int, samples: list) -> None:
        if number == 1:
            raise KeyboardInterrupt
        write_shard(directory, number, samples)

    monkeypatch.setattr(module, "write_shard", interrupted)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        convert_own_data(mine, Output(out), image_size=32, processes=1)
    first = (out / "images-00000.shard").stat()
    assert not (out / "images-00001.shard").exists()
    written = []
    monkeypatch.setattr(
        module, "write_shard", lambda *args: (written.append(args[1]), write_shard(*args))
    )
    convert_own_data(mine, Output(out), image_size=32, processes=1).close()
    assert written == [1, 2]
    last = (out / "images-00000.shard").stat()
    assert (last.st_ino, last.st_mtime_ns) == (first.st_ino, first.st_mtime_ns)
    whole = tmp_path / "whole"
    convert_own_data(mine, Output(whole), image_size=32, processes=1).close()
    assert list(contents(out).values()) == list(contents(whole).values())


@pytest.mark.slow
def test_two_processes_write_the_same_bytes_as_one(tmp_path, monkeypatch):
    mine = write(tmp_path / "mine", frame_of(absolute=False), square=True)
    monkeypatch.setattr(module, "_SAMPLES_PER_SHARD", 2)
    for count in (1, 2):
        out = tmp_path / f"out-{count}"
        convert_own_data(mine, Output(out), image_size=32, processes=count).close()
    one, two = (contents(tmp_path / f"out-{count}") for count in (1, 2))
    assert {Path(name).name: data for name, data in one.items()} == {
        Path(name).name: data for name, data in two.items()
    }


@pytest.mark.parametrize("out", ["mine", "mine/data", ".", "link"])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_an_output_in_or_around_the_users_data_is_refused(tmp_path, monkeypatch, out, kind):
    mine = write(tmp_path / "mine", frame_of(absolute=False), square=True, kind=kind)
    (tmp_path / "link").symlink_to(mine)
    monkeypatch.chdir(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(InputError, match="expected a directory apart from them"):
        convert_own_data(Path("mine"), Output(Path(out), overwrite=True), processes=1)
    assert contents(tmp_path) == before


def test_another_users_table_is_not_taken_for_a_dataset(tmp_path):
    mine = write(tmp_path / "mine", frame_of(absolute=False), square=True)
    other = write(tmp_path / "other", frame_of(absolute=False), square=True, kind="parquet")
    before = contents(other)
    with pytest.raises(InputError, match="holds no dataset"):
        convert_own_data(mine, Output(other, overwrite=True), processes=1)
    assert contents(other) == before


@pytest.mark.wrong_types
@pytest.mark.parametrize("size", [0, -1, 4097, 10**9, 64.0, True])
def test_image_sizes_out_of_range_are_refused(tmp_path, size):
    with pytest.raises(InputError, match=r"image_size: got .*, expected"):
        convert_own_data(tmp_path, Output(tmp_path / "out"), image_size=size, processes=1)


def test_masks_of_zeros_and_ones_and_subjects_called_na_are_taken_as_meant(tmp_path):
    table = frame_of(absolute=False).assign(subject=["NA", "null"] * 3)
    mine = write(tmp_path / "mine", table, square=True)
    (mine / "masks" / "a").mkdir(parents=True)
    mask = np.zeros((HEIGHT, HEIGHT), np.uint8)
    mask[:, HEIGHT // 2 :] = 1
    cv2.imwrite(str(mine / "masks" / "a" / "0000.png"), mask)
    with convert_own_data(mine, Output(tmp_path / "out"), image_size=32, processes=1) as dataset:
        assert dataset.subjects.tolist() == ["NA", "null"] * 3
        assert dataset.mask(0)[:, 20:].all()
        assert not dataset.mask(0)[:, :12].any()


def test_grey_and_transparent_images_are_converted_and_counted(tmp_path):
    mine = write(tmp_path / "mine", frame_of(absolute=False), square=True)
    images = mine / "images" / "a"
    Image.new("L", (HEIGHT, HEIGHT), 90).save(images / "0000.png")
    Image.new("RGBA", (HEIGHT, HEIGHT), (200, 100, 50, 10)).save(images / "0001.png")
    Image.new("LA", (HEIGHT, HEIGHT), (90, 10)).save(images / "0002.png")
    with convert_own_data(mine, Output(tmp_path / "out"), image_size=32, processes=1) as dataset:
        np.testing.assert_allclose(dataset.image(0), 90, atol=3)
        np.testing.assert_allclose(dataset.image(1)[16, 16], (200, 100, 50), atol=3)
        np.testing.assert_allclose(dataset.image(2), 90, atol=3)
        assert len(dataset.info.provenance["notes"]) == 2


def test_an_orientation_in_exif_is_not_applied(tmp_path):
    table = frame_of(absolute=False).assign(box_x_px=0, box_y_px=0, box_side_px=HEIGHT)
    mine = write(tmp_path / "mine", table)
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[: HEIGHT // 2] = 250
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(mine / "images" / "a" / "0000.png", exif=exif)
    Image.fromarray(pixels).save(mine / "images" / "a" / "0001.png", "JPEG", exif=exif)
    with convert_own_data(mine, Output(tmp_path / "out"), image_size=32, processes=1) as dataset:
        for row in (0, 1):
            assert (dataset.image(row)[:14] > 200).all()
            assert (dataset.image(row)[18:] < 50).all()


def test_an_image_replaced_by_one_of_the_same_size_is_another_dataset(tmp_path):
    table = frame_of(absolute=False)
    table["image"] = table["image"].str.replace("png", "bmp")
    mine = write(tmp_path / "mine", table, square=True)
    convert_own_data(mine, Output(tmp_path / "out"), image_size=32, processes=1).close()
    path = mine / "images" / "a" / "0000.bmp"
    bytes_before = path.stat().st_size
    cv2.imwrite(str(path), np.full((HEIGHT, HEIGHT, 3), 77, np.uint8))
    assert path.stat().st_size == bytes_before
    with pytest.raises(InputError, match="overwrite"):
        convert_own_data(mine, Output(tmp_path / "out"), image_size=32, processes=1)


def test_a_pose_changed_by_a_hundredth_is_another_dataset(tmp_path):
    table = frame_of(absolute=False)
    mine = write(tmp_path / "mine", table, square=True)
    convert_own_data(mine, Output(tmp_path / "out"), image_size=32, processes=1).close()
    table.loc[0, axis_columns("x")[3]] += 0.01
    write(mine, table, square=True)
    with pytest.raises(InputError, match="labels_sha256"):
        convert_own_data(mine, Output(tmp_path / "out"), image_size=32, processes=1)


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_table_of_one_split_is_converted(tmp_path, split):
    mine = write(tmp_path / "mine", frame_of(absolute=False).assign(split=split), square=True)
    with convert_own_data(mine, Output(tmp_path / "out"), image_size=32, processes=1) as dataset:
        assert set(dataset.splits.tolist()) == {split}
