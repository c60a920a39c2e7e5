"""The command line, as the trials run it: with a preset of seconds, and memory that can run out.

Usage: python -m harden.program ARGUMENTS of overpose. `HARDEN_FAIL_AT=k` makes the k-th array that
is made raise MemoryError; `HARDEN_COUNT=FILE` writes there how many were made.
"""

import atexit
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

SIZE = 32
"""Height and width of the images, pixels."""
MAKERS = (
    "empty", "zeros", "ones", "full", "empty_like", "zeros_like", "ones_like", "full_like", "array",
    "asarray", "ascontiguousarray", "concatenate", "stack", "arange",
)  # fmt: skip


class Allocations:
    """Counts the arrays that are made by name, and fails one of them."""

    def __init__(self, fail_at: int) -> None:
        self.made = 0
        self.counting = False
        self._fail_at = fail_at

    def install(self) -> None:
        """Stand before numpy's functions; before others import them by name."""
        for name in MAKERS:
            setattr(np, name, self._wrapped(getattr(np, name)))

    def _wrapped(self, make: Callable[..., Any]) -> Callable[..., Any]:
        def made(*arguments: Any, **named: Any) -> Any:
            if self.counting:
                self.made += 1
                if self.made == self._fail_at:
                    raise MemoryError("Unable to allocate an array (injected)")
            return make(*arguments, **named)

        return made


def tiny_presets() -> MappingProxyType[str, Any]:
    """A preset in the place of smoke: every stage, in seconds."""
    from overpose.baselines.kde import KDEConfig
    from overpose.baselines.linkde import LinKDEConfig
    from overpose.datasets.rendering.options import RenderConfig
    from overpose.experiments.preset import Preset, ProceduralMotion
    from overpose.experiments.presets import ours_and_cnn
    from overpose.methods.mean_pose import MeanPoseConfig
    from overpose.methods.nearest_pose import NearestPoseMethod
    from overpose.networks.autoencoder import AutoencoderConfig
    from overpose.networks.image_encoder import ImageEncoderConfig
    from overpose.training.config import AutoencoderStage, LoopConfig

    encoder = ImageEncoderConfig(SIZE, SIZE - 4, (5, 3), (2, 4), (8,), 0.1)
    smoke = Preset(
        name="smoke",
        render=RenderConfig(image_size=SIZE, max_train=12, max_val=0, max_test=6),
        procedural=ProceduralMotion(train_subjects=2, test_subjects=1, trials=1, frames=20),
        methods={
            "mean_pose": MeanPoseConfig(),
            "nearest_pose": NearestPoseMethod(),
            "linkde": LinKDEConfig(input_features=20, output_features=20),
            "kde": KDEConfig(samples=10, components=5),
            **ours_and_cnn(encoder, latent=LoopConfig(epochs=2), finetune=LoopConfig(epochs=1)),
        },
        codes={"autoencoder": AutoencoderStage(AutoencoderConfig((20,)), LoopConfig(epochs=2))},
    )
    return MappingProxyType({"smoke": smoke})


def run() -> None:
    """Run the command line with what the environment asks for."""
    allocations = Allocations(int(os.environ.get("HARDEN_FAIL_AT", "0")))
    counted = os.environ.get("HARDEN_COUNT")
    if counted or "HARDEN_FAIL_AT" in os.environ:
        allocations.install()
    from overpose.app import main

    if {"train", "reproduce"} & set(sys.argv[1:2]):
        from overpose.experiments import presets

        presets.PRESETS = tiny_presets()
    if counted:
        atexit.register(lambda: Path(counted).write_text(str(allocations.made)))
    allocations.counting = True
    main()


if __name__ == "__main__":
    run()
