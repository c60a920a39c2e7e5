"""Training of the stages on arrays in memory, with checkpoints that survive a kill."""

from overpose.training.config import (
    AutoencoderStage,
    ErrorStage,
    FinetuneStage,
    LoopConfig,
    RegressionStage,
    TokenStage,
)
from overpose.training.loop import Runtime, read_metrics
from overpose.training.observations import DrawnWindows, ImageObservations
from overpose.training.pose_stage import train_autoencoder, train_tokens
from overpose.training.stages import train_direct, train_errors, train_finetune, train_latent

__all__ = [
    "AutoencoderStage",
    "DrawnWindows",
    "ErrorStage",
    "FinetuneStage",
    "ImageObservations",
    "LoopConfig",
    "RegressionStage",
    "Runtime",
    "TokenStage",
    "read_metrics",
    "train_autoencoder",
    "train_direct",
    "train_errors",
    "train_finetune",
    "train_latent",
    "train_tokens",
]
