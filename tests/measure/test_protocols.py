"""The protocol: which samples count, how they are averaged, and what is refused."""

import numpy as np
import pytest

from overpose.datasets.store import open_dataset
from overpose.measure import protocols
from overpose.measure.protocols import (
    error_text,
    evaluate,
    measure,
    require_disjoint_subjects,
)
from overpose.methods.mean_pose import mean_pose_of
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError


def predictions_in_turn(poses_mm):
    """A predictor that gives the poses out in order, after the warm-up call."""
    state = {"next": None}

    def predict(images):
        if state["next"] is None:
            state["next"] = 0
            return poses_mm[: len(images)]
        start = state["next"]
        state["next"] += len(images)
        return poses_mm[start : start + len(images)]

    return predict


@pytest.fixture
def dataset(tmp_path, tiny_dataset):
    with open_dataset(tiny_dataset(tmp_path / "data", per_group=3)) as opened:
        yield opened


def in_order_of_actions(dataset, offsets_mm):
    """The true test poses grouped by action, every joint but the root moved by the offset in x."""
    test = dataset.select(dataset.splits == "test")
    parts = []
    for action, offset_mm in offsets_mm.items():
        poses_mm = test.poses_mm[test.actions == action].copy()
        poses_mm[:, 1:, 0] += offset_mm
        parts.append(poses_mm)
    return np.concatenate(parts)


def test_moving_16_of_17_joints_gives_an_error_of_16_17ths_of_the_move(dataset):
    predicted = in_order_of_actions(dataset, {"walking": 17.0, "running": 34.0})
    rows = evaluate(predictions_in_turn(predicted), dataset, method="direct", seed=3)
    found = {row.action: row.mpjpe_mm for row in rows}
    assert found == pytest.approx({"walking": 16.0, "running": 32.0, "mean": 24.0}, rel=1e-5)
    assert {(row.method, row.seed) for row in rows} == {("direct", 3)}


def test_the_mean_counts_every_action_the_same_whatever_its_size(tmp_path, tiny_dataset):
    with open_dataset(tiny_dataset(tmp_path / "data", per_group=4)) as whole:
        running = np.flatnonzero((whole.splits == "test") & (whole.actions == "running"))
        dataset = whole.select(np.setdiff1d(np.arange(len(whole)), running[1:]))
        predicted = in_order_of_actions(dataset, {"walking": 17.0, "running": 34.0})
        rows = evaluate(predictions_in_turn(predicted), dataset, method="direct", seed=0)
    assert rows[-1].action == "mean"
    assert rows[-1].mpjpe_mm == pytest.approx(24.0, rel=1e-5)


def test_perfect_predictions_have_no_error_and_do_not_depend_on_the_batch(dataset):
    perfect = in_order_of_actions(dataset, {"walking": 0.0, "running": 0.0})
    for batch_size in (1, 4, 100):
        rows = evaluate(
            predictions_in_turn(perfect), dataset, method="direct", seed=0, batch_size=batch_size
        )
        assert [row.mpjpe_mm for row in rows] == [0.0, 0.0, 0.0]
        assert [row.limb_ratio_full for row in rows] == pytest.approx([0.0] * 3, abs=1e-5)


def test_alignment_takes_turns_and_sizes_out_of_one_number_only():
    """P-MPJPE is zero where MPJPE and, without a change of proportions, no ratio of limbs is."""
    poses_mm = np.random.default_rng(0).normal(0, 300, (5, 17, 3))
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    numbers = measure(1.2 * poses_mm @ turn, poses_mm)
    assert numbers["p_mpjpe_mm"] == pytest.approx(0, abs=1e-3)
    assert numbers["mpjpe_mm"] > 100
    assert numbers["limb_ratio_full"] == pytest.approx(0, abs=1e-6)


def test_errors_of_joints_are_means_over_poses_and_then_over_actions(dataset):
    """The neck is off by 10 and 20 mm in turn where people walk, by 40 mm where they run."""
    predicted = in_order_of_actions(dataset, {"walking": 0.0, "running": 0.0})
    walking = int((dataset.actions[dataset.splits == "test"] == "walking").sum())
    neck = HUMAN36M.index("neck")
    predicted[:walking:2, neck, 1] += 10
    predicted[1:walking:2, neck, 1] += 20
    predicted[walking:, neck, 1] += 40
    found = {}
    evaluate(predictions_in_turn(predicted), dataset, method="direct", seed=0, joint_errors=found)
    odd = walking // 2
    walked = (10 * (walking - odd) + 20 * odd) / walking
    assert found["neck"] == pytest.approx((walked + 40) / 2, rel=1e-4)
    assert sum(found.values()) == pytest.approx(found["neck"], rel=1e-4)


def test_knowledge_of_the_truth_is_told_apart_from_the_prediction(dataset):
    """The function gets what was predicted first, the truth second; what it gives is measured."""
    wrong = in_order_of_actions(dataset, {"walking": 17.0, "running": 17.0})
    true = in_order_of_actions(dataset, {"walking": 0.0, "running": 0.0})
    given = []

    def adjust(predicted, target):
        given.append((predicted.copy(), target.copy()))
        return (predicted + target) / 2

    rows = evaluate(predictions_in_turn(wrong), dataset, method="a", seed=0, adjust=adjust)
    for place, whole in enumerate((wrong, true)):
        np.testing.assert_allclose(np.concatenate([pair[place] for pair in given]), whole)
    assert rows[-1].mpjpe_mm == pytest.approx(8.0, rel=1e-4)


def test_times_are_those_of_the_calls_shared_among_their_images(dataset, monkeypatch):
    ticks = iter(range(1000))
    monkeypatch.setattr(protocols.time, "perf_counter", lambda: float(next(ticks)))
    perfect = in_order_of_actions(dataset, {"walking": 0.0, "running": 0.0})
    rows = evaluate(predictions_in_turn(perfect), dataset, method="a", seed=0, batch_size=1)
    assert [row.predict_ms_per_image for row in rows] == [1000.0] * 3  # a second for every image


def test_only_images_of_the_test_split_are_given_to_the_method(dataset):
    test = dataset.select(dataset.splits == "test")
    expected = {image.tobytes() for image in test.images(np.arange(len(test)))}
    seen = set()

    def predict(images):
        seen.update(image.tobytes() for image in images)
        return np.zeros((len(images), 17, 3), dtype=np.float32)

    evaluate(predict, dataset, method="direct", seed=0)
    assert seen == expected


def test_training_time_is_the_same_in_every_row(dataset):
    predict = mean_pose_of(dataset.poses_mm).predict
    rows = evaluate(predict, dataset, method="mean_pose", seed=0, train_s=12.5)
    assert {row.train_s for row in rows} == {12.5}


def test_the_mean_pose_is_the_mean_whatever_the_image(bodies):
    poses_mm = bodies(50)
    predicted = mean_pose_of(poses_mm).predict(np.zeros((4, 8, 8, 3), dtype=np.uint8))
    np.testing.assert_allclose(predicted, np.tile(poses_mm.mean(axis=0), (4, 1, 1)), atol=0.01)


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_subject_in_training_and_test_is_refused_by_name(tmp_path, tiny_dataset, split):
    subjects = {split: ("01", "09"), "test": ("09",)}
    with (
        open_dataset(tiny_dataset(tmp_path / "data", subjects=subjects)) as dataset,
        pytest.raises(InputError, match="subjects 09 are in training and in test"),
    ):
        evaluate(lambda images: images, dataset, method="direct", seed=0)


def test_a_subject_that_another_stage_was_trained_on_is_refused(dataset):
    with pytest.raises(InputError, match="subjects 08"):
        require_disjoint_subjects(dataset, train_subjects=["08"])


def test_a_dataset_without_test_samples_is_refused(dataset):
    train = dataset.select(dataset.splits == "train")
    with pytest.raises(InputError, match="no samples of split 'test'"):
        evaluate(mean_pose_of(train.poses_mm).predict, train, method="mean_pose", seed=0)


def test_a_prediction_of_the_wrong_shape_is_refused(dataset):
    with pytest.raises(InputError, match=r"got shape \(\d+, 51\), expected \(\d+, 17, 3\)"):
        evaluate(lambda x: np.zeros((len(x), 51)), dataset, method="direct", seed=0)


def test_a_prediction_with_nan_is_refused(dataset):
    with pytest.raises(InputError, match="NaN"):
        evaluate(lambda x: np.full((len(x), 17, 3), np.nan), dataset, method="direct", seed=0)


def test_a_failure_becomes_one_line():
    assert error_text(RuntimeError("a\n  b")) == "RuntimeError: a b"
