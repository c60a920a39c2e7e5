"""From windows of 2D keypoints to poses: straight, through a frozen decoder, or fine-tuned.

The counterpart of `regressor`, with keypoints in the place of images.
"""

from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from overpose.networks.codes import PoseDecoder
from overpose.networks.evaluating import evaluating
from overpose.networks.keypoint_encoder import KeypointEncoder
from overpose.networks.keypoint_windows import input_size
from overpose.networks.lifter_config import LifterConfig
from overpose.networks.normalization import JOINTS, POSE_SIZE, PoseNormalization, root_relative
from overpose.networks.storage import Kind
from overpose.support.checks import check_array


class PoseLifter(nn.Module):
    """Keypoint network, a linear layer (the head), and for latent kinds a decoder.

    Args:
        config: what it consists of.
        normalization: of the poses; the identity if left out.
        seed: of the initial weights.

    Attributes:
        code_scale: what the head's output is multiplied with, see `PoseRegressor`.
    """

    saved_as = "lifter"
    code_scale: Tensor

    def __init__(
        self,
        config: LifterConfig,
        normalization: PoseNormalization | None = None,
        *,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.config = config
        self.normalization = normalization or PoseNormalization()
        outputs = config.decoder_sizes[0] if config.decoder_sizes else POSE_SIZE
        with torch.random.fork_rng(devices=()):  # building a network draws from no global stream
            self.encoder = KeypointEncoder(config.encoder, input_size(len(config.encoder.offsets)))
            self.head = nn.Linear(config.encoder.width, outputs)
        self.decoder = (
            PoseDecoder(config.decoder_sizes, config.inner_decoder)
            if config.decoder_sizes
            else None
        )
        generator = torch.Generator().manual_seed(seed)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
                nn.init.zeros_(cast(Tensor, layer.bias))
        self.register_buffer("code_scale", torch.ones(()))

    @property
    def offsets(self) -> tuple[int, ...]:
        """Frames of a window, relative to the one predicted."""
        return self.config.encoder.offsets

    @torch.no_grad()
    def start_from(self, targets: Float[Tensor, "samples outputs"]) -> None:
        """Set the head to predict the mean of training targets, and `code_scale` to their spread.

        Args:
            targets: codes, or for "direct" normalised poses, whose scale stays 1.
        """
        spread = (targets - targets.mean(0)).square().mean().sqrt()
        if self.decoder is not None and spread > 0:
            self.code_scale.copy_(spread)
        nn.init.zeros_(self.head.weight)
        self.head.bias.copy_(targets.mean(0) / self.code_scale)

    def target(self, windows: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch outputs"]:
        """What the head predicts: the code, or for "direct" the normalised pose."""
        return self.head(self.encoder(windows)) * self.code_scale

    def forward(self, windows: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch 51"]:
        """Normalised poses of normalised windows."""
        output = self.target(windows)
        return output if self.decoder is None else self.decoder(output)

    @torch.inference_mode()
    def predict(self, features: np.ndarray, batch_size: int = 1024) -> np.ndarray:
        """Poses of windows, without dropout.

        Args:
            features: (N, inputs) float32 from `keypoint_windows.make_windows`.
            batch_size: windows at a time; it does not change the result beyond rounding.

        Returns:
            (N, 17, 3) float32, mm, axes of the window's virtual camera, relative to the root.

        Raises:
            InputError: `features` is not such an array.
        """
        size = input_size(len(self.config.encoder.offsets))
        check_array("features", features, ("N", size), dtype=np.float32)
        device = self.head.bias.device
        poses_mm = np.empty((len(features), JOINTS, 3), dtype=np.float32)
        with evaluating(self):
            for first in range(0, len(features), batch_size):
                part = torch.from_numpy(features[first : first + batch_size]).to(device)
                predicted = root_relative(self.normalization.to_mm(self(part)))
                poses_mm[first : first + len(part)] = predicted.cpu().numpy()
        return poses_mm


KIND = Kind(PoseLifter, LifterConfig)
