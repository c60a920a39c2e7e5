"""What can be chosen in each stage of training; defaults are the paper's where it states them.

Frozen values only, saved with every run and compared on resume.
"""

import math
from dataclasses import dataclass, field
from typing import Literal

from overpose.networks.autoencoder import AutoencoderConfig
from overpose.networks.configs import EncoderConfig, ImageEncoderConfig
from overpose.networks.tokens import TokenCodeConfig
from overpose.support.errors import InputError

LatentWeighting = Literal["plain", "decoder"]
PoseError = Literal["squared", "distance"]


@dataclass(frozen=True)
class LoopConfig:
    """How long and how fast a stage learns, with Adam.

    Attributes:
        epochs: passes over the training data; the paper does not say how many.
        batch_size: samples in a step, at most: an epoch is cut into steps of nearly equal size, so
            none is left with a few samples.
        learning_rate: of Adam.
        schedule: "constant", as the paper's text has it, or "cosine", from `learning_rate` to 0
            along half a cosine over all steps of the stage.
        seed: of initial weights, order, crops, noise and dropout.
        average: decay a step of the running average of the weights that is validated and kept, e.g.
            0.999; 0: the weights themselves are. Early averages reach back less.

    Raises:
        InputError: a value is out of its range.
    """

    epochs: int = 20
    batch_size: int = 128
    learning_rate: float = 1e-3
    schedule: Literal["constant", "cosine"] = "constant"
    seed: int = 0
    average: float = 0.0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: got {getattr(self, name)}, expected at least 1")
        if not self.learning_rate > 0:
            raise InputError(f"learning_rate: got {self.learning_rate}, expected more than 0")
        if self.schedule not in ("constant", "cosine"):
            raise InputError(f"schedule: got {self.schedule!r}, expected constant or cosine")
        if not 0 <= self.average < 1:
            raise InputError(f"average: got {self.average}, expected at least 0 and below 1")


@dataclass(frozen=True)
class AutoencoderStage:
    """Stage (a): the pose autoencoder.

    Attributes:
        autoencoder: its shape, noise and contraction.
        loop: how the whole is trained.
        greedy_epochs: epochs for each layer alone before the whole is fine-tuned; only for the
            stacked version.
        random_views: how often each training pose is learned from once more, turned as another
            camera would see it; 0 in the paper.
    """

    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    greedy_epochs: int = 10
    random_views: int = 0

    def __post_init__(self) -> None:
        if self.greedy_epochs < 1:
            raise InputError(f"greedy_epochs: got {self.greedy_epochs}, expected at least 1")
        _check_views(self.random_views)


@dataclass(frozen=True)
class TokenStage:
    """Stage (a) of the token code: a denoising autoencoder, without the contractive term.

    Attributes:
        tokens: its shape and noise.
        loop: how it is trained.
        random_views: as in `AutoencoderStage`.
    """

    tokens: TokenCodeConfig = field(default_factory=TokenCodeConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    random_views: int = 0

    def __post_init__(self) -> None:
        _check_views(self.random_views)


@dataclass(frozen=True)
class RegressionStage:
    """Observation to pose ("CNN" in the paper's Table 2), or stage (b): observation to code.

    Attributes:
        encoder: sizes of the network that sees the observation.
        loop: how it is trained.
        latent_activation: what ends the layer that predicts the code; "linear" in the paper. With
            "relu" a unit pushed below zero for all images learns no more: lower the learning rate.
        latent_weighting: error of a code: "plain" is the paper's ||h - hhat||^2; "decoder" is
            ||J (h - hhat)||^2, J the decoder's Jacobian at h: only what the decoder passes on
            counts.
        code_scaling: what the head's output is multiplied with to be a code: "spread", the rms
            deviation of the training codes, or "none"; see `PosePredictor`. No latent option does
            anything when the pose is predicted directly.
        pose_error: of a pose predicted directly, see `losses.pose_loss`.
        limb_weight: of `losses.limb_loss` beside it; 0 in the paper.
        bfloat16: whether the encoder is trained in half precision where the processor knows it; on
            others it is trained in float32, which is faster there. The metrics of each epoch say
            which it was.
        feet_weight: of `losses.feet_loss` beside the pose; 0: heels and toes are not predicted.
            Only what draws windows of keypoints knows where they are.
            Like `pose_error`, of a pose predicted directly.
    """

    encoder: EncoderConfig = field(default_factory=ImageEncoderConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    latent_activation: Literal["linear", "relu"] = "linear"
    latent_weighting: LatentWeighting = "plain"
    code_scaling: Literal["spread", "none"] = "spread"
    pose_error: PoseError = "squared"
    limb_weight: float = 0.0
    bfloat16: bool = False
    feet_weight: float = 0.0

    def __post_init__(self) -> None:
        if self.latent_weighting not in ("plain", "decoder"):
            raise InputError(
                f"latent_weighting: got {self.latent_weighting!r}, expected plain or decoder"
            )
        if self.code_scaling not in ("spread", "none"):
            raise InputError(f"code_scaling: got {self.code_scaling!r}, expected spread or none")
        _check_losses(self.pose_error, self.limb_weight, self.feet_weight)


@dataclass(frozen=True)
class FinetuneStage:
    """Stage (c): encoder and decoder trained together on the pose.

    Attributes:
        loop: how they are trained.
        decoder_lr_scale: the decoder's learning rate over that of the rest: 1 in the paper, less
            for a slow decoder, 0 for a frozen one.
        pose_error, limb_weight, bfloat16, feet_weight: as in `RegressionStage`.
    """

    loop: LoopConfig = field(default_factory=LoopConfig)
    decoder_lr_scale: float = 1.0
    pose_error: PoseError = "squared"
    limb_weight: float = 0.0
    bfloat16: bool = False
    feet_weight: float = 0.0

    def __post_init__(self) -> None:
        if not self.decoder_lr_scale >= 0:
            raise InputError(f"decoder_lr_scale: got {self.decoder_lr_scale}, expected at least 0")
        _check_losses(self.pose_error, self.limb_weight, self.feet_weight)


@dataclass(frozen=True)
class ErrorStage:
    """After stage (c), or after straight regression: how far off joints are to be expected.

    Attributes:
        loop: how it is learned; the rest of the network stays as it is.
    """

    loop: LoopConfig = field(default_factory=LoopConfig)


def _check_views(random_views: int) -> None:
    if random_views < 0:
        raise InputError(f"random_views: got {random_views}, expected at least 0")


def _check_losses(pose_error: str, limb_weight: float, feet_weight: float) -> None:
    if pose_error not in ("squared", "distance"):
        raise InputError(f"pose_error: got {pose_error!r}, expected squared or distance")
    for name, weight in (("limb_weight", limb_weight), ("feet_weight", feet_weight)):
        if not 0 <= weight < math.inf:
            raise InputError(f"{name}: got {weight}, expected at least 0")
