"""Networks with fewer outputs compute the same."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from rendered_people import network_file

from overpose.keypoints.tflite import with_outputs
from overpose.support.errors import InputError

WANTED = ("Identity", "Identity_1", "Identity_3", "Identity_4")


def outputs_of(network: bytes, values: np.ndarray) -> dict[str, np.ndarray]:
    interpreter: Any = Interpreter(model_content=network, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    return {d["name"]: interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()}


def operations(network: bytes) -> int:
    return len(Interpreter(model_content=network)._get_ops_details())  # type: ignore[attr-defined]


@pytest.mark.parametrize("complexity", ["full", "heavy"])
def test_landmarks_without_the_mask_are_the_same_in_fewer_operations(complexity: str) -> None:
    whole = network_file(f"pose_landmark_{complexity}").read_bytes()
    reduced = with_outputs(whole, WANTED)
    values = np.random.default_rng(0).random((1, 256, 256, 3), np.float32)
    expected, found = outputs_of(whole, values), outputs_of(reduced, values)
    assert set(found) == set(WANTED)
    for name in WANTED:
        np.testing.assert_array_equal(found[name], expected[name])
    assert operations(reduced) < operations(whole)


def test_with_all_outputs_a_network_stays_as_it_is() -> None:
    whole = network_file("pose_detection").read_bytes()
    assert with_outputs(whole, ("Identity", "Identity_1")) == whole


def test_an_output_that_is_not_there_is_refused() -> None:
    whole = network_file("pose_detection").read_bytes()
    with pytest.raises(InputError, match="expected outputs Identity, Mask"):
        with_outputs(whole, ("Identity", "Mask"))


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\xff" * 64])
def test_what_is_no_network_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a network of TensorFlow Lite"):
        with_outputs(content, WANTED)
