"""overpose: 3D human pose from one ordinary camera, through a learned latent code of the body.

The names that users need first; they are imported when they are first used, so that importing the
package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from overpose.support.extras import advice
from overpose.support.version import VERSION

if TYPE_CHECKING:
    from overpose.camera import Camera
    from overpose.datasets.store import open_dataset
    from overpose.experiments.entry_points import evaluate, reproduce, train
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
    "evaluate", "load_model", "open_dataset", "reproduce", "save_track", "train",
]  # fmt: skip
_HOMES = {
    "HUMAN36M": "skeleton",
    "Camera": "camera",
    "InputError": "support.errors",
    "PoseEstimator": "video.estimator",
    "PoseTrack": "poses",
    "PredictOptions": "video.options",
    "Skeleton": "skeleton",
    "evaluate": "experiments.entry_points",
    "load_model": "methods",
    "open_dataset": "datasets.store",
    "reproduce": "experiments.entry_points",
    "save_track": "formats.writing",
    "train": "experiments.entry_points",
}


def __getattr__(name: str) -> Any:
    if name == "metrics":
        return import_module("overpose.metrics")
    if name not in _HOMES:
        raise AttributeError(f"module 'overpose' has no attribute {name!r}")
    try:
        return getattr(import_module(f"overpose.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        said = advice(f"overpose.{name}", error)
        if said is None:
            raise
        raise ModuleNotFoundError(said, name=error.name) from None


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__", "metrics"])
