"""BlazePose, the default: follows people through a video. Its networks: `keypoints.blazepose`."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from overpose.keypoints.engines.engine import Engine


def _load(
    complexity: Literal["full", "heavy"], runtime: Literal["litert", "openvino"], threads: int
) -> Callable[[float], Any]:
    from overpose.keypoints.blazepose import BlazePose
    from overpose.keypoints.people import BlazePoseFinder

    networks = BlazePose.from_assets(complexity, threads=threads, runtime=runtime)
    return lambda fps: BlazePoseFinder(networks, fps)


FULL = Engine("full", "BlazePose, the faster model", partial(_load, "full", "litert"))
HEAVY = Engine("heavy", "BlazePose, the better model", partial(_load, "heavy", "litert"))
AUTO = Engine(
    "auto", "heavy for photos, full for videos", FULL.load, for_photos=HEAVY, for_videos=FULL
)
"""A photo has the time for the better model."""
FULL_OPENVINO = Engine(
    "full-openvino", "full, computed by OpenVINO", partial(_load, "full", "openvino"), "openvino"
)
HEAVY_OPENVINO = Engine(
    "heavy-openvino", "heavy, computed by OpenVINO", partial(_load, "heavy", "openvino"), "openvino"
)
