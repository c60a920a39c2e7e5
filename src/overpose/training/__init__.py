"""Training of the stages on arrays in memory, with checkpoints that survive a kill."""

from overpose.training.config import AutoencoderStage, FinetuneStage, ImageStage, LoopConfig
from overpose.training.image_stages import train_direct, train_finetune, train_latent
from overpose.training.loop import Runtime, read_metrics
from overpose.training.pose_stage import train_autoencoder

__all__ = [
    "AutoencoderStage",
    "FinetuneStage",
    "ImageStage",
    "LoopConfig",
    "Runtime",
    "read_metrics",
    "train_autoencoder",
    "train_direct",
    "train_finetune",
    "train_latent",
]
