"""The pool that is renewed: what a step sees follows from its number, whoever is fast or slow."""

import threading
from pathlib import Path

import numpy as np
import pytest

from overpose.mocap.procedural import procedural_motion
from overpose.studio.body import load_body
from overpose.support.errors import InputError
from overpose.support.locks import locked
from overpose.synthetic import pool as pool_module
from overpose.synthetic.landmarks import POINTS
from overpose.synthetic.motions import Recordings
from overpose.synthetic.pool import ClipPool, PoolConfig, make_blocks

CONFIG = PoolConfig(clips=6, block=2, steps=10, frames=3)


def write_block(directory: Path, number: int) -> None:
    """A block of two clips that say which they are."""
    clips = np.full((2, 3, POINTS, 3), 2 * number, np.int16)
    clips[1] += 1
    np.save(directory / f"block_{number:05d}.npy", clips)


def numbers(clips: np.ndarray) -> list[int]:
    return sorted(clips[:, 0, 0, 0].tolist())


@pytest.fixture
def blocks(tmp_path: Path) -> Path:
    for number in range(8):
        write_block(tmp_path, number)
    return tmp_path


def test_the_oldest_block_is_replaced_every_so_many_steps(blocks: Path) -> None:
    pool = ClipPool(blocks, CONFIG)
    assert numbers(pool.at(0)) == numbers(pool.at(9)) == [0, 1, 2, 3, 4, 5]
    assert numbers(pool.at(10)) == [2, 3, 4, 5, 6, 7]
    assert numbers(pool.at(45)) == [8, 9, 10, 11, 12, 13]


@pytest.mark.parametrize("path", [(0, 10, 20, 30), (30,), (45, 0, 30)])
def test_what_a_step_sees_does_not_depend_on_the_steps_before(
    blocks: Path, path: tuple[int, ...]
) -> None:
    """A run that is resumed in the middle draws the same windows, in the same order."""
    straight, pool = ClipPool(blocks, CONFIG).at(30), ClipPool(blocks, CONFIG)
    for step in path:
        clips = pool.at(step)
    assert path[-1] != 30 or np.array_equal(clips, straight)


def test_as_many_blocks_are_needed_as_steps_see() -> None:
    assert [CONFIG.blocks(steps) for steps in (0, 1, 10, 11, 20, 21)] == [3, 3, 3, 4, 4, 5]


def test_training_waits_for_a_block_that_is_being_made(tmp_path: Path) -> None:
    for number in range(2):
        write_block(tmp_path, number)
    made = threading.Timer(0.3, write_block, (tmp_path, 2))
    with locked(tmp_path):
        made.start()
        assert numbers(ClipPool(tmp_path, CONFIG).at(0)) == [0, 1, 2, 3, 4, 5]
    made.join()


def test_training_does_not_wait_where_nobody_makes_clips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "PATIENCE_S", 0.0)
    with pytest.raises(InputError, match=r"block_00000\.npy: not there, and no process makes it"):
        ClipPool(tmp_path, CONFIG).at(0)


def test_damaged_blocks_are_named(blocks: Path) -> None:
    (blocks / "block_00001.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(InputError, match=r"block_00001\.npy: damaged"):
        ClipPool(blocks, CONFIG).at(0)
    np.save(blocks / "block_00001.npy", np.zeros((2, 3), np.int16))
    with pytest.raises(InputError, match="expected int16"):
        ClipPool(blocks, CONFIG).at(0)


def test_pools_of_broken_blocks_are_refused() -> None:
    with pytest.raises(InputError, match="whole blocks"):
        PoolConfig(clips=10, block=3)


def test_a_clip_follows_from_its_number_alone(tmp_path: Path) -> None:
    """However they are cut into blocks, and if a block is made again."""
    try:
        load_body()
    except InputError as error:
        pytest.skip(f"needs the body asset: {error}")
    recordings = Recordings.of({"walking": [procedural_motion("walking", 0, 0, 30)]})
    made = {}
    for block in (1, 2):
        config = PoolConfig(clips=4, block=block, frames=4)
        (tmp_path / str(block)).mkdir()
        make_blocks(recordings, config, tmp_path / str(block), range(4 // block), quiet=True)
        made[block] = ClipPool(tmp_path / str(block), config).at(0)
    assert np.array_equal(made[1], made[2])
    assert len({clip.tobytes() for clip in made[1]}) == 4
    (tmp_path / "1" / "block_00002.npy").unlink()
    config = PoolConfig(clips=4, block=1, frames=4)
    make_blocks(recordings, config, tmp_path / "1", range(4), quiet=True)
    assert np.array_equal(ClipPool(tmp_path / "1", config).at(0), made[2])
