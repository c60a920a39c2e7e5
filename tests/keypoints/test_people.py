"""Following people: one number each, new ones found, lost ones found again."""

from typing import cast

import cv2
import numpy as np
import pytest
from rendered_people import blazepose, rendered_still
from scripted_people import FPS, ScriptedEngines, draw, standing_px

from overpose.keypoints.blazepose import BlazePose
from overpose.keypoints.people import BlazePoseFinder, DetectionFinder
from overpose.layouts import COCO_17


def finder_of(engines: ScriptedEngines) -> BlazePoseFinder:
    return BlazePoseFinder(cast(BlazePose, engines), FPS)


def test_one_person_keeps_one_number_and_the_detector_rests() -> None:
    engines = ScriptedEngines()
    finder = finder_of(engines)
    for frame in range(30):
        people = finder.find(draw({"red": (100 + 2 * frame, 120)}), frame)
        assert [person.number for person in people] == [1]
        hips = people[0].keypoints_px[23:25, :2].mean(axis=0)
        assert np.allclose(hips, (100 + 2 * frame, 120), atol=1.5)
    assert engines.detections <= 4  # 2.5 times a second
    assert 1 <= engines.tiled < engines.detections


def test_a_second_person_is_found_soon_and_is_somebody_else() -> None:
    finder = finder_of(ScriptedEngines())
    numbers = []
    for frame in range(30):
        there = {"red": (80, 120), "green": (240, 120) if frame >= 5 else None}
        numbers.append(sorted(p.number for p in finder.find(draw(there), frame)))
    assert numbers[0] == [1]
    assert numbers[5 + round(0.4 * FPS)] == [1, 2]
    assert numbers[-1] == [1, 2]


def test_who_comes_back_soon_is_the_same_person() -> None:
    finder = finder_of(ScriptedEngines())
    numbers = []
    for frame in range(40):
        away = 10 <= frame < 22
        there = {"red": None if away else (100 + frame, 120)}
        numbers.append([p.number for p in finder.find(draw(there), frame)])
    assert numbers[9] == [1]
    assert numbers[10:22] == [[]] * 12
    assert numbers[-1] == [1]


def test_nobody_gives_nobody() -> None:
    finder = finder_of(ScriptedEngines())
    assert all(finder.find(draw({}), frame) == [] for frame in range(5))
    assert finder.presences == []


def test_results_of_another_detector_are_numbered_and_doubles_left_out() -> None:
    person = np.full((17, 3), 0.9, np.float32)
    names = list(COCO_17.names)
    shape = standing_px()
    from overpose.layouts import BLAZEPOSE_33

    person[:, :2] = shape[[BLAZEPOSE_33.names.index(name) for name in names]] + (100, 120)
    other = person + np.array([150, 0, 0], np.float32)
    finder = DetectionFinder(lambda image: [person, person + 1, other], COCO_17, FPS)
    for frame in range(3):
        found = finder.find(draw({}), frame)
        assert sorted(each.number for each in found) == [1, 2]


def test_very_small_people_are_looked_for_where_nobody_is_and_less_often_in_vain() -> None:
    engines = ScriptedEngines()
    finder = finder_of(engines)
    picture = draw({})
    for frame in range(0, round(15 * FPS), 5):
        finder.find(picture, frame)
    assert engines.small == 3  # at 0, 4 and 12 s


def test_very_small_people_are_not_looked_for_beside_large_ones() -> None:
    engines = ScriptedEngines()  # their regions have 200 px of 240
    finder = finder_of(engines)
    picture = draw({"red": (100, 120)})
    for frame in range(round(2.5 * FPS)):
        finder.find(picture, frame)
    assert engines.tiled == 2
    assert engines.small == 0


@pytest.mark.parametrize("complexity", ["full", "heavy"])
def test_a_crowd_is_found(complexity: str) -> None:
    """Twenty-four people in 1800 x 1200 pixels; without smaller parts: nobody, or a few."""
    person = cv2.resize(rendered_still(1).image, (300, 300), interpolation=cv2.INTER_AREA)
    finder = BlazePoseFinder(blazepose(complexity), 1.0)
    assert len(finder.find(np.tile(person, (4, 6, 1)), 0)) >= 20
