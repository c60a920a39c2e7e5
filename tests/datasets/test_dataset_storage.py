"""Datasets in object storage: written there, and read by the pieces that are asked for."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from buckets import bucket, contents, put
from fsspec.implementations.memory import MemoryFileSystem
from tiny_dataset import write_tiny_dataset

from overpose.datasets.store import open_dataset
from overpose.datasets.writer import begin_dataset
from overpose.support.errors import InputError
from overpose.support.object_storage import path_of

__all__ = ["bucket"]
THERE = "s3://data/tiny"
PLAN = {"size": 32, "per_group": 8, "actions": ["walking", "running"]}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return write_tiny_dataset(tmp_path / "tiny", masks=True)


def test_what_is_written_there_is_what_is_written_here(
    here: Path, bucket: MemoryFileSystem
) -> None:
    write_tiny_dataset(path_of(THERE), masks=True)
    assert contents(bucket, "data/tiny") == {p.name: p.read_bytes() for p in here.iterdir()}


def test_the_description_is_written_last(
    bucket: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    put_file: Callable[..., None] = bucket.put_file

    def noted(local: str, name: str) -> None:
        written.append(name.rpartition("/")[2])
        put_file(local, name)

    monkeypatch.setattr(bucket, "put_file", noted)
    write_tiny_dataset(path_of(THERE))
    assert written[-2:] == ["samples.parquet", "dataset.json"]


def test_what_is_read_there_is_what_is_read_here(here: Path, bucket: MemoryFileSystem) -> None:
    put(bucket, here, "data/tiny")
    with open_dataset(here) as own, open_dataset(THERE, verify=True) as other:
        some = [5, 3, 70, 3]
        np.testing.assert_array_equal(other.poses_mm, own.poses_mm)
        np.testing.assert_array_equal(other.images(some), own.images(some))
        np.testing.assert_array_equal(other.masked_images(some), own.masked_images(some))
        np.testing.assert_array_equal(other.mask(4), own.mask(4))
        np.testing.assert_array_equal(
            other.select(other.splits == "test").image(2), own.select(own.splits == "test").image(2)
        )


def test_only_the_pieces_that_are_asked_for_are_read(
    here: Path, bucket: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bucket, here, "data/tiny")
    asked: list[tuple[str, int]] = []
    ranges: Callable[..., list[bytes]] = bucket.cat_ranges

    def noted(names: list[str], starts: list[int], ends: list[int], **options: str) -> list[bytes]:
        found = ranges(names, starts, ends, **options)
        asked.extend(zip(names, map(len, found), strict=True))
        return found

    monkeypatch.setattr(bucket, "cat_ranges", noted)
    with open_dataset(THERE) as dataset:
        dataset.images([1, 2])
    shard = (here / "images-00000.shard").stat().st_size
    assert [name for name, _ in asked] == ["data/tiny/images-00000.shard"] * 2
    assert 0 < sum(size for _, size in asked) < shard / 10


def test_a_dataset_is_begun_gone_on_with_and_kept(bucket: MemoryFileSystem) -> None:
    write_tiny_dataset(path_of(THERE))
    whole = contents(bucket, "data/tiny")
    for name in ("dataset.json", "samples.parquet"):
        bucket.rm_file(f"data/tiny/{name}")
    with pytest.raises(InputError, match="made otherwise"):
        begin_dataset(path_of(THERE), PLAN, 1, overwrite=False)
    bucket.rm_file("data/tiny/images-00000.shard")
    assert begin_dataset(path_of(THERE), PLAN, 1, overwrite=False) == [0]
    assert set(contents(bucket, "data/tiny")) == {"unfinished.json"}
    write_tiny_dataset(path_of(THERE))
    assert contents(bucket, "data/tiny") == whole
    with pytest.raises(InputError, match="made otherwise"):
        begin_dataset(path_of(THERE), {**PLAN, "size": 64}, 1, overwrite=False)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda bucket, name: bucket.rm_file(name), "images-00000.shard: missing"),
        (lambda bucket, name: bucket.pipe_file(name, b"short"), "images-00000.shard: truncated"),
    ],
)
def test_a_damaged_shard_is_named(
    damage: Callable[[MemoryFileSystem, str], None],
    said: str,
    here: Path,
    bucket: MemoryFileSystem,
) -> None:
    put(bucket, here, "data/tiny")
    damage(bucket, "data/tiny/images-00000.shard")
    with pytest.raises(InputError, match=f"^s3://data/tiny/{said}"):
        open_dataset(THERE)


def test_a_shard_that_goes_away_is_named(here: Path, bucket: MemoryFileSystem) -> None:
    put(bucket, here, "data/tiny")
    with open_dataset(THERE) as dataset:
        bucket.rm_file("data/tiny/images-00000.shard")
        with pytest.raises(InputError, match=r"s3://data/tiny/images-00000.shard: the shard is"):
            dataset.image(0)


def test_there_is_no_dataset(bucket: MemoryFileSystem) -> None:
    with pytest.raises(InputError, match=r"s3://data/none: no dataset.json there"):
        open_dataset("s3://data/none")
