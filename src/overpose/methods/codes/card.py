"""What a latent code of poses is: one frozen card, by whose name methods and lifters choose it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from overpose.networks.codes import PoseCode
from overpose.networks.storage import Kind, to_json
from overpose.training.loop import RUNTIME, Runtime


@dataclass(frozen=True, eq=False)
class CodeContext:
    """What a code is fitted with.

    Attributes:
        poses_mm: (N, 17, 3) training poses, camera axes, relative to the root.
        validation_mm: held-out poses to watch the training, or None.
        out: directory of its training; a code in closed form leaves nothing there.
        seed: of the training.
        runtime: where it runs.
        provenance: what is known of the data, as JSON values; to be kept with the model.
    """

    poses_mm: np.ndarray
    validation_mm: np.ndarray | None
    out: Path
    seed: int = 0
    runtime: Runtime = RUNTIME
    provenance: Mapping[str, Any] = field(default_factory=dict)


def plain_title(config: Any) -> str:
    """The configuration as Python writes it."""
    return repr(config)


@dataclass(frozen=True)
class Code:
    """A latent code of poses. Functions stand at the top of a module, so that cards can be sent to
    other processes.

    Attributes:
        name: in presets, of its directory and in commands.
        Config: a frozen dataclass. Its fields `loop` and `greedy_epochs`, if it has them, are how
            long it is trained: an ablation puts its own budget there.
        fit: trains it, or goes on, or loads what is finished.
        kind: of its model on disk.
        trained: whether it is kept in a directory of its own, with the finished model in `last/`;
            False: fitted in closed form whenever it is asked for.
        title: a configuration in words, for tables.
        describe: a configuration without its budget, as JSON values.
    """

    name: str
    Config: type
    fit: Callable[[Any, CodeContext], PoseCode]
    kind: Kind
    trained: bool = True
    title: Callable[[Any], str] = plain_title
    describe: Callable[[Any], dict[str, Any]] = to_json
