"""What goes into the shipped lifters: data, sizes and budgets, and smaller ones for a trial.

Carrying it out belongs to `training_run`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from overpose.networks.autoencoder import AutoencoderConfig
from overpose.networks.configs import KeypointEncoderConfig
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
        encoders: the network for each kind of lifter, "photo" (a single frame) and "video".
        batch_size: windows in a step.
        steps: steps in an epoch.
        direct_epochs, latent_epochs, finetune_epochs: length of the stages; the first is the sum of
            the others, so that methods learn equally long.
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
        return LoopConfig(epochs, self.batch_size, self.learning_rate, "cosine", self.seed)


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
        "video": KeypointEncoderConfig((-12, -8, -4, -2, 0, 2, 4, 8, 12), dropout=0.05),
    },
    direct_epochs=20,
    latent_epochs=7,
    finetune_epochs=13,
)
"""What weights are made by from now on. The shipped ones are by the recipe of commit 8439aae, with
800 clips of the detector, motions made once, and bodies that follow the recorded skeletons."""

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
        "video": KeypointEncoderConfig((-8, 0, 8), width=64, blocks=1),
    },
    direct_epochs=4,
    latent_epochs=2,
    finetune_epochs=2,
    batch_size=64,
    steps=20,
    validation_windows=64,
    test_windows=256,
)
"""All steps in a few minutes: shows that they run. Its lifters are of no use."""

RECIPES: Mapping[str, LifterRecipe] = MappingProxyType({r.name: r for r in (FULL, TRIAL)})
