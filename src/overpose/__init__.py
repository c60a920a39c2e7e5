"""overpose: 3D human pose from one ordinary camera, through a learned latent code of the body.

The names that users need first; they are imported when they are first used, so that importing the
package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from overpose.support.version import VERSION

if TYPE_CHECKING:
    from overpose.camera import Camera
    from overpose.formats.writing import save_track
    from overpose.methods import load_model
    from overpose.poses import PoseTrack
    from overpose.skeleton import HUMAN36M, Skeleton
    from overpose.support.errors import InputError
    from overpose.video.estimator import PoseEstimator
    from overpose.video.options import PredictOptions

__version__ = VERSION
__all__ = [
    "HUMAN36M", "Camera", "InputError", "PoseEstimator", "PoseTrack", "PredictOptions", "Skeleton",
    "load_model", "save_track",
]  # fmt: skip
_HOMES = {
    "HUMAN36M": "skeleton",
    "Camera": "camera",
    "InputError": "support.errors",
    "PoseEstimator": "video.estimator",
    "PoseTrack": "poses",
    "PredictOptions": "video.options",
    "Skeleton": "skeleton",
    "load_model": "methods",
    "save_track": "formats.writing",
}


def __getattr__(name: str) -> Any:
    if name == "metrics":
        return import_module("overpose.metrics")
    if name not in _HOMES:
        raise AttributeError(f"module 'overpose' has no attribute {name!r}")
    return getattr(import_module(f"overpose.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__", "metrics"])
