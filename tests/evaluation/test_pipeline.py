"""Training by stage and measuring models on disk, as `overpose train` and `evaluate` do."""

import pytest

from overpose.errors import InputError
from overpose.evaluation.pipeline import evaluate_models, train_stages
from overpose.evaluation.presets import Preset
from overpose.evaluation.report import read_report
from overpose.models.autoencoder import AutoencoderConfig
from overpose.models.image_encoder import ImageEncoderConfig
from overpose.studio.jobs import RenderConfig
from overpose.training.config import AutoencoderStage, LoopConfig

TINY = Preset(
    name="tiny",
    render=RenderConfig(image_size=32),
    image_encoder=ImageEncoderConfig(32, 28, (5, 3), (2, 4), (8,)),
    autoencoder=AutoencoderStage(AutoencoderConfig(hidden=(60,)), LoopConfig(epochs=1)),
    direct=LoopConfig(epochs=2),
    latent=LoopConfig(epochs=1),
    finetune=LoopConfig(epochs=1),
)


@pytest.fixture
def data(tmp_path, tiny_dataset):
    return tiny_dataset(tmp_path / "data")


def test_a_stage_brings_the_stages_that_it_needs(tmp_path, data):
    trained = train_stages(TINY, data, tmp_path / "out", stage="finetune")
    assert list(trained) == ["autoencoder", "latent", "finetuned"]
    assert all((place / "weights.safetensors").is_file() for place in trained.values())
    assert not (tmp_path / "out" / "direct").exists()


def test_an_unknown_stage_is_refused(tmp_path, data):
    with pytest.raises(InputError, match="stage: got 'polish', expected all, autoencoder"):
        train_stages(TINY, data, tmp_path / "out", stage="polish")


def test_a_dataset_of_another_image_size_is_refused_before_anything_is_trained(
    tmp_path, tiny_dataset
):
    large = tiny_dataset(tmp_path / "large", size=48)
    with pytest.raises(InputError, match="has images of 48 px, the network takes 32 px"):
        train_stages(TINY, large, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_dataset_without_training_samples_is_refused_by_name(tmp_path, tiny_dataset):
    data = tiny_dataset(tmp_path / "data", subjects={"test": ("08",)})
    with pytest.raises(InputError, match=r"data: got no samples of split 'train'"):
        train_stages(TINY, data, tmp_path / "out")


def test_models_on_disk_are_measured_under_their_method_and_seed(tmp_path, data):
    trained = train_stages(TINY, data, tmp_path / "out", seed=7)
    stage = tmp_path / "out" / "finetuned"
    report = evaluate_models((trained["direct"], stage), data, tmp_path / "report")
    assert {(r.method, r.seed) for r in report.rows} == {("direct", 7), ("finetuned", 7)}
    assert read_report(tmp_path / "report" / "report.json") == report
    assert all(row.train_s > 0 for row in report.rows)
    with pytest.raises(InputError, match="exists already"):
        evaluate_models((stage,), data, tmp_path / "report")


def test_a_model_trained_on_a_test_subject_of_another_dataset_is_refused(
    tmp_path, data, tiny_dataset
):
    train_stages(TINY, data, tmp_path / "out", stage="direct")
    other = tiny_dataset(tmp_path / "other", subjects={"train": ("40",), "test": ("02",)})
    with pytest.raises(InputError, match="subjects 02 are in training and in test"):
        evaluate_models((tmp_path / "out" / "direct",), other, tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_a_file_in_the_place_of_the_report_is_refused_before_measuring(tmp_path):
    (tmp_path / "report").write_text("mine")
    with pytest.raises(InputError, match="report: is a file, expected a directory"):
        evaluate_models((tmp_path / "model",), tmp_path / "data", tmp_path / "report")


def test_damaged_metrics_are_named(tmp_path, data):
    train_stages(TINY, data, tmp_path / "out", stage="direct")
    metrics = tmp_path / "out" / "direct" / "metrics.jsonl"
    metrics.write_text(metrics.read_text()[:-9])
    with pytest.raises(InputError, match=r"metrics\.jsonl: not valid JSON lines"):
        evaluate_models((tmp_path / "out" / "direct",), data, tmp_path / "report")


def test_the_same_method_and_seed_twice_is_refused(tmp_path, data):
    place = train_stages(TINY, data, tmp_path / "out", stage="direct")["direct"]
    with pytest.raises(InputError, match="both direct, seed 0"):
        evaluate_models((place, place), data, tmp_path / "report")


def test_an_autoencoder_is_no_regressor(tmp_path, data):
    place = train_stages(TINY, data, tmp_path / "out", stage="autoencoder")["autoencoder"]
    with pytest.raises(
        InputError, match="is a PoseAutoencoder, expected a model that predicts poses"
    ):
        evaluate_models((place,), data, tmp_path / "report")


def test_a_model_for_other_images_is_refused(tmp_path, data, tiny_dataset):
    place = train_stages(TINY, data, tmp_path / "out", stage="direct")["direct"]
    large = tiny_dataset(tmp_path / "large", size=48)
    with pytest.raises(InputError, match="has images of 48 px, the network takes 32 px"):
        evaluate_models((place,), large, tmp_path / "report")
