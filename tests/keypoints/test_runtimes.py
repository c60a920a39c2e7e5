"""OpenVINO computes what LiteRT computes: by a stand-in for the package, and by itself if it is
installed."""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from rendered_people import network_file

from overpose.keypoints.engines.blazepose import FULL_OPENVINO, HEAVY_OPENVINO
from overpose.keypoints.runtimes import network
from overpose.support.errors import InputError

WANTED = ("Identity", "Identity_1", "Identity_4")


class Request:
    """Computes by LiteRT what OpenVINO is asked for."""

    def __init__(self, model: bytes) -> None:
        self.interpreter: Any = Interpreter(model_content=model)
        self.interpreter.allocate_tensors()

    def infer(self, inputs: list[np.ndarray]) -> None:
        self.interpreter.set_tensor(self.interpreter.get_input_details()[0]["index"], inputs[0])
        self.interpreter.invoke()

    def get_tensor(self, name: str) -> Any:
        details = self.interpreter.get_output_details()
        (place,) = (each["index"] for each in details if each["name"] == name)
        tensor = ModuleType("tensor")
        tensor.data = self.interpreter.get_tensor(place)  # type: ignore[attr-defined]
        return tensor


class Core:
    """OpenVINO's; `compiled` has what was asked for."""

    compiled: ClassVar[list[tuple[str, dict[str, Any]]]] = []

    def read_model(self, path: Path) -> bytes:
        return path.read_bytes()

    def compile_model(self, model: bytes, device: str, options: dict[str, Any]) -> Any:
        self.compiled.append((device, options))
        compiled = ModuleType("compiled")
        compiled.create_infer_request = lambda: Request(model)  # type: ignore[attr-defined]
        return compiled


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("openvino")
    module.Core = Core  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "openvino", module)
    monkeypatch.setattr(Core, "compiled", [])


def assert_the_same(asset: str, size: int, outputs: tuple[str, ...]) -> None:
    values = np.random.default_rng(0).random((1, size, size, 3), np.float32)
    path = network_file(asset)
    expected = network(path, outputs, threads=1)(values)
    found = network(path, outputs, threads=1, runtime="openvino")(values)
    assert set(found) == set(outputs)
    for name in outputs:
        np.testing.assert_allclose(found[name], expected[name], atol=2e-2)


def test_a_stand_in_is_asked_for_float32_on_so_many_threads(stand_in: None) -> None:
    assert_the_same("pose_landmark_full", 256, WANTED)
    ((device, options),) = Core.compiled
    assert device == "CPU"
    assert options["INFERENCE_PRECISION_HINT"] == "f32"
    assert options["INFERENCE_NUM_THREADS"] == 1
    assert options["ENABLE_CPU_PINNING"] is False


@pytest.mark.parametrize(
    ("asset", "size", "outputs"),
    [("pose_landmark_full", 256, WANTED), ("pose_detection", 224, WANTED[:2])],
)
def test_openvino_computes_the_same(asset: str, size: int, outputs: tuple[str, ...]) -> None:
    pytest.importorskip("openvino")
    assert_the_same(asset, size, outputs)


def test_openvino_gets_nothing_to_report_with(
    stand_in: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would tell Google Analytics of the networks that it reads."""
    monkeypatch.delitem(sys.modules, "openvino_telemetry", raising=False)
    network(network_file("pose_detection"), WANTED[:2], threads=1, runtime="openvino")
    with pytest.raises(ImportError):
        importlib.import_module("openvino_telemetry")


def test_a_result_is_not_changed_by_the_next(stand_in: None) -> None:
    run = network(network_file("pose_landmark_full"), WANTED, threads=1, runtime="openvino")
    rng = np.random.default_rng(0)
    first = run(rng.random((1, 256, 256, 3), np.float32))
    kept = {name: values.copy() for name, values in first.items()}
    run(rng.random((1, 256, 256, 3), np.float32))
    for name in WANTED:
        np.testing.assert_array_equal(first[name], kept[name])


@pytest.mark.parametrize("engine", [FULL_OPENVINO, HEAVY_OPENVINO])
def test_without_the_package_its_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, engine: Any
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    network_file("pose_detection")
    network_file(f"pose_landmark_{engine.name.removesuffix('-openvino')}")
    with pytest.raises(InputError, match=r"overpose\[openvino\]"):
        engine.finders(1)
