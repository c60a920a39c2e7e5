"""An optional engine of 2D keypoints: RTMPose through rtmlib (Apache-2.0).

`pip install overpose[rtmlib]`; rtmlib downloads its own models when it is first used. The test
suite runs this with a stand-in, not with the package itself.
"""

import threading
from typing import Any, Literal

import numpy as np

from overpose.layouts import COCO_17
from overpose.support.errors import InputError

_LEAST_SCORE = 0.3
"""Mean score of a person below which it is none."""


class RtmlibEngine:
    """A person detector and RTMPose, on every frame by itself.

    Args:
        mode: "lightweight", "balanced" or "performance", rtmlib's own names.

    Raises:
        ImportError: rtmlib is not installed.
        InputError: its models can neither be found nor downloaded.
    """

    def __init__(self, mode: Literal["lightweight", "balanced", "performance"] = "balanced"):
        from rtmlib import Body  # pyright: ignore[reportMissingImports]

        self._alone = threading.Lock()
        try:
            self._body: Any = Body(mode=mode, backend="onnxruntime", device="cpu")
        except Exception as error:  # URL, socket, onnxruntime and zip errors alike
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(
                f"keypoints: the models of rtmlib cannot be loaded ({reason}); it downloads them "
                "when first used: connect to the network once, or take another engine"
            ) from None

    def __call__(self, image: np.ndarray) -> list[np.ndarray]:
        """People in an RGB image (height, width, 3) uint8: each (17, 3) float32 x, y px, score."""
        with self._alone:  # nothing is promised of rtmlib and threads
            points, scores = self._body(np.ascontiguousarray(image[..., ::-1]))  # it wants BGR
        points = np.asarray(points, np.float32).reshape(-1, len(COCO_17), 2)
        scores = np.clip(np.asarray(scores, np.float32).reshape(-1, len(COCO_17)), 0.0, 1.0)
        people = np.concatenate([points, scores[..., None]], axis=-1)
        return [person for person in people if person[:, 2].mean() >= _LEAST_SCORE]
