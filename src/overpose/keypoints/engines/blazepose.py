"""BlazePose, the default: follows people through a video. Its networks: `keypoints.blazepose`."""

from collections.abc import Callable
from typing import Any, Literal

from overpose.keypoints.engines.engine import Engine


def _load(complexity: Literal["full", "heavy"], threads: int) -> Callable[[float], Any]:
    from overpose.keypoints.blazepose import BlazePose
    from overpose.keypoints.people import BlazePoseFinder

    networks = BlazePose.from_assets(complexity, threads=threads)
    return lambda fps: BlazePoseFinder(networks, fps)


FULL = Engine("full", "BlazePose, the faster model", lambda threads: _load("full", threads))
HEAVY = Engine("heavy", "BlazePose, the better model", lambda threads: _load("heavy", threads))
AUTO = Engine(
    "auto", "heavy for photos, full for videos", FULL.load, for_photos=HEAVY, for_videos=FULL
)
"""A photo has the time for the better model."""
