"""The judge of people: what a person's keypoints get, what a ghost's, and who is left out."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from clips import write_frames
from hypothesis import given
from hypothesis import strategies as st
from moving_person import moving_joints_mm

from overpose.keypoints.people import Person
from overpose.keypoints.selection import Presence, presences_of
from overpose.layouts import HUMAN36M_17
from overpose.video.estimator import PoseEstimator
from overpose.video.judging import DOUBTFUL, MEASURES, Evidence, Judge, score
from overpose.video.models import shipped_judge
from overpose.video.options import PredictOptions
from overpose.video.posing import View

FRAMES = 40
VIEW = View(640, 480, 30.0, 600.0)
MEASURE_NAMES = [measure.name for measure in MEASURES]


@pytest.fixture(scope="module")
def judge() -> Judge:
    return shipped_judge()


def person(frames: int = FRAMES) -> np.ndarray:
    """(frames, 17, 3): somebody who walks, as a camera sees it."""
    joints = moving_joints_mm(frames=frames)
    pixels = joints[..., :2] / joints[..., 2:] * VIEW.focal_px + VIEW.center_px
    pixels += np.random.default_rng(0).normal(0, 0.5, pixels.shape)
    return np.concatenate([pixels, np.full((frames, 17, 1), 0.9)], axis=-1).astype(np.float32)


def ghost(frames: int = FRAMES) -> np.ndarray:
    """(frames, 17, 3): keypoints anywhere about a lamp, elsewhere in every frame."""
    pixels = np.random.default_rng(1).normal((150, 300), (15, 30), (frames, 17, 2))
    return np.concatenate([pixels, np.full((frames, 17, 1), 0.9)], axis=-1).astype(np.float32)


def test_a_person_is_one_and_a_ghost_is_none(judge: Judge) -> None:
    assert score(judge.evidence(person(), HUMAN36M_17, VIEW)) > 0.9
    assert score(judge.evidence(ghost(), HUMAN36M_17, VIEW)) < 0.1


def test_of_a_photo_there_is_what_one_frame_says(judge: Judge) -> None:
    seen = judge.evidence(person(1), HUMAN36M_17, VIEW, is_photo=True)
    assert math.isfinite(seen.misfit)
    assert math.isfinite(seen.mirror_mm)
    assert math.isnan(seen.jitter)
    assert math.isnan(seen.disagreement_mm)
    assert seen.trust == 1.0


def test_where_and_how_large_somebody_is_does_not_matter(judge: Judge) -> None:
    near = judge.evidence(person(), HUMAN36M_17, VIEW)
    twice = person() * np.array([2, 2, 1], np.float32)
    large = judge.evidence(twice, HUMAN36M_17, View(1280, 960, VIEW.fps, 2 * VIEW.focal_px))
    for name in MEASURE_NAMES:
        assert getattr(large, name) == pytest.approx(getattr(near, name), rel=1e-3)


def test_somebody_seen_for_a_moment_is_judged_mildly(judge: Judge) -> None:
    gone = ghost()
    gone[6:] = np.nan
    short = judge.evidence(gone, HUMAN36M_17, VIEW)
    assert short.trust == pytest.approx(0.2)
    assert score(short) > score(replace(short, trust=1.0))


def test_a_ghost_never_seen_counts_as_usual(judge: Judge) -> None:
    nobody = np.full((FRAMES, 17, 3), np.nan, np.float32)
    assert score(judge.evidence(nobody, HUMAN36M_17, VIEW)) == score(Evidence())


@given(name=st.sampled_from(MEASURE_NAMES), low=st.floats(1e-3, 1e3), times=st.floats(1.1, 10.0))
def test_the_more_a_measure_says_the_lower_is_the_score(
    name: str, low: float, times: float
) -> None:
    usual = Evidence(**{measure.name: measure.usual for measure in MEASURES})
    assert 0 <= score(replace(usual, **{name: low * times})) <= score(replace(usual, **{name: low}))


def test_what_is_not_known_counts_as_usual() -> None:
    usual = Evidence(**{measure.name: measure.usual for measure in MEASURES})
    assert score(Evidence()) == pytest.approx(score(usual))


def test_the_reasons_are_those_that_count_most() -> None:
    jumps = Evidence(misfit=0.01, mirror_mm=10.0, disagreement_mm=20.0, jitter=0.5)
    assert jumps.reasons() == ["keypoints jump about"]


class ScriptedFinder:
    """A ghost from the first frame and a person from the second on."""

    layout = HUMAN36M_17

    def __init__(self, fps: float) -> None:
        self.found = np.stack([ghost(), person()])
        self.found[1, 0] = np.nan

    @property
    def presences(self) -> list[Presence]:
        return presences_of(self.found)

    def begin(self, image: np.ndarray, frame: int) -> Callable[[], list[Person]]:
        return partial(self.find, image, frame)

    def find(self, image: np.ndarray, frame: int) -> list[Person]:
        both = [Person(number, track[frame]) for number, track in enumerate(self.found, start=1)]
        return [each for each in both if np.isfinite(each.keypoints_px).all()]


@pytest.fixture
def estimator(judge: Judge) -> PoseEstimator:
    return PoseEstimator(ScriptedFinder, judge.photo, judge.video, judge=judge, name="scripted")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    write_frames(path, [np.zeros((480, 640, 3), np.uint8)] * FRAMES, np.arange(FRAMES) / VIEW.fps)
    return path


def test_a_ghost_is_left_out_and_that_is_said(
    estimator: PoseEstimator, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    track = estimator.predict(clip)
    assert track.people == 1
    assert not track.seen[0, 0]
    assert track.person_score is not None
    assert track.person_score[0] > 0.9
    lines = capsys.readouterr().err.splitlines()
    (said,) = [line for line in lines if "left out 1 of 2" in line]
    assert "--keep-doubtful" in said


def test_keep_doubtful_keeps_a_ghost_with_its_score(estimator: PoseEstimator, clip: Path) -> None:
    track = estimator.predict(clip, PredictOptions(keep_doubtful=True))
    assert track.people == 2
    assert track.person_score is not None
    assert track.person_score[0] < DOUBTFUL < track.person_score[1]


def test_numbers_and_counts_are_of_people(estimator: PoseEstimator, clip: Path) -> None:
    for options in (PredictOptions(track=1), PredictOptions(people=1)):
        track = estimator.predict(clip, options)
        assert track.people == 1
        assert not track.seen[0, 0]


def test_keypoints_of_the_user_are_people_by_decree(estimator: PoseEstimator) -> None:
    track = estimator.predict_keypoints(
        np.stack([ghost(), person()]), layout=HUMAN36M_17, fps=VIEW.fps, size_px=(640, 480)
    )
    assert track.people == 2
    assert track.person_score is not None
    assert track.person_score[0] < DOUBTFUL


def test_without_a_judge_there_are_no_scores(judge: Judge, clip: Path) -> None:
    unjudged = PoseEstimator(ScriptedFinder, judge.photo, judge.video, name="scripted")
    track = unjudged.predict(clip)
    assert (track.people, track.person_score) == (2, None)
