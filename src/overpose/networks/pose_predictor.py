"""From an observation to a pose: straight, through a frozen decoder, or fine-tuned as a whole.

The three networks of the paper's Table 2, whatever the observation is: an image crop, or 2D
keypoints over a window of time. How they are trained belongs to `training`.
"""

import numpy as np
import torch
from jaxtyping import Float, Float32, Shaped, UInt8
from torch import Tensor, nn
from torch.nn.functional import relu

from overpose.networks.codes import PoseDecoder
from overpose.networks.configs import (
    ERROR_UNIT_MM,
    ERROR_WIDTH,
    ImageEncoderConfig,
    PosePredictorConfig,
)
from overpose.networks.evaluating import evaluating
from overpose.networks.image_encoder import ImageEncoder, initialise
from overpose.networks.keypoint_encoder import KeypointEncoder
from overpose.networks.lifted import Lifted, joined
from overpose.networks.model_files import (
    POSE_PREDICTOR,
    POSE_PREDICTOR_KINDS,
    current_names,
    pose_predictor_config,
)
from overpose.networks.normalization import JOINTS, POSE_SIZE, PoseNormalization, root_relative
from overpose.networks.storage import Kind
from overpose.skeleton import FEET, FOOT_ANKLES
from overpose.support.bfloat16 import training_products

Observed = (
    Float[Tensor, "batch inputs"]
    | Float[Tensor, "batch 3 crop crop"]
    | UInt8[Tensor, "batch 3 crop crop"]
)
"""Normalised windows of keypoints, or square RGB crops, 0..255."""


class PosePredictor(nn.Module):
    """Encoder of the observation, a linear layer (the head), and for latent kinds a decoder.

    Args:
        config: what it consists of.
        normalization: of the poses; the identity if left out.
        seed: of the initial weights.

    Attributes:
        code_scale: what the head's output is multiplied with, 1 for "direct". Codes have the energy
            of a pose spread over many more numbers, each some times smaller than a coordinate.
            Adam's steps do not depend on the size of the target: without the scale they are as many
            times too long for a code, and learning it takes several times as many epochs.
        image_size: side of the images in px; only with an encoder of images.
        offsets: frames of a window, relative to the one predicted; only with one of keypoints.
        training_dtype: of the products of the encoder's layers in training mode; see
            `support.bfloat16`. In evaluation mode it is always float32.

    Initial weights are He's for ReLU, biases zero. `start_from` makes every kind begin with the
    prediction of a constant, the mean target.

    Beside the pose, where the configuration says so: `feet_head`, a linear layer to the vectors
    from the ankles to heels and toes; and `error_head`, to the logarithm of the expected error of
    each joint. What the latter learns changes nothing else: it is given features to read only.
    """

    saved_as = POSE_PREDICTOR
    code_scale: Tensor

    def __init__(
        self,
        config: PosePredictorConfig,
        normalization: PoseNormalization | None = None,
        *,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.config = config
        self.training_dtype = torch.float32
        self.normalization = normalization or PoseNormalization()
        outputs = config.decoder_sizes[0] if config.decoder_sizes else POSE_SIZE
        with torch.random.fork_rng(devices=()):  # building a network draws from no global stream
            if isinstance(config.encoder, ImageEncoderConfig):
                self.encoder = ImageEncoder(config.encoder)
                self.image_size = config.encoder.image_size
            else:
                self.encoder = KeypointEncoder(config.encoder)
                self.offsets = config.encoder.offsets
            self.head = nn.Linear(self.encoder.width, outputs)
        self.decoder = (
            PoseDecoder(config.decoder_sizes, config.inner_decoder, config.code_tokens)
            if config.decoder_sizes
            else None
        )
        with torch.random.fork_rng(devices=()):
            self.feet_head = nn.Linear(self.encoder.width, 3 * len(FEET)) if config.feet else None
            self.error_head = (
                nn.Sequential(
                    nn.Linear(self.encoder.width, ERROR_WIDTH),
                    nn.ReLU(),
                    nn.Linear(ERROR_WIDTH, JOINTS),
                )
                if config.errors
                else None
            )
        initialise(self, seed)
        for layer in (self.feet_head, self.error_head and self.error_head[-1]):
            if layer is not None:  # begins with feet at the ankles, and errors of one unit
                nn.init.zeros_(layer.weight)  # pyright: ignore
        self.register_buffer("code_scale", torch.ones(()))
        self.to(memory_format=torch.channels_last)  # pyright: ignore

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

    def features(self, observations: Observed) -> Float[Tensor, "batch width"]:
        """What the encoder makes of what it takes."""
        with training_products(self, observations.device):
            features = self.encoder(observations)
        return features.float()

    def target(self, observations: Observed) -> Float[Tensor, "batch outputs"]:
        """What the head predicts: the code, or for "direct" the normalised pose."""
        return self._head_output(self.features(observations))

    def forward(self, observations: Observed) -> Float[Tensor, "batch 51"]:
        """Normalised poses of what the encoder takes."""
        return self.pose_of(self.features(observations))

    def pose_of(self, features: Float[Tensor, "batch width"]) -> Float[Tensor, "batch 51"]:
        """Normalised poses."""
        output = self._head_output(features)
        return output if self.decoder is None else self.decoder(output)

    def feet_of(self, features: Float[Tensor, "batch width"]) -> Float[Tensor, "batch 4 3"]:
        """From the ankles to the points of `FEET`, in network units."""
        assert self.feet_head is not None  # the configuration says whether it is there
        return self.feet_head(features).unflatten(-1, (len(FEET), 3))

    def log_errors_of(self, features: Float[Tensor, "batch width"]) -> Float[Tensor, "batch 17"]:
        """Logarithms of the expected errors of the joints, in `ERROR_UNIT_MM`; no gradient goes
        back into the features."""
        assert self.error_head is not None
        return self.error_head(features.detach())

    def _head_output(self, features: Tensor) -> Tensor:
        output = self.head(features) * self.code_scale
        rectified = self.decoder is not None and self.config.latent_activation == "relu"
        return relu(output) if rectified else output

    def predict(
        self, observations: Shaped[np.ndarray, "n ..."], batch_size: int | None = None
    ) -> Float32[np.ndarray, "n 17 3"]:
        """The poses alone of `predict_all`."""
        return self.predict_all(observations, batch_size).poses_mm

    @torch.inference_mode()
    def predict_all(
        self, observations: Shaped[np.ndarray, "n ..."], batch_size: int | None = None
    ) -> Lifted:
        """All that the network says of the people observed, without dropout.

        Args:
            observations: images (N, S, S, 3) uint8 RGB, S the image size of the encoder, of which
                the central crop is seen; or features (N, inputs) float32 from
                `keypoint_windows.make_windows`.
            batch_size: observations at a time; it does not change the result beyond rounding.

        Returns:
            N poses, with feet and expected errors where the network knows them; camera axes (of the
            window's virtual camera, for keypoints). The predicted pelvis is subtracted, so the root
            is the origin exactly, as it is in the ground truth.

        Raises:
            InputError: `observations` is not such an array.
        """
        device = self.head.bias.device
        size = self.encoder.batch_size if batch_size is None else batch_size
        parts = [self._lifted(torch.zeros(0, self.encoder.width, device=device))]
        with evaluating(self):
            for batch in self.encoder.batches(observations, size):
                parts.append(self._lifted(self.features(batch.to(device))))
        return joined(parts)

    def _lifted(self, features: Tensor) -> Lifted:
        poses = root_relative(self.normalization.to_mm(self.pose_of(features)))
        feet = errors = None
        if self.feet_head is not None:
            hanging = self.feet_of(features) * self.normalization.scale_mm
            feet = (poses[:, FOOT_ANKLES] + hanging).cpu().numpy()
        if self.error_head is not None:
            errors = self.log_errors_of(features).exp().cpu().numpy() * np.float32(ERROR_UNIT_MM)
            errors[:, 0] = 0
        return Lifted(poses.cpu().numpy(), feet, errors)


KIND = Kind(
    PosePredictor,
    PosePredictorConfig,
    was=POSE_PREDICTOR_KINDS[1:],
    read_config=pose_predictor_config,
    current_names=current_names,
)
