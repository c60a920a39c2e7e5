"""Datasets that lie about what they hold: one line, little memory, nothing outside is read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from overpose.datasets.layout import declared_size
from overpose.datasets.store import open_dataset
from overpose.support.errors import InputError

Change = Callable[[dict[str, Any]], None]


def name_images(name: Any) -> Change:
    return lambda info: info["shards"][0]["images"].update(name=name)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (name_images("../outside.shard"), "expected one beside it"),
        (name_images("/etc/passwd"), "expected one beside it"),
        (name_images("..\\outside"), "expected one beside it"),
        (name_images("a\nb"), "expected one beside it"),
        (name_images(".."), "expected one beside it"),
        (name_images(1.5), "damaged"),
        (lambda info: info["table"].update(name="../samples.parquet"), "expected one beside it"),
        (lambda info: info.update(image_size=32_000_000), "damaged"),
        (lambda info: info.update(image_size="32"), "damaged"),
        (lambda info: info.update(samples=-1), "damaged"),
        (lambda info: info.update(shards={}), "damaged"),
        (lambda info: info["shards"][0].pop("images"), "damaged"),
    ],
)
def test_a_description_that_lies_is_refused_in_one_line(
    change: Change, match: str, write_dataset: Callable[..., Path], tmp_path: Path
) -> None:
    directory = write_dataset(1)
    (tmp_path / "outside.shard").write_bytes(b"private")
    info = json.loads((directory / "dataset.json").read_text())
    change(info)
    (directory / "dataset.json").write_text(json.dumps(info))
    with pytest.raises(InputError, match=match) as refusal:
        open_dataset(directory)
    assert len(str(refusal.value).splitlines()) == 1


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("size", [(5, 9), (64, 32)])
def test_the_size_a_picture_says_is_found(suffix: str, size: tuple[int, int]) -> None:
    for channels in (1, 3):
        image = np.random.default_rng(0).integers(0, 255, (*size, channels), dtype=np.uint8)
        encoded = cv2.imencode(suffix, image)[1].ravel()
        assert declared_size(encoded) == size


def test_a_picture_whose_parts_say_more_than_there_is_has_no_size() -> None:
    png = cv2.imencode(".png", np.zeros((8, 8), np.uint8))[1].ravel()
    png[33:37] = (0xFF, 0xFF, 0xFF, 0x00)  # the length of the chunk after the header
    assert declared_size(png) is None
    for data in (b"", b"\xff\xd8", b"\xff\xd8\xff\xe0\x00\x00" + bytes(9), b"GIF89a" + bytes(30)):
        assert declared_size(np.frombuffer(data, np.uint8)) is None
