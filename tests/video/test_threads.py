"""One estimator in two threads gives what it gives in one, one after the other."""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from scripted_people import ScriptedEngines, draw, standing_px

from overpose.keypoints import runtimes
from overpose.keypoints.blazepose import BlazePose
from overpose.keypoints.people import BlazePoseFinder
from overpose.layouts import BLAZEPOSE_33
from overpose.networks.configs import PosePredictorConfig
from overpose.networks.image_encoder import ImageEncoderConfig
from overpose.networks.pose_predictor import PosePredictor
from overpose.support.blas import blas
from overpose.video.estimator import PoseEstimator
from overpose.video.image_poses import ImageModel
from overpose.video.lifting import Lifter
from overpose.video.models import shipped_lifter


@pytest.fixture(autouse=True)
def turns() -> Iterator[None]:
    """Threads change as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def estimator(photo: Lifter | ImageModel, video: Lifter | None) -> PoseEstimator:
    engines = cast(BlazePose, ScriptedEngines())
    return PoseEstimator(lambda fps: BlazePoseFinder(engines, fps), photo, video, name="scripted")


def assert_same_in_threads(work: Callable[[int], np.ndarray], jobs: int) -> None:
    expected = [work(job) for job in range(jobs)]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(work, range(jobs)))
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_keypoints_in_two_threads() -> None:
    shared = estimator(shipped_lifter("photo"), shipped_lifter("video"))

    def work(job: int) -> np.ndarray:
        points = np.stack([standing_px(60 + 20 * job + frame, 120) for frame in range(12)])
        scores = np.ones((*points.shape[:2], 1))
        keypoints = np.concatenate([points, scores], axis=2).astype(np.float32)[None]
        return shared.predict_keypoints(
            keypoints, layout=BLAZEPOSE_33, fps=25, size_px=(320, 240)
        ).poses_mm

    before = [library["num_threads"] for library in blas(True).info()]
    assert_same_in_threads(work, 6)
    assert [library["num_threads"] for library in blas(True).info()] == before


@pytest.mark.parametrize("kind", ["lifter", "image model"])
def test_images_in_two_threads(kind: str) -> None:
    if kind == "lifter":
        shared = estimator(shipped_lifter("photo"), None)
    else:
        small = ImageEncoderConfig(32, 28, (5, 3), (4, 4), (8,), 0.5)
        shared = estimator(PosePredictor(PosePredictorConfig("direct", small)).eval(), None)
    images = [draw({"red": (60 + 30 * job, 120)}) for job in range(6)]
    assert_same_in_threads(lambda job: shared.predict(images[job]).poses_mm, 6)


class OneAtATime:
    """An interpreter that, like LiteRT's, keeps what it was given until it is asked."""

    made = 0

    def __init__(self, model_content: bytes, num_threads: int) -> None:
        OneAtATime.made += 1
        self.busy = threading.Lock()
        self.values = np.zeros(1)

    def allocate_tensors(self) -> None: ...

    def get_input_details(self) -> list[dict[str, Any]]:
        return [{"index": 0}]

    def get_output_details(self) -> list[dict[str, Any]]:
        return [{"name": "Identity", "index": 1}]

    def set_tensor(self, index: int, values: np.ndarray) -> None:
        self.values = values

    def invoke(self) -> None:
        assert self.busy.acquire(blocking=False), "two threads at once"
        sum(range(2000))  # other threads get their turn
        self.values = 2 * self.values
        self.busy.release()

    def get_tensor(self, index: int) -> np.ndarray:
        return self.values


@pytest.mark.parametrize("copies", [1, 2, 3])
def test_threads_that_share_networks_wait_for_each_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, copies: int
) -> None:
    module = cast(ModuleType, SimpleNamespace(Interpreter=OneAtATime))
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", module)
    monkeypatch.setattr(runtimes, "with_outputs", lambda network, names: network)
    monkeypatch.setattr(OneAtATime, "made", 0)
    (tmp_path / "any").touch()
    network = runtimes.network(tmp_path / "any", ["Identity"], threads=1, copies=copies)
    assert_same_in_threads(lambda job: network(np.full(3, job))["Identity"], 300)
    assert 1 <= OneAtATime.made <= copies
