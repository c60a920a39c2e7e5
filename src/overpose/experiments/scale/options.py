"""What is asked of the paper: how much work, which machines, which prices. Imports nothing heavy:
the command line shows these options."""

import math
from dataclasses import dataclass, fields

from overpose.support.errors import InputError

MOST = 1e15
"""No number is as large, of what is assumed or measured: pieces, bytes, seconds, rates."""
MOST_AT_ONCE = 1_000_000
"""Cores, and images of a batch: each is gone through."""


@dataclass(frozen=True)
class ScaleOptions:
    """How much work on what machines. Nothing here is measured: all of it is assumed.

    Raises:
        InputError: a value is out of its range, or prices are given without their source.
    """

    images: int = 100_000_000
    """Images to render, and to train on."""
    video_hours: float = 10_000.0
    """Hours of video to lift."""
    epochs: int = 10
    """How often training sees every image."""
    batch: int = 128
    """Images of a training step, shared out among the processes."""
    cores: tuple[int, ...] = (2, 16, 128, 1000, 10_000)
    """Numbers of cores to ask for."""
    cores_per_machine: int = 16
    """Cores that fail together."""
    images_per_unit: int = 4096
    """Images of a shard, which is the unit of work of rendering."""
    minutes_per_unit: float = 10.0
    """Length of a video, which is the unit of work of lifting."""
    link_gbit: float = 10.0
    """Gigabits a second of each machine's network."""
    latency_ms: float = 0.1
    """Of a message between two machines, milliseconds."""
    hours_between_failures: float = 1000.0
    """Of one machine, on average; inf: none fails."""
    return_minutes: float = 5.0
    """Until a machine that failed is replaced."""
    stragglers: float = 0.01
    """Share of the units that take longer for no reason of their own."""
    straggler_times: float = 3.0
    """How many times as long these take."""
    core_hour: tuple[float, ...] = ()
    """Prices of one core for an hour, to be compared; needs --price-source."""
    gb_month: float | None = None
    """Price of a gigabyte kept for a month."""
    price_source: str | None = None
    """Whose prices, and of which date."""

    def __post_init__(self) -> None:
        limits = dict.fromkeys([field.name for field in fields(self)], MOST)
        limits |= {"cores": MOST_AT_ONCE, "batch": MOST_AT_ONCE, "hours_between_failures": math.inf}
        least = ("latency_ms", "return_minutes", "gb_month")
        for name in sorted(set(limits) - {*least, "stragglers", "core_hour", "price_source"}):
            value, most = getattr(self, name), limits[name]
            values = value if isinstance(value, tuple) else (value,)
            if not values or not all(each > 0 for each in values):
                raise InputError(f"{name}: got {value}, expected above 0")
            if not all(each <= most for each in values):
                raise InputError(f"{name}: got {value}, expected at most {most:g}")
        for name in least:
            value = getattr(self, name)
            if value is not None and not 0 <= value <= MOST:
                raise InputError(f"{name}: got {value}, expected 0 to {MOST:g}")
        if not all(0 <= price <= MOST for price in self.core_hour):
            raise InputError(f"core_hour: got {self.core_hour}, expected 0 to {MOST:g}")
        if not 0 <= self.stragglers <= 1:
            raise InputError(f"stragglers: got {self.stragglers}, expected 0 to 1")
        if (self.core_hour or self.gb_month is not None) and not self.price_source:
            raise InputError(
                "price_source: got prices without it, expected whose they are and of which date"
            )
