"""The pictures of a clip, small and few enough."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import FPS, FRAMES, HEIGHT, WIDTH

from overpose.poses import PoseTrack
from overpose.support.errors import InputError
from overpose.viewer.clip import (
    ClipPlan,
    Pictures,
    decode_jpeg,
    encode_frames,
    plan_clip,
    read_clip,
)
from overpose.viewer.shown import show_of


@given(st.integers(1, 8000), st.integers(1, 8000), st.integers(1, 100_000), st.integers(1, 3000))
def test_a_plan_keeps_to_its_limits_and_to_the_proportions(
    width: int, height: int, frames: int, most: int
) -> None:
    plan = plan_clip(width, height, 25.0, frames, max_bytes=7_000_000, max_images=most)
    number = len(range(0, frames, plan.step))
    assert number <= most
    assert plan.bytes_each * number <= 7_000_000
    assert 1 <= plan.width <= width
    assert 1 <= plan.height <= height
    assert abs(plan.width / width - plan.height / height) <= 1 / min(width, height)


def test_pictures_of_a_difficult_clip_stay_within_their_bytes() -> None:
    rng = np.random.default_rng(3)
    images = [rng.integers(0, 255, (90, 160, 3), np.uint8).repeat(4, 0).repeat(4, 1)] * 40
    plan = plan_clip(640, 360, 25.0, 40, max_bytes=800_000, max_images=100)
    jpegs = list(encode_frames(images, plan))
    assert len(jpegs) == 40
    assert sum(map(len, jpegs)) <= 1.1 * 800_000


def test_every_step_th_frame_is_kept_with_its_colours() -> None:
    images = [np.full((48, 64, 3), (10 * n, 200, 90), np.uint8) for n in range(10)]
    plan = ClipPlan(fps=25.0, step=4, width=32, height=24, bytes_each=100_000, frames=10)
    decoded = [decode_jpeg(jpeg) for jpeg in encode_frames(images, plan)]
    assert [image.shape for image in decoded] == [(24, 32, 3)] * 3
    for number, image in zip((0, 4, 8), decoded, strict=True):
        np.testing.assert_allclose(
            image, np.broadcast_to((10 * number, 200, 90), image.shape), atol=4
        )


def read(path: Path, length_s: float, shape: tuple[int, int] = (WIDTH, HEIGHT)) -> list[bytes]:
    return list(
        read_clip(
            path,
            length_s,
            max_bytes=1_000_000,
            max_images=1000,
            shape=shape,
            on_plan=lambda plan: None,
        )
    )


def test_a_clip_is_read_as_far_as_it_is_shown(clip: Path) -> None:
    assert len(read(clip, 10 / FPS)) == 10
    assert len(read(clip, 100.0)) == FRAMES


def test_a_clip_of_other_proportions_is_told(clip: Path, capsys) -> None:
    read(clip, 0.1, shape=(HEIGHT, WIDTH))
    assert f"{WIDTH}x{HEIGHT}" in capsys.readouterr().err
    read(clip, 0.1, shape=(WIDTH // 2, HEIGHT // 2))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("content", [None, b"", b"this is no video"])
def test_what_is_no_clip_is_an_input_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.mp4"):
        read(path, 1.0)


def test_the_live_pictures_are_there_from_the_start_and_all_in_the_end(
    clip: Path, track: PoseTrack
) -> None:
    pictures = Pictures(clip, show_of(track))
    assert pictures.picture(0).shape == (HEIGHT, WIDTH, 3)
    pictures._thread.join()
    number = pictures.number_at(30 / FPS)
    assert number == 30
    np.testing.assert_allclose(pictures.picture(30).mean(axis=(0, 1)), (180, 60, 200), atol=8)
    assert pictures.number_at(1e6) == FRAMES - 1
    pictures.close()


def test_live_pictures_can_be_closed_at_once(clip: Path, track: PoseTrack) -> None:
    pictures = Pictures(clip, show_of(track))
    pictures.close()
    assert not pictures._thread.is_alive()
