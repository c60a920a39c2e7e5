"""Writing a dataset: whole or not at all, resumable, and never over someone's files."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from overpose.datasets.layout import Sample
from overpose.datasets.store import open_dataset
from overpose.datasets.writer import (
    begin_dataset,
    finish_dataset,
    remove_dataset,
    write_shard,
)
from overpose.support.errors import InputError

Write = Callable[..., Path]
SampleOf = Callable[..., Sample]
PLAN = {"seed": 0, "config": {"image_size": 16, "fps": 25.0}}


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def finish(directory: Path, shards: int) -> None:
    finish_dataset(directory, shards, name="made-up", image_size=16, provenance={})


def test_an_unfinished_dataset_is_not_opened_but_told_how_to_resume(
    tmp_path: Path, sample_of: SampleOf
) -> None:
    begin_dataset(tmp_path / "d", PLAN, 2, overwrite=False)
    write_shard(tmp_path / "d", 0, [sample_of(0)])
    with pytest.raises(InputError, match="not finished; run the same command"):
        open_dataset(tmp_path / "d")
    with pytest.raises(InputError, match="shard 1 is not finished"):
        finish(tmp_path / "d", 2)


def test_a_resumed_dataset_is_the_uninterrupted_one_byte_for_byte(
    tmp_path: Path, sample_of: SampleOf
) -> None:
    for name, stops in (("whole", [3]), ("resumed", [1, 1, 3])):
        for stop in stops:
            missing = begin_dataset(tmp_path / name, PLAN, 3, overwrite=False)
            for shard in missing[:stop]:
                write_shard(tmp_path / name, shard, [sample_of(shard), sample_of(shard + 10)])
        finish(tmp_path / name, 3)
    assert contents(tmp_path / "resumed") == contents(tmp_path / "whole")


def test_a_process_killed_in_the_middle_leaves_what_a_rerun_completes(tmp_path: Path) -> None:
    script = """
import sys, signal, os
from pathlib import Path
sys.path[:0] = sys.argv[2:4]
from conftest import make_sample
from overpose.datasets import writer
directory = Path(sys.argv[1])
for shard in writer.begin_dataset(directory, {"seed": 0}, 3, overwrite=False):
    if shard == int(sys.argv[4]):
        writer.pq.write_table = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    writer.write_shard(directory, shard, [make_sample(shard)])
writer.finish_dataset(directory, 3, name="made-up", image_size=16, provenance={})
"""

    def run(name: str, killed_at: int) -> int:
        here = Path(__file__).parent
        places = [str(here), str(here.parent / "helpers")]
        arguments = [str(tmp_path / name), *places, str(killed_at)]
        return subprocess.run([sys.executable, "-c", script, *arguments], check=False).returncode

    assert run("whole", -1) == 0
    assert run("killed", 1) == -signal.SIGKILL
    assert (tmp_path / "killed" / "images-00001.shard").is_file()
    assert any(path.name.endswith(".part") for path in (tmp_path / "killed").iterdir())
    assert run("killed", -1) == 0
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_a_finished_dataset_needs_no_shard_and_stays_as_it_is(write_dataset: Write) -> None:
    directory = write_dataset(2)
    before = contents(directory)
    assert begin_dataset(directory, {"seed": 0}, 2, overwrite=False) == []
    finish(directory, 2)
    assert contents(directory) == before


def test_parts_left_by_a_kill_after_the_last_step_are_cleared(write_dataset: Write) -> None:
    directory = write_dataset(2)
    before = contents(directory)
    (directory / "part-00000.json").write_text("{}")
    begin_dataset(directory, {"seed": 0}, 2, overwrite=False)
    assert contents(directory) == before


def test_a_shard_whose_file_was_cut_is_written_again(tmp_path: Path, sample_of: SampleOf) -> None:
    begin_dataset(tmp_path / "d", PLAN, 2, overwrite=False)
    for shard in range(2):
        write_shard(tmp_path / "d", shard, [sample_of(shard)])
    os.truncate(tmp_path / "d" / "images-00001.shard", 10)
    assert begin_dataset(tmp_path / "d", PLAN, 2, overwrite=False) == [1]


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (PLAN | {"seed": 1}, "seed: 0 there, 1 now"),
        (PLAN | {"config": {"image_size": 32, "fps": 25.0}}, "image_size: 16 there, 32 now"),
        ({"seed": 0}, "config: .* there, null now"),
    ],
)
@pytest.mark.parametrize("finished", [False, True])
def test_another_plan_in_the_same_directory_is_refused_naming_the_difference(
    tmp_path: Path, sample_of: SampleOf, other: dict, difference: str, finished: bool
) -> None:
    begin_dataset(tmp_path / "d", PLAN, 1, overwrite=False)
    if finished:
        write_shard(tmp_path / "d", 0, [sample_of(0)])
        finish(tmp_path / "d", 1)
    with pytest.raises(InputError, match=difference):
        begin_dataset(tmp_path / "d", other, 1, overwrite=False)


def test_overwriting_removes_the_earlier_dataset_and_nothing_else(
    write_dataset: Write, sample_of: SampleOf
) -> None:
    directory = write_dataset(3)
    (directory / "notes.txt").write_text("mine")
    assert begin_dataset(directory, PLAN, 1, overwrite=True) == [0]
    assert set(contents(directory)) == {"notes.txt", "unfinished.json"}


def test_overwriting_takes_up_what_the_same_plan_has_finished(
    tmp_path: Path, sample_of: SampleOf
) -> None:
    begin_dataset(tmp_path, PLAN, 2, overwrite=True)
    write_shard(tmp_path, 0, [sample_of(0)])
    assert begin_dataset(tmp_path, PLAN, 2, overwrite=True) == [1]


def test_overwriting_writes_a_finished_dataset_of_the_same_plan_again(write_dataset: Write) -> None:
    assert begin_dataset(write_dataset(2), {"seed": 0}, 2, overwrite=True) == [0, 1]


def test_a_damaged_description_can_be_overwritten_but_not_resumed(write_dataset: Write) -> None:
    directory = write_dataset(2)
    (directory / "dataset.json").write_text("{")
    with pytest.raises(InputError, match="made otherwise"):
        begin_dataset(directory, {"seed": 0}, 2, overwrite=False)
    assert begin_dataset(directory, {"seed": 0}, 2, overwrite=True) == [0, 1]


@pytest.mark.parametrize(
    ("finished", "removed"), [*((True, n) for n in range(6)), *((False, n) for n in range(9))]
)
def test_a_removal_killed_anywhere_can_be_overwritten_but_not_taken_for_a_whole_dataset(
    tmp_path: Path,
    sample_of: SampleOf,
    finished: bool,
    removed: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin_dataset(tmp_path, PLAN, 2, overwrite=False)
    for number in range(2):
        write_shard(tmp_path, number, [sample_of(number)])
    if finished:
        finish(tmp_path, 2)
    unlink, left = Path.unlink, removed

    def killed(path: Path, missing_ok: bool = False) -> None:
        nonlocal left
        if path.exists():
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
        unlink(path, missing_ok=missing_ok)

    before = len(contents(tmp_path))
    monkeypatch.setattr(Path, "unlink", killed)
    with pytest.raises(KeyboardInterrupt):
        remove_dataset(tmp_path)
    monkeypatch.undo()
    assert len(contents(tmp_path)) == before - removed
    if removed:
        with pytest.raises(InputError, match="made otherwise"):
            begin_dataset(tmp_path, PLAN, 2, overwrite=False)
    assert begin_dataset(tmp_path, {"seed": 1}, 2, overwrite=True) == [0, 1]
    assert set(contents(tmp_path)) == {"unfinished.json"}


@pytest.mark.parametrize(
    "names",
    [
        ["samples.parquet"],
        ["samples.parquet", "dataset.json"],
        ["part-00000-5f3c.snappy.parquet", "part-00001.parquet"],
        ["images-holiday.shard", "masks-00000.shard"],
        ["unfinished.json"],
    ],
)
def test_files_that_are_only_called_like_a_datasets_are_left_alone(
    tmp_path: Path, names: list[str]
) -> None:
    for name in names:
        (tmp_path / name).write_text('{"mine": 1}')
    before = contents(tmp_path)
    with pytest.raises(InputError, match="holds no dataset"):
        begin_dataset(tmp_path, PLAN, 1, overwrite=True)
    assert contents(tmp_path) == before


def test_a_directory_of_other_files_is_refused_even_with_overwrite(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match="holds no dataset"):
        begin_dataset(tmp_path, PLAN, 1, overwrite=True)
    assert contents(tmp_path) == {"thesis.tex": b"mine"}


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d").write_text("mine")
    with pytest.raises(InputError, match="is a file"):
        begin_dataset(tmp_path / "d", PLAN, 1, overwrite=False)


@pytest.mark.parametrize("kind", ["images", "masks"])
def test_a_full_disk_is_one_clear_line_and_leaves_no_half_file(
    tmp_path: Path, sample_of: SampleOf, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    begin_dataset(tmp_path / "d", PLAN, 2, overwrite=False)
    write_shard(tmp_path / "d", 0, [sample_of(0)])
    before = contents(tmp_path / "d")
    write_bytes = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if kind in path.name:
            write_bytes(path, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_bytes(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match="no space left on the disk; finished shards are kept"):
        write_shard(tmp_path / "d", 1, [sample_of(1)])
    monkeypatch.undo()
    left = contents(tmp_path / "d")
    assert set(left) - set(before) <= {"images-00001.shard"}, "only whole files, no record"
    assert begin_dataset(tmp_path / "d", PLAN, 2, overwrite=False) == [1]


def test_a_shard_without_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no samples"):
        write_shard(tmp_path, 0, [])
