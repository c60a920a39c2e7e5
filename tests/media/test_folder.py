"""Folders of numbered frames are videos."""

from pathlib import Path

import numpy as np
import pytest
from clips import level, number_of
from PIL import Image

from overpose.media.folder import is_frame_folder
from overpose.media.video import open_media
from overpose.support.errors import InputError


def fill(directory: Path, names: list[str]) -> Path:
    directory.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        Image.fromarray(level(number)).save(directory / name)
    return directory


@pytest.mark.parametrize(
    "names",
    [
        ["img_0001.png", "img_0002.png", "img_0003.png"],
        ["1.png", "2.png", "10.png"],
        ["2024_0.png", "2024_1.png", "2024_11.png"],
        ["frame000100_rgb.png", "frame000101_rgb.png", "frame000110_rgb.png"],
    ],
)
def test_frames_come_by_their_last_number(tmp_path: Path, names: list[str]) -> None:
    with open_media(fill(tmp_path / "clip", names), fps=50) as media:
        assert (media.info.name, media.info.fps, media.info.is_photo) == ("clip", 50, False)
        frames = list(media)
    assert media.info.frames == len(frames)
    shown = [number_of(frame.image) for frame in frames if not frame.repeated]
    assert shown == [0, 1, 2]


def test_the_rate_that_is_assumed_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_media(fill(tmp_path / "clip", ["1.png", "2.png"])) as media:
        assert media.info.fps == 30
    assert "2 pictures taken for a video of 30 frames/s" in capsys.readouterr().err


def test_every_tenth_frame_is_a_frame_and_a_hole_is_a_repeat(tmp_path: Path) -> None:
    with open_media(fill(tmp_path / "clip", ["10.png", "20.png", "50.png", "60.png"])) as media:
        assert [frame.number for frame in media] == [0, 1, 1, 1, 2, 3]


def test_a_hole_of_years_is_bounded(tmp_path: Path) -> None:
    names = ["1.png", "2.png", f"{10**200}.png"]
    with open_media(fill(tmp_path / "clip", names), fps=25) as media:
        assert media.info.frames == 3
        assert [number_of(frame.image) for frame in media] == [0, 1, 2]


def test_other_files_and_sizes_do_not_matter(tmp_path: Path) -> None:
    directory = fill(tmp_path / "clip", ["1.png", "2.png"])
    (directory / "notes3.txt").write_text("no picture")
    (directory / ".4.png").write_text("hidden")
    Image.fromarray(np.full((20, 20, 3), 22, np.uint8)).save(directory / "3.png")
    with open_media(directory, fps=25) as media:
        images = [frame.image for frame in media]
    assert [image.shape for image in images] == [(48, 64, 3)] * 3
    assert number_of(images[2]) == 2


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a_1.png", "b_1.png"], "two pictures of number 1"),
        (["cover.png", "me.png"], "without numbered pictures"),
        ([], "directory without pictures"),
    ],
)
def test_folders_that_are_no_video_are_refused(
    tmp_path: Path, names: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        open_media(fill(tmp_path / "clip", names))


@pytest.mark.parametrize("fps", [0.0, -5.0, 1e9, float("nan")])
def test_rates_that_make_no_sense_are_refused(tmp_path: Path, fps: float) -> None:
    with pytest.raises(InputError, match="fps: got"):
        open_media(fill(tmp_path / "clip", ["1.png"]), fps=fps)


def test_a_rate_for_what_says_its_own_is_refused(tmp_path: Path) -> None:
    Image.fromarray(level(1)).save(tmp_path / "photo.png")
    with pytest.raises(InputError, match="for a folder of frames alone"):
        open_media(tmp_path / "photo.png", fps=30)


def test_a_directory_of_openpose_is_no_folder_of_frames(tmp_path: Path) -> None:
    directory = fill(tmp_path / "clip", ["clip_000000000000_rendered.png"])
    assert is_frame_folder(directory)
    (directory / "clip_000000000000_keypoints.json").write_text("{}")
    assert not is_frame_folder(directory)
