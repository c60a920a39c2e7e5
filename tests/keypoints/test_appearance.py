"""Colours of trunk and legs."""

import numpy as np
import pytest
from walkers import path, walker

from overpose.keypoints.appearance import appearance, appearance_similarity
from overpose.layouts import COCO_17, KeypointLayout

RED, BLUE, DARK = (200, 30, 30), (30, 40, 190), (25, 25, 35)


def picture(trunk: tuple, legs: tuple, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """An image of a front view on grey, and its keypoints."""
    keypoints = walker(path((150, 150), (150, 150), 1))[0]
    keypoints[[5, 11], 0] += 25
    keypoints[[6, 12], 0] -= 25
    keypoints[[13, 15], 0] += 25
    keypoints[[14, 16], 0] -= 25
    image = np.full((300, 300, 3), 128, dtype=np.uint8)
    image[85:152, 110:190] = trunk
    image[152:250, 100:200] = legs
    noise = np.random.default_rng(seed).integers(-8, 9, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), keypoints


def looks(trunk: tuple, legs: tuple, seed: int = 0) -> np.ndarray:
    found = appearance(*picture(trunk, legs, seed), COCO_17)
    assert found is not None
    return found


def test_the_same_clothes_are_more_alike_than_others():
    same = appearance_similarity(looks(RED, BLUE, 1), looks(RED, BLUE, 2))
    assert same > 0.95
    assert appearance_similarity(looks(RED, BLUE), looks(BLUE, RED)) < 0.2
    assert appearance_similarity(looks(RED, BLUE), looks(RED, DARK)) < 0.8


def test_a_little_more_light_changes_little():
    bright = tuple(value + 12 for value in RED)
    assert appearance_similarity(looks(RED, BLUE), looks(bright, BLUE)) > 0.9


def test_both_halves_sum_to_one():
    np.testing.assert_allclose(looks(RED, BLUE).reshape(2, 64).sum(axis=1), 1, rtol=1e-5)


def test_without_legs_the_trunk_is_compared():
    image, keypoints = picture(RED, BLUE)
    keypoints[13:] = (np.nan, np.nan, 0)
    trunk = appearance(image, keypoints, COCO_17)
    assert trunk is not None
    assert (trunk[64:] == 0).all()
    assert appearance_similarity(trunk, looks(RED, BLUE)) > 0.95


@pytest.mark.parametrize("shift", [-1000, 1000, np.nan])
def test_without_a_visible_trunk_there_is_no_appearance(shift):
    image, keypoints = picture(RED, BLUE)
    keypoints[:, 0] += shift
    assert appearance(image, keypoints, COCO_17) is None


def test_a_layout_without_shoulders_has_no_appearance():
    image, keypoints = picture(RED, BLUE)
    layout = KeypointLayout("hips", ("left_hip", "right_hip"))
    assert appearance(image, keypoints[[11, 12]], layout) is None
