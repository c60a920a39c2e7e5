"""Engine: the card of one thing that finds people's 2D keypoints in pictures."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from overpose.support.errors import InputError


@dataclass(frozen=True)
class Engine:
    """One engine of 2D keypoints.

    Attributes:
        name: what `--keypoints` calls it, and tracks say made them.
        title: what it is, for tables and help.
        load: loads its models, with that many threads in all, and gives a function that begins a
            video: from frames a second to a `PeopleFinder`. What it needs is imported and
            downloaded then; InputError if files are missing and cannot be downloaded.
        extra: the extra of this package that installs what it imports; None if nothing is needed.
        for_photos, for_videos: engines that photos, and videos, are left to; None: this one.
    """

    name: str
    title: str
    load: Callable[[int], Callable[[float], Any]]
    extra: str | None = None
    for_photos: "Engine | None" = None
    for_videos: "Engine | None" = None

    def __reduce__(self) -> Any:
        """Another process takes its own card of that name; one that it has not, goes there."""
        from overpose.keypoints.engines import ENGINES, engine_called

        if any(self is engine for engine in ENGINES):
            return engine_called, (self.name,)
        return Engine, (self.name, self.title, self.load, self.extra)

    def finders(self, threads: int) -> Callable[[float], Any]:
        """`load`, with one line that says what to install where the extra is missing.

        Raises:
            InputError: the extra is missing, or as `load`.
        """
        try:
            return self.load(threads)
        except ImportError as error:
            if self.extra is None:
                raise
            raise InputError(
                f"keypoints: {self.name} cannot be imported ({error}); install it with "
                f"pip install 'overpose[{self.extra}]', or take another engine"
            ) from None

    def finders_when_used(self, threads: int) -> Callable[[float], Any]:
        """As `finders`, loaded when the first video begins."""
        alone, loaded = threading.Lock(), []

        def begin(fps: float) -> Any:
            with alone:
                if not loaded:
                    loaded.append(self.finders(threads))
            return loaded[0](fps)

        return begin
