"""The rtmlib engine, with a stand-in for the package."""

import sys
from types import ModuleType

import numpy as np
import pytest

from overpose.keypoints.engines.rtmlib import RTMLIB
from overpose.keypoints.rtmpose import RtmlibEngine
from overpose.support.errors import InputError


def stand_in(monkeypatch: pytest.MonkeyPatch, body: object) -> None:
    module = ModuleType("rtmlib")
    module.Body = body  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "rtmlib", module)


class Body:
    """Finds one person at the pixel of the image that is blue in BGR, and a doubtful one."""

    def __init__(self, **settings: object) -> None:
        assert settings["backend"] == "onnxruntime"

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        row, column = np.argwhere(image[..., 0] == 255)[0]
        points = np.tile(np.array([column, row], np.float64), (2, 17, 1))
        return points, np.stack([np.full(17, 1.2), np.full(17, 0.1)])


def test_keypoints_come_in_pixels_with_scores_up_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, Body)
    image = np.zeros((20, 30, 3), np.uint8)
    image[5, 8] = (0, 0, 255)  # blue, in RGB
    people = RtmlibEngine()(image)
    assert len(people) == 1
    assert people[0].shape == (17, 3)
    assert people[0].dtype == np.float32
    assert (people[0] == (8, 5, 1)).all()


def test_an_image_without_people_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    class Empty(Body):
        def __call__(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return np.empty((0, 17, 2)), np.empty((0, 17))

    stand_in(monkeypatch, Empty)
    assert RtmlibEngine()(np.zeros((20, 30, 3), np.uint8)) == []


def test_a_missing_package_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rtmlib", None)
    with pytest.raises(InputError, match=r"overpose\[rtmlib\]"):
        RTMLIB.finders(1)


def test_models_that_cannot_be_downloaded_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(**settings: object) -> object:
        raise OSError("no route to host\nmore")

    stand_in(monkeypatch, offline)
    with pytest.raises(InputError, match=r"no route to host\)"):
        RtmlibEngine()
