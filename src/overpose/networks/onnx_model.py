"""Trained networks in ONNX files, run by ONNX Runtime: without torch.

A file of ours says in its metadata what it takes and gives; see `OnnxDescription`. Another file is
refused: nobody could know what its numbers mean. `onnx_graph` writes the files.
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from overpose.networks.keypoint_windows import INPUTS, input_size
from overpose.networks.model_files import dataclass_from_json, memory_bytes
from overpose.skeleton import HUMAN36M
from overpose.support.checks import check_array
from overpose.support.digests import sha256
from overpose.support.errors import InputError, raise_if_of_memory
from overpose.support.workers import available_processes

SUFFIX = ".onnx"
METADATA_KEY = "overpose"
FORMAT_VERSION = 2
INPUT, OUTPUT = "observations", "poses_mm"
_BATCH = 256
_MOST_IMAGE_PX = 4096
_MOST_OFFSET = 10_000
UNSEALED = "0" * 64
_SEAL = re.compile(rb'"sha256": "([0-9a-f]{64})"')


@dataclass(frozen=True)
class OnnxDescription:
    """What a file of ours holds, in its metadata as JSON.

    Attributes:
        format_version: of this description.
        kind: of the network, e.g. "finetuned".
        observations: "images": uint8 (batch, size, size, 3) RGB, a person cut out by the square
            `crop`; "keypoints": float32 (batch, inputs), windows from `make_windows`.
        image_size: side of the images, pixels; 0 for keypoints.
        crop: how a person is cut out: the name of the rule, for images.
        offsets: frames of a window, relative to the one predicted; empty for images.
        keypoints: names of a frame's keypoints, in order; empty for images.
        joints: names of the joints of the poses, (batch, joints, 3) float32.
        unit: of the poses.
        axes: of the poses; the root is the origin.
        overpose: version that wrote it.
        sha256: of the file with zeros in the place of this; see `sealed`.

    Raises:
        InputError: the values are not such ones, or of another version.
    """

    format_version: int
    kind: str
    observations: Literal["images", "keypoints"]
    image_size: int
    crop: str
    offsets: tuple[int, ...]
    keypoints: tuple[str, ...]
    joints: tuple[str, ...]
    unit: str
    axes: str
    overpose: str
    sha256: str = UNSEALED  # files of the first format have none, and are told of theirs

    def __post_init__(self) -> None:
        if self.format_version != FORMAT_VERSION:
            raise InputError(
                f"format_version: got {self.format_version}, expected {FORMAT_VERSION}; use the "
                "version of overpose that wrote it, or export it again"
            )
        known = (HUMAN36M.joint_names, "mm", "camera")
        if (self.joints, self.unit, self.axes) != known:
            raise InputError("joints, unit, axes: expected our 17 joints in mm in camera axes")
        if self.observations == "images":
            if not 1 <= self.image_size <= _MOST_IMAGE_PX:
                raise InputError(
                    f"image_size: got {self.image_size}, expected 1 to {_MOST_IMAGE_PX}"
                )
            if self.crop != "paper_box":
                raise InputError(f"crop: got {self.crop!r}, expected 'paper_box'")
        else:
            offsets = self.offsets
            if 0 not in offsets or list(offsets) != sorted(set(offsets)):
                raise InputError(f"offsets: got {offsets}, expected ascending ones with 0 among")
            if max(map(abs, offsets)) > _MOST_OFFSET:
                raise InputError(f"offsets: got {offsets}, expected at most {_MOST_OFFSET}")
            if self.keypoints != INPUTS.names:
                raise InputError(f"keypoints: expected {', '.join(INPUTS.names)}")

    def to_metadata(self) -> str:
        """The JSON of the metadata."""
        return json.dumps(asdict(self))


def sealed(data: bytes) -> bytes:
    """The content of a file of ours with the hash that belongs to it: the same if it is whole."""
    found = _SEAL.search(data)
    if found is None:
        return b""
    before, after = data[: found.start(1)], data[found.end(1) :]
    return before + sha256(before, UNSEALED, after).encode() + after


class _OnnxNetwork:
    """A network and what it says of itself."""

    def __init__(self, session: Any, description: OnnxDescription, path: Path) -> None:
        self._session = session
        self._path = path
        self.description = description

    def _poses(self, observations: np.ndarray) -> np.ndarray:
        poses = [np.empty((0, len(HUMAN36M), 3), np.float32)]
        for first in range(0, len(observations), _BATCH):
            part = np.ascontiguousarray(observations[first : first + _BATCH])
            try:
                found = self._session.run([OUTPUT], {INPUT: part})[0]
            except Exception as error:  # its classes share no base but this
                raise_if_of_memory(error)
                line = str(error).partition("\n")[0][:200]
                raise InputError(f"{self._path}: cannot be run ({line}); export it again") from None
            if found.shape != (len(part), len(HUMAN36M), 3) or not np.isfinite(found).all():
                raise InputError(
                    f"{self._path}: its poses are no {len(part)} of {len(HUMAN36M)} finite joints; "
                    "export it again"
                )
            poses.append(found)
        return np.concatenate(poses)


class OnnxImageModel(_OnnxNetwork):
    """Images of people to poses.

    Attributes:
        image_size: height and width of the images, pixels.
    """

    def __init__(self, session: Any, description: OnnxDescription, path: Path) -> None:
        super().__init__(session, description, path)
        self.image_size = description.image_size

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Poses (N, 17, 3) float32, mm, camera axes, root-relative, of RGB images (N, size, size,
        3) uint8.

        Raises:
            InputError: `images` is not such an array, or the network gives no poses.
        """
        size = self.image_size
        check_array("images", images, ("N", size, size, 3), dtype=np.uint8)
        return self._poses(images)


class OnnxLifter(_OnnxNetwork):
    """Windows of keypoints to poses.

    Attributes:
        offsets: frames of a window, relative to the one predicted.
    """

    def __init__(self, session: Any, description: OnnxDescription, path: Path) -> None:
        super().__init__(session, description, path)
        self.offsets = description.offsets

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Poses (N, 17, 3) float32, mm, axes of the window's virtual camera, of features (N,
        inputs) float32 from `keypoint_windows.make_windows`.

        Raises:
            InputError: `features` is not such an array, or the network gives no poses.
        """
        size = input_size(len(self.offsets))
        check_array("features", features, ("N", size), dtype=np.float32)
        return self._poses(features)


def load_onnx(path: Path) -> OnnxImageModel | OnnxLifter:
    """Read a network that `overpose onnx` wrote.

    Raises:
        InputError: the file is missing, damaged or not ours.
        ModuleNotFoundError: ONNX Runtime is not installed.
    """
    import onnxruntime

    try:
        size, most = path.stat().st_size, memory_bytes() // 2
        if size > most:
            raise InputError(f"{path}: got {size} bytes, expected at most {most}, half of memory")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = available_processes()
    # Threads that wait by spinning take the cores from the networks that find people.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        said = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    except Exception as error:  # its classes share no base but this
        line = str(error).partition("\n")[0]
        raise InputError(f"{path}: not a whole ONNX file ({line}); export it again") from None
    if said is None:
        raise InputError(
            f"{path}: got an ONNX file that says nothing of poses, expected one that "
            "`overpose onnx` wrote"
        )
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        raise InputError(f"{path}: metadata {METADATA_KEY!r}: not valid JSON") from None
    described = dataclass_from_json(OnnxDescription, found, f"{path}: metadata")
    _require_shapes(session, described, path)
    if sealed(data) != data:
        raise InputError(f"{path}: damaged: not what its SHA-256 is of; export or copy it again")
    kind = OnnxImageModel if described.observations == "images" else OnnxLifter
    return kind(session, described, path)


def _require_shapes(session: Any, described: OnnxDescription, path: Path) -> None:
    """Refuse a graph that does not take and give what its metadata says."""
    size = described.image_size
    takes = [size, size, 3] if size else [input_size(len(described.offsets))]
    wanted = [(INPUT, "tensor(uint8)" if size else "tensor(float)", takes)]
    wanted.append((OUTPUT, "tensor(float)", [len(HUMAN36M), 3]))
    found = [
        (value.name, value.type, value.shape[1:])
        for value in (*session.get_inputs(), *session.get_outputs())
    ]
    if found != wanted:
        raise InputError(f"{path}: got a network of {found}, expected {wanted}; export it again")
