"""Experiments from Python: paths and names go in, models and rows come out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_standalone import TINY

import overpose
from overpose.methods.mean_pose import MeanPoseConfig
from overpose.methods.nearest_pose import NearestPoseMethod
from overpose.support.errors import InputError


@pytest.fixture
def data(tmp_path, tiny_dataset) -> Path:
    return tiny_dataset(tmp_path / "data", per_group=4)


def test_what_is_trained_predicts_and_is_measured(tmp_path, data):
    models = overpose.train(str(data), str(tmp_path / "out"), preset=TINY, stage="finetuned")
    assert list(models) == ["autoencoder", "begun", "finetuned"]
    with overpose.open_dataset(str(data)) as dataset:
        test = dataset.select(dataset.splits == "test")
        poses_mm = models["finetuned"].predict(test.images(range(len(test))))
    error = np.linalg.norm(poses_mm - test.poses_mm, axis=-1)
    by_action = [error[test.actions == action].mean() for action in ("walking", "running")]
    report = overpose.evaluate([str(tmp_path / "out" / "finetuned")], str(data))
    measured = {row.action: row.mpjpe_mm for row in report.rows}
    assert measured["mean"] == pytest.approx(np.mean(by_action), rel=1e-4)
    assert {path.name for path in tmp_path.iterdir()} == {"data", "out"}


def test_a_report_is_written_where_it_is_asked_for_and_never_replaced_unasked(tmp_path, data):
    models = [tmp_path / "out" / "direct"]
    overpose.train(data, tmp_path / "out", preset=TINY, stage="direct")
    report = overpose.evaluate(models, data, out=tmp_path / "report")
    assert (tmp_path / "report" / "tables.md").is_file()
    with pytest.raises(InputError, match="exists already"):
        overpose.evaluate(models, data, out=tmp_path / "report")
    again = overpose.evaluate(models, data, out=tmp_path / "report", overwrite=True)
    assert [row.mpjpe_mm for row in again.rows] == [row.mpjpe_mm for row in report.rows]


def test_all_stages_are_those_of_pose_predictors_and_what_they_need(tmp_path, data):
    models = overpose.train(data, tmp_path / "out", preset=TINY)
    assert set(models) == {"direct", "autoencoder", "latent", "begun", "finetuned"}
    less = {"latent": TINY.methods["latent"], "nearest_pose": NearestPoseMethod()}
    preset = replace(TINY, methods=less)
    assert set(overpose.train(data, tmp_path / "less", preset=preset)) == {"autoencoder", "latent"}


def test_an_experiment_answers_with_its_rows(tmp_path, data):
    preset = replace(TINY, methods={"mean_pose": MeanPoseConfig()}, codes={})
    done = overpose.reproduce(preset, str(tmp_path / "run"), data=str(data), processes=1)
    assert done.failed == ()
    assert {row.method for row in done.report.rows} == {"mean_pose"}
    assert (done.out / "report.html").is_file()


def test_unknown_words_are_refused_by_name(tmp_path, data):
    with pytest.raises(InputError, match="preset: got 'huge', expected one of smoke, cpu, paper"):
        overpose.train(data, tmp_path / "out", preset="huge")
    with pytest.raises(InputError, match="device: got 'tpu', expected cpu, cuda or auto"):
        overpose.train(data, tmp_path / "out", preset=TINY, device="tpu")
    with pytest.raises(InputError, match="got --splits without --mocap"):
        overpose.reproduce("cpu", tmp_path / "run", splits="splits.json")
