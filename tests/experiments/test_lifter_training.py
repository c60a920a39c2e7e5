"""The whole run on made-up motion, with a stand-in for BlazePose: data, stages, tables, weights."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import shared_lifters
from shared_lifters import MODELS, MOTION, RECIPE, STAND_INS
from shared_training import begin

from overpose.experiments.lifters import costs
from overpose.experiments.lifters.evaluation import BEFORE, evaluate_lifters
from overpose.experiments.lifters.expected_errors import (
    bins_of,
    error_rows,
    errors_of,
    set_scale,
)
from overpose.experiments.lifters.recipe import ENCODERS, FULL, LifterRecipe
from overpose.experiments.lifters.training import (
    methods_of,
    train_lifters,
    write_shipped,
)
from overpose.methods import load_model
from overpose.networks.configs import KeypointEncoderConfig, PosePredictorConfig
from overpose.networks.keypoint_windows import input_size
from overpose.networks.pose_predictor import PosePredictor
from overpose.skeleton import HUMAN36M
from overpose.studio.body import load_body
from overpose.support.errors import InputError
from overpose.support.files import Output
from overpose.synthetic import detections
from overpose.training.loop import read_metrics
from overpose.training.samples import Drawn


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        load_body()
    except InputError as error:
        pytest.skip(f"needs the body asset: {error}")
    for place, name, value in STAND_INS:
        monkeypatch.setattr(place, name, value)


def train(out: Path, recipe: LifterRecipe = RECIPE) -> dict:
    return train_lifters(recipe, MOTION, Output(out), models=MODELS, processes=1)


@pytest.mark.slow
def test_a_run_trains_measures_and_ships_every_lifter(tmp_path: Path) -> None:
    out = tmp_path / "run"
    trained = train(out)
    assert set(trained) == {"photo", "video"}
    found = detections.read_detections(out / "detections")
    assert found.keypoints_px.shape == (4, 5, 2, 33, 3)
    assert np.isnan(found.keypoints_px[0, 0]).all()  # lost at first
    assert np.isfinite(found.keypoints_px[0, 1:]).all()

    shipped = write_shipped(RECIPE, out)
    rows = evaluate_lifters(RECIPE, MOTION, out)
    before, ours = rows[:2], rows[2:]
    assert [(row.lifter, row.method) for row in before] == [("photo", BEFORE), ("video", BEFORE)]
    assert all(row.windows_seen is None and row.mpjpe_mm > 0 for row in before)
    assert [(row.lifter, row.method) for row in ours] == [
        (lifter, method) for lifter in ("photo", "video") for method in methods_of(RECIPE)
    ]
    report = json.loads((out / "report.json").read_text())
    assert len(report["rows"]) == 12
    assert all(row["p_mpjpe_mm"] <= row["mpjpe_mm"] for row in report["rows"])
    table = (out / "tables.md").read_text()
    assert table.count("\n| photo") == 6
    assert table.count("\nExpected errors of") == 2
    curve = report["learning_curve"]["video, finetuned"]
    assert [seen for seen, _ in curve] == [2 * 3 * 32]  # after as many windows of stage (b)
    assert all(
        (out / name).stat().st_size for name in ("learning_curve.png", "expected_errors.png")
    )

    for lifter, directory in shipped.items():
        half, whole = load_model(directory), None
        assert isinstance(half, PosePredictor)
        assert half.config.kind == "finetuned"
        provenance = json.loads((directory / "config.json").read_text())["provenance"]
        whole = load_model(trained[lifter][provenance["method"]])
        assert isinstance(whole, PosePredictor)
        size = input_size(len(RECIPE.encoders[lifter].offsets))
        features = np.random.default_rng(0).normal(size=(4, size))
        features = features.astype(np.float32)
        assert np.abs(half.predict(features) - whole.predict(features)).max() < 5
        knows = half.predict_all(features)
        assert knows.feet_mm is not None
        assert knows.joint_error_mm is not None
        sizes = [
            (d / "weights.safetensors").stat().st_size
            for d in (directory, trained[lifter]["direct"])
        ]
        assert sizes[0] < sizes[1] * 2


@pytest.mark.slow
def test_processes_that_share_batches_train_the_lifters_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overpose.support.bfloat16.knows_bfloat16", lambda device: False)
    train(tmp_path / "one")
    ranks = begin(2, tmp_path / "two", program=shared_lifters.__file__)
    for rank in ranks:
        said = rank.communicate(timeout=600)[1]
        assert rank.returncode == 0, said
    stages = [path.parent.relative_to(tmp_path / "one") for path in
              sorted((tmp_path / "one").rglob("metrics.jsonl"))]  # fmt: skip
    assert len(stages) == 1 + 2 * (len(methods_of(RECIPE)) + 1)  # the code, stages, errors
    for stage in stages:
        one, two = (read_metrics(tmp_path / run / stage) for run in ("one", "two"))
        assert [entry["epoch"] for entry in two] == [entry["epoch"] for entry in one]
        losses = [[entry["train_loss"] for entry in entries] for entries in (one, two)]
        np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)


@pytest.mark.slow
def test_what_the_first_process_refuses_ends_the_others(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    ranks = begin(2, tmp_path, program=shared_lifters.__file__)
    said = [rank.communicate(timeout=60)[1].splitlines()[-1] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [1, 1]
    assert "holds no run of lifters" in said[0]
    assert "another process of this training ended" in said[1]


@pytest.mark.slow
def test_a_finished_run_is_kept_and_another_recipe_refused(tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = train(out)["photo"]["direct"] / "weights.safetensors"
    before = first.read_bytes(), first.stat().st_mtime_ns
    train(out)
    assert (first.read_bytes(), first.stat().st_mtime_ns) == before
    with pytest.raises(InputError, match=r"recipe\.batch_size"):
        train(out, replace(RECIPE, batch_size=64))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match="holds no run of lifters"):
        train(tmp_path / "mine")


def test_budgets_of_methods_must_be_equal() -> None:
    with pytest.raises(InputError, match="same budget"):
        replace(FULL, direct_epochs=3)


def test_some_clips_must_be_held_out_but_not_all() -> None:
    with pytest.raises(InputError, match="held_out_clips"):
        replace(FULL, held_out_clips=FULL.detection_clips)


def test_a_comparison_gives_all_networks_equal_times_and_keeps_its_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stored, they are what a run that goes on takes, however fast the machine is then."""
    runs = detections.Detections(
        np.ones((1, 5, 50, 3), np.float32),
        np.ones(1, np.float32),
        np.ones((1, 5, 2, 33, 3), np.float32),
    )
    recipe = replace(RECIPE, equal_cost=True, steps=40)
    for taken in ((1.0, 4.0), (1.0, 2.0)):
        monkeypatch.setattr(costs, "_seconds_a_step", lambda *_, left=list(taken): left.pop(0))
        assert costs.steps_of(recipe, runs, tmp_path) == {"photo": 40, "video": 10}
    plain = costs.steps_of(replace(recipe, equal_cost=False), runs, tmp_path / "plain")
    assert plain == {"photo": 40, "video": 40}


def test_the_networks_compared_see_27_and_81_frames_in_three_ways() -> None:
    shapes = {
        (each.kind, len(each.offsets), each.offsets[-1]) for each in ENCODERS.encoders.values()
    }
    for kind in ("mlp", "convolutions", "attention"):
        assert {(kind, 27, 13), (kind, 27, 39), (kind, 81, 40)} <= shapes
    longest = max(each.offsets[-1] - each.offsets[0] for each in ENCODERS.encoders.values())
    assert min(ENCODERS.pool.frames, ENCODERS.renders.frames) > longest


def test_bins_of_errors_and_how_far_they_are_off() -> None:
    rng = np.random.default_rng(0)
    expected = rng.uniform(10, 100, (4000, 17))
    made = expected * rng.exponential(1.0, expected.shape)
    bins = bins_of(expected[:, 1], made[:, 1])
    assert [round(each.share, 3) for each in bins] == [0.1] * 10
    assert all(one.expected_mm < other.expected_mm for one, other in pairwise(bins))
    *joints, mean = error_rows(expected, made)
    assert [row.joint for row in joints] == list(HUMAN36M.joint_names[1:])
    assert mean.off_mm < 2
    assert mean.rank_correlation > 0.3
    assert mean.single_off_mm < mean.constant_off_mm
    twice = error_rows(2 * expected, made)[-1]
    assert twice.off_mm == pytest.approx(55, rel=0.1)  # the mean of what is expected too much


def test_the_scale_of_expected_errors_is_set_joint_by_joint() -> None:
    model = PosePredictor(
        PosePredictorConfig("direct", KeypointEncoderConfig((0,), 8, 0), errors=True)
    )
    rng = np.random.default_rng(1)
    poses = rng.normal(0, 100, (300, 17, 3)).astype(np.float32)
    poses[:, 0] = 0
    poses[:, 5] *= 3
    features = rng.normal(size=(300, input_size(1))).astype(np.float32)
    drawn = Drawn(features, poses, np.zeros((300, 4, 3), np.float32))
    set_scale(model, drawn)
    expected, made = errors_of(model, drawn)
    np.testing.assert_allclose(expected.mean(axis=0), made.mean(axis=0), rtol=1e-4)
