"""From an image to a pose: straight, through a frozen decoder, or fine-tuned as a whole.

The three networks of the paper's Table 2; how they are trained belongs to `training`.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import relu

from overpose.networks.codes import PoseDecoder
from overpose.networks.evaluating import evaluating
from overpose.networks.image_encoder import (
    Crops,
    ImageEncoder,
    ImageEncoderConfig,
    central_crops,
    initialise,
)
from overpose.networks.normalization import JOINTS, POSE_SIZE, PoseNormalization, root_relative
from overpose.networks.storage import Kind
from overpose.support.errors import InputError

KINDS = ("direct", "latent", "finetuned")


@dataclass(frozen=True)
class RegressorConfig:
    """What a regressor consists of.

    Attributes:
        kind: "direct": image to pose; "latent": image to code, then the decoder of the code,
            untouched; "finetuned": the same, trained as a whole.
        image_encoder: sizes of the image network.
        latent_activation: what ends the layer that predicts the code: "linear" in the paper; "relu"
            keeps the prediction where codes of a ReLU encoder can be.
        decoder_sizes: widths from code to pose, e.g. (2000, 51); empty for "direct".
        inner_decoder: what follows the inner layers of the decoder.

    Raises:
        InputError: the values do not fit together.
    """

    kind: Literal["direct", "latent", "finetuned"] = "direct"
    image_encoder: ImageEncoderConfig = field(default_factory=ImageEncoderConfig)
    latent_activation: Literal["linear", "relu"] = "linear"
    decoder_sizes: tuple[int, ...] = ()
    inner_decoder: Literal["relu", "linear"] = "relu"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"kind: got {self.kind!r}, expected one of {', '.join(KINDS)}")
        if self.latent_activation not in ("linear", "relu"):
            raise InputError(
                f"latent_activation: got {self.latent_activation!r}, expected linear or relu"
            )
        if (self.kind == "direct") != (not self.decoder_sizes):
            raise InputError(
                f"decoder_sizes: got {self.decoder_sizes} for kind {self.kind!r}, expected widths "
                "for latent and finetuned, none for direct"
            )


class PoseRegressor(nn.Module):
    """Image network, a linear layer (the head), and for latent kinds a decoder.

    Args:
        config: what it consists of.
        normalization: of the poses; the identity if left out.
        seed: of the initial weights.

    Attributes:
        code_scale: what the head's output is multiplied with, 1 for "direct". Codes have the energy
            of a pose spread over many more numbers, each some times smaller than a coordinate.
            Adam's steps do not depend on the size of the target: without the scale they are as many
            times too long for a code, and learning it takes several times as many epochs.

    Initial weights are He's for ReLU, biases zero. `start_from` makes every kind begin with the
    prediction of a constant, the mean target.
    """

    saved_as = "regressor"
    code_scale: Tensor

    def __init__(
        self,
        config: RegressorConfig,
        normalization: PoseNormalization | None = None,
        *,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.config = config
        self.normalization = normalization or PoseNormalization()
        outputs = config.decoder_sizes[0] if config.decoder_sizes else POSE_SIZE
        with torch.random.fork_rng(devices=()):  # building a network draws from no global stream
            self.image_encoder = ImageEncoder(config.image_encoder)
            self.head = nn.Linear(config.image_encoder.hidden[-1], outputs)
        self.decoder = (
            PoseDecoder(config.decoder_sizes, config.inner_decoder)
            if config.decoder_sizes
            else None
        )
        initialise(self, seed)
        self.register_buffer("code_scale", torch.ones(()))
        self.to(memory_format=torch.channels_last)  # pyright: ignore

    @property
    def image_size(self) -> int:
        """Height and width of the images that `predict` takes, pixels."""
        return self.config.image_encoder.image_size

    @torch.no_grad()
    def start_from(self, targets: Float[Tensor, "samples outputs"], *, scaled: bool = True) -> None:
        """Set the head to predict the mean of training targets, and `code_scale` to their spread.

        Args:
            targets: codes, or for "direct" normalised poses, whose scale stays 1.
            scaled: whether codes are scaled.
        """
        spread = (targets - targets.mean(0)).square().mean().sqrt()
        if scaled and self.decoder is not None and spread > 0:
            self.code_scale.copy_(spread)
        nn.init.zeros_(self.head.weight)
        self.head.bias.copy_(targets.mean(0) / self.code_scale)

    def target(self, crops: Crops) -> Float[Tensor, "batch outputs"]:
        """What the head predicts: the code, or for "direct" the normalised pose."""
        output = self.head(self.image_encoder(crops)) * self.code_scale
        rectified = self.decoder is not None and self.config.latent_activation == "relu"
        return relu(output) if rectified else output

    def forward(self, crops: Crops) -> Float[Tensor, "batch 51"]:
        """Normalised poses of crops."""
        output = self.target(crops)
        return output if self.decoder is None else self.decoder(output)

    @torch.inference_mode()
    def predict(self, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
        """Poses of the people in images, from their central crops, without dropout.

        Args:
            images: (N, S, S, 3) uint8 RGB, S the image size of the configuration.
            batch_size: images at a time; it does not change the result beyond rounding.

        Returns:
            (N, 17, 3) float32, mm, camera axes. The predicted pelvis is subtracted, so the root is
            the origin exactly, as it is in the ground truth.

        Raises:
            InputError: `images` is not such an array.
        """
        size, crop = self.config.image_encoder.image_size, self.config.image_encoder.crop_size
        device = self.head.bias.device
        parts = [np.empty((0, JOINTS, 3), dtype=np.float32)]
        with evaluating(self):
            for crops in central_crops(images, size, crop, batch_size):
                predicted = root_relative(self.normalization.to_mm(self(crops.to(device))))
                parts.append(predicted.cpu().numpy())
        return np.concatenate(parts)


KIND = Kind(PoseRegressor, RegressorConfig)
