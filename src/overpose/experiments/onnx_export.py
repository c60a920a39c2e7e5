"""`overpose onnx`: a trained network as an ONNX file, checked against torch on real input."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from overpose.baselines.dconv import TARGET_MM, DconvMPHML
from overpose.baselines.dconv_graph import RegressedPoses
from overpose.datasets.store import Dataset, open_dataset
from overpose.layouts import layout_of
from overpose.measure.protocols import require_image_size
from overpose.methods import load_model, pictures
from overpose.metrics import mpjpe
from overpose.mocap.joints17 import joints17_world_mm
from overpose.mocap.procedural import procedural_motion
from overpose.networks.model_files import read_model_config
from overpose.networks.onnx_graph import ImagesToPoses, description, graph, graph_of_predictor
from overpose.networks.onnx_model import INPUT, SUFFIX, load_onnx, sealed
from overpose.networks.pose_predictor import PosePredictor
from overpose.poses import PoseTrack
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.support.files import require_apart, require_writable, writing_file
from overpose.support.seeding import random_stream
from overpose.video.lifting import lift

MOST_UNITS = 1e-4
MOST_MM = 0.05
"""How far a coordinate may be off from torch, in the network's units and in mm."""
MOST_GROWTH_MM = 1.0
"""By how much the mean error may grow with 8 bits."""
_LAYERS = ("Conv", "Gemm", "MatMul")
_CHECKED = 256
_TURNS = 5
Predict = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class OnnxReport:
    """What an exported file is like.

    Attributes:
        difference_mm: largest difference of a coordinate to torch, before numbers of 8 bits.
        growth_mm: by how much 8 bits raise the error: of the mean error where the true poses are
            known, otherwise the mean distance to torch's poses; None without 8 bits.
        size_mb: of the file and of the model's weights, by "onnx" and "torch".
        ms: of one observation, in batches of 64, by "onnx" and "torch".
        checked_on: what was predicted, in words.
    """

    difference_mm: float
    growth_mm: float | None
    size_mb: dict[str, float]
    ms: dict[str, float]
    checked_on: str


@dataclass(frozen=True)
class _Observations:
    """What a network is checked on, and the true poses if they are known."""

    values: np.ndarray
    poses_mm: np.ndarray | None
    told: str
    calibration: np.ndarray


def export_onnx(
    model: Path, out: Path, *, data: Path | None = None, int8: bool = False, overwrite: bool = False
) -> OnnxReport:
    """Write a trained network as an ONNX file that `predict --model` takes.

    Args:
        model: its directory, or that of its stage.
        out: the file.
        data: what to check it on: a dataset for a network of images, a pose track (.npz) for a
            lifter; by default something made up.
        int8: whether products are of 8 bits; needs `data`.
        overwrite: whether an earlier file is replaced.

    Raises:
        InputError: the model is none that can be exported, `data` does not fit it, the file does
            not predict what torch does, or 8 bits cost more than 1 mm. Nothing is written then.
    """
    if out.suffix != SUFFIX:
        raise InputError(f"{out}: expected a name that ends in {SUFFIX}")
    if int8 and data is None:
        raise InputError("int8 needs --data: its ranges are measured on real input")
    place = model / "last" if (model / "last").is_dir() else model
    require_apart([out], [place / "weights.safetensors", *([data] if data else [])])
    require_writable(out, overwrite=overwrite)
    if (read_model_config(place).get("provenance") or {}).get("inputs") == "masked_image":
        raise InputError(
            f"{place}: was trained on images with masks, which photos and videos do not have; "
            "expected a model trained on images alone"
        )
    network = load_model(place)
    exported, unit_mm = _exported(network, place)
    seen = _observations(network, data)
    expected = network.predict(seen.values)
    with writing_file(out) as temporary:
        temporary.write_bytes(exported)
        predict = load_onnx(temporary).predict
        difference_mm = float(np.abs(predict(seen.values) - expected).max())
        if difference_mm > min(MOST_MM, MOST_UNITS * unit_mm):
            raise InputError(
                f"{place}: the exported network is {difference_mm:.3g} mm off from torch, expected "
                f"at most {min(MOST_MM, MOST_UNITS * unit_mm):.3g}; it was not written"
            )
        growth_mm = None
        if int8:
            _quantise(temporary, seen.calibration)
            predict = load_onnx(temporary).predict
            growth_mm = _growth_mm(predict(seen.values), expected, seen.poses_mm)
            if growth_mm > MOST_GROWTH_MM:
                raise InputError(
                    f"{place}: with 8 bits the error grows by {growth_mm:.2f} mm, expected at most "
                    f"{MOST_GROWTH_MM:g}; it was not written: export it without"
                )
        ms = {"onnx": _ms(predict, seen.values), "torch": _ms(network.predict, seen.values)}
        sizes = {
            "onnx": temporary.stat().st_size / 1e6,
            "torch": (place / "weights.safetensors").stat().st_size / 1e6,
        }
    return OnnxReport(difference_mm, growth_mm, sizes, ms, seen.told)


def _exported(network: Any, place: Path) -> tuple[bytes, float]:
    """The ONNX file, and the network's unit in mm.

    Raises:
        InputError: it is a model of another kind.
    """
    if isinstance(network, PosePredictor):
        return graph_of_predictor(network), float(network.normalization.scale_mm)
    if isinstance(network, DconvMPHML):
        sizes = network.config.convolutions
        images = ImagesToPoses(RegressedPoses(network), sizes.image_size, sizes.crop_size)
        described = description(network.saved_as, image_size=sizes.image_size)
        return graph(images, described), TARGET_MM
    raise InputError(
        f"{place}: got a model of kind {type(network).saved_as!r}, expected a network from "
        "observations to poses: direct, latent, finetuned, or dconv_mp_hml; kernel systems and "
        "StructNet's search are no such networks"
    )


def _observations(network: Any, data: Path | None) -> _Observations:
    """What a network is checked on.

    Raises:
        InputError: `data` cannot be read or does not fit.
    """
    if hasattr(network, "offsets"):
        windows = _windows(network.offsets, PoseTrack.load(data) if data else _made_up_track())
        told = f"{len(windows)} windows of {data.name if data else 'made-up motion'}"
        return _Observations(windows, None, told, windows)
    size = network.image_size
    if data is None:
        shape = (_CHECKED, size, size, 3)
        images = random_stream(0, "onnx").integers(0, 256, shape, dtype=np.uint8)
        return _Observations(images, None, f"{len(images)} images of noise", images)
    with open_dataset(data) as dataset:
        require_image_size(dataset, size)
        test, train = (_some(dataset, split) for split in ("test", "train"))
        images = pictures(test, "image")(np.arange(len(test)))
        calibration = pictures(train, "image")(np.arange(len(train)))
        told = f"{len(test)} test images of {data.name}"
        return _Observations(images, test.poses_mm.copy(), told, calibration)


def _some(dataset: Dataset, split: str) -> Dataset:
    rows = np.flatnonzero(dataset.splits == split)
    if len(rows) == 0:
        raise InputError(f"{dataset.info.path}: got no samples of split {split!r}")
    return dataset.select(rows[:: -(-len(rows) // _CHECKED)])


@dataclass(frozen=True, eq=False)
class _Keypoints:
    """What a lifter needs of a track; see `PoseTrack`."""

    keypoints_px: np.ndarray
    keypoint_names: tuple[str, ...]
    focal_px: float
    width: int
    height: int
    fps: float


class _Windows:
    """A lifter that keeps what it is asked."""

    def __init__(self, offsets: tuple[int, ...]) -> None:
        self.offsets = offsets
        self.seen: list[np.ndarray] = []

    def predict(self, features: np.ndarray) -> np.ndarray:
        self.seen.append(features)
        return np.zeros((len(features), len(HUMAN36M), 3), np.float32)


def _windows(offsets: tuple[int, ...], track: PoseTrack | _Keypoints) -> np.ndarray:
    """The windows that a lifter is given for everybody's keypoints."""
    keep = _Windows(offsets)
    for person in track.keypoints_px:
        lift(
            keep,
            person,
            layout_of(track.keypoint_names),
            focal_px=track.focal_px,
            center_px=(track.width / 2, track.height / 2),
            fps=track.fps,
        )
    if not any(map(len, keep.seen)):
        raise InputError("data: got a track without people, expected at least one")
    windows = np.concatenate(keep.seen)
    return windows[:: -(-len(windows) // _CHECKED)]


def _made_up_track() -> _Keypoints:
    """Somebody who walks 4 m before a camera."""
    world = joints17_world_mm(procedural_motion("walking", 1, 0, _CHECKED))
    camera = np.stack([world[..., 0], -world[..., 2], world[..., 1]], axis=-1)
    camera += np.array([0.0, 900.0, 4000.0])
    pixels = camera[..., :2] / camera[..., 2:] * 1000.0 + 500.0
    keypoints = np.concatenate([pixels, np.ones_like(pixels[..., :1])], axis=-1)
    names = HUMAN36M.joint_names
    return _Keypoints(keypoints.astype(np.float32)[None], names, 1000.0, 1000, 1000, 25.0)


def _quantise(path: Path, calibration: np.ndarray) -> None:
    """Make products of 8 bits of a network on disk, in place; ranges from some observations."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.parts = iter(np.array_split(calibration, -(-len(calibration) // 64)))

        def get_next(self) -> dict[str, np.ndarray] | None:  # pyright: ignore
            part = next(self.parts, None)
            return None if part is None else {INPUT: part}

    with tempfile.TemporaryDirectory() as made:
        prepared, quantised = Path(made) / "prepared.onnx", Path(made) / "quantised.onnx"
        quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(quantised),
            Reader(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(_LAYERS),
            per_channel=True,
            reduce_range=True,
            nodes_to_exclude=_not_layers(prepared),
        )
        path.write_bytes(sealed(quantised.read_bytes()))


def _not_layers(path: Path) -> list[str]:
    """Names of products that are no layers: without constant weights on the right, or plus
    something other than a number for each output. They stay as they are."""
    import onnx

    graph = onnx.load(path).graph
    sizes = {constant.name: len(constant.dims) for constant in graph.initializer}
    return [
        node.name
        for node in graph.node
        if node.op_type in _LAYERS
        and (node.input[1] not in sizes or any(sizes.get(bias) != 1 for bias in node.input[2:]))
    ]


def _growth_mm(found: np.ndarray, expected: np.ndarray, true: np.ndarray | None) -> float:
    if true is None:
        return float(mpjpe(found, expected))
    return float(mpjpe(found, true)) - float(mpjpe(expected, true))


def _ms(predict: Predict, observations: np.ndarray) -> float:
    """Milliseconds of one observation, in batches of 64."""
    some = observations[:64]
    predict(some)
    times = []
    for _ in range(_TURNS):
        started = time.perf_counter()
        predict(some)
        times.append(time.perf_counter() - started)
    return 1000 * median(times) / len(some)
