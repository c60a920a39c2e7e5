"""How sure the landmark models are of what a picture does not show: people cut off at the knees,
the hips or the chest.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from overpose.experiments.people.clips import PERSON, WIDTH, label_of, person_before
from overpose.keypoints.blazepose import BlazePose
from overpose.keypoints.people import BlazePoseFinder, unsure_outside
from overpose.layouts import BLAZEPOSE_33
from overpose.skeleton import HUMAN36M
from overpose.studio.body import load_body
from overpose.support.seeding import random_stream
from overpose.support.workers import do_jobs, number_of_processes
from overpose.synthetic.filming import filmed, random_setting
from overpose.synthetic.motions import CLIP_FPS, Recordings

SURE = 0.5
"""A keypoint with a higher score is taken for seen."""
MARGIN = 0.02
"""Points nearer to the cut than this share of the picture's width are on neither side."""
CUTS: Mapping[str, tuple[str, str]] = {
    "knees": ("knee", "knee"),
    "hips": ("hip", "hip"),
    "chest": ("hip", "shoulder"),
}
"""Where a picture ends: in the middle of these parts of the body."""
HALF_BODY_TITLES = (
    "model", "cut off at", "people", "found", "hidden, sure", "without those beyond the border",
    "shown, sure",
)  # fmt: skip
_LEAST_ROWS = 60
_FRAMES = 3


class Cut(NamedTuple):
    """How many keypoints of one person in one picture are beyond the cut, and of how many of them
    the model is sure, before and after those that it puts beyond the border count as unsure; how
    many are in the picture, and of how many of them it is sure."""

    hidden: int
    hidden_sure: int
    hidden_sure_left: int
    shown: int
    shown_sure: int


@dataclass(frozen=True)
class HalfBodies:
    """People cut off at one height, seen by one model.

    Attributes:
        model: "full" or "heavy".
        cut: a key of `CUTS`.
        people: how many pictures of one person.
        found: in how many of them the person is found, by the points that are shown.
        points: sums of all found.
    """

    model: str
    cut: str
    people: int
    found: int
    points: Cut


@dataclass(frozen=True, eq=False)
class _Job:
    recordings: Recordings
    models: Mapping[str, tuple[Path, Path]]
    seed: int


def half_bodies(
    recordings: Recordings,
    models: Mapping[str, tuple[Path, Path]],
    *,
    people: int,
    seed: int = 0,
    processes: int | None = None,
) -> list[HalfBodies]:
    """Render people, cut their pictures, and look.

    Args:
        recordings: what they move like.
        models: files of the detector and of the landmark model, by the latter's name.
        people: how many.
        seed: of everything drawn.
        processes: one for each core if None.
    """
    job = _Job(recordings, models, seed)
    workers = min(number_of_processes(processes), people)
    seen = list(do_jobs(range(people), _make, job, workers)) if people else []
    rows = []
    for model in models:
        for cut in CUTS:
            of_cut = [each[model, cut] for each in seen if (model, cut) in each]
            found = [each for each in of_cut if each is not None]
            sums = Cut(*np.sum(found, axis=0, dtype=int).tolist()) if found else Cut(0, 0, 0, 0, 0)
            rows.append(HalfBodies(model, cut, len(of_cut), len(found), sums))
    return rows


def counted(keypoints_px: np.ndarray, truth_px: np.ndarray, width: int, height: int) -> Cut:
    """What is said of a person whose picture ends at row `height`.

    Args:
        keypoints_px: (K, 3) as the model gives them.
        truth_px: (K, 2) where the points are.
        width, height: of the picture.
    """
    hidden = truth_px[:, 1] > height + MARGIN * width
    shown = truth_px[:, 1] < height - MARGIN * width
    sure = keypoints_px[:, 2] > SURE
    left = unsure_outside(keypoints_px, width, height)[:, 2] > SURE
    counts = (hidden, hidden & sure, hidden & left, shown, shown & sure)
    return Cut(*(int(each.sum()) for each in counts))


def _make(job: _Job) -> Callable[[int, Callable[[], None]], dict[tuple[str, str], Cut | None]]:
    cv2.setNumThreads(1)
    body = load_body()
    engines = {name: BlazePose(*files, threads=1) for name, files in job.models.items()}

    def make(number: int, check: Callable[[], None]) -> dict[tuple[str, str], Cut | None]:
        rng = random_stream(job.seed, "half bodies", number)
        person = person_before(body, job.recordings, rng, _FRAMES, (job.seed, "half", number))
        setting = random_setting(body, person.shape, person.points_mm, rng)
        (image,) = filmed(setting, person.transforms[:1], person.camera, rng, check)
        truth = person.camera.project(person.points_mm[0, len(HUMAN36M) :])
        found: dict[tuple[str, str], Cut | None] = {}
        for cut, parts in CUTS.items():
            rows = [BLAZEPOSE_33.middle(truth, part)[1] for part in parts]
            row = int(np.mean(rows))
            if not _LEAST_ROWS <= row < image.shape[0]:
                continue
            picture = np.ascontiguousarray(image[:row])
            for name, engine in engines.items():
                check()
                found[name, cut] = _seen(engine, picture, truth)
        return found

    return make


def _seen(engine: BlazePose, picture: np.ndarray, truth_px: np.ndarray) -> Cut | None:
    shown = truth_px[:, 1] < picture.shape[0]
    for person in BlazePoseFinder(engine, CLIP_FPS).find(picture, 0):
        if label_of(person.keypoints_px[None], truth_px[None], shown) == PERSON:
            return counted(person.keypoints_px, truth_px, WIDTH, picture.shape[0])
    return None


def half_body_cells(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Of a table with `HALF_BODY_TITLES`, from rows as JSON values."""
    cells = []
    for row in rows:
        points = Cut(**row["points"])
        shares = [
            f"{part} of {whole} ({part / whole:.1%})" if whole else ""
            for part, whole in (
                (points.hidden_sure, points.hidden),
                (points.hidden_sure_left, points.hidden),
                (points.shown_sure, points.shown),
            )
        ]
        cells.append([row["model"], row["cut"], str(row["people"]), str(row["found"]), *shares])
    return cells
