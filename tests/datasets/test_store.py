"""Reading a dataset back: what was written, and clear words about what is damaged."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from overpose.datasets.layout import Sample
from overpose.datasets.store import open_dataset
from overpose.support.errors import InputError

Write = Callable[..., Path]
SampleOf = Callable[..., Sample]


def test_every_label_comes_back_as_it_was_written(
    write_dataset: Write, sample_of: SampleOf
) -> None:
    with open_dataset(write_dataset(3)) as dataset:
        samples = [sample_of(number) for number in range(12)]
        assert len(dataset) == 12
        np.testing.assert_array_equal(dataset.poses_mm, [s.pose_mm for s in samples])
        np.testing.assert_array_equal(dataset.root_mm, [s.root_mm for s in samples])
        np.testing.assert_array_equal(dataset.keypoints_px, [s.keypoints_px for s in samples])
        np.testing.assert_array_equal(dataset.boxes_px, [s.box_px for s in samples])
        for column, attribute in (
            ("subjects", "subject"), ("actions", "action"), ("trials", "trial"),
            ("splits", "split"), ("cameras", "camera_number"), ("frames", "frame"),
            ("takes", "take"),
        ):  # fmt: skip
            expected = [getattr(s, attribute) for s in samples]
            assert getattr(dataset, column).tolist() == expected, column


def test_images_are_what_decoding_the_written_bytes_gives(
    write_dataset: Write, sample_of: SampleOf
) -> None:
    with open_dataset(write_dataset(3)) as dataset:
        order = [11, 0, 5, 5]
        images = dataset.images(order)
        assert images.dtype == np.uint8
        for place, number in enumerate(order):
            jpeg = np.frombuffer(sample_of(number).jpeg, np.uint8)
            expected = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)[..., ::-1]
            np.testing.assert_array_equal(images[place], expected)
            np.testing.assert_array_equal(dataset.image(number), expected)


def test_lack_of_memory_is_no_damaged_image(
    write_dataset: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise cv2.error("error: (-4:Insufficient memory) Failed to allocate 12288 bytes")

    with open_dataset(write_dataset(1)) as dataset:
        monkeypatch.setattr(cv2, "imdecode", fail)
        with pytest.raises(MemoryError, match="12288 bytes"):
            dataset.image(0)


def test_masks_come_back_as_booleans(write_dataset: Write) -> None:
    with open_dataset(write_dataset(2)) as dataset:
        mask = dataset.mask(6)
    assert mask.dtype == np.bool_
    assert np.flatnonzero(mask.any(axis=1)).tolist() == [6]
    assert mask[6].all()


def test_masked_images_have_the_mask_as_fourth_channel(write_dataset: Write) -> None:
    with open_dataset(write_dataset(2)) as dataset:
        images, expected = dataset.masked_images([6, 1]), dataset.images([6, 1])
        masks = [dataset.mask(index) for index in (6, 1)]
    np.testing.assert_array_equal(images[..., :3], expected)
    np.testing.assert_array_equal(images[..., 3] == 255, masks)
    assert set(np.unique(images[..., 3]).tolist()) == {0, 255}


def test_a_dataset_without_masks_says_so(write_dataset: Write) -> None:
    with (
        open_dataset(write_dataset(1, with_mask=False)) as dataset,
        pytest.raises(InputError, match="has no mask"),
    ):
        dataset.mask(0)


def test_cameras_project_as_the_written_ones(write_dataset: Write, sample_of: SampleOf) -> None:
    points = np.random.default_rng(0).uniform(-500, 500, (20, 3))
    with open_dataset(write_dataset(1)) as dataset:
        for number in range(4):
            sample = sample_of(number)
            np.testing.assert_allclose(
                dataset.camera(number).project(points), sample.crop.project(points)
            )
            full = dataset.full_camera(number)
            np.testing.assert_allclose(full.project(points), sample.camera.project(points))
            assert (full.width, full.height) == (1000, 1002)


def test_selecting_by_mask_and_by_index_give_the_same_view(write_dataset: Write) -> None:
    with open_dataset(write_dataset(3)) as dataset:
        test = dataset.select(dataset.splits == "test")
        same = dataset.select(np.flatnonzero(dataset.splits == "test"))
        assert len(test) == 4
        assert set(test.splits.tolist()) == {"test"}
        np.testing.assert_array_equal(test.poses_mm, same.poses_mm)
        np.testing.assert_array_equal(test.image(1), dataset.image(5))
        np.testing.assert_array_equal(test.mask(1), dataset.mask(5))
        assert len(test.select([])) == 0


def test_a_dataset_sent_to_another_process_reads_the_same(write_dataset: Write) -> None:
    with open_dataset(write_dataset(2)) as dataset:
        before = dataset.images([0, 7])
        with pickle.loads(pickle.dumps(dataset)) as copy:
            np.testing.assert_array_equal(copy.images([0, 7]), before)


def test_pandas_alone_reads_the_table_and_finds_an_image(
    write_dataset: Write, sample_of: SampleOf
) -> None:
    pandas = pytest.importorskip("pandas")
    directory = write_dataset(2)
    row = pandas.read_parquet(directory / "samples.parquet").iloc[6]
    stored = (directory / row["shard"]).read_bytes()
    assert stored[row["offset"] : row["offset"] + row["length"]] == sample_of(6).jpeg
    np.testing.assert_array_equal(row["pose_mm"].reshape(17, 3), sample_of(6).pose_mm)


def test_label_arrays_can_be_written_to_without_touching_the_dataset(write_dataset: Write) -> None:
    with open_dataset(write_dataset(1)) as dataset:
        view = dataset.select([0, 1])
        view.poses_mm += 1.0
        assert (view.poses_mm != dataset.poses_mm[:2]).all()


@pytest.mark.parametrize("index", [-1, 8])
def test_an_index_outside_the_dataset_is_refused(write_dataset: Write, index: int) -> None:
    with open_dataset(write_dataset(2)) as dataset, pytest.raises(InputError, match="0 to 7"):
        dataset.image(index)


@pytest.mark.parametrize("indices", [[0.5], [[0, 1]], ["a"]])
def test_indices_of_a_wrong_kind_are_refused(write_dataset: Write, indices: list) -> None:
    with open_dataset(write_dataset(1)) as dataset, pytest.raises(InputError, match="whole"):
        dataset.images(indices)


def test_a_selection_mask_of_another_length_is_refused(write_dataset: Write) -> None:
    with open_dataset(write_dataset(1)) as dataset, pytest.raises(InputError, match=r"\(4,\)"):
        dataset.select(np.ones(5, dtype=bool))


def test_a_directory_without_a_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no dataset\.json"):
        open_dataset(tmp_path)


def test_a_truncated_shard_is_named_with_both_sizes(write_dataset: Write) -> None:
    directory = write_dataset(3)
    shard = directory / "images-00001.shard"
    size = shard.stat().st_size
    shard.write_bytes(shard.read_bytes()[:-7])
    with pytest.raises(
        InputError, match=rf"images-00001\.shard: truncated: {size - 7} .* expected {size}"
    ):
        open_dataset(directory)


@pytest.mark.parametrize("name", ["images-00002.shard", "masks-00000.shard", "samples.parquet"])
def test_a_missing_file_is_named(write_dataset: Write, name: str) -> None:
    directory = write_dataset(3)
    (directory / name).unlink()
    with pytest.raises(InputError, match=f"{name}: missing"):
        open_dataset(directory)


def test_only_verification_notices_an_altered_byte(write_dataset: Write) -> None:
    directory = write_dataset(2)
    shard = directory / "images-00001.shard"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    open_dataset(directory).close()
    with pytest.raises(InputError, match=r"images-00001\.shard: altered"):
        open_dataset(directory, verify=True)


def test_an_undamaged_dataset_passes_verification(write_dataset: Write) -> None:
    with open_dataset(write_dataset(2), verify=True) as dataset:
        assert len(dataset) == 8


def test_a_damaged_image_is_named_by_its_sample(write_dataset: Write) -> None:
    directory = write_dataset(2)
    row = pq.read_table(directory / "samples.parquet").slice(6, 1).to_pylist()[0]
    shard = directory / row["shard"]
    content = bytearray(shard.read_bytes())
    content[row["offset"] : row["offset"] + row["length"]] = bytes(row["length"])
    shard.write_bytes(content)
    with open_dataset(directory) as dataset:
        dataset.image(5)
        with pytest.raises(InputError, match=r"sample 6 \(trial 00_01, camera 2, frame 60"):
            dataset.image(6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 99}, "format version 99"),
        ({"shards": None}, "damaged"),
        ({"samples": 5}, "8 rows"),
        ({"table": {}}, "damaged"),
    ],
)
def test_a_wrong_description_is_refused(write_dataset: Write, change: dict, message: str) -> None:
    directory = write_dataset(2)
    path = directory / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=message):
        open_dataset(directory)


def _altered_table(directory: Path, alter: Callable[[pa.Table], pa.Table]) -> None:
    """Replace the table and its recorded size, as someone editing a dataset would."""
    path = directory / "samples.parquet"
    pq.write_table(alter(pq.read_table(path)), path)
    info = json.loads((directory / "dataset.json").read_text())
    info["table"]["bytes"] = path.stat().st_size
    (directory / "dataset.json").write_text(json.dumps(info))


@pytest.mark.parametrize(
    ("alter", "message"),
    [
        (lambda table: table.drop_columns(["pose_mm"]), "no column 'pose_mm'"),
        (lambda table: _with(table, "frame", ["a"] * 4), "another kind"),
        (lambda table: _with(table, "split", ["dev"] * 4), "split 'dev'"),
        (lambda table: _with(table, "subject", ["01", None, "01", "01"]), "holes"),
        (lambda table: _with(table, "shard", ["../../secret"] * 4), "not listed"),
    ],
)
def test_a_table_that_does_not_fit_the_format_is_refused(
    write_dataset: Write, alter: Callable[[pa.Table], pa.Table], message: str
) -> None:
    directory = write_dataset(1)
    _altered_table(directory, alter)
    with pytest.raises(InputError, match=message):
        open_dataset(directory)


def test_a_table_that_is_not_parquet_is_refused(write_dataset: Write) -> None:
    directory = write_dataset(1)
    path = directory / "samples.parquet"
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(InputError, match="not a readable table"):
        open_dataset(directory)


def _with(table: pa.Table, name: str, values: list) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values))
