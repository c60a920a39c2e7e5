"""Passing over frames of fast videos, and what lies between the looks."""

import numpy as np
import pytest

from overpose.keypoints.pace import Pace, between_looks, error_between_px
from overpose.keypoints.people import Person
from overpose.support.errors import InputError
from overpose.video.options import PredictOptions


def at(places: np.ndarray) -> np.ndarray:
    """(33, 3) keypoints of somebody 200 px high about a place."""
    rng = np.random.default_rng(0)
    body = np.concatenate([rng.uniform(-100, 100, (33, 2)), np.full((33, 1), 0.9)], axis=1)
    return (body + np.append(places, 0.0)).astype(np.float32)


def looked_at(pace: Pace, path: np.ndarray, *, ahead: int = 0) -> list[int]:
    """The frames that are looked at while somebody follows a path (frames, 2).

    Args:
        ahead: looks that are begun with before what was found in one is told.
    """
    looks = []
    for frame in range(len(path)):
        if pace.is_due(frame):
            looks.append(frame)
            if len(looks) > ahead:
                told = looks[-1 - ahead]
                pace.saw(told, [Person(1, at(path[told]))])
    return looks


def test_every_frame_unless_asked_otherwise() -> None:
    assert looked_at(Pace(1, 60.0), np.zeros((5, 2))) == [0, 1, 2, 3, 4]
    assert looked_at(Pace(3, 60.0), np.zeros((8, 2))) == [0, 3, 6]


@pytest.mark.parametrize(
    ("fps", "step"), [(25, 1), (30, 1), (50, 1), (59.94, 2), (60, 2), (120, 4)]
)
def test_auto_keeps_to_thirty_looks_a_second(fps: float, step: int) -> None:
    steadily = np.linspace([0, 0], [300, 60], 25)
    assert looked_at(Pace("auto", fps), steadily) == list(range(0, 25, step))


@pytest.mark.parametrize("ahead", [0, 1])
def test_every_frame_is_looked_at_while_somebody_moves_fast(ahead: int) -> None:
    path = np.zeros((80, 2))
    path[20:40, 0] = 60 * np.sin(np.arange(20))  # here and there within six frames
    looks = looked_at(Pace("auto", 60.0), path, ahead=ahead)
    assert set(range(24, 40)) <= set(looks)
    assert not set(range(1, 20, 2)) & set(looks)
    assert np.diff([frame for frame in looks if frame > 60]).tolist() == [2] * 9  # calm again


def test_frames_between_lie_on_a_line_where_both_looks_saw_somebody() -> None:
    passed = np.array([False, True, True, False, True, False, True])
    values = np.array([[0.0], [0.0], [0.0], [9.0], [9.0], [np.nan], [np.nan]])
    found = between_looks(values, passed)[:, 0]
    np.testing.assert_array_equal(found, [0, 3, 6, 9, 9, np.nan, np.nan])
    assert values[1, 0] == 0  # the input is left alone


def test_the_error_between_looks_is_that_of_the_line() -> None:
    frames = np.arange(41.0)
    keypoints = np.zeros((41, 4, 3))
    keypoints[:, :, 0] = 0.5 * frames[:, None] ** 2  # constant acceleration: 1 px a frame, squared
    passed = frames % 4 != 0
    truth = keypoints.copy()
    keypoints[passed] = np.nan
    middle = between_looks(keypoints, passed)[2::4] - truth[2::4]
    assert np.abs(middle[..., 0]).mean() == pytest.approx(2.0)
    assert error_between_px(keypoints, passed) == pytest.approx(2.0)
    assert np.isnan(error_between_px(keypoints[:5], passed[:5]))


def test_less_than_every_frame_is_no_pace() -> None:
    with pytest.raises(InputError, match="every: got 0, expected at least 1, or auto"):
        PredictOptions(every=0)
