"""RTMPose through rtmlib, an extra: people found anew on every frame; see `keypoints.rtmpose`."""

from collections.abc import Callable
from typing import Any

from overpose.keypoints.engines.engine import Engine


def _load(threads: int) -> Callable[[float], Any]:
    from overpose.keypoints.people import DetectionFinder
    from overpose.keypoints.rtmpose import RtmlibEngine
    from overpose.layouts import COCO_17

    detect = RtmlibEngine()
    return lambda fps: DetectionFinder(detect, COCO_17, fps)


RTMLIB = Engine("rtmlib", "RTMPose, found anew on every frame", _load, extra="rtmlib")
