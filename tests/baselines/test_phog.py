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


def square_person(outside: int, inside: int, side: int = 256) -> np.ndarray:
    """A mask in the middle of the picture, about an even person on an even background."""
    image = np.full((side, side, 4), outside, np.uint8)
    image[64:192, 64:192, :3] = inside
    image[..., 3] = 0
    image[64:192, 64:192, 3] = 255
    return image


def test_edges_of_the_background_never_count():
    image = square_person(100, 100)
    image[20:40, 20:236, :3] = 250
    assert phog(image[None]).sum() == 0
    with_bar = image.copy()
    with_bar[110:140, 100:160, :3] = 250
    alone = with_bar.copy()
    alone[20:40] = with_bar[0, 0]
    np.testing.assert_array_equal(phog(with_bar[None]), phog(alone[None]))


def test_the_mask_draws_no_silhouette():
    """A masked person of the background's own colour has no edges; its outline is none."""
    assert phog(square_person(200, 200)[None]).sum() == 0
    assert phog(square_person(100, 200)[None]).sum() > 0.99


def test_gradients_inside_are_those_of_the_unmasked_picture():
    """The same picture under a mask of everything has the same edges there, at the same cells."""
    image = square_person(100, 100)
    image[100:156, 90:170, :3] = np.linspace(120, 250, 80).astype(np.uint8)[:, None]
    whole = image.copy()
    whole[..., 3] = 255
    masked, unmasked = (phog(each[None])[0] for each in (image, whole))
    np.testing.assert_allclose(masked[:9], unmasked[:9], atol=1e-6)


def test_a_strong_edge_of_the_background_raises_the_least_that_counts():
    """Thresholds are parts of the picture's largest gradient, wherever it lies."""
    image = square_person(100, 100)
    image[110:140, 100:160, :3] = 115
    assert phog(image[None]).sum() == pytest.approx(1, abs=1e-5)
    image[20:40, 20:236, :3] = 250
    assert phog(image[None]).sum() == 0


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


def two_bars(first: int, second: int, side: int = 256) -> np.ndarray:
    """A bar above and one below on black, this bright; the mask is everything."""
    image = np.zeros((side, side, 4), np.uint8)
    image[..., 3] = 255
    image[60:70, 40:216, :3] = first
    image[180:190, 40:216, :3] = second
    return image


def finest(descriptor: np.ndarray) -> np.ndarray:
    """(8, 8) mass of the finest cells."""
    return descriptor[9 + 36 + 144 :].reshape(8, 8, 9).sum(axis=2)


@pytest.mark.parametrize(("brightness", "counts"), [(30, False), (75, True)])
def test_an_edge_of_its_own_counts_from_a_fifth_of_the_largest_on(brightness, counts):
    (found,) = phog(two_bars(250, brightness)[None])
    cells = finest(found)
    assert cells[:4].sum() > 0
    assert (cells[4:].sum() > 0) == counts


def test_an_edge_counts_with_its_length():
    cells = finest(phog(two_bars(240, 120)[None])[0])
    assert cells[:4].sum() == pytest.approx(2 * cells[4:].sum(), rel=0.02)


@pytest.mark.parametrize(("faintest", "counts"), [(12, True), (1, False)])
def test_a_faint_edge_counts_where_it_continues_a_strong_one(faintest, counts):
    """From a hundredth of the strongest on: a bar fades to a twentieth, or to a 250th."""
    image = two_bars(0, 0)
    image[60:70, 40:140, :3] = np.linspace(250, 12, 100).astype(np.uint8)[:, None]
    image[60:70, 140:190, :3] = np.linspace(12, faintest, 50).astype(np.uint8)[:, None]
    image[60:70, 190:216, :3] = faintest
    row = finest(phog(image[None])[0])[1:3].sum(axis=0)
    assert (row[6] > 0) == counts
    assert row[2] > row[3] > 0


def test_lines_of_one_pixel_are_smoothed():
    """Blurred by 1.41 px, a line is about 0.36 times as steep as an edge of the same contrast."""
    image = two_bars(250, 0)
    image[185, 40:216, :3] = 250
    cells = finest(phog(image[None])[0])
    place = np.arange(-8, 9)
    line = np.exp(-np.square(place / 1.4142) / 2)
    line, edge = line / line.sum(), np.cumsum(line / line.sum())
    steepness = [np.abs(profile[2:] - profile[:-2]).max() for profile in (line, edge)]
    expected = steepness[0] / steepness[1]
    assert cells[4:].sum() / cells[:4].sum() == pytest.approx(expected, rel=0.05)


def test_small_images_count_as_enlarged_to_the_published_size():
    image = picture(30, side=64)
    large = cv2.resize(image, (128, 128), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(phog(image[None]), phog(large[None]))


def test_the_cells_cover_the_person_and_a_margin():
    """Mask, 3 px of dilation and 10 px of margin in 400: the outline lies inside the outer cells.

    A mask of 200 px from 100 px on gives cells of (200 + 2 (3 + 10)) / 8 = 28.25 px from 87 px on.
    """
    image = np.zeros((400, 400, 4), np.uint8)
    image[100:300, 100:300, 3] = 255
    image[180:220, 148:300, :3] = 200  # its left edge at 148 px
    row = finest(phog(image[None])[0]).sum(axis=0)
    (first,) = np.flatnonzero(row > 0.05 * row.sum())[:1]
    assert first == int((148 - 87) / 28.25) == 2


@pytest.mark.parametrize(("beyond", "counts"), [(2, True), (8, False)])
def test_the_mask_is_dilated_by_three_pixels_of_four_hundred(beyond, counts):
    image = np.full((400, 400, 4), 100, np.uint8)
    image[..., 3] = 0
    image[100:300, 100:300, 3] = 255
    image[150:250, 150:250, :3] = 250
    marked = image.copy()
    marked[180:220, 100 - beyond, :3] = 250
    assert np.array_equal(phog(image[None]), phog(marked[None])) != counts


def test_images_without_mask_channel_are_refused():
    with pytest.raises(InputError, match=r"images: got shape \(2, 64, 64, 3\)"):
        phog(np.zeros((2, 64, 64, 3), np.uint8))
