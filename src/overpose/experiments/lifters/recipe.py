"""What goes into the shipped lifters: data, sizes and budgets, and smaller ones for a trial.

Carrying it out belongs to `training_run`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from overpose.networks.autoencoder import AutoencoderConfig
from overpose.networks.configs import KeypointEncoderConfig, Kind, window_offsets
from overpose.support.errors import InputError
from overpose.synthetic.batches import BatchConfig
from overpose.synthetic.detections import DetectionConfig
from overpose.synthetic.pool import PoolConfig
from overpose.training.config import AutoencoderStage, LoopConfig


@dataclass(frozen=True)
class LifterRecipe:
    """Everything that decides what lifters come out.

    Attributes:
        name: what it is called.
        detection_clips: rendered clips that the detector is run on.
        held_out_clips: how many of them are for validation, and for the noise of the test.
        pool: motions made for training, and how they are renewed.
        batches: how windows are drawn from both.
        renders: what the rendered clips are of.
        code: name of the code of poses, stage (a).
        code_config: how it is trained.
        code_poses: poses it learns from.
        encoders: the network for each kind of lifter, "photo" (a single frame) and "video", or of
            several kinds to compare.
        chains: the methods that each is trained by, names of `training.CHAINS`.
        equal_cost: whether steps are fewer for networks that take longer a step than the first, so
            that all learn for equal times of a processor.
        batch_size: windows in a step.
        steps: steps in an epoch.
        direct_epochs, latent_epochs, finetune_epochs: length of the stages; the first is the sum of
            the others, so that methods learn equally long.
        error_epochs: how long the expected errors are learned after all that; 0: they are not.
        feet_weight: of heels and toes beside the pose, see `training.config`; 0: not learned.
        average: decay of the running average of the weights; 0: none.
        learning_rate: at the start of each stage, from where it falls along a cosine.
        validation_windows, test_windows: how many are measured.
        seed: of everything.
    """

    name: str
    detection_clips: int
    held_out_clips: int
    pool: PoolConfig
    code: str
    code_config: Any
    code_poses: int
    encoders: dict[str, KeypointEncoderConfig]
    direct_epochs: int
    latent_epochs: int
    finetune_epochs: int
    error_epochs: int = 0
    feet_weight: float = 0.0
    average: float = 0.0
    chains: tuple[str, ...] = ("direct", "finetuned", "finetuned_weighted")
    equal_cost: bool = False
    batches: BatchConfig = field(default_factory=BatchConfig)
    renders: DetectionConfig = field(default_factory=DetectionConfig)
    batch_size: int = 512
    steps: int = 250
    learning_rate: float = 1e-3
    validation_windows: int = 4096
    test_windows: int = 16384
    seed: int = 0

    def __post_init__(self) -> None:
        ours = self.latent_epochs + self.finetune_epochs
        if self.direct_epochs != ours:
            raise InputError(
                f"recipe {self.name}: direct has {self.direct_epochs} epochs, latent and finetune "
                f"together {ours}; expected the same budget"
            )
        if not 0 < self.held_out_clips < self.detection_clips:
            raise InputError(
                f"recipe {self.name}: held_out_clips: got {self.held_out_clips}, expected some, "
                f"but not all, of {self.detection_clips}"
            )

    def loop(self, epochs: int) -> LoopConfig:
        """How a stage of that many epochs is trained."""
        return LoopConfig(
            epochs, self.batch_size, self.learning_rate, "cosine", self.seed, self.average
        )


SHIPPED = (-12, -8, -4, -2, 0, 2, 4, 8, 12)
"""Frames that the lifter of videos sees whose weights are shipped."""
NEIGHBOURS = (-12, -8, -4, -2, -1, 0, 1, 2, 4, 8, 12)
"""The same and the neighbours of the middle, which show how much keypoints tremble."""

ALIKE = 128
"""Of how many errors of the detector that of the pose most alike is taken, as shipped and where
lifters are measured."""
_ANY_POSE = BatchConfig(quiet=0.25)
"""Windows of the comparisons, whose errors come from any pose."""

FULL = LifterRecipe(
    name="full",
    detection_clips=3000,
    held_out_clips=200,
    pool=PoolConfig(),
    code="autoencoder",
    code_config=AutoencoderStage(
        AutoencoderConfig(hidden=(300, 300), noise_mm=(40.0, 20.0)),
        LoopConfig(epochs=10, batch_size=256, schedule="cosine"),
        greedy_epochs=4,
    ),
    code_poses=200_000,
    encoders={
        "photo": KeypointEncoderConfig((0,), dropout=0.05),
        "video": KeypointEncoderConfig(NEIGHBOURS, dropout=0.05, jitter=True),
    },
    direct_epochs=80,
    latent_epochs=20,
    finetune_epochs=60,
    error_epochs=3,
    feet_weight=0.5,
    average=0.999,
    chains=("finetuned",),
    batches=replace(_ANY_POSE, alike=ALIKE),
)
"""What the shipped weights were made by."""

METHODS = replace(
    FULL,
    name="methods",
    batches=_ANY_POSE,
    detection_clips=2500,
    chains=("direct", "finetuned"),
    direct_epochs=20,
    latent_epochs=7,
    finetune_epochs=13,
)
"""The same straight to the pose and through the code, a quarter as long each."""

TRIAL = LifterRecipe(
    name="trial",
    detection_clips=8,
    held_out_clips=2,
    pool=PoolConfig(clips=40, block=20, steps=40),
    code="autoencoder",
    code_config=AutoencoderStage(
        AutoencoderConfig(hidden=(60,)), LoopConfig(epochs=3, batch_size=256, schedule="cosine")
    ),
    code_poses=4096,
    encoders={
        "photo": KeypointEncoderConfig((0,), width=64, blocks=1),
        "video": KeypointEncoderConfig((-8, -1, 0, 1, 8), width=64, blocks=1, jitter=True),
    },
    direct_epochs=4,
    latent_epochs=2,
    finetune_epochs=2,
    error_epochs=1,
    feet_weight=0.5,
    batch_size=64,
    steps=20,
    validation_windows=64,
    test_windows=256,
)
"""All steps in a few minutes: shows that they run. Its lifters are of no use."""

_WINDOWS = {"27": (27, 1), "27-dilated": (27, 3), "81": (81, 1)}
_SIZES: dict[Kind, tuple[int, int]] = {
    "mlp": (1024, 2), "convolutions": (512, 2), "attention": (192, 3),
}  # fmt: skip
ENCODERS = replace(
    FULL,
    name="encoders",
    batches=_ANY_POSE,
    detection_clips=300,
    held_out_clips=60,
    renders=DetectionConfig(frames=96),
    pool=PoolConfig(clips=3000, frames=96),
    encoders={
        "mlp-9": KeypointEncoderConfig(SHIPPED, dropout=0.05),
        "mlp-11-jitter": KeypointEncoderConfig(NEIGHBOURS, dropout=0.05, jitter=True),
    }
    | {
        f"{kind}-{name}": KeypointEncoderConfig(
            window_offsets(*window), *sizes, 0.05, kind, jitter=True
        )
        for kind, sizes in _SIZES.items()
        for name, window in _WINDOWS.items()
    },
    chains=("direct",),
    equal_cost=True,
    direct_epochs=6,
    latent_epochs=2,
    finetune_epochs=4,
    error_epochs=0,
)
"""Which network sees best: each learns as long as the first, straight to the pose. Eleven of them
take an hour on two cores, and the data half an hour."""

DROPOUT = replace(
    ENCODERS,
    name="dropout",
    encoders={
        f"dropout-{share:g}": KeypointEncoderConfig(NEIGHBOURS, dropout=share, jitter=True)
        for share in (0.0, 0.05, 0.1, 0.2)
    },
    equal_cost=False,
)
"""How much dropout is best on held-out renders; each row also has the weights without averaging."""

RECIPES: Mapping[str, LifterRecipe] = MappingProxyType(
    {recipe.name: recipe for recipe in (FULL, TRIAL, METHODS, ENCODERS, DROPOUT)}
)
