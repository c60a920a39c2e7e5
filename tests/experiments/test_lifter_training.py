"""The whole run on made-up motion, with a stand-in for BlazePose: data, stages, tables, weights."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from overpose.datasets.motion_source import MotionSource
from overpose.datasets.rendering.recorded import Splits
from overpose.experiments.lifters import evaluation as evaluation_run
from overpose.experiments.lifters import training as training_run
from overpose.experiments.lifters.evaluation import evaluate_lifters
from overpose.experiments.lifters.recipe import FULL, TRIAL, LifterRecipe
from overpose.experiments.lifters.training import METHODS, train_lifters, write_shipped
from overpose.keypoints.blazepose import BlazePose, Landmarks, Region
from overpose.methods import load_model
from overpose.mocap.library import MotionLibrary
from overpose.mocap.motion import Motion
from overpose.mocap.procedural import PROCEDURAL_ACTIONS, procedural_motion
from overpose.networks.configs import KeypointEncoderConfig
from overpose.networks.pose_predictor import PosePredictor
from overpose.studio.body import load_body
from overpose.support.errors import InputError
from overpose.support.files import Output
from overpose.synthetic import detections
from overpose.synthetic.detections import DetectionConfig
from overpose.synthetic.pool import PoolConfig

MODELS = {name: (Path("detector"), Path(name)) for name in ("full", "heavy")}
RECIPE = replace(
    TRIAL,
    name="tiny",
    detection_clips=3,
    held_out_clips=1,
    pool=PoolConfig(clips=4, block=2, steps=2, frames=16),
    renders=DetectionConfig(frames=5),
    code_poses=256,
    encoders={
        "photo": KeypointEncoderConfig((0,), width=16, blocks=1),
        "video": KeypointEncoderConfig((-2, 0, 2), width=16, blocks=1),
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


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        load_body()
    except InputError as error:
        pytest.skip(f"needs the body asset: {error}")
    monkeypatch.setattr(detections, "BlazePose", Engine)
    for module in (training_run, evaluation_run):
        monkeypatch.setattr(module, "open_recorded", lambda source: (Library(), SPLITS))


MOTION = MotionSource(Path("mocap"), Path("splits"))


def train(out: Path, recipe: LifterRecipe = RECIPE, **settings: Any) -> dict:
    return train_lifters(recipe, MOTION, Output(out), models=MODELS, processes=1, **settings)


@pytest.mark.slow
def test_a_run_trains_measures_and_ships_every_lifter(tmp_path: Path) -> None:
    out = tmp_path / "run"
    trained = train(out)
    assert set(trained) == {"photo", "video"}
    found = detections.read_detections(out / "detections")
    assert found.keypoints_px.shape == (3, 5, 2, 33, 3)
    assert np.isnan(found.keypoints_px[0, 0]).all()  # lost at first
    assert np.isfinite(found.keypoints_px[0, 1:]).all()

    rows = evaluate_lifters(RECIPE, MOTION, out)
    assert [(row.lifter, row.method) for row in rows] == [
        (lifter, method) for lifter in ("photo", "video") for method in METHODS
    ]
    report = json.loads((out / "report.json").read_text())
    assert len(report["rows"]) == 10
    assert all(row["p_mpjpe_mm"] <= row["mpjpe_mm"] for row in report["rows"])
    assert (out / "tables.md").read_text().count("\n| photo") == 5

    shipped = write_shipped(RECIPE, out)
    for lifter, directory in shipped.items():
        half, whole = load_model(directory), None
        assert isinstance(half, PosePredictor)
        assert half.config.kind == "finetuned"
        provenance = json.loads((directory / "config.json").read_text())["provenance"]
        whole = load_model(trained[lifter][provenance["method"]])
        assert isinstance(whole, PosePredictor)
        features = np.random.default_rng(0).normal(size=(4, half.encoder.first.in_features))
        features = features.astype(np.float32)
        assert np.abs(half.predict(features) - whole.predict(features)).max() < 5
        sizes = [
            (d / "weights.safetensors").stat().st_size
            for d in (directory, trained[lifter]["direct"])
        ]
        assert sizes[0] < sizes[1] * 2


@pytest.mark.slow
def test_a_finished_run_is_kept_and_another_recipe_refused(tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = train(out)["photo"]["direct"] / "weights.safetensors"
    before = first.read_bytes(), first.stat().st_mtime_ns
    train(out)
    assert (first.read_bytes(), first.stat().st_mtime_ns) == before
    with pytest.raises(InputError, match=r"recipe\.batch_size"):
        train(out, replace(RECIPE, batch_size=64))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match="holds no run of lifters"):
        train(tmp_path / "mine")


def test_budgets_of_methods_must_be_equal() -> None:
    with pytest.raises(InputError, match="same budget"):
        replace(FULL, direct_epochs=3)


def test_some_clips_must_be_held_out_but_not_all() -> None:
    with pytest.raises(InputError, match="held_out_clips"):
        replace(FULL, held_out_clips=FULL.detection_clips)
