"""What a latent code of poses is: one frozen card, by whose name methods and lifters choose it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from overpose.networks.codes import PoseCode
from overpose.networks.storage import Kind, to_json
from overpose.support.errors import InputError
from overpose.support.seeding import random_stream
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
        rotations: (N, 3, 3) of the poses' cameras, from a world with z up; None: not known.
    """

    poses_mm: np.ndarray
    validation_mm: np.ndarray | None
    out: Path
    seed: int = 0
    runtime: Runtime = RUNTIME
    provenance: Mapping[str, Any] = field(default_factory=dict)
    rotations: np.ndarray | None = None

    def learned_mm(self, random_views: int) -> np.ndarray:
        """The training poses and, after them, each as often once more in a view of its own.

        Raises:
            InputError: views are asked for, and it is not known how the cameras stand.
        """
        if random_views == 0:
            return self.poses_mm
        if self.rotations is None:
            raise InputError(
                f"random_views: got {random_views}, but how the cameras of these poses stand is "
                "not known; expected 0"
            )
        rng = random_stream(self.seed, "random views")
        turned = [other_views(self.poses_mm, self.rotations, rng) for _ in range(random_views)]
        return np.concatenate([self.poses_mm, *turned])


def other_views(
    poses_mm: Float[np.ndarray, "n 17 3"],
    rotations: Float[np.ndarray, "n 3 3"],
    rng: np.random.Generator,
) -> Float32[np.ndarray, "n 17 3"]:
    """Each pose as another camera would see it: turned about the vertical by any angle.

    How that camera leans is taken from another pose's, drawn at random.

    Args:
        poses_mm: (N, 17, 3) camera axes, relative to the root.
        rotations: (N, 3, 3) of their cameras, from a world with z up.
        rng: draws.
    """
    angles = rng.uniform(0.0, 2 * np.pi, len(poses_mm))
    about_z = np.zeros((len(poses_mm), 3, 3))
    about_z[:, 0, 0] = about_z[:, 1, 1] = np.cos(angles)
    about_z[:, 1, 0], about_z[:, 0, 1] = np.sin(angles), -np.sin(angles)
    about_z[:, 2, 2] = 1.0
    others = rotations[rng.integers(len(rotations), size=len(poses_mm))]
    turns = others @ about_z @ rotations.transpose(0, 2, 1)
    return np.einsum("nij,nkj->nki", turns, poses_mm).astype(np.float32)


def views_title(random_views: int) -> str:
    """What a title says of them."""
    return f", {random_views} random views of each pose" if random_views else ""


def views_described(random_views: int) -> dict[str, int]:
    """What a description says of them, as JSON values."""
    return {"random_views": random_views} if random_views else {}


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
