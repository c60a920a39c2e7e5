"""Whether the camera stands still, seen from the background."""

import cv2
import numpy as np
import pytest

from overpose.keypoints.people import Person
from overpose.video.world.background import Background

FPS, FRAMES = 25.0, 60


def wall(seed: int = 0) -> np.ndarray:
    """A wall with things on it, larger than the picture."""
    rng = np.random.default_rng(seed)
    image = np.full((500, 800, 3), 120, np.uint8)
    for _ in range(120):
        x, y = int(rng.integers(0, 760)), int(rng.integers(0, 460))
        size = int(rng.integers(8, 40))
        colour = rng.integers(0, 255, 3).tolist()
        cv2.rectangle(image, (x, y), (x + size, y + size), colour, -1)
    return image


def person_at(x: float) -> Person:
    points = np.float32([[x, 90, 1], [x + 40, 90, 1], [x, 300, 1], [x + 40, 300, 1]])
    return Person(1, np.repeat(points, 9, axis=0)[:33])


def looked(how: str) -> bool | None:
    background = Background(FPS)
    scene, other = wall(), wall(1)
    rng = np.random.default_rng(2)
    for frame in range(FRAMES):
        x, y = 60, 60
        if how == "pan":
            x += 2 * frame
        if how == "tremble":
            x, y = x + int(rng.integers(-1, 2)), y + int(rng.integers(-1, 2))
        image = (other if how == "cut" and frame > 30 else scene)[y : y + 360, x : x + 480].copy()
        if how == "zoom":
            scale = 1 + 0.3 * frame / FRAMES
            wide, high = round(480 / scale), round(360 / scale)
            image = cv2.resize(scene[60 : 60 + high, 60 : 60 + wide], (480, 360))
        if how == "blank":
            image[:] = 90
        walker = person_at(40 + 5 * frame)
        image[90:300, 40 + 5 * frame : 80 + 5 * frame] = rng.integers(0, 255, (210, 40, 3))
        background.look(image, [walker], frame)
    return background.is_static


@pytest.mark.parametrize("how", ["still", "tremble"])
def test_a_camera_on_a_stand_or_in_a_steady_hand_stands_still(how: str) -> None:
    assert looked(how) is True


@pytest.mark.parametrize("how", ["pan", "zoom", "cut"])
def test_a_camera_that_turns_zooms_or_is_another_moves(how: str) -> None:
    assert looked(how) is False


def test_a_blank_background_tells_nothing() -> None:
    assert looked("blank") is None
