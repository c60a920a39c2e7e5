"""Networks as ONNX files: they predict what torch does, and nobody else's file is taken."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from command_line import run
from onnx import TensorProto, helper
from torch import nn

from overpose.baselines.convolutions import ConvolutionsConfig
from overpose.baselines.dconv import DconvConfig, DconvMPHML
from overpose.baselines.dconv_graph import RegressedPoses
from overpose.experiments import onnx_export
from overpose.experiments.onnx_export import export_onnx
from overpose.methods import load_model
from overpose.networks.autoencoder import AutoencoderConfig, PoseAutoencoder
from overpose.networks.configs import KeypointEncoderConfig, PosePredictorConfig
from overpose.networks.image_encoder import ImageEncoderConfig
from overpose.networks.keypoint_windows import input_size
from overpose.networks.onnx_graph import ImagesToPoses
from overpose.networks.onnx_model import (
    METADATA_KEY,
    OnnxImageModel,
    OnnxLifter,
    load_onnx,
    sealed,
)
from overpose.networks.pose_predictor import PosePredictor
from overpose.networks.storage import save_model
from overpose.support.errors import InputError
from overpose.video.lifting import Lifter
from overpose.video.models import trained_lifter, trained_model

IMAGES = ImageEncoderConfig(32, 28, (5, 3), (4, 6), (16, 12), dropout=0.5)
WINDOWS = (
    KeypointEncoderConfig((-1, 0, 1), 24, 1, dropout=0.5),
    KeypointEncoderConfig((-1, 0, 1), 24, 1, dropout=0.5, kind="convolutions", jitter=True),
)
DCONV = DconvConfig(ConvolutionsConfig(32, 28, (5, 3, 3), (4, 4, 4)), hidden=(8, 8))


def predictor(encoder: ImageEncoderConfig | KeypointEncoderConfig) -> PosePredictor:
    """A fine-tuned network with a token code, so that every kind of operation is in it."""
    config = PosePredictorConfig(
        "finetuned", encoder, latent_activation="relu", decoder_sizes=(12, 20, 51), code_tokens=4
    )
    model = PosePredictor(config)
    generator = torch.Generator().manual_seed(1)
    nn.init.normal_(model.head.weight, generator=generator)
    model.normalization.scale_mm.fill_(170.0)
    model.normalization.mean_mm.normal_(0, 300, generator=generator)
    return model


@pytest.fixture(scope="module")
def images_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A network of images and its file."""
    place = tmp_path_factory.mktemp("images")
    save_model(predictor(IMAGES), place / "model")
    export_onnx(place / "model", place / "model.onnx")
    return place / "model", place / "model.onnx"


def test_a_network_of_images_predicts_what_torch_does(images_file: tuple[Path, Path]) -> None:
    model, file = images_file
    exported = trained_model(file)
    assert isinstance(exported, OnnxImageModel)
    for count in (0, 1, 5, 300):  # batches of any size, more than one at once
        images = np.random.default_rng(count).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
        found, expected = exported.predict(images), load_model(model).predict(images)
        assert found.shape == (count, 17, 3)
        np.testing.assert_allclose(found, expected, atol=0.017)


@pytest.mark.parametrize("windows", WINDOWS)
def test_a_lifter_predicts_what_torch_does(tmp_path: Path, windows: KeypointEncoderConfig) -> None:
    save_model(predictor(windows), tmp_path / "model")
    report = export_onnx(tmp_path / "model", tmp_path / "model.onnx")
    assert report.difference_mm < 0.017
    assert report.growth_mm is None
    exported = trained_model(tmp_path / "model.onnx")
    assert isinstance(exported, OnnxLifter)
    assert isinstance(exported, Lifter)
    assert exported.offsets == (-1, 0, 1)
    assert isinstance(trained_lifter(tmp_path / "model.onnx"), OnnxLifter)
    features = np.random.default_rng(0).normal(size=(9, input_size(3))).astype(np.float32)
    expected = load_model(tmp_path / "model").predict(features)
    np.testing.assert_allclose(exported.predict(features), expected, atol=0.017)


def test_a_network_of_images_is_no_lifter(images_file: tuple[Path, Path]) -> None:
    with pytest.raises(InputError, match="expected a lifter: keypoints have no image"):
        trained_lifter(images_file[1])


def test_dconv_adds_up_its_limbs_as_prediction_does() -> None:
    model = DconvMPHML(DCONV).eval()
    nn.init.normal_(model.regression[-1].weight, generator=torch.Generator().manual_seed(0))
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    network = ImagesToPoses(RegressedPoses(model), 32, 28)
    with torch.inference_mode():
        found = network(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(found, model.predict(images), atol=0.01)


def test_products_that_are_no_layers_keep_their_precision(
    tmp_path: Path, tiny_dataset: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """DconvMP-HML divides by sums over channels, and adds up limbs."""
    monkeypatch.setattr(onnx_export, "MOST_GROWTH_MM", 1e6)
    save_model(DconvMPHML(DCONV), tmp_path / "model")
    out = tmp_path / "model.onnx"
    export_onnx(tmp_path / "model", out, data=tiny_dataset(tmp_path / "data"), int8=True)
    graph = onnx.load(out).graph
    made = {output: node.op_type for node in graph.node for output in node.output}
    sources = [
        {made.get(name) for name in node.input[:2]}
        for node in graph.node
        if node.op_type in ("Conv", "Gemm", "MatMul")
    ]
    rounded = [each == {"DequantizeLinear"} for each in sources]
    assert (rounded.count(True), rounded.count(False)) == (6, 2), sources


@pytest.mark.parametrize("most_mm", [1e6, -1e6])
def test_eight_bits_are_taken_if_they_cost_little(
    images_file: tuple[Path, Path],
    tmp_path: Path,
    tiny_dataset: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    most_mm: float,
) -> None:
    model, file = images_file
    monkeypatch.setattr(onnx_export, "graph_of_predictor", lambda _: file.read_bytes())
    monkeypatch.setattr(onnx_export, "MOST_GROWTH_MM", most_mm)
    data, out = tiny_dataset(tmp_path / "data"), tmp_path / "small.onnx"
    if most_mm < 0:
        with pytest.raises(InputError, match="with 8 bits the error grows by"):
            export_onnx(model, out, data=data, int8=True)
        assert not out.exists()
        return
    report = export_onnx(model, out, data=data, int8=True)
    nodes = {node.op_type for node in onnx.load(out).graph.node}
    assert "QuantizeLinear" in nodes
    assert report.growth_mm is not None
    images = np.random.default_rng(0).integers(0, 256, (9, 32, 32, 3), dtype=np.uint8)
    exact = load_onnx(file).predict(images)
    apart_mm = np.linalg.norm(load_onnx(out).predict(images) - exact, axis=-1).mean()
    assert 0 < apart_mm < 0.1 * np.linalg.norm(exact, axis=-1).mean()


def test_the_command_says_how_well_it_went(
    images_file: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, _ = images_file
    assert run("onnx", str(model), "--out", str(tmp_path / "file.txt")) == 1
    assert "expected a name that ends in .onnx" in capsys.readouterr().err
    assert run("onnx", str(model), "--out", str(tmp_path / "f.onnx"), "--int8") == 1
    assert "--data" in capsys.readouterr().err
    save_model(PoseAutoencoder(AutoencoderConfig((20,))), tmp_path / "code")
    assert run("onnx", str(tmp_path / "code"), "--out", str(tmp_path / "f.onnx")) == 1
    assert "expected a network from observations to poses" in capsys.readouterr().err
    assert not (tmp_path / "f.onnx").exists()


def foreign(path: Path, **metadata: str) -> Path:
    """A whole ONNX file with other metadata, of a network that does nothing."""
    value = helper.make_tensor_value_info("observations", TensorProto.FLOAT, ["batch", 3])
    other = helper.make_tensor_value_info("poses_mm", TensorProto.FLOAT, ["batch", 3])
    node = helper.make_node("Identity", ["observations"], ["poses_mm"])
    graph = helper.make_graph([node], "g", [value], [other])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    helper.set_model_props(model, metadata)
    path.write_bytes(model.SerializeToString())
    return path


def test_a_foreign_file_is_refused(tmp_path: Path, images_file: tuple[Path, Path]) -> None:
    path = tmp_path / "foreign.onnx"
    with pytest.raises(InputError, match="says nothing of poses"):
        load_onnx(foreign(path))
    with pytest.raises(InputError, match="not valid JSON"):
        load_onnx(foreign(path, **{METADATA_KEY: "{"}))
    with pytest.raises(InputError, match="metadata"):
        load_onnx(foreign(path, **{METADATA_KEY: "{}"}))
    ours = onnx.load(images_file[1]).metadata_props[0].value
    with pytest.raises(InputError, match="got a network of"):
        load_onnx(foreign(path, **{METADATA_KEY: ours}))
    with pytest.raises(InputError, match="format_version: got 9"):
        load_onnx(foreign(path, **{METADATA_KEY: ours.replace('n": 2,', 'n": 9,', 1)}))


def test_a_damaged_file_is_refused(tmp_path: Path, images_file: tuple[Path, Path]) -> None:
    data = images_file[1].read_bytes()
    path = tmp_path / "damaged.onnx"
    for damaged in (b"", b"\0" * 100, data[: len(data) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"damaged\.onnx: "):
            load_onnx(path)
    with pytest.raises(InputError, match="cannot be read"):
        load_onnx(tmp_path / "missing.onnx")


def test_one_wrong_bit_of_a_weight_is_noticed(
    tmp_path: Path, images_file: tuple[Path, Path]
) -> None:
    model = onnx.load(images_file[1])
    weight = max(model.graph.initializer, key=lambda each: len(each.raw_data))
    data = bytearray(images_file[1].read_bytes())
    data[data.index(weight.raw_data) + len(weight.raw_data) // 2] ^= 1
    (tmp_path / "flipped.onnx").write_bytes(data)
    with pytest.raises(InputError, match=r"flipped\.onnx: damaged"):
        load_onnx(tmp_path / "flipped.onnx")


@pytest.mark.parametrize(
    ("end", "constant", "message"),
    [
        ("Reshape", np.array([7, 17, 3]), "cannot be run"),
        ("Mul", np.array([np.nan], np.float32), "no 2 of 17 finite joints"),
        ("Tile", np.array([2, 1, 1]), "no 2 of 17 finite joints"),
    ],
)
def test_a_network_that_gives_no_poses_is_refused_when_it_runs(
    tmp_path: Path, images_file: tuple[Path, Path], end: str, constant: np.ndarray, message: str
) -> None:
    model = onnx.load(images_file[1])
    last = next(node for node in model.graph.node if "poses_mm" in node.output)
    last.output[0] = "before"
    model.graph.initializer.append(onnx.numpy_helper.from_array(constant, "changed"))
    model.graph.node.append(helper.make_node(end, ["before", "changed"], ["poses_mm"]))
    (tmp_path / "changed.onnx").write_bytes(sealed(model.SerializeToString()))
    images = np.zeros((2, 32, 32, 3), np.uint8)
    with pytest.raises(InputError, match=rf"changed\.onnx: .*{message}.*; export it again"):
        load_onnx(tmp_path / "changed.onnx").predict(images)


def test_weights_outside_the_file_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(b"\0" * 12)
    path = foreign(tmp_path / "outside.onnx")
    model = onnx.load(path)
    weight = model.graph.initializer.add()
    weight.name, weight.data_type = "w", TensorProto.FLOAT
    weight.dims.append(3)
    weight.data_location = TensorProto.EXTERNAL
    for key, value in (("location", str(tmp_path / "secret.bin")), ("length", "12")):
        entry = weight.external_data.add()
        entry.key, entry.value = key, value
    model.graph.node[0].CopyFrom(helper.make_node("Add", ["observations", "w"], ["poses_mm"]))
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match="not a whole ONNX file"):
        load_onnx(path)
