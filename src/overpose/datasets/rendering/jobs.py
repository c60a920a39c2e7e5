"""What the orchestrator hands to the processes that render: who renders what.

No work is done here.
"""

from collections.abc import Callable
from dataclasses import dataclass

from overpose.datasets.layout import Sample
from overpose.datasets.rendering.plan import RenderSequence
from overpose.mocap.motion import Motion


@dataclass(frozen=True, eq=False)
class Piece:
    """Samples `start` to `stop` of a sequence, and the motion of the whole trial."""

    sequence: RenderSequence
    start: int
    stop: int
    motion: Motion


@dataclass(frozen=True, eq=False)
class ShardJob:
    """What one shard holds."""

    number: int
    pieces: tuple[Piece, ...]


Renderer = Callable[[ShardJob, Callable[[], None]], list[Sample]]
"""Renders a shard's samples, in order; calls its second argument between samples."""
