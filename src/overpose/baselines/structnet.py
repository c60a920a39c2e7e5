"""StructNet: images and poses embedded in one space; the pose that fits the image best wins.

Li, Zhang and Chan, "Maximum-margin structured learning with deep networks for 3D human pose
estimation", ICCV 2015. How it is trained belongs to `methods.structnet`.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from overpose.baselines.convolutions import ConvolutionsConfig, SharedConvolutions
from overpose.baselines.dconv import TARGET_MM
from overpose.networks.evaluating import evaluating
from overpose.networks.image_encoder import central_crops, initialise
from overpose.networks.normalization import JOINTS, POSE_SIZE
from overpose.networks.sharing import Dropout
from overpose.networks.storage import Kind
from overpose.skeleton import HUMAN36M
from overpose.support.bfloat16 import training_products
from overpose.support.checks import check_array
from overpose.support.errors import InputError

_POSES_AT_ONCE = 16_384


@dataclass(frozen=True)
class StructNetConfig:
    """Sizes of the networks; defaults are the published ones.

    Attributes:
        convolutions: of the image network, frozen.
        pooled: widths of the layers on the second and on the third pooled maps.
        hidden: width of the layer after them.
        embedding: numbers in an embedding.
        pose_hidden: width of the pose network's inner layer.
        dropout: before `hidden`.
        poses: how many training poses are kept to choose from.
        average: how many of the best poses `structnet_avg` averages.

    Raises:
        InputError: a value is out of its range.
    """

    convolutions: ConvolutionsConfig = field(default_factory=ConvolutionsConfig)
    pooled: tuple[int, int] = (256, 1024)
    hidden: int = 2048
    embedding: int = 1024
    pose_hidden: int = 1024
    dropout: float = 0.75
    poses: int = 1
    average: int = 500

    def __post_init__(self) -> None:
        sizes = (*self.pooled, self.hidden, self.embedding, self.pose_hidden)
        if len(self.pooled) != 2 or min(*sizes, self.poses, self.average) < 1:
            raise InputError("pooled, hidden, embedding, poses, average: expected positive numbers")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout: got {self.dropout}, expected at least 0 and below 1")


class StructNet(nn.Module):
    """Image network, pose network, an auxiliary head, and the poses to choose from.

    Args:
        config: sizes.
        seed: of the initial weights.

    Attributes:
        poses_mm: (poses, 17, 3).
        violations: (poses,) how often each was the worst mistake in training.
        pose_mean, pose_spread: (51,) and (), of the poses in network units. Poses are standardised,
            the auxiliary output is scaled by the spread and the score by the size of the
            embedding: otherwise a few steps of Adam take the score far beyond any margin, and most
            units of the image network die.
        training_dtype: of the products of the image network's layers in training mode.
    """

    saved_as = "structnet"
    poses_mm: Tensor
    violations: Tensor
    pose_mean: Tensor
    pose_spread: Tensor

    def __init__(self, config: StructNetConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        self.training_dtype = torch.float32
        self._blocks: list[Tensor] | None = None
        middle, last = config.convolutions.map_sizes
        with torch.random.fork_rng(devices=()):
            self.shared = SharedConvolutions(config.convolutions)
            self.on_middle = nn.Linear(middle, config.pooled[0])
            self.on_last = nn.Linear(last, config.pooled[1])
            self.dropout = Dropout(config.dropout)
            self.hidden = nn.Linear(sum(config.pooled), config.hidden)
            self.image_embedding = nn.Linear(config.hidden, config.embedding)
            self.auxiliary = nn.Linear(config.hidden, POSE_SIZE)
            self.pose_hidden = nn.Linear(POSE_SIZE, config.pose_hidden)
            self.pose_embedding = nn.Linear(config.pose_hidden, config.embedding)
        self.register_buffer("poses_mm", torch.zeros(config.poses, JOINTS, 3))
        self.register_buffer("violations", torch.zeros(config.poses))
        self.register_buffer("pose_mean", torch.zeros(POSE_SIZE))
        self.register_buffer("pose_spread", torch.ones(()))
        initialise(self, seed)
        nn.init.zeros_(self.image_embedding.weight)  # at first no pose is better than another
        nn.init.zeros_(self.auxiliary.weight)
        self.to(memory_format=torch.channels_last)  # pyright: ignore

    @torch.no_grad()
    def start_from(self, poses_mm: np.ndarray) -> None:
        """Take training poses (poses, 17, 3) mm, root-relative, as those to choose from; begin with
        their mean as the auxiliary output."""
        self.poses_mm.copy_(torch.from_numpy(poses_mm))
        poses = self.candidates()
        self.pose_mean.copy_(poses.mean(0))
        self.pose_spread.fill_(max(float((poses - self.pose_mean).square().mean().sqrt()), 1e-3))
        start = torch.atanh(self.pose_mean.clamp(-0.99, 0.99))
        self.auxiliary.bias.copy_(start / self.pose_spread)

    def embed_images(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings (batch, E) and the auxiliary pose / 1200 mm (batch, 51) of crops
        (batch, 3, crop, crop) with RGB values 0..255."""
        with training_products(self, crops.device):
            middle, last = self.shared(self.shared.standardised(crops), last_linear=True)
            both = torch.cat([relu(self.on_middle(middle)), relu(self.on_last(last))], dim=1)
            features = relu(self.hidden(self.dropout(both)))
        features = features.to(self.auxiliary.weight.dtype)
        embedding = self.image_embedding(features) / self.config.embedding
        return embedding, torch.tanh(self.auxiliary(features) * self.pose_spread)

    def embed_poses(self, poses: Tensor) -> Tensor:
        """Embeddings (n, E) of root-relative poses / 1200 mm (n, 51)."""
        standardised = (poses - self.pose_mean) / self.pose_spread
        return relu(self.pose_embedding(relu(self.pose_hidden(standardised))))

    @property
    def image_size(self) -> int:
        """Height and width of the images that `predict` takes, pixels."""
        return self.config.convolutions.image_size

    def predict(self, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
        """StructNet-Max: the training pose with the highest score.

        Args:
            images: (N, S, S, 3) uint8 RGB.
            batch_size: images at a time.

        Returns:
            (N, 17, 3) float32 mm, camera axes, root-relative.

        Raises:
            InputError: `images` is not such an array.
        """
        with evaluating(self):
            return self._search(images, 1, batch_size)

    def predict_average(
        self, images: np.ndarray, batch_size: int = 256, *, average: int | None = None
    ) -> np.ndarray:
        """StructNet-Avg(A): the mean of the A training poses with the highest scores.

        Args:
            images, batch_size: as in `predict`.
            average: A; the configuration's if left out, at most all poses.

        Raises:
            InputError: `images` is not such an array, or `average` is not positive.
        """
        count = self.config.average if average is None else average
        if count < 1:
            raise InputError(f"average: got {count}, expected at least 1")
        with evaluating(self):
            return self._search(images, min(count, len(self.poses_mm)), batch_size)

    @torch.inference_mode()
    def _search(self, images: np.ndarray, best: int, batch_size: int) -> np.ndarray:
        """Scores of all poses, block by block of the poses; only the best so far are kept."""
        device = self.poses_mm.device
        blocks = self._embedded()
        poses = [np.empty((0, JOINTS, 3), np.float32)]
        sizes = self.config.convolutions.image_size, self.config.convolutions.crop_size
        for crops in central_crops(images, *sizes, batch_size):
            wanted, _ = self.embed_images(crops.to(device))
            scores = torch.empty(len(crops), 0, device=device)
            places = torch.empty(len(crops), 0, dtype=torch.int64, device=device)
            first = 0
            for block in blocks:
                found = torch.topk(wanted @ block.t(), min(best, len(block)), dim=1)
                scores = torch.cat([scores, found.values], dim=1)
                places = torch.cat([places, found.indices + first], dim=1)
                kept = torch.topk(scores, min(best, scores.shape[1]), dim=1).indices
                scores, places = scores.gather(1, kept), places.gather(1, kept)
                first += len(block)
            poses.append(self.poses_mm[places].mean(dim=1).cpu().numpy())
        return np.concatenate(poses)

    def train(self, mode: bool = True) -> "StructNet":
        """As of every module; what was embedded with the old weights is forgotten."""
        self._blocks = None
        return super().train(mode)

    def _embedded(self) -> list[Tensor]:
        """All poses' embeddings, in blocks; kept until the weights may change."""
        if self._blocks is None or self.training:
            parts = self.candidates().split(_POSES_AT_ONCE)
            self._blocks = [self.embed_poses(part) for part in parts]
        return self._blocks

    def candidates(self) -> Tensor:
        """All poses to choose from, in network units (poses, 51)."""
        return self.poses_mm.flatten(1) / TARGET_MM


KIND = Kind(StructNet, StructNetConfig)


def with_limb_lengths(poses_mm: np.ndarray, lengths_mm: np.ndarray) -> np.ndarray:
    """APF: poses fitted to a template, the limbs of the very person in the image.

    It uses privileged knowledge (the test subject's T-pose), so a row with it says so. Directions
    of limbs stay as they are.

    Args:
        poses_mm: (N, 17, 3).
        lengths_mm: (16,) in the order of `HUMAN36M.limbs`, or one such row for each pose.

    Returns:
        (N, 17, 3) float32, root-relative.

    Raises:
        InputError: wrong shapes.
    """
    check_array("poses_mm", poses_mm, ("N", JOINTS, 3))
    lengths = np.broadcast_to(lengths_mm, (len(poses_mm), JOINTS - 1))
    fitted = np.zeros(poses_mm.shape, np.float32)
    for place, (parent, joint) in enumerate(HUMAN36M.limbs):
        limb = poses_mm[:, joint] - poses_mm[:, parent]
        length = np.maximum(np.linalg.norm(limb, axis=-1, keepdims=True), 1e-9)
        fitted[:, joint] = fitted[:, parent] + limb / length * lengths[:, place, None]
    return fitted
