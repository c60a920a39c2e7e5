"""Networks in LiteRT's file format, run by LiteRT or by OpenVINO on the processor.

What goes in and what comes out means, belongs to `blazepose`.
"""

import queue
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from overpose.keypoints.tflite import with_outputs

Runtime = Literal["litert", "openvino"]
Run = Callable[[np.ndarray], dict[str, np.ndarray]]
"""From the input of a network to its outputs by name."""


def network(
    path: Path,
    outputs: Sequence[str],
    *,
    threads: int,
    copies: int = 1,
    runtime: Runtime = "litert",
) -> Run:
    """A network that as many callers use at a time as there are copies; others wait.

    Args:
        path: its file, `.tflite`.
        outputs: names of those that are wanted; what only others need is not computed.
        threads: of each copy.
        copies: how many are loaded, the others than the first when they are needed.
        runtime: what computes it. OpenVINO does so in float32 too.

    Raises:
        ImportError: the runtime is not installed.
        InputError: the file is damaged.
    """
    content = with_outputs(path.read_bytes(), outputs)
    load = {"litert": _in_litert, "openvino": _in_openvino}[runtime](content, outputs, threads)
    idle: queue.LifoQueue[Run | None] = queue.LifoQueue()
    for copy in [*[None] * (copies - 1), load()]:  # a damaged file is found here
        idle.put(copy)

    def run(values: np.ndarray) -> dict[str, np.ndarray]:
        copy = idle.get()
        try:
            copy = copy or load()
            return copy(values)
        finally:
            idle.put(copy)

    return run


def _in_litert(content: bytes, outputs: Sequence[str], threads: int) -> Callable[[], Run]:
    from ai_edge_litert.interpreter import Interpreter

    def load() -> Run:
        interpreter: Any = Interpreter(model_content=content, num_threads=threads)
        interpreter.allocate_tensors()
        source = interpreter.get_input_details()[0]["index"]
        places = {item["name"]: item["index"] for item in interpreter.get_output_details()}

        def run(values: np.ndarray) -> dict[str, np.ndarray]:
            interpreter.set_tensor(source, values)
            interpreter.invoke()
            return {name: interpreter.get_tensor(places[name]) for name in outputs}

        return run

    return load


def _in_openvino(content: bytes, outputs: Sequence[str], threads: int) -> Callable[[], Run]:
    # Else it tells Google Analytics of every network that it reads, unasked.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino  # pyright: ignore[reportMissingImports]

    core: Any = openvino.Core()
    with tempfile.TemporaryDirectory(prefix="overpose-") as directory:
        file = Path(directory) / "network.tflite"  # this format is read from files alone
        file.write_bytes(content)
        model = core.read_model(file)
    options = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "f32",  # else bfloat16, where the processor has it
        "ENABLE_CPU_PINNING": False,  # copies would share one core
    }

    def load() -> Run:
        request = core.compile_model(model, "CPU", options).create_infer_request()

        def run(values: np.ndarray) -> dict[str, np.ndarray]:
            request.infer([values])
            return {name: request.get_tensor(name).data.copy() for name in outputs}

        return run

    return load
