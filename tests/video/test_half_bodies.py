"""What the picture does not show is guessed, and says so."""

import numpy as np
import pytest
from rendered_people import blazepose, rendered_still
from scripted_people import ScriptedEngines, draw

from overpose.keypoints.people import OUTSIDE_SCORE, BlazePoseFinder, unsure_outside
from overpose.layouts import BLAZEPOSE_33, HUMAN36M_17
from overpose.media.video import media_of_image
from overpose.video.estimator import PoseEstimator
from overpose.video.models import shipped_judge, shipped_lifter

BELOW_HIPS = BLAZEPOSE_33.indices(
    [f"{side}_{part}" for side in ("left", "right")
     for part in ("knee", "ankle", "heel", "foot_index")]
)  # fmt: skip
HEAD = BLAZEPOSE_33.indices(["nose", "left_ear", "right_ear"])


def test_keypoints_beyond_the_border_are_unsure_and_others_stay() -> None:
    given = np.array(
        [
            [0, 0, 0.9], [640, 480, 0.8], [320, 100, 0.7], [-1, 100, 0.9], [641, 100, 0.9],
            [320, -1, 0.9], [320, 481, 0.9], [320, 500, 0.01], [np.nan, np.nan, 0.0],
        ],
        np.float32,
    )  # fmt: skip
    found = unsure_outside(given, 640, 480)
    assert np.array_equal(found[..., :2], given[..., :2], equal_nan=True)
    expected = [0.9, 0.8, 0.7, *[OUTSIDE_SCORE] * 4, 0.01, 0.0]
    assert found[:, 2] == pytest.approx(expected)


@pytest.fixture(scope="module")
def estimator() -> PoseEstimator:
    engine = blazepose()
    return PoseEstimator(
        lambda fps: BlazePoseFinder(engine, fps),
        shipped_lifter("photo"),
        judge=shipped_judge(),
        name="full",
    )


@pytest.mark.parametrize("number", range(5))
def test_legs_that_the_picture_does_not_show_are_not_confident(
    estimator: PoseEstimator, number: int
) -> None:
    still = rendered_still(number)
    whole = estimator.predict(still.image).keypoints_px[0, 0]
    cut = estimator.predict(np.ascontiguousarray(still.image[: still.hips_row])).keypoints_px[0, 0]
    assert whole[BELOW_HIPS, 2].mean() > 0.5
    assert cut[BELOW_HIPS, 2].max() <= OUTSIDE_SCORE
    assert cut[HEAD, 2].mean() > 0.5


def test_live_use_and_other_engines_are_unsure_as_well() -> None:
    """The stand-in is sure of every landmark, wherever it is."""
    estimator = PoseEstimator(
        lambda fps: BlazePoseFinder(ScriptedEngines(), fps), shipped_lifter("photo"), name="discs"
    )
    image = draw({"red": (150, 210)})  # of 320 x 240: knees and feet are below
    low = estimator.predict(image).keypoints_px[0, 0]
    assert low[BELOW_HIPS, 2].max() <= OUTSIDE_SCORE < low[HEAD, 2].min()
    (person,) = next(iter(estimator.track(media_of_image(image)))).people
    assert np.array_equal(person.keypoints_px, low)


def test_keypoints_of_a_file_are_unsure_beyond_its_border(estimator: PoseEstimator) -> None:
    given = np.full((1, 1, 17, 3), 0.9, np.float32)
    given[..., 0] = np.linspace(50, 300, 17)
    given[..., 1] = np.linspace(600, 20, 17)
    track = estimator.predict_keypoints(given, layout=HUMAN36M_17, fps=25.0, size_px=(320, 240))
    below = given[0, 0, :, 1] > 240
    assert (track.keypoints_px[0, 0, below, 2] == np.float32(OUTSIDE_SCORE)).all()
    assert (track.keypoints_px[0, 0, ~below, 2] == np.float32(0.9)).all()
