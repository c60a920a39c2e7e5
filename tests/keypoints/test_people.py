"""Following people: one number each, new ones found, lost ones found again."""

import gc
import weakref
from typing import cast

import cv2
import numpy as np
import pytest
from rendered_people import blazepose, rendered_still
from scripted_people import FPS, ScriptedEngines, draw, standing_px

from overpose.keypoints.blazepose import BlazePose, Landmarks, Region
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


def busy_scene(frame: int) -> np.ndarray:
    """Two people who cross; one is away for a while, the other comes late."""
    return draw(
        {
            "red": None if 12 <= frame < 15 else (60 + 5 * frame, 120),
            "green": (260 - 5 * frame, 130) if frame >= 4 else None,
        }
    )


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("ahead", [1, 3])
def test_people_are_the_same_however_many_frames_are_begun_with_ahead(
    threads: int, ahead: int
) -> None:
    expected, found = finder_of(ScriptedEngines()), finder_of(ScriptedEngines(threads))
    begun = []
    for frame in range(40):
        begun.append((frame, found.begin(busy_scene(frame), frame)))
        for at, ask in begun[: -ahead if frame < 39 else None]:
            known = expected.find(busy_scene(at), at)
            people = ask()
            assert [each.number for each in people] == [each.number for each in known]
            for one, other in zip(people, known, strict=True):
                np.testing.assert_array_equal(one.keypoints_px, other.keypoints_px)
        begun = begun[-ahead:]
    assert found.presences == expected.presences


def test_looking_ahead_costs_little_where_people_leave() -> None:
    """Whoever is not expected any more is not followed on."""
    calls = {}
    for threads in (1, 2):
        engines = ScriptedEngines(threads)
        finder, asks = finder_of(engines), []
        for frame in range(40):
            asks.append(finder.begin(busy_scene(frame), frame))
            if frame > 0:
                asks[frame - 1]()
        asks[-1]()
        calls[threads] = engines.landmark_calls
    assert calls[1] <= calls[2] <= calls[1] + 10


def test_people_of_a_later_frame_can_be_asked_for_first() -> None:
    finder, other = finder_of(ScriptedEngines(2)), finder_of(ScriptedEngines())
    asks = [finder.begin(busy_scene(frame), frame) for frame in range(8)]
    known = [other.find(busy_scene(frame), frame) for frame in range(8)]
    for ask, people in reversed(list(zip(asks, known, strict=True))):
        assert [each.number for each in ask()] == [each.number for each in people]


def test_what_a_network_raises_beside_the_caller_comes_to_it() -> None:
    engines = ScriptedEngines(2)
    finder = finder_of(engines)
    finder.find(busy_scene(0), 0)
    first = finder.begin(busy_scene(1), 1)
    first()

    def broken(image: np.ndarray, region: Region) -> Landmarks:
        raise MemoryError("no room for a network")

    engines.landmarks = broken  # type: ignore[method-assign]
    second, third = finder.begin(busy_scene(2), 2), finder.begin(busy_scene(3), 3)
    for ask in (second, third):
        with pytest.raises(MemoryError, match="no room"):
            ask()


def test_frames_that_are_settled_are_forgotten() -> None:
    finder = finder_of(ScriptedEngines(2))
    begun, images = [], []
    for frame in range(12):
        image = busy_scene(frame)
        images.append(weakref.ref(image))
        begun.append(finder.begin(image, frame))
        del image
        if len(begun) > 1:
            begun.pop(0)()
    begun.pop()()
    finder.find(busy_scene(12), 12)
    gc.collect()
    assert sum(image() is not None for image in images) <= 1


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
