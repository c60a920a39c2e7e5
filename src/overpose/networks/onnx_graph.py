"""Trained networks as ONNX graphs, from observations to poses in mm. `onnx_model` runs them."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

import torch
from torch import Tensor, nn

from overpose.networks.configs import ImageEncoderConfig
from overpose.networks.keypoint_windows import INPUTS, input_size
from overpose.networks.normalization import root_relative
from overpose.networks.onnx_model import (
    FORMAT_VERSION,
    INPUT,
    METADATA_KEY,
    OUTPUT,
    UNSEALED,
    OnnxDescription,
    sealed,
)
from overpose.networks.pose_predictor import PosePredictor
from overpose.skeleton import HUMAN36M
from overpose.support.version import VERSION

OPSET = 20


class ImagesToPoses(nn.Module):
    """RGB images (batch, size, size, 3) uint8 to poses (batch, 17, 3), mm, root-relative.

    Args:
        network: central crops (batch, 3, crop, crop) to such poses.
        image_size, crop_size: pixels.
    """

    def __init__(self, network: nn.Module, image_size: int, crop_size: int) -> None:
        super().__init__()
        self.network = network
        self.start, self.size = (image_size - crop_size) // 2, crop_size

    def forward(self, images: Tensor) -> Tensor:
        """Poses."""
        seen = slice(self.start, self.start + self.size)
        return self.network(images[:, seen, seen].permute(0, 3, 1, 2).float())


class PredictedPoses(nn.Module):
    """What a pose predictor's encoder takes to poses (batch, 17, 3), mm, root-relative."""

    def __init__(self, predictor: PosePredictor) -> None:
        super().__init__()
        self.predictor = predictor

    def forward(self, observations: Tensor) -> Tensor:
        """Poses."""
        return root_relative(self.predictor.normalization.to_mm(self.predictor(observations)))


def graph_of_predictor(model: PosePredictor) -> bytes:
    """A pose predictor's ONNX file.

    Args:
        model: in evaluation mode, on the CPU.

    Raises:
        ModuleNotFoundError: onnx or onnxscript is not installed.
    """
    encoder = model.config.encoder
    network: nn.Module = PredictedPoses(model)
    if isinstance(encoder, ImageEncoderConfig):
        network = ImagesToPoses(network, encoder.image_size, encoder.crop_size)
        return graph(network, description(model.config.kind, image_size=encoder.image_size))
    return graph(network, description(model.config.kind, offsets=encoder.offsets))


def description(
    kind: str, *, image_size: int = 0, offsets: tuple[int, ...] = ()
) -> OnnxDescription:
    """The metadata of a network of images, or of keypoints."""
    return OnnxDescription(
        format_version=FORMAT_VERSION,
        kind=kind,
        observations="images" if image_size else "keypoints",
        image_size=image_size,
        crop="paper_box" if image_size else "",
        offsets=offsets,
        keypoints=() if image_size else INPUTS.names,
        joints=HUMAN36M.joint_names,
        unit="mm",
        axes="camera",
        overpose=VERSION,
        sha256=UNSEALED,
    )


def graph(network: nn.Module, described: OnnxDescription) -> bytes:
    """The ONNX file of a network from observations to poses in mm, for batches of any size.

    Raises:
        ModuleNotFoundError: onnx or onnxscript is not installed.
    """
    import onnx
    import onnxscript  # noqa: F401  torch says less clearly that it is missing

    size = described.image_size
    example = (
        torch.zeros(2, size, size, 3, dtype=torch.uint8)
        if size
        else torch.zeros(2, input_size(len(described.offsets)))
    )
    with torch.inference_mode(), _silence():
        program = torch.onnx.export(
            network.eval(),
            (example,),
            input_names=[INPUT],
            output_names=[OUTPUT],
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
        )
    assert program is not None  # what it gives where no file is named
    made: Any = program.model_proto
    onnx.helper.set_model_props(made, {METADATA_KEY: described.to_metadata()})
    made.doc_string = ""
    for node in made.graph.node:  # names of files of the machine that exported
        del node.metadata_props[:]
        node.doc_string = ""
    return sealed(made.SerializeToString())


@contextmanager
def _silence() -> Iterator[None]:
    """The exporter reports its progress on every stream."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            redirect_stdout(io.StringIO()),
            redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
