"""A tiny run of lifters on made-up motion, with a stand-in for BlazePose; run as a program, it is a
rank of a training that several processes share."""

import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np

from overpose.datasets.motion_source import MotionSource
from overpose.datasets.rendering.recorded import Splits
from overpose.experiments.lifters import data as training_data
from overpose.experiments.lifters import evaluation as evaluation_run
from overpose.experiments.lifters.recipe import TRIAL
from overpose.experiments.lifters.training import train_lifters
from overpose.keypoints.blazepose import BlazePose, Landmarks, Region
from overpose.mocap.library import MotionLibrary
from overpose.mocap.motion import Motion
from overpose.mocap.procedural import PROCEDURAL_ACTIONS, procedural_motion
from overpose.networks.configs import KeypointEncoderConfig
from overpose.support.errors import InputError
from overpose.support.files import Output
from overpose.synthetic import detections
from overpose.synthetic.detections import DetectionConfig
from overpose.synthetic.pool import PoolConfig
from overpose.training.processes import number, together

MODELS = {name: (Path("detector"), Path(name)) for name in ("full", "heavy")}
RECIPE = replace(
    TRIAL,
    name="tiny",
    detection_clips=4,
    held_out_clips=2,
    pool=PoolConfig(clips=4, block=2, steps=2, frames=16),
    renders=DetectionConfig(frames=5),
    code_poses=256,
    encoders={
        "photo": KeypointEncoderConfig((0,), width=16, blocks=1),
        "video": KeypointEncoderConfig((-1, 0, 1), width=16, blocks=1, jitter=True),
    },
    direct_epochs=2,
    latent_epochs=1,
    finetune_epochs=1,
    steps=3,
    batch_size=32,
    validation_windows=16,
    test_windows=32,
)


class Library(MotionLibrary):
    """Two subjects, one of them for the test."""

    def __init__(self) -> None:
        super().__init__(Path(), {})

    def trials(self) -> list[str]:
        return ["01_01", "01_02", "02_01"]

    def motion(self, trial: str, fps: float | None = None) -> Motion:
        subject, number = (int(part) for part in trial.split("_"))
        return procedural_motion(PROCEDURAL_ACTIONS[number], subject, number, 40)


SPLITS = Splits(("01",), ("02",), {"walking": ("01_01",)}, {"walking": ("02_01",)})


class Engine(BlazePose):
    """Finds nobody at first, then landmarks on a circle in its region."""

    def __init__(self, *files: Path, threads: int) -> None:
        self.calls = 0

    def landmarks(self, image: np.ndarray, region: Region) -> Landmarks:
        assert image.shape == (320, 320, 3)
        assert image.std() > 0
        self.calls += 1
        angles = np.linspace(0, 6, 33)
        keypoints = np.full((33, 3), 0.8, np.float32)
        keypoints[:, 0] = region.x + 0.3 * region.size * np.cos(angles)
        keypoints[:, 1] = region.y + 0.3 * region.size * np.sin(angles)
        presence = 0.1 if self.calls == 1 else 0.9
        return Landmarks(keypoints, np.zeros((33, 3), np.float32), presence, region)


MOTION = MotionSource(Path("mocap"), Path("splits"))
STAND_INS = (
    (detections, "BlazePose", Engine),
    (training_data, "open_recorded", lambda source: (Library(), SPLITS)),
    (evaluation_run, "open_recorded", lambda source: (Library(), SPLITS)),
)
"""Modules, names in them, and what these are in tests."""


def main() -> None:
    (out,) = sys.argv[1:]
    for place, name, value in STAND_INS:
        patch.object(place, name, value).start()
    patch("overpose.support.bfloat16.knows_bfloat16", lambda device: False).start()
    try:
        with together("cpu"):
            assert number() > 1
            train_lifters(RECIPE, MOTION, Output(Path(out)), models=MODELS, processes=1)
    except InputError as error:
        print(f"overpose: error: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
