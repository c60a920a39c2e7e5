"""Batches: every sample once, own crops, the same for the same epoch; prefetching."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from overpose.support.seeding import random_stream
from overpose.training.data import crop_batches, epoch_indices, prefetched, steps_per_epoch

SIZE, CROP = 12, 8


def position_images(count: int) -> np.ndarray:
    """Images whose pixels hold row, column and the image's own number."""
    images = np.empty((count, SIZE, SIZE, 3), np.uint8)
    images[..., 0] = np.arange(SIZE)[:, None]
    images[..., 1] = np.arange(SIZE)
    images[..., 2] = np.arange(count)[:, None, None]
    return images


def batches(count: int = 50, **names: int | str) -> list[tuple[torch.Tensor, torch.Tensor]]:
    chosen = {"batch_size": 16, "seed": 0, "stage": "x", "epoch": 0, **names}
    return list(crop_batches(position_images(count), torch.arange(count), CROP, **chosen))


@given(samples=st.integers(1, 1000), batch_size=st.integers(1, 200))
def test_an_epoch_holds_every_sample_once_in_steps_of_nearly_equal_size(
    samples: int, batch_size: int
) -> None:
    steps = epoch_indices(samples, batch_size, 0, "x", 0)
    sizes = [len(step) for step in steps]
    assert sorted(np.concatenate(steps)) == list(range(samples))
    assert len(steps) == steps_per_epoch(samples, batch_size)
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1


def test_crops_are_contiguous_windows_of_the_image_of_their_target() -> None:
    for crops, targets in batches():
        assert crops.shape[1:] == (3, CROP, CROP)
        assert crops.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(crops[:, 2, 0, 0], targets.to(torch.uint8))
        rows, columns = crops[:, 0].int(), crops[:, 1].int()
        assert (rows.diff(dim=1) == 1).all()
        assert (columns.diff(dim=2) == 1).all()


def test_corners_are_drawn_for_each_image_and_reach_every_place() -> None:
    crops = torch.cat([crops for crops, _ in batches(250)])
    corners = {(int(crop[0, 0, 0]), int(crop[1, 0, 0])) for crop in crops}
    play = SIZE - CROP + 1
    assert corners == {(top, left) for top in range(play) for left in range(play)}


def test_corners_have_streams_of_their_own_for_every_stage_and_epoch() -> None:
    """Neither the order's, nor those of another stage: corners of the images are others."""

    def corners(**names: int | str) -> list[tuple[int, int]]:
        made = batches(**names)
        crops, numbers = (torch.cat(part) for part in zip(*made, strict=True))
        placed = crops[numbers.argsort(), :2, 0, 0]
        return [(int(top), int(left)) for top, left in placed]

    kinds = [corners(), corners(stage="y"), corners(epoch=1), corners(seed=1)]
    orders = random_stream(0, "x", 0, "order").integers(0, SIZE - CROP + 1, (50, 2))
    kinds.append([(int(top), int(left)) for top, left in orders])
    for number, first in enumerate(kinds):
        for other in kinds[number + 1 :]:
            assert sum(a == b for a, b in zip(first, other, strict=True)) < 15  # 2 by chance


def test_the_same_names_give_the_same_batches_and_another_epoch_others() -> None:
    first, again, other = batches(), batches(), batches(epoch=1)
    assert all(
        torch.equal(a, b)
        for x, y in zip(first, again, strict=True)
        for a, b in zip(x, y, strict=True)
    )
    assert not torch.equal(first[0][1], other[0][1])


def test_prefetching_changes_neither_items_nor_order() -> None:
    assert list(prefetched(range(50))) == list(range(50))
    assert list(prefetched([])) == []


def test_an_exception_in_the_making_reaches_the_consumer() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise OSError("disk gone")

    items = prefetched(broken())
    assert next(items) == 1
    with pytest.raises(OSError, match="disk gone"):
        next(items)


def test_leaving_early_stops_the_thread() -> None:
    items = prefetched(iter(range(10**9)))
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert not any(thread.name == "overpose-prefetch" for thread in threading.enumerate())
