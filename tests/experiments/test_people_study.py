"""The study of the judge of people: labels, ghosts made on purpose, fitting, counting."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from overpose.experiments.people.clips import GHOST, PERSON, UNCLEAR, label_of, random_thing
from overpose.experiments.people.half_bodies import CUTS, Cut, HalfBodies, counted, half_bodies
from overpose.experiments.people.study import Judged, fitted, medians, rows
from overpose.experiments.people.videos import empty_regions
from overpose.layouts import BLAZEPOSE_33
from overpose.mocap.procedural import procedural_motion
from overpose.synthetic.motions import Recordings
from overpose.video.judging import MEASURES, Evidence

USUAL = Evidence(**{measure.name: measure.usual for measure in MEASURES})


def landmarks(frames: int = 6) -> np.ndarray:
    return np.random.default_rng(0).normal(100, 30, (frames, len(BLAZEPOSE_33), 2))


@pytest.mark.parametrize(("off_px", "label"), [(2.0, PERSON), (500.0, GHOST), (15.0, UNCLEAR)])
def test_a_track_is_the_person_whose_landmarks_it_lies_on(off_px: float, label: int) -> None:
    truth = landmarks()
    keypoints = np.concatenate([truth + np.array([off_px, 0.0]), np.ones((6, 33, 1))], axis=-1)
    keypoints[0] = np.nan  # not seen
    assert label_of(keypoints.astype(np.float32), truth) == label


@pytest.mark.parametrize("seed", range(12))
def test_things_stand_on_the_floor(seed: int) -> None:
    parts = random_thing(np.random.default_rng(seed))
    assert parts.shape[1] == 12
    assert (parts[:, 3:6] > 0).all()
    lowest = (parts[:, 2] - parts[:, 5]).min()
    assert 0 <= lowest <= 250


def test_ghosts_are_made_where_nobody_is() -> None:
    person = np.full((3, 33, 3), 1.0, np.float32)
    person[..., :2] = np.random.default_rng(0).uniform(100, 300, (3, 33, 2))
    regions = empty_regions([person], 640, 480, "clip")
    assert len(regions) == 3
    for region in regions:
        off = np.abs(person[..., :2] - (region.x, region.y)).max(axis=-1)
        assert (off >= 0.35 * region.size).all()


def test_what_tells_people_from_ghosts_gets_the_weight() -> None:
    rng = np.random.default_rng(0)

    def drawn(misfit: float) -> list[Evidence]:
        noise = np.exp(rng.normal(0, 0.2, (60, 2)))
        return [replace(USUAL, misfit=misfit * a, jitter=0.05 * b) for a, b in noise]

    found = fitted(drawn(0.08), drawn(0.2))
    usual, weight = found["misfit"]
    assert usual == pytest.approx(0.08, rel=0.1)
    assert weight > 3 * found["jitter"][1]
    assert found["bias"] > 0


def test_rows_count_who_is_lost_and_who_stays() -> None:
    ghost = replace(USUAL, misfit=10.0)

    def judged(*evidence: Evidence) -> Judged:
        return Judged(list(evidence), list(evidence), list(evidence))

    kinds = {
        "people": judged(USUAL, USUAL, ghost),
        "ghosts": judged(ghost, ghost, USUAL),
        "forced": judged(ghost),
    }
    whole, moment, photo = rows("test", kinds, frames=1500)  # a minute
    assert (whole.people, whole.people_lost) == (3, 1)
    assert (whole.ghosts, whole.ghosts_left) == (3, 1)
    assert (whole.false_people_per_min, whole.false_people_per_min_left) == (3.0, 1.0)
    assert (whole.forced, whole.forced_left) == (1, 0)
    assert [moment.seen, photo.seen] == ["moment", "photo"]
    assert photo.false_people_per_min is None


def test_of_a_kind_that_nobody_is_of_nothing_is_usual() -> None:
    kinds = {"people": Judged([USUAL], [], []), "ghosts": Judged([], [], [])}
    found = medians(kinds)
    assert found["people"]["misfit"] == USUAL.misfit
    assert found["ghosts"]["misfit"] is None


def test_points_beyond_the_cut_are_counted_and_those_beyond_the_border_are_unsure() -> None:
    truth = np.full((33, 2), 50.0)
    truth[:4, 1] = (130, 140, 150, 101)  # the last is too near to the cut to count
    keypoints = np.full((33, 3), (50.0, 50.0, 0.9))
    keypoints[0] = (50, 130, 0.9)  # where it is, beyond the border
    keypoints[1] = (50, 90, 0.9)  # drawn into the picture
    keypoints[2] = (50, 90, 0.2)
    keypoints[32, 2] = 0.1
    assert counted(keypoints, truth, 200, 100) == Cut(3, 2, 1, 29, 28)


def test_of_nobody_there_are_rows_without_numbers() -> None:
    models = {"full": (Path("detector"), Path("landmarks"))}
    recordings = Recordings.of({"walking": [procedural_motion("walking", 0, 0, 30)]})
    found = half_bodies(recordings, models, people=0)
    assert found == [HalfBodies("full", cut, 0, 0, Cut(0, 0, 0, 0, 0)) for cut in CUTS]
