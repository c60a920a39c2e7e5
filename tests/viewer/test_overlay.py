"""The overlay: skeletons where the people are, the panel beside, a picture for a photo."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from moving_person import moving_track
from PIL import Image

from overpose.media.video import open_media
from overpose.media.writer import writing_video
from overpose.poses import PoseTrack
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.viewer.overlay import Overlay, overlay_path, write_overlay
from overpose.viewer.shown import SIDE_COLOURS

GREY = 90


def grey(width: int = 640, height: int = 480) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def in_view() -> PoseTrack:
    """One person of `moving_track`, moved into the middle of the picture."""
    track = moving_track(people=1, frames=6)
    root = np.full_like(track.root_mm, 0)
    root[..., 2] = 4000
    return replace(track, root_mm=root)


def test_limbs_are_drawn_where_the_joints_project() -> None:
    track = in_view()
    drawn = Overlay(track, 640, 480).draw(grey(), 2)
    joints = track.poses_mm[0, 2] + track.root_mm[0, 2]
    pixels = joints[:, :2] / joints[:, 2:] * track.focal_px + (320, 240)
    for start, end in (("left_hip", "left_knee"), ("right_hip", "right_knee")):
        x, y = pixels[[HUMAN36M.index(start), HUMAN36M.index(end)]].mean(axis=0)
        patch = drawn[round(y) - 2 : round(y) + 3, round(x) - 2 : round(x) + 3].astype(int)
        assert (np.abs(patch - GREY).max(axis=-1) > 40).any()
    left = (np.abs(drawn[:, :640].astype(int) - SIDE_COLOURS["left"]).max(axis=-1) < 20).sum()
    assert left > 50
    assert (drawn[:40, :40] == GREY).all()  # the rest of the picture is as it was


def test_the_panel_beside_shows_the_person_and_the_floor() -> None:
    overlay = Overlay(in_view(), 640, 480)
    assert overlay.size == (640 + 480, 480)
    panel = overlay.draw(grey(), 0)[:, 640:]
    assert len(np.unique(panel.reshape(-1, 3), axis=0)) > 20
    empty = Overlay(replace(in_view(), poses_mm=in_view().poses_mm * np.nan), 640, 480)
    assert not np.array_equal(empty.draw(grey(), 0)[:, 640:], panel)


def test_somebody_without_a_place_is_drawn_by_the_keypoints() -> None:
    track = in_view()
    lost = replace(track, root_mm=np.full_like(track.root_mm, np.nan))
    drawn = Overlay(lost, 640, 480).draw(grey(), 0)[:, :640]
    x, y = track.keypoints_px[0, 0, HUMAN36M.index("pelvis"), :2]
    patch = drawn[
        round(float(y)) - 3 : round(float(y)) + 4, round(float(x)) - 3 : round(float(x)) + 4
    ]
    assert (patch != GREY).any()


def test_frames_after_the_end_of_the_track_stay_as_they_are() -> None:
    drawn = Overlay(in_view(), 640, 480).draw(grey(), 100)
    assert (drawn[:, :640] == GREY).all()


def test_large_pictures_become_smaller() -> None:
    overlay = Overlay(in_view(), 3840, 2160)
    assert overlay.size == (1280 + 720, 720)
    assert overlay.draw(grey(3840, 2160), 0).shape == (720, 2000, 3)


def test_a_video_has_as_many_frames_as_its_source(tmp_path: Path) -> None:
    with writing_video(tmp_path / "clip.mp4", 30, 640, 480) as video:
        for _ in range(8):
            video.write(grey())
    path = overlay_path(tmp_path, "clip", False)
    write_overlay(tmp_path / "clip.mp4", in_view(), path)
    with open_media(path) as media:
        assert (media.info.width, media.info.height, media.info.fps) == (1120, 480, 30)
        assert len(list(media)) == 8
    with pytest.raises(InputError, match="exists already"):
        write_overlay(tmp_path / "clip.mp4", in_view(), path)


def test_a_photo_gives_a_picture(tmp_path: Path) -> None:
    Image.fromarray(grey()).save(tmp_path / "photo.png")
    path = overlay_path(tmp_path, "photo", True)
    write_overlay(tmp_path / "photo.png", in_view(), path)
    with Image.open(path) as picture:
        assert picture.size == (1120, 480)
