"""Pictures that move are videos, with the times of their frames."""

from pathlib import Path
from typing import Any

import pytest
from clips import level, number_of
from PIL import Image

from overpose.media.photo import is_photo
from overpose.media.video import open_media

LOSSLESS: dict[str, dict[str, Any]] = {
    "gif": {}, "webp": {"lossless": True}, "png": {}, "avif": {"quality": 95},
}  # fmt: skip


def write(path: Path, durations_ms: list[int], **options: Any) -> None:
    pictures = [Image.fromarray(level(i)) for i in range(len(durations_ms))]
    options = LOSSLESS[path.suffix[1:]] | options
    rest = pictures[1:]
    pictures[0].save(path, save_all=True, append_images=rest, duration=durations_ms, **options)


@pytest.mark.parametrize("kind", LOSSLESS)
def test_every_frame_of_a_moving_picture_comes_at_its_rate(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"clip.{kind}"
    write(path, [50] * 12)
    assert not is_photo(path)
    with open_media(path) as media:
        assert not media.info.is_photo
        assert (media.info.fps, media.info.frames) == (pytest.approx(20), 12)
        assert [number_of(frame.image) for frame in media] == list(range(12))


@pytest.mark.parametrize("kind", LOSSLESS)
def test_a_frame_that_stays_is_repeated(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"clip.{kind}"
    write(path, [100, 100, 300, 100, 100])
    with open_media(path) as media:
        assert media.info.frames == 7
        assert [frame.number for frame in media] == [0, 1, 2, 2, 2, 3, 4]


@pytest.mark.parametrize("kind", LOSSLESS)
def test_one_frame_is_a_photo(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"clip.{kind}"
    Image.fromarray(level(3)).save(path, **LOSSLESS[kind])
    with open_media(path) as media:
        assert media.info.is_photo
        assert number_of(next(iter(media)).image) == 3


def test_frames_without_a_time_take_that_of_browsers(tmp_path: Path) -> None:
    path = tmp_path / "clip.gif"
    write(path, [0, 0, 0, 10, 0])
    with open_media(path) as media:
        assert (media.info.fps, len(list(media))) == (pytest.approx(10), 5)


def test_the_picture_beside_an_animation_is_no_frame_of_it(tmp_path: Path) -> None:
    path = tmp_path / "clip.png"
    pictures = [Image.fromarray(level(i)) for i in range(1, 4)]
    beside = Image.fromarray(level(20))
    beside.save(path, save_all=True, append_images=pictures, default_image=True, duration=100)
    with open_media(path) as media:
        assert [number_of(frame.image) for frame in media] == [1, 2, 3]
