"""Training by stage and measuring models on disk, as `overpose train` and `evaluate` do."""

import json
from dataclasses import replace

import numpy as np
import pytest
from buckets import bucket, put

from overpose.baselines.convolutions import ConvolutionsConfig
from overpose.baselines.dconv import DconvConfig
from overpose.baselines.structnet import StructNetConfig
from overpose.datasets.rendering.options import RenderConfig
from overpose.datasets.store import open_dataset
from overpose.experiments.preset import Preset
from overpose.experiments.presets import ours_and_cnn, structnets
from overpose.experiments.standalone import evaluate_models, train_stages
from overpose.methods import load_model, pictures
from overpose.methods.dconv_mp_hml import DconvStage
from overpose.methods.structnet import StructNetStage
from overpose.metrics import mpjpe
from overpose.networks.autoencoder import AutoencoderConfig
from overpose.networks.image_encoder import ImageEncoderConfig
from overpose.report.rows import read_report
from overpose.support.errors import InputError
from overpose.support.files import Output
from overpose.support.object_storage import path_of
from overpose.training.config import AutoencoderStage, LoopConfig
from overpose.video.models import trained_model

__all__ = ["bucket"]
TINY = Preset(
    name="tiny",
    render=RenderConfig(image_size=32),
    methods=ours_and_cnn(
        ImageEncoderConfig(32, 28, (5, 3), (2, 4), (8,)),
        latent=LoopConfig(epochs=1),
        finetune=LoopConfig(epochs=1),
    ),
    codes={"autoencoder": AutoencoderStage(AutoencoderConfig((60,)), LoopConfig(epochs=1))},
)


@pytest.fixture
def data(tmp_path, tiny_dataset):
    return tiny_dataset(tmp_path / "data")


def test_a_stage_brings_the_stages_that_it_needs(tmp_path, data):
    trained = train_stages(TINY, data, tmp_path / "out", stage="finetune")
    assert list(trained) == ["autoencoder", "begun", "finetuned"]
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
    report = evaluate_models((trained["direct"], stage), data, Output(tmp_path / "report"))
    assert {(r.method, r.seed) for r in report.rows} == {("direct", 7), ("finetuned", 7)}
    assert read_report(tmp_path / "report" / "report.json") == report
    assert all(row.train_s > 0 for row in report.rows)
    with pytest.raises(InputError, match="exists already"):
        evaluate_models((stage,), data, Output(tmp_path / "report"))


def test_a_model_trained_on_a_test_subject_of_another_dataset_is_refused(
    tmp_path, data, tiny_dataset
):
    train_stages(TINY, data, tmp_path / "out", stage="direct")
    other = tiny_dataset(tmp_path / "other", subjects={"train": ("40",), "test": ("02",)})
    with pytest.raises(InputError, match="subjects 02 are in training and in test"):
        evaluate_models((tmp_path / "out" / "direct",), other, Output(tmp_path / "report"))
    assert not (tmp_path / "report").exists()


def test_a_file_in_the_place_of_the_report_is_refused_before_measuring(tmp_path):
    (tmp_path / "report").write_text("mine")
    with pytest.raises(InputError, match="report: is a file, expected a directory"):
        evaluate_models((tmp_path / "model",), tmp_path / "data", Output(tmp_path / "report"))


def test_damaged_metrics_are_named(tmp_path, data):
    train_stages(TINY, data, tmp_path / "out", stage="direct")
    metrics = tmp_path / "out" / "direct" / "metrics.jsonl"
    metrics.write_text(metrics.read_text()[:-9])
    with pytest.raises(InputError, match=r"metrics\.jsonl: not valid JSON lines"):
        evaluate_models((tmp_path / "out" / "direct",), data, Output(tmp_path / "report"))


def test_the_same_method_and_seed_twice_is_refused(tmp_path, data):
    place = train_stages(TINY, data, tmp_path / "out", stage="direct")["direct"]
    with pytest.raises(InputError, match="both direct, image, seed 0"):
        evaluate_models((place, place), data, Output(tmp_path / "report"))


def test_a_model_trained_with_masks_is_measured_with_them_and_refuses_to_do_without(
    tmp_path, tiny_dataset
):
    data = tiny_dataset(tmp_path / "masked", masks=True)
    out = tmp_path / "out"
    plain, masked = (
        train_stages(TINY, data, out, stage="direct", inputs=inputs)["direct"]
        for inputs in ("image", "masked_image")
    )
    assert (plain.parent.name, masked.parent.name) == ("direct", "direct-masked")
    report = evaluate_models((plain, masked), data, Output(tmp_path / "report"))
    means = {row.inputs: row for row in report.rows if row.action == "mean"}
    with open_dataset(data) as dataset:
        test = dataset.select(dataset.splits == "test")
        images = pictures(test, "masked_image")(np.arange(len(test)))
        expected = mpjpe(load_model(masked).predict(images), test.poses_mm)
    assert means["masked_image"].mpjpe_mm == pytest.approx(expected)
    assert means["image"].mpjpe_mm != means["masked_image"].mpjpe_mm
    bare = tiny_dataset(tmp_path / "bare")
    with pytest.raises(InputError, match=r"trained on images with masks, .*bare has none"):
        evaluate_models((masked,), bare, Output(tmp_path / "other"))
    with pytest.raises(InputError, match="has no masks"):
        train_stages(TINY, bare, tmp_path / "new", stage="direct", inputs="masked_image")
    with pytest.raises(InputError, match="photos and videos do not have"):
        trained_model(masked)
    assert trained_model(plain).image_size == 32


def test_an_autoencoder_is_no_regressor(tmp_path, data):
    place = train_stages(TINY, data, tmp_path / "out", stage="autoencoder")["autoencoder"]
    with pytest.raises(
        InputError, match="is a PoseAutoencoder, expected a model that predicts poses"
    ):
        evaluate_models((place,), data, Output(tmp_path / "report"))


def test_a_model_for_other_images_is_refused(tmp_path, data, tiny_dataset):
    place = train_stages(TINY, data, tmp_path / "out", stage="direct")["direct"]
    large = tiny_dataset(tmp_path / "large", size=48)
    with pytest.raises(InputError, match="has images of 48 px, the network takes 32 px"):
        evaluate_models((place,), large, Output(tmp_path / "report"))


def test_a_structnet_has_three_rows_and_the_one_told_the_limbs_has_no_ratio_error(tmp_path, data):
    convolutions = ConvolutionsConfig(32, 28, (5, 3, 3), (2, 2, 2))
    sizes = {"pooled": (4, 4), "hidden": 8, "embedding": 4, "pose_hidden": 4, "average": 5}
    once = LoopConfig(epochs=1)
    methods = {
        **TINY.methods,
        "dconv_mp_hml": DconvStage(DconvConfig(convolutions, hidden=(4, 4)), once),
        **structnets(StructNetStage(StructNetConfig(convolutions, **sizes), once)),
    }
    preset = replace(TINY, methods=methods)
    trained = train_stages(preset, data, tmp_path / "out", stage="structnet")
    report = evaluate_models((trained["structnet"],), data, Output(tmp_path / "report"))
    means = {row.method: row for row in report.rows if row.action == "mean"}
    assert set(means) == {"structnet_max", "structnet_avg", "structnet_avg_apf"}
    assert means["structnet_avg_apf"].limb_ratio_full == pytest.approx(0, abs=1e-4)
    assert means["structnet_avg"].limb_ratio_full > 0.1
    assert "told the true limb lengths" in (tmp_path / "report" / "tables.md").read_text()


HUMAN36M_SUBJECTS = {"train": ("S1", "S5"), "test": ("S9", "S11")}


@pytest.fixture
def human36m(tmp_path, tiny_dataset):
    return tiny_dataset(
        tmp_path / "human36m", subjects=HUMAN36M_SUBJECTS, actions=("Walking", "Eating")
    )


def test_protocols_of_human36m_are_written_for_every_model_and_seed(tmp_path, human36m, capsys):
    trained = train_stages(TINY, human36m, tmp_path / "out", seed=2)
    models = (trained["direct"], trained["finetuned"])
    out = tmp_path / "report"
    report = evaluate_models(models, human36m, Output(out), protocols=("1", "2"), joints=14)
    saved = json.loads((out / "human36m.json").read_text())
    assert list(saved) == ["direct, seed 2", "finetuned, seed 2"]
    first, second = saved["direct, seed 2"]
    assert (first["measure"], second["measure"]) == ("MPJPE", "P-MPJPE")
    assert first["joints"] == 14
    assert set(first["error_mm"]) == {"Walking", "Eating"}
    assert 0 < second["action_mean_mm"] < first["action_mean_mm"]
    assert any("Sitting" in gap for gap in first["missing"])
    assert "no train frames of S6, S7, S8" in first["missing"]
    assert "1 of 4 cameras" in first["missing"]
    assert {row.method for row in report.rows} == {"direct", "finetuned"}
    said = capsys.readouterr().out
    assert (
        f"Human3.6M protocol 1, MPJPE, 14 joints: mean over actions: {first['action_mean_mm']:.2f}"
        in said
    )
    assert "incomplete (" in said


def test_protocols_refuse_before_anything_is_written(tmp_path, data, human36m):
    trained = train_stages(TINY, data, tmp_path / "out", stage="direct")["direct"]
    out = tmp_path / "report"
    with pytest.raises(InputError, match="subject 01 is in split 'train'"):
        evaluate_models((trained,), data, Output(out), protocols=("1",))
    with pytest.raises(InputError, match="got 1, 1 and 17 joints, expected each protocol once"):
        evaluate_models((trained,), human36m, Output(out), protocols=("1", "1"))
    with pytest.raises(InputError, match="got no protocol and 14 joints"):
        evaluate_models((trained,), human36m, Output(out), joints=14)
    with pytest.raises(InputError, match="both direct, image, seed 0"):
        evaluate_models((trained, trained), human36m, Output(out), protocols=("1",))
    assert not out.exists()
    out.mkdir()
    (out / "human36m.json").write_text("{}")
    with pytest.raises(InputError, match=r"human36m\.json exists already"):
        evaluate_models((trained,), human36m, Output(out), protocols=("1",))
    assert [path.name for path in out.iterdir()] == ["human36m.json"]


def test_a_dataset_in_object_storage_trains_and_measures_the_same(tmp_path, data, bucket):
    url = path_of(put(bucket, data, "data/tiny"))
    weights, reports = [], []
    for place, out in ((data, tmp_path / "here"), (url, tmp_path / "there")):
        model = train_stages(TINY, place, out, stage="direct")["direct"]
        weights.append((model / "weights.safetensors").read_bytes())
        evaluate_models((model,), place, Output(out / "report"))
        report = read_report(out / "report" / "report.json")
        reports.append([row.mpjpe_mm for row in report.rows])
    assert weights[0] == weights[1]
    assert reports[0] == reports[1]
