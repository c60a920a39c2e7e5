"""The image descriptor of LinKDE and KDE."""

import cv2
import numpy as np
import pytest

from overpose.baselines.phog import FEATURES, phog
from overpose.support.errors import InputError


def picture(angle_deg: float, side: int = 64) -> np.ndarray:
    """A bright bar on grey, the mask about it."""
    image = np.full((side, side, 4), 60, np.uint8)
    image[..., 3] = 0
    direction = np.array([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))])
    middle = np.array([side / 2, side / 2])
    ends = [tuple(np.round(middle + s * 20 * direction).astype(int).tolist()) for s in (-1, 1)]
    colour = np.ascontiguousarray(image[..., :3])
    image[..., :3] = cv2.line(colour, ends[0], ends[1], (250, 250, 250), 6)
    image[..., 3] = cv2.line(np.ascontiguousarray(image[..., 3]), ends[0], ends[1], 255, 24)
    return image


def test_descriptors_are_histograms_that_sum_to_one():
    found = phog(np.stack([picture(angle) for angle in (0, 30, 90)]))
    assert found.shape == (3, FEATURES) == (3, 765)
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


def test_every_level_holds_the_same_edges():
    (found,) = phog(picture(20)[None])
    whole, *rest = np.split(found, np.cumsum([9, 36, 144]))
    for level in rest:
        np.testing.assert_allclose(level.reshape(-1, 9).sum(axis=0), whole, atol=1e-6)


@pytest.mark.parametrize("angle_deg", [0, 45, 90, 135])
def test_a_bar_is_seen_in_the_direction_across_it(angle_deg):
    (found,) = phog(picture(angle_deg)[None])
    across = ((angle_deg + 90) % 180) / 20
    strongest = int(np.argmax(found[:9]))
    assert min(abs(strongest + 0.5 - across), 9 - abs(strongest + 0.5 - across)) <= 1


def test_what_lies_outside_the_mask_does_not_count():
    image = picture(30)
    cluttered = image.copy()
    outside = cv2.dilate(image[..., 3], np.ones((9, 9), np.uint8)) == 0
    noise = np.random.default_rng(0).integers(0, 255, image.shape, dtype=np.uint8)
    cluttered[outside, :3] = noise[outside, :3]
    np.testing.assert_array_equal(phog(image[None]), phog(cluttered[None]))


def test_only_the_largest_component_counts():
    image = picture(30)
    speck = image.copy()
    speck[2:4, 2:4, 3] = 255
    np.testing.assert_array_equal(phog(image[None]), phog(speck[None]))


def test_an_image_moved_within_the_frame_has_nearly_the_same_descriptor():
    image = picture(60, side=128)
    moved = np.roll(image, (4, -3), axis=(0, 1))
    assert np.abs(phog(image[None]) - phog(moved[None])).sum() < 0.02


def test_without_a_mask_the_whole_image_counts_and_without_edges_all_is_zero():
    image = picture(30)
    image[..., 3] = 0
    assert phog(image[None]).sum() == pytest.approx(1, abs=1e-5)
    assert phog(np.full((1, 32, 32, 4), 128, np.uint8)).sum() == 0


def test_images_without_mask_channel_are_refused():
    with pytest.raises(InputError, match=r"images: got shape \(2, 64, 64, 3\)"):
        phog(np.zeros((2, 64, 64, 3), np.uint8))
