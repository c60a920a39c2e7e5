"""What methods are given: images, or images with masks."""

import cv2
import numpy as np
import pytest

from overpose.baselines.phog import dilation_px
from overpose.datasets.store import open_dataset
from overpose.methods import Samples, pictures
from overpose.methods.samples import blackened


@pytest.fixture
def dataset(tmp_path, tiny_dataset):
    with open_dataset(tiny_dataset(tmp_path / "data", masks=True)) as dataset:
        yield dataset


def test_outside_the_dilated_mask_a_masked_image_is_black_and_inside_as_it_was(dataset):
    some = np.array([0, 3, 5])
    shown = pictures(dataset, "masked_image")(some)
    for picture, image, index in zip(shown, dataset.images(some), some, strict=True):
        away = cv2.distanceTransform((~dataset.mask(int(index))).astype(np.uint8), cv2.DIST_L2, 5)
        inside = away <= dilation_px(32)
        np.testing.assert_array_equal(picture[inside], image[inside])
        assert not picture[away > 1.5 * dilation_px(32)].any()
        assert image[away > 1.5 * dilation_px(32)].any()


def test_an_image_without_a_mask_stays_whole():
    images = np.full((1, 16, 16, 4), 7, np.uint8)
    images[..., 3] = 0
    np.testing.assert_array_equal(blackened(images), images[..., :3])


def test_masks_are_dilated_in_proportion_to_the_image_and_by_a_pixel_at_least():
    assert [dilation_px(side) for side in (64, 128, 400, 800)] == [1, 1, 3, 6]


def test_a_mask_channel_is_empty_where_masks_are_not_given(dataset):
    some = np.arange(4)
    without = pictures(dataset, "image", mask_channel=True)(some)
    np.testing.assert_array_equal(without[..., :3], dataset.images(some))
    assert not without[..., 3].any()
    given = pictures(dataset, "masked_image", mask_channel=True)(some)
    np.testing.assert_array_equal(given, dataset.masked_images(some))
    assert given[..., 3].any()


def test_training_validation_and_parts_are_given_the_same(dataset):
    names = dataset.subjects[dataset.splits == "train"]
    splits = np.where(dataset.subjects == names[0], "val", dataset.splits)
    samples = Samples(dataset.with_splits(splits), "masked_image")
    assert samples.validation is not None
    for split, images in (("train", samples.train_images), ("val", samples.validation[0])):
        rows = dataset.select(splits == split)
        np.testing.assert_array_equal(images, blackened(rows.masked_images(np.arange(len(rows)))))
    part = samples.part(5, 0)
    assert part.inputs == "masked_image"
    assert len(part.train_images) == 5
