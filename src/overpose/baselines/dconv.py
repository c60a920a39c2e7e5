"""DconvMP-HML: one network that detects joints in the image and regresses the pose.

Li and Chan, "3D human pose estimation from monocular images with deep convolutional neural
network", ACCV 2014. How it is trained belongs to `methods.dconv_mp_hml`.
"""

from dataclasses import dataclass, field
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, relu

from overpose.baselines.convolutions import ConvolutionsConfig, SharedConvolutions
from overpose.networks.evaluating import evaluating
from overpose.networks.image_encoder import central_crops, initialise
from overpose.networks.normalization import JOINTS
from overpose.networks.sharing import Dropout, normal_like
from overpose.networks.storage import Kind
from overpose.skeleton import HUMAN36M
from overpose.support.bfloat16 import training_products
from overpose.support.errors import InputError

TARGET_MM = 1200.0
"""What parent-relative positions are divided by, so that tanh covers them."""
LIMBS = JOINTS - 1


@dataclass(frozen=True)
class DconvConfig:
    """Sizes of the network; the widths of the branches are not published.

    Attributes:
        convolutions: the shared part.
        hidden: widths of the two inner layers of each branch.
        dropout: on the first of them.
        windows: windows along each side of the image in which joints are detected.
        colour_noise: deviation of the noise along each principal component of the colours.
        detection_weight: of the cross-entropy, summed over joints and windows, against the squared
            error in units of 1200 mm, before both are halved. Published is 1, but not how either is
            normalised; at 0.01 both begin about equal, and subjects left out of training were
            predicted better.

    Raises:
        InputError: a value is out of its range.
    """

    convolutions: ConvolutionsConfig = field(default_factory=ConvolutionsConfig)
    hidden: tuple[int, int] = (1024, 2048)
    dropout: float = 0.25
    windows: int = 12
    colour_noise: float = 0.1
    detection_weight: float = 0.01

    def __post_init__(self) -> None:
        if len(self.hidden) != 2 or min(self.hidden) < 1 or self.windows < 1:
            raise InputError(
                f"hidden, windows: got {self.hidden} and {self.windows}, expected two widths and a "
                "positive number"
            )
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout: got {self.dropout}, expected at least 0 and below 1")
        if self.colour_noise < 0 or self.detection_weight < 0:
            raise InputError("colour_noise, detection_weight: expected at least 0")


class DconvMPHML(nn.Module):
    """Shared convolutions, a regression branch and a detection branch.

    Args:
        config: sizes.
        seed: of the initial weights.

    Attributes:
        colour_components: (3, 3), rows: principal components of standardised colours, each as long
            as its deviation.
        limb_scale: what the regression's last layer is multiplied by: the targets' deviation. Adam
            steps as far whatever the unit, so that in units of 1200 mm its steps would be ten times
            as large as in those of the other networks.
        training_dtype: of the products of its layers in training mode.
    """

    saved_as = "dconv_mp_hml"
    colour_components: Tensor
    limb_scale: Tensor

    def __init__(self, config: DconvConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        self.training_dtype = torch.float32
        outputs = config.windows**2 * JOINTS
        with torch.random.fork_rng(devices=()):
            self.shared = SharedConvolutions(config.convolutions)
            self.regression = _branch(config, LIMBS * 3)
            self.detection = _branch(config, outputs)
        self.register_buffer("colour_components", torch.eye(3))
        self.register_buffer("limb_scale", torch.ones(()))
        initialise(self, seed)
        self.to(memory_format=torch.channels_last)  # pyright: ignore

    @torch.no_grad()
    def fit_colours(self, images: np.ndarray) -> None:
        """Measure mean, deviation and principal components of colours (N, S, S, 3) uint8."""
        step = max(1, len(images) // 2000)
        pixels = torch.from_numpy(images[::step, ::3, ::3].reshape(-1, 3).astype(np.float64))
        mean, std = pixels.mean(0), pixels.std(0).clamp(min=1.0)
        self.shared.channel_mean.copy_(mean.view(3, 1, 1))
        self.shared.channel_std.copy_(std.view(3, 1, 1))
        colours = (pixels - mean) / std
        values, vectors = torch.linalg.eigh(colours.t() @ colours / len(colours))
        self.colour_components.copy_((vectors * values.clamp(min=0).sqrt()).t())

    @torch.no_grad()
    def start_from(self, limbs: np.ndarray, windows: np.ndarray) -> None:
        """Begin with constants: the mean limbs (N, 48), and how often each joint is in each window.

        Args:
            limbs: from `limb_targets`.
            windows: (N, 17) from `window_targets`, of some crop of each image.
        """
        cells = self.config.windows**2
        seen = windows >= 0
        places = (np.arange(JOINTS) * cells + windows)[seen]
        often = (np.bincount(places, minlength=JOINTS * cells) + 0.1) / (len(windows) + 1)
        mean = torch.from_numpy(limbs.mean(axis=0, dtype=np.float64)).float().clamp(-0.99, 0.99)
        self.limb_scale.fill_(max(float(limbs.std(axis=0, dtype=np.float64).mean()), 1e-3))
        for branch, bias in (
            (self.regression, torch.atanh(mean) / self.limb_scale),
            (self.detection, torch.logit(torch.from_numpy(often).float().clamp(1e-4, 0.99))),
        ):
            nn.init.zeros_(cast(Tensor, branch[-1].weight))
            cast(Tensor, branch[-1].bias).copy_(bias)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Parent-relative positions / 1200 mm (batch, 48) and window logits (batch, 17 W W).

        Args:
            crops: (batch, 3, crop, crop) RGB values 0..255.
        """
        images = self.shared.standardised(crops)
        if self.training and self.config.colour_noise > 0:
            strength = (
                normal_like(torch.empty(len(images), 3, device=images.device))
                * self.config.colour_noise
            )
            images = images + (strength @ self.colour_components)[:, :, None, None]
        with training_products(self, images.device):
            _, features = self.shared(images)
            if features.requires_grad:  # both branches' gradients are averaged, not summed
                features.register_hook(lambda gradient: gradient / 2)
            positions, logits = self.regression(features), self.detection(features)
        return torch.tanh(positions.float() * self.limb_scale), logits.float()

    def loss(self, crops: Tensor, limbs: Tensor, windows: Tensor) -> Tensor:
        """Half the squared error plus half the weighted cross-entropy, summed, mean over the batch.

        Args:
            crops: (batch, 3, crop, crop).
            limbs: (batch, 48) from `limb_targets`.
            windows: (batch, 17) from `window_targets`.
        """
        positions, logits = self(crops)
        squares = (positions - limbs).square().sum(1).mean()
        wanted = torch.zeros(len(crops), JOINTS, self.config.windows**2, device=crops.device)
        seen = windows >= 0
        wanted.scatter_(2, windows.clamp(min=0)[..., None], seen[..., None].float())
        detected = binary_cross_entropy_with_logits(logits, wanted.flatten(1), reduction="none")
        return squares / 2 + self.config.detection_weight * detected.sum(1).mean() / 2

    @property
    def image_size(self) -> int:
        """Height and width of the images that `predict` takes, pixels."""
        return self.config.convolutions.image_size

    @torch.inference_mode()
    def predict(self, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
        """Poses (N, 17, 3) float32 mm of images (N, S, S, 3) uint8, from their central crops.

        Raises:
            InputError: `images` is not such an array.
        """
        poses = [np.empty((0, JOINTS, 3), np.float32)]
        sizes = self.config.convolutions.image_size, self.config.convolutions.crop_size
        with evaluating(self):
            for crops in central_crops(images, *sizes, batch_size):
                positions, _ = self(crops.to(self.colour_components.device))
                poses.append(poses_of_limbs(positions.cpu().numpy()))
        return np.concatenate(poses)


KIND = Kind(DconvMPHML, DconvConfig)


def limb_targets(poses_mm: np.ndarray) -> np.ndarray:
    """(N, 48) float32: joints relative to their parents / 1200 mm, of poses (N, 17, 3) mm."""
    ends = HUMAN36M.limbs
    return ((poses_mm[:, ends[:, 1]] - poses_mm[:, ends[:, 0]]) / TARGET_MM).reshape(
        len(poses_mm), -1
    )


def poses_of_limbs(limbs: np.ndarray) -> np.ndarray:
    """(N, 17, 3) float32 mm from (N, 48): limbs added up along the tree, the root at the origin."""
    poses = np.zeros((len(limbs), JOINTS, 3), np.float32)
    vectors = limbs.reshape(-1, LIMBS, 3) * TARGET_MM
    for place, (parent, joint) in enumerate(HUMAN36M.limbs):
        poses[:, joint] = poses[:, parent] + vectors[:, place]
    return poses


def window_targets(points_px: np.ndarray, crop_size: int, windows: int) -> np.ndarray:
    """(N, 17) int64: in which of the windows each joint lies, row by row; -1 outside the crop.

    Windows are as large as 10 px of a crop of 112 (where 12 of them cover the crop).

    Args:
        points_px: (N, 17, 2) in pixels of the crop.
        crop_size: its side.
        windows: along each side.
    """
    side = 10.0 * crop_size / 112.0
    place = np.floor(points_px / side).astype(np.int64)
    inside = ((points_px >= 0) & (points_px < crop_size) & (place < windows)).all(axis=-1)
    return np.where(inside, place[..., 1] * windows + place[..., 0], -1)


class _Rectified(nn.Linear):
    def forward(self, input: Tensor) -> Tensor:
        return relu(super().forward(input))


def _branch(config: DconvConfig, outputs: int) -> nn.Sequential:
    first, second = config.hidden
    return nn.Sequential(
        _Rectified(config.convolutions.map_sizes[1], first),
        Dropout(config.dropout),
        _Rectified(first, second),
        nn.Linear(second, outputs),
    )
