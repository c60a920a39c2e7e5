"""The protocols of Human3.6M: which samples, which means, and the names beside the numbers."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from overpose.datasets.store import open_dataset
from overpose.measure.human36m import (
    JOINTS_14,
    PAPER,
    PROTOCOL_1,
    PROTOCOL_2,
    PROTOCOLS,
    evaluate_human36m,
    gaps_of,
    require_human36m_split,
    score_human36m,
)
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError

SUBJECTS = {"train": ("S1", "S5"), "test": ("S9", "S11")}
ACTIONS = ("Walking", "Eating")


def poses(count: int, seed: int = 0) -> np.ndarray:
    made = np.random.default_rng(seed).normal(0, 300, (count, 17, 3))
    return made - made[:, :1]


def moved(target: np.ndarray, by_mm: float, joints: tuple[str, ...]) -> np.ndarray:
    predicted = target.copy()
    predicted[:, HUMAN36M.indices(joints), 0] += by_mm
    return predicted


def test_the_two_means_weigh_actions_and_frames() -> None:
    target = poses(4)
    predicted = np.concatenate(
        [moved(target[:1], 17.0, ("nose",)), moved(target[1:], 34.0, ("nose",))]
    )
    actions = np.array(["Walking", "Photo", "TakingPhoto 1", "Taking Photo"])
    result = score_human36m(predicted, target, actions, protocol=PAPER)
    assert result.error_mm == pytest.approx({"Taking Photo": 2.0, "Walking": 1.0})
    assert result.frames == {"Taking Photo": 3, "Walking": 1}
    assert result.action_mean_mm == pytest.approx(1.5)
    assert result.frame_mean_mm == pytest.approx(1.75)


def test_fourteen_joints_are_those_without_pelvis_spine_and_nose() -> None:
    assert set(HUMAN36M.joint_names) - set(JOINTS_14) == {"pelvis", "spine", "nose"}
    target = poses(3)
    predicted = moved(target, 14.0, ("nose", "spine", "left_wrist"))
    actions = np.full(3, "Walking")
    result = score_human36m(predicted, target, actions, protocol=PROTOCOL_1, joints=14)
    assert result.error_mm["Walking"] == pytest.approx(1.0)
    with pytest.raises(InputError, match="joints: got 16, expected 17 or 14"):
        score_human36m(predicted, target, actions, protocol=PROTOCOL_1, joints=16)


def test_protocol_1_moves_the_pelvis_to_the_origin_and_aligns_nothing() -> None:
    target = poses(5)
    actions = np.full(5, "Sitting")
    shifted = score_human36m(target + 500.0, target, actions, protocol=PROTOCOL_1)
    assert shifted.action_mean_mm == pytest.approx(0, abs=1e-9)
    scaled = score_human36m(1.1 * target, target, actions, protocol=PROTOCOL_1)
    wanted = 0.1 * np.linalg.norm(target, axis=-1).mean()
    assert scaled.action_mean_mm == pytest.approx(wanted)


def test_protocol_2_does_not_see_a_similarity_and_sees_a_reflection() -> None:
    target = poses(5)
    actions = np.full(5, "Sitting")
    turn = Rotation.random(5, rng=np.random.default_rng(1)).as_matrix()
    similar = 0.7 * target @ turn + 40.0
    assert score_human36m(similar, target, actions, protocol=PROTOCOL_2).action_mean_mm < 1e-6
    assert score_human36m(similar, target, actions, protocol=PROTOCOL_1).action_mean_mm > 100
    mirrored = target * (-1.0, 1.0, 1.0)
    assert score_human36m(mirrored, target, actions, protocol=PROTOCOL_2).action_mean_mm > 10


@pytest.mark.parametrize("protocol", PROTOCOLS.values())
@pytest.mark.parametrize("joints", [17, 14])
def test_every_printed_number_names_its_protocol_and_joints(protocol, joints) -> None:
    target = poses(2)
    actions = np.array(["Walking", "Eating"])
    lines = score_human36m(target, target, actions, protocol=protocol, joints=joints).lines()
    assert len(lines) == 5
    for line in lines:
        assert line.startswith(f"{protocol.name}, {protocol.measure}, {joints} joints: ")
    assert "incomplete" in lines[-1]
    assert "Discussion" in lines[-1]


def test_a_complete_result_does_not_call_itself_incomplete() -> None:
    target = poses(len(PAPER.actions))
    lines = score_human36m(target, target, np.array(PAPER.actions), protocol=PAPER).lines()
    assert not any("incomplete" in line for line in lines)


def test_actions_outside_the_protocol_and_bad_numbers_are_refused() -> None:
    target = poses(1)
    with pytest.raises(InputError, match="got 'Sitting', expected those of Tekin"):
        score_human36m(target, target, np.array(["Sitting"]), protocol=PAPER)
    with pytest.raises(InputError, match="predicted_mm"):
        score_human36m(np.full((1, 17, 3), np.nan), target, np.array(["Walking"]), protocol=PAPER)
    with pytest.raises(InputError, match="no test frames"):
        score_human36m(target[:0], target[:0], np.array([]), protocol=PAPER)


@pytest.fixture
def dataset(tmp_path, tiny_dataset):
    path = tiny_dataset(tmp_path / "d", per_group=3, actions=ACTIONS, subjects=SUBJECTS)
    with open_dataset(path) as opened:
        yield opened


def test_every_test_image_goes_to_the_model_of_its_action(dataset) -> None:
    seen = dict.fromkeys(ACTIONS, 0)

    def model(action: str):
        def predict(images):
            seen[action] += len(images)
            return np.zeros((len(images), 17, 3), np.float32)

        return predict

    models = {action: model(action) for action in ACTIONS}
    result = evaluate_human36m(models, dataset, protocol=PAPER, batch_size=4)
    assert seen == dict.fromkeys(ACTIONS, 6)
    for action in ACTIONS:
        those = (dataset.splits == "test") & (dataset.actions == action)
        wanted = np.linalg.norm(dataset.poses_mm[those], axis=-1).mean()
        assert result.error_mm[action] == pytest.approx(wanted, rel=1e-5)


def test_predictions_stay_with_their_own_images(dataset) -> None:
    test = dataset.select(dataset.splits == "test")
    known = {test.image(index).tobytes(): test.poses_mm[index] for index in range(len(test))}
    assert len(known) == len(test)

    def perfect(images):
        return np.stack([known[image.tobytes()] for image in images])

    result = evaluate_human36m(perfect, dataset, protocol=PROTOCOL_1, batch_size=4)
    assert result.action_mean_mm == pytest.approx(0, abs=1e-4)


def test_what_a_dataset_lacks_of_the_protocol_is_named(tmp_path, tiny_dataset) -> None:
    subjects = {"train": ("S1", "S5", "S6", "S7", "S8"), "test": ("S9",)}
    path = tiny_dataset(tmp_path / "d", per_group=1, actions=ACTIONS, subjects=subjects)
    with open_dataset(path) as found:
        assert gaps_of(found, PAPER) == ("no test frames of S11", "1 of 4 cameras")
        other = found.select(np.ones(len(found), bool))
        other.info = replace(other.info, plan={"every": 5}, provenance={"problems": ["a", "b"]})
        assert gaps_of(other, PROTOCOL_1)[2:] == (
            "one frame of 5",
            "2 problems while it was converted, see dataset.json",
        )


def test_models_must_fit_the_protocol(dataset) -> None:
    def zeros(images):
        return np.zeros((len(images), 17, 3), np.float32)

    with pytest.raises(InputError, match="needs one for each action"):
        evaluate_human36m(zeros, dataset, protocol=PAPER)
    with pytest.raises(InputError, match="needs one for all actions"):
        evaluate_human36m({"Walking": zeros}, dataset, protocol=PROTOCOL_1)
    with pytest.raises(InputError, match="got none for Eating"):
        evaluate_human36m({"Walking": zeros}, dataset, protocol=PAPER)
    with pytest.raises(InputError, match=r"got shape \(6, 16, 3\)"):
        evaluate_human36m(lambda i: np.zeros((6, 16, 3)), dataset, protocol=PROTOCOL_1)


def test_another_split_of_the_subjects_is_refused(tmp_path, tiny_dataset) -> None:
    subjects = {"train": ("S1", "S9"), "test": ("S11",)}
    path = tiny_dataset(tmp_path / "d", per_group=1, actions=ACTIONS, subjects=subjects)
    with (
        open_dataset(path) as dataset,
        pytest.raises(InputError, match="subject S9 is in split 'train', expected train S1"),
    ):
        require_human36m_split(dataset)
