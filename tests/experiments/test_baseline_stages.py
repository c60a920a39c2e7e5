"""The kernel systems as stages: fitted once, found again, measured like the others."""

import numpy as np
import pytest

from overpose.baselines.kde import KDEConfig
from overpose.baselines.linkde import LinKDE, LinKDEConfig
from overpose.datasets.store import open_dataset
from overpose.experiments.pipeline import stages_s
from overpose.measure.protocols import evaluate
from overpose.methods import METHODS, FitContext, Samples, load_model
from overpose.methods.nearest_pose import NearestPoseMethod
from overpose.support.errors import InputError
from overpose.training import Runtime

CONFIGS = {
    "nearest_pose": NearestPoseMethod(),
    "kde": KDEConfig(samples=500, components=100),
    "linkde": LinKDEConfig(input_features=200, output_features=150),
}
CARDS = {method.name: method for method in METHODS if method.fitted_once}


@pytest.fixture
def dataset(tmp_path, tiny_dataset):
    with open_dataset(tiny_dataset(tmp_path / "data")) as dataset:
        yield dataset


def fitted(method, dataset, out, *, seed=0):
    def none_before(name):
        raise AssertionError(f"{method} asked for {name}")

    context = FitContext(
        Samples(dataset),
        out / method,
        seed,
        Runtime("cpu"),
        {"method": method},
        model=none_before,
        code=none_before,
    )
    return CARDS[method].fit(CONFIGS[method], context)


def test_each_fitted_system_is_tried_here():
    assert CONFIGS.keys() == CARDS.keys()


@pytest.mark.parametrize("method", CONFIGS)
def test_each_is_fitted_measured_and_found_again(tmp_path, dataset, method):
    model = fitted(method, dataset, tmp_path)
    rows = evaluate(model.predict, dataset, method=method, seed=0, mask_channel=True)
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


@pytest.mark.parametrize("method", CONFIGS)
def test_one_fitted_on_other_samples_is_refused(tmp_path, dataset, method):
    fitted(method, dataset, tmp_path)
    train = np.flatnonzero(dataset.splits == "train")
    test = np.flatnonzero(dataset.splits == "test")
    for other in (train[::-1], np.concatenate([train[1:], train[:1]])):
        with pytest.raises(InputError, match="was fitted on other samples"):
            fitted(method, dataset.select(np.concatenate([other, test])), tmp_path)


@pytest.mark.parametrize("method", CONFIGS)
def test_nothing_to_learn_from_is_refused(tmp_path, dataset, method):
    nobody = dataset.select(np.zeros(len(dataset), bool))
    with pytest.raises(InputError, match="no samples of split 'train'"):
        fitted(method, nobody, tmp_path)


def test_images_without_masks_have_an_empty_fourth_channel(dataset):
    images = dataset.masked_images([2, 0])
    np.testing.assert_array_equal(images[..., :3], dataset.images([2, 0]))
    assert not images[..., 3].any()
