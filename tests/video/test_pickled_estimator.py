"""An estimator travels to other processes as what it was asked for."""

import pickle

import numpy as np
import pytest
from scripted_people import ScriptedEngines, draw

from overpose.keypoints.blazepose import BlazePose
from overpose.keypoints.engines import ENGINES
from overpose.keypoints.people import BlazePoseFinder
from overpose.video.estimator import PoseEstimator
from overpose.video.models import shipped_judge


def test_a_pickled_estimator_predicts_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BlazePose, "from_assets", lambda *_, **__: ScriptedEngines())
    estimator = PoseEstimator.from_pretrained("full", threads=1)
    picture = draw({"red": (150, 120), "green": (240, 120)})
    there = pickle.loads(pickle.dumps(estimator)).predict(picture)
    here = estimator.predict(picture)
    assert here.people == 2
    np.testing.assert_array_equal(there.poses_mm, here.poses_mm)
    assert there.model == here.model


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_engines_are_known_by_name_elsewhere(engine: object) -> None:
    assert pickle.loads(pickle.dumps(engine)) is engine


def test_an_estimator_of_ones_own_parts_says_why_it_cannot_be_pickled() -> None:
    own = PoseEstimator(
        lambda fps: BlazePoseFinder(ScriptedEngines(), fps), shipped_judge().photo, name="own"
    )
    with pytest.raises(TypeError, match="made by from_pretrained"):
        pickle.dumps(own)
