"""The webcam, with a file or a stand-in in its place."""

import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from scripted_people import FPS, HEIGHT, WIDTH, write_clip

from overpose.media.webcam import open_webcam
from overpose.support.errors import InputError


def test_a_file_in_place_of_the_camera_gives_every_frame(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", [{"red": (40 + 10 * i, 120)} for i in range(12)])
    with open_webcam(tmp_path / "clip.mp4") as media:
        assert (media.info.name, media.info.fps) == ("clip", FPS)
        assert (media.info.width, media.info.height) == (WIDTH, HEIGHT)
        frames = list(media)
    assert [frame.index for frame in frames] == list(range(12))
    assert frames[0].image[120, 40, 0] > 180  # red, in RGB
    assert frames[0].image[120, 40, 2] < 90


def test_recording_ends_after_the_stated_time(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", [{}] * 30)
    with open_webcam(tmp_path / "clip.mp4", seconds=0.4) as media:
        assert len(list(media)) == 10


class Camera:
    """A camera of 100 frames a second whose pictures say their number."""

    def __init__(self, device: object) -> None:
        self.number = 0
        self.released = False

    def isOpened(self) -> bool:
        return True

    def get(self, what: int) -> float:
        return 100.0 if what == cv2.CAP_PROP_FPS else 0.0

    def read(self) -> tuple[bool, np.ndarray | None]:
        if self.number:
            time.sleep(0.01)
        self.number += 1
        if self.number > 60:
            return False, None
        return True, np.full((8, 8, 3), self.number, np.uint8)

    def release(self) -> None:
        self.released = True


def test_a_slow_user_gets_new_pictures_on_a_constant_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    frames = []
    with open_webcam(0) as media:
        assert media.info.name == "webcam0"
        for frame in media:
            frames.append(frame)
            if not frame.repeated:
                time.sleep(0.03)
    assert [frame.index for frame in frames] == list(range(len(frames)))
    shown = [int(frame.image[0, 0, 0]) for frame in frames if not frame.repeated]
    assert shown == sorted(set(shown))
    assert len(shown) < 45  # of 60: those in between were skipped
    assert any(frame.repeated for frame in frames)


def test_a_camera_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="webcam: got 97"):
        open_webcam(97)


def test_a_time_that_is_not_positive_is_refused() -> None:
    with pytest.raises(InputError, match="seconds"):
        open_webcam(0, seconds=0)
