"""The line that says that a video is too hard for the faster keypoint model."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scripted_people import HEIGHT, WIDTH, standing_px, write_clip

from overpose.keypoints.engines import Engine
from overpose.keypoints.people import Person
from overpose.keypoints.selection import Presence, presences_of
from overpose.keypoints.sides import with_sides_exchanged
from overpose.layouts import BLAZEPOSE_33
from overpose.video.estimator import PoseEstimator

FRAMES = 40


def standing(exchanged: int) -> np.ndarray:
    """(frames, 33, 3): somebody whose sides are exchanged in that many pairs of frames."""
    rng = np.random.default_rng(0)
    track = np.full((FRAMES, 33, 3), 0.9, np.float32)
    track[..., :2] = standing_px(WIDTH / 2, HEIGHT / 2) + rng.normal(0, 0.4, (FRAMES, 33, 2))
    halves = np.zeros((FRAMES, 2), dtype=bool)
    for frame in 3 + 5 * np.arange(exchanged):
        halves[frame : frame + 2] = True
    return with_sides_exchanged(track, BLAZEPOSE_33, halves)


class Scripted:
    """Finds one person as the script says."""

    layout = BLAZEPOSE_33

    def __init__(self, track: np.ndarray) -> None:
        self._track = track

    @property
    def presences(self) -> list[Presence]:
        return presences_of(self._track[None])

    def begin(self, image: np.ndarray, frame: int) -> Callable[[], list[Person]]:
        return partial(self.find, image, frame)

    def find(self, image: np.ndarray, frame: int) -> list[Person]:
        return [Person(1, self._track[frame])]


def said_of(engine: Engine, clip: Path, capsys: pytest.CaptureFixture[str]) -> str:
    write_clip(clip, [{}] * FRAMES)
    assert PoseEstimator.from_pretrained(engine).predict(clip).people == 1
    return "\n".join(line for line in capsys.readouterr().err.splitlines() if "put back" in line)


def engine_of(track: np.ndarray) -> Engine:
    return Engine("faster", "scripted", lambda threads: lambda fps: Scripted(track))


def automatic(track: np.ndarray) -> Engine:
    better = Engine("better", "not used", lambda threads: pytest.fail("is for photos"))
    return Engine("either", "", engine_of(track).load, for_photos=better)


def test_who_has_left_and_right_exchanged_often_is_said_to_be_too_hard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = said_of(automatic(standing(5)), tmp_path / "far.mp4", capsys)
    assert said.startswith(
        "far: left and right were exchanged in up to 25% of the frames of 1 of 1"
    )
    assert "--keypoints better" in said


def test_a_few_exchanges_are_not_worth_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said_of(automatic(standing(2)), tmp_path / "near.mp4", capsys) == ""


def test_who_chose_the_model_is_told_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said_of(engine_of(standing(5)), tmp_path / "far.mp4", capsys) == ""
