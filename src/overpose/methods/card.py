"""What a method is: one frozen card that answers all that training, measuring and reports ask.

Each method has a file of its own in this room; what it computes may lie in `baselines`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from overpose.methods.samples import Samples
from overpose.networks.codes import PoseCode
from overpose.networks.storage import Kind
from overpose.training.config import LoopConfig
from overpose.training.loop import Runtime

Predict = Callable[[np.ndarray], np.ndarray]
"""Images (n, side, side, 3) uint8 RGB to poses (n, 17, 3) float mm, camera axes, root-relative."""
Adjust = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Predicted and true poses (n, 17, 3) mm to what counts as predicted: privileged knowledge."""


@dataclass(frozen=True, eq=False)
class FitContext:
    """What a method is fitted with.

    Attributes:
        samples: what to learn from.
        out: directory of the stage, for checkpoints and the model.
        seed: of weights, order, crops, noise.
        runtime: where training runs.
        provenance: what is known of the data, as JSON values; to be kept with the model.
        model: the trained model of an earlier stage, by the stage's name.
        code: a fitted code of poses, by its name.
    """

    samples: Samples
    out: Path
    seed: int
    runtime: Runtime
    provenance: Mapping[str, Any]
    model: Callable[[str], Any]
    code: Callable[[str], PoseCode]

    def seeded(self, loop: LoopConfig) -> LoopConfig:
        """The loop with the seed of this run."""
        return replace(loop, seed=self.seed)


def predict_of(model: Any) -> Predict:
    """What most models offer: `predict`."""
    return model.predict


def nothing(config: Any) -> tuple[str, ...]:
    """Needs no other stage, and no code."""
    return ()


def any_size(config: Any) -> int | None:
    """Takes images of any size."""
    return None


@dataclass(frozen=True)
class Method:
    """One row of the tables, and how it comes about. Functions stand at the top of a module, so
    that cards can be sent to other processes.

    Attributes:
        name: in report.json, presets and commands.
        title: in tables.
        summary: one line for the documentation.
        Config: a frozen dataclass, one value of which a preset gives.
        fit: trains it, or goes on, or loads what is finished; returns the model. What the method
            keeps lies in the context's directory, the finished model in its `last/`.
        stage: name of what is fitted and of its directory; the method's own if left out. Methods
            that predict differently with one model share its stage, fit and configuration.
        kept: whether the fitted model is kept on disk; False: fitted whenever it is asked for.
        needs: stages to be trained before, for a configuration.
        codes: codes of poses to be fitted before, likewise.
        kinds: of the models that it saves.
        predict: the function from images to poses of its model.
        mask_channel: whether its images have the person's mask as fourth channel, which is 0
            where masks are not given; others see black outside the mask, see `samples.pictures`.
        adjust: what it makes of predictions with knowledge of the person that no image gives.
        fitted_once: nothing in it begins at random: only the first seed has it.
        image_size: side of the images that a configuration takes; None: any.
        published: its row in the paper's Table 1.
        row: whether tables have it; False: a stage that others begin with.
        in_figure: whether the figure of examples shows it.
        in_learning_curve: whether it is measured with fewer training images as well.
    """

    name: str
    title: str
    summary: str
    Config: type
    fit: Callable[[Any, FitContext], Any]
    stage: str = ""
    kept: bool = True
    needs: Callable[[Any], tuple[str, ...]] = nothing
    codes: Callable[[Any], tuple[str, ...]] = nothing
    kinds: tuple[Kind, ...] = ()
    predict: Callable[[Any], Predict] = predict_of
    mask_channel: bool = False
    adjust: Adjust | None = None
    fitted_once: bool = False
    image_size: Callable[[Any], int | None] = any_size
    published: str | None = None
    row: bool = True
    in_figure: bool = False
    in_learning_curve: bool = False

    def __post_init__(self) -> None:
        if not self.stage:
            object.__setattr__(self, "stage", self.name)

    @property
    def privileged(self) -> bool:
        """Whether it is told what the others are not."""
        return self.adjust is not None

    @property
    def finished(self) -> bool:
        """Whether it also has rows with the common finishing: all that look at the image and are
        not privileged."""
        return self.kept and not self.privileged
