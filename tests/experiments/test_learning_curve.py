"""The error by number of training images: what each point learned from, and how it is shown."""

import json
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pytest
from test_standalone import TINY

from overpose.baselines.convolutions import ConvolutionsConfig
from overpose.baselines.dconv import DconvConfig
from overpose.baselines.linkde import LinKDEConfig
from overpose.datasets.store import open_dataset
from overpose.experiments import learning_curve as module
from overpose.experiments import side_by_side
from overpose.experiments.learning_curve import curve_table, learning_curve
from overpose.methods import Samples
from overpose.methods.dconv_mp_hml import DconvStage
from overpose.networks.model_files import read_model_config
from overpose.report.rows import MEASURES, Row
from overpose.support.errors import InputError
from overpose.support.files import Output
from overpose.training import Runtime, read_metrics


def _begun(config):
    return replace(config, begin_with="dconv_mp_hml") if hasattr(config, "begin_with") else config


PRESET = replace(
    TINY,
    methods={
        **{name: _begun(config) for name, config in TINY.methods.items()},
        "linkde": LinKDEConfig(input_features=60, output_features=30),
        "dconv_mp_hml": DconvStage(DconvConfig(ConvolutionsConfig(32, 28, (5, 3, 3), (2, 2, 2)))),
    },
    train_sizes=(12, 48, 5000),
)


def _here(do_jobs, jobs, make_work, argument, processes):
    return do_jobs(jobs, make_work, argument, 1)


@pytest.fixture(scope="module")
def learned(tmp_path_factory, tiny_dataset):
    """A curve at 12 and all 48 training images, and its directory; its jobs are done here, one by
    one: starting processes is tested with `side_by_side`."""
    place = tmp_path_factory.mktemp("curve")
    data, out = tiny_dataset(place / "data"), place / "out"
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(side_by_side, "do_jobs", partial(_here, side_by_side.do_jobs))
        learning_curve(PRESET, data, Output(out), seeds=(4,), processes=2, runtime=Runtime("cpu"))
    return learning_curve(PRESET, data, Output(out), processes=1, runtime=Runtime("cpu")), out


def test_parts_are_nested_and_leave_test_samples_alone(tmp_path, tiny_dataset):
    with open_dataset(tiny_dataset(tmp_path / "data")) as dataset:
        samples = Samples(dataset)
        parts = {count: samples.part(count, seed=3) for count in (5, 20, 48, 1000)}
        poses = {count: {p.tobytes() for p in part.train.poses_mm} for count, part in parts.items()}
        assert [len(p) for p in poses.values()] == [5, 20, 48, 48]
        assert poses[5] < poses[20] < poses[48] == poses[1000]
        for part in parts.values():
            np.testing.assert_array_equal(part.test.poses_mm, samples.test.poses_mm)
        other = {p.tobytes() for p in samples.part(5, seed=4).train.poses_mm}
        assert other != poses[5]


def test_every_stage_of_a_point_learned_from_that_many_images(learned):
    _, out = learned
    for size, epochs in ((12, 4), (48, 2)):  # a quarter of the images: twice the epochs
        place = out / "seed0" / str(size)
        assert not (place / "dconv_mp_hml").exists()  # which would have seen all images
        assert read_model_config(place / "linkde" / "last")["provenance"]["train_samples"] == size
        metrics = read_metrics(place / "direct")
        assert len(metrics) == epochs
        for stage in ("autoencoder", "begun", "finetuned", "direct"):
            for entry in read_metrics(place / stage):
                seen = entry["samples_per_s"] * entry["train_s"]
                assert seen == pytest.approx(size, rel=0.1)


def test_each_size_has_a_row_for_each_method_and_seed_and_is_drawn_once(learned):
    curve, out = learned
    assert list(curve) == [12, 48]  # 5000 is all of them: 48
    for rows in curve.values():
        methods = ["linkde", "direct", "finetuned"]
        assert [(r.seed, r.method) for r in rows] == [(s, m) for s in (0, 4) for m in methods]
        assert all(row.error is None and row.action == "mean" for row in rows)
    saved = json.loads((out / "learning_curve.json").read_text())
    assert saved["seeds"] == [0, 4]
    assert saved["sizes"]["12"][0]["mpjpe_mm"] == curve[12][0].mpjpe_mm
    mean = np.mean([row.mpjpe_mm for row in curve[48] if row.method == "direct"])
    assert f"| {mean:.1f} ± " in (out / "learning_curve.md").read_text()
    assert cv2.imread(str(out / "learning_curve.png")) is not None


def test_a_finished_curve_trains_nothing_again(learned, monkeypatch):
    curve, out = learned

    def refuse(*_, **__):
        raise AssertionError("done already")

    from overpose.experiments import pipeline

    monkeypatch.setattr(pipeline, "train_stage", refuse)
    monkeypatch.setattr(module, "draw_learning_curve", lambda *_: None)
    data = out.parent / "data"
    again = learning_curve(PRESET, data, Output(out), processes=1, runtime=Runtime("cpu"))
    assert again == curve


def test_a_preset_without_sizes_and_masks_that_are_not_there_are_refused(tmp_path, tiny_dataset):
    data = tiny_dataset(tmp_path / "data")
    with pytest.raises(InputError, match="has no train_sizes"):
        learning_curve(TINY, data, Output(tmp_path / "out"))
    with pytest.raises(InputError, match="has no masks"):
        learning_curve(PRESET, data, Output(tmp_path / "out"), inputs="masked_image")
    assert not (tmp_path / "out").exists()


def test_the_table_shows_what_failed_and_what_is_missing():
    good = Row("direct", "mean", 0, **dict.fromkeys(MEASURES, 120.0))
    table = curve_table({100: [Row("direct", "mean", 0, error="no memory")], 20_000: [good]})
    assert table.header == ("Method", "100", "20,000")
    assert table.rows == (("CNN (direct)", "failed", "120.0"),)
