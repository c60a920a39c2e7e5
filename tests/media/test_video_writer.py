"""Writing videos: what is written is read back, and nothing is left of what failed."""

from pathlib import Path

import av
import numpy as np
import pytest

from overpose.media.video import open_media
from overpose.media.writer import writing_video
from overpose.support.errors import InputError


def picture(number: int, width: int = 64, height: int = 48) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    image[:] = 20 * number
    return image


def test_frames_rate_and_size_are_read_back(tmp_path: Path) -> None:
    with writing_video(tmp_path / "a.mp4", 30000 / 1001, 64, 48) as video:
        for number in range(10):
            video.write(picture(number))
    with open_media(tmp_path / "a.mp4") as media:
        assert media.info.fps == pytest.approx(30000 / 1001)
        assert (media.info.width, media.info.height) == (64, 48)
        levels = [frame.image.mean() for frame in media]
    assert np.allclose(levels, 20 * np.arange(10), atol=6)


@pytest.mark.skipif("libx264" not in av.codecs_available, reason="needs x264")
def test_no_frame_is_shared_by_threads_which_makes_other_bytes_each_time(tmp_path: Path) -> None:
    with writing_video(tmp_path / "a.mp4", 25, 320, 240) as video:
        video.write(picture(3, 320, 240))
    assert b"sliced_threads=1" not in (tmp_path / "a.mp4").read_bytes()


def test_odd_sizes_lose_a_pixel(tmp_path: Path) -> None:
    with writing_video(tmp_path / "a.mp4", 25, 65, 49) as video:
        video.write(picture(3, 65, 49))
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (64, 48)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_nothing_is_left_of_a_video_that_was_not_finished(
    tmp_path: Path, error: type[BaseException]
) -> None:
    def interrupted() -> None:
        with writing_video(tmp_path / "a.mp4", 25, 64, 48) as video:
            video.write(picture(1))
            raise error

    with pytest.raises(error):
        interrupted()
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("mine")
    with (
        pytest.raises(InputError, match="exists already"),
        writing_video(tmp_path / "a.mp4", 25, 64, 48),
    ):
        pass
    assert (tmp_path / "a.mp4").read_text() == "mine"


def test_frames_of_another_size_are_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="100 x 100"),
        writing_video(tmp_path / "a.mp4", 25, 64, 48) as video,
    ):
        video.write(picture(0, 100, 100))


@pytest.mark.parametrize(("fps", "width"), [(0.0, 64), (25.0, 1), (1e6, 64)])
def test_what_makes_no_video_is_refused(tmp_path: Path, fps: float, width: int) -> None:
    with (
        pytest.raises(InputError, match="expected at least 2 x 2"),
        writing_video(tmp_path / "a.mp4", fps, width, 48),
    ):
        pass
