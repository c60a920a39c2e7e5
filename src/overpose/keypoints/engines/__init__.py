"""What finds people's 2D keypoints in pictures: one card per model, all of them in `ENGINES`.

Cards import nothing heavy, because the command line shows them; reading keypoints from files
belongs to `keypoint_files`.
"""

from overpose.keypoints.engines.blazepose import (
    AUTO,
    FULL,
    FULL_OPENVINO,
    HEAVY,
    HEAVY_OPENVINO,
)
from overpose.keypoints.engines.engine import Engine
from overpose.keypoints.engines.rtmlib import RTMLIB
from overpose.support.errors import InputError

ENGINES: tuple[Engine, ...] = (AUTO, FULL, HEAVY, FULL_OPENVINO, HEAVY_OPENVINO, RTMLIB)
"""Every engine; the first is what is taken unasked."""


def engine_called(name: str) -> Engine:
    """The engine of that name.

    Raises:
        InputError: there is none.
    """
    for engine in ENGINES:
        if engine.name == name:
            return engine
    known = ", ".join(engine.name for engine in ENGINES)
    raise InputError(f"keypoints: got {name!r}, expected one of {known}")
