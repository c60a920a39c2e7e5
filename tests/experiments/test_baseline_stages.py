"""The kernel systems as stages: fitted once, found again, measured like the others."""

from dataclasses import replace

import numpy as np
import pytest

from overpose.baselines.kde import KDEConfig
from overpose.baselines.linkde import LinKDE, LinKDEConfig
from overpose.datasets.store import open_dataset
from overpose.experiments.baseline_stages import KERNEL_METHODS, fit_kernel_method
from overpose.experiments.pipeline import stages_s
from overpose.experiments.presets import SMOKE
from overpose.measure.protocols import evaluate
from overpose.networks.storage import load_model
from overpose.support.errors import InputError

PRESET = replace(
    SMOKE,
    kde=KDEConfig(samples=500, components=100),
    linkde=LinKDEConfig(input_features=200, output_features=150),
)


@pytest.fixture
def dataset(tmp_path, tiny_dataset):
    with open_dataset(tiny_dataset(tmp_path / "data")) as dataset:
        yield dataset


def fitted(method, dataset, out, **options):
    train = dataset.select(dataset.splits == "train")
    values = {"seed": 0, "provenance": {"method": method}} | options
    return fit_kernel_method(method, PRESET, train, out / method, **values)


@pytest.mark.parametrize("method", KERNEL_METHODS)
def test_each_is_fitted_measured_and_found_again(tmp_path, dataset, method):
    model = fitted(method, dataset, tmp_path)
    rows = evaluate(model.predict, dataset, method=method, seed=0, masked=True)
    assert rows[-1].action == "mean"
    assert rows[-1].mpjpe_mm is not None
    assert 0 < rows[-1].mpjpe_mm < 400
    assert stages_s([tmp_path / method]) > 0
    again = fitted(method, dataset, tmp_path)
    images = dataset.masked_images(np.arange(5))
    np.testing.assert_array_equal(again.predict(images), model.predict(images))


def test_a_model_on_disk_predicts_what_it_did(tmp_path, dataset):
    model = fitted("linkde", dataset, tmp_path, seed=3)
    read = load_model(tmp_path / "linkde" / "last")
    assert isinstance(read, LinKDE)
    images = dataset.masked_images(np.arange(5))
    np.testing.assert_array_equal(read.predict(images), model.predict(images))


def test_one_fitted_otherwise_is_refused(tmp_path, dataset):
    fitted("linkde", dataset, tmp_path)
    with pytest.raises(InputError, match="use another directory"):
        fitted("linkde", dataset, tmp_path, seed=1)


@pytest.mark.parametrize("method", KERNEL_METHODS)
def test_one_fitted_on_other_samples_is_refused(tmp_path, dataset, method):
    fitted(method, dataset, tmp_path)
    train = np.flatnonzero(dataset.splits == "train")
    test = np.flatnonzero(dataset.splits == "test")
    for other in (train[::-1], np.concatenate([train[1:], train[:1]])):
        with pytest.raises(InputError, match="was fitted on other samples"):
            fitted(method, dataset.select(np.concatenate([other, test])), tmp_path)


def test_what_the_preset_lacks_and_no_samples_are_refused(tmp_path, dataset):
    train = dataset.select(dataset.splits == "train")
    without = replace(PRESET, kde=None)
    with pytest.raises(InputError, match="has no kde"):
        fit_kernel_method("kde", without, train, tmp_path, seed=0, provenance={})
    nobody = dataset.select(np.zeros(len(dataset), bool))
    with pytest.raises(InputError, match="no samples of split 'train'"):
        fit_kernel_method("kde", PRESET, nobody, tmp_path, seed=0, provenance={})


def test_images_without_masks_have_an_empty_fourth_channel(dataset):
    images = dataset.masked_images([2, 0])
    np.testing.assert_array_equal(images[..., :3], dataset.images([2, 0]))
    assert not images[..., 3].any()
