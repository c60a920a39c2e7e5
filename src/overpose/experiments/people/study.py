"""How well the judge of people tells people from ghosts: its numbers chosen on renders of training
subjects, measured on renders of test subjects and, where given, on videos.

Making clips belongs to `clips`, the judge to `video.judging`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from overpose.datasets.motion_source import MotionSource
from overpose.datasets.rendering.recorded import open_recorded
from overpose.experiments.lifters.data import recordings_of
from overpose.experiments.people.clips import (
    GHOST,
    HEIGHT,
    PERSON,
    WIDTH,
    Tracks,
    make_clips,
)
from overpose.experiments.people.half_bodies import (
    HALF_BODY_TITLES,
    SURE,
    HalfBodies,
    half_bodies,
    half_body_cells,
)
from overpose.experiments.people.videos import VideoTracks, video_tracks
from overpose.layouts import BLAZEPOSE_33
from overpose.report.header import report_header
from overpose.report.tables import markdown_lines
from overpose.support.files import Output, write_json, writing_file
from overpose.support.progress import progress_bar
from overpose.synthetic.motions import CLIP_FPS
from overpose.video.judging import BIAS, DOUBTFUL, MEASURES, Evidence, Judge, score
from overpose.video.models import shipped_judge
from overpose.video.optics import view_of
from overpose.video.options import PredictOptions
from overpose.video.recording import PersonRecord

_RIDGE = 0.002
_MOMENT_FRAMES = 8


@dataclass(frozen=True, eq=False)
class Judged:
    """Evidence of tracks of one kind.

    Attributes:
        whole: of whole tracks.
        moment: of their first frames alone.
        photos: of one frame of each.
    """

    whole: list[Evidence]
    moment: list[Evidence]
    photos: list[Evidence]


def study_people(
    motion: MotionSource,
    output: Output,
    models: Mapping[str, tuple[Path, Path]],
    *,
    clips: tuple[int, int],
    videos: Sequence[Path] = (),
    processes: int | None = None,
) -> dict[str, Any]:
    """Make clips, fit the judge's numbers, measure those in use; writes people.json and people.md.

    Args:
        motion: recorded motion and its splits.
        output: directory; clips that are there are kept.
        models: files of the detector and of the landmark model, by the latter's name; tracks are
            made by "full", half bodies seen by all.
        clips: how many of training and of test subjects; of half bodies as many.
        videos: real videos; everybody found there is taken for a person, and ghosts are made on
            purpose where nobody is.
        processes: one for each core if None.

    Raises:
        InputError: bad input.
    """
    library, splits = open_recorded(motion)
    both: tuple[Literal["train", "test"], ...] = ("train", "test")
    kinds: dict[str, dict[str, Judged]] = {}
    frames: dict[str, int] = {}
    halves: dict[str, list[HalfBodies]] = {}
    for seed, split in enumerate(both):
        recordings = cache(partial(recordings_of, library, splits, split))
        made = make_clips(
            recordings, models["full"], output.out / split,
            clips=clips[seed], seed=seed, processes=processes,
        )  # fmt: skip
        kinds[split] = _of_clips(made, split)
        frames[split] = sum(clip.keypoints_px.shape[1] for clip in made)
        halves[split] = half_bodies(
            recordings(), models, people=clips[seed], seed=seed, processes=processes
        )
    report: dict[str, Any] = {
        "protocol": f"{WIDTH}x{HEIGHT} renders of one person among furniture, lamps and stands, "
        f"{CLIP_FPS:g}/s; a judge chosen on training subjects, measured on test subjects",
        **report_header(),
        "clips": {"train": clips[0], "test": clips[1]},
        "line": DOUBTFUL,
        "in_use": {"bias": BIAS, **{m.name: [m.usual, m.weight] for m in MEASURES}},
        "fitted": fitted(kinds["train"]["people"].whole, _ghosts(kinds["train"])),
        "usual": medians(kinds["test"]),
        "rows": [asdict(r) for s in kinds for r in rows(s, kinds[s], frames[s])],
        "half_bodies": {
            split: [{**asdict(row), "points": row.points._asdict()} for row in found]
            for split, found in halves.items()
        },
    }
    judge = shipped_judge()
    for path in videos:
        tracks = video_tracks(path, models["full"])
        report.setdefault("videos", []).append(_of_video(judge, path.stem, tracks))
    write_json(output.out / "people.json", report)
    with writing_file(output.out / "people.md") as temporary:
        temporary.write_text(table_text(report), encoding="utf-8")
    return report


@dataclass(frozen=True)
class Row:
    """What the judge does with tracks of one kind.

    Attributes:
        split: "train" or "test".
        seen: "whole", "moment" (the first third of a second) or "photo".
        people: how many tracks of real people.
        people_lost: how many of them are left out.
        ghosts: tracks of nobody that the finder found.
        ghosts_left: how many of them stay.
        false_people_per_min, false_people_per_min_left: the same by minutes of video; None but for
            whole tracks.
        forced: ghosts made on purpose.
        forced_left: how many of them stay.
    """

    split: str
    seen: str
    people: int
    people_lost: int
    ghosts: int
    ghosts_left: int
    false_people_per_min: float | None
    false_people_per_min_left: float | None
    forced: int
    forced_left: int


def rows(split: str, kinds: Mapping[str, Judged], frames: int) -> list[Row]:
    """A row for whole tracks, moments and photos; `frames` is the length of all clips together."""
    found = []
    for seen in ("whole", "moment", "photos"):
        kept = {
            kind: [score(evidence) >= DOUBTFUL for evidence in getattr(judged, seen)]
            for kind, judged in kinds.items()
        }
        people, ghosts, forced = kept["people"], kept["ghosts"], kept["forced"]
        minutes = frames / CLIP_FPS / 60 if seen == "whole" else 0.0
        found.append(
            Row(
                split,
                seen.removesuffix("s"),
                people=len(people),
                people_lost=people.count(False),
                ghosts=len(ghosts),
                ghosts_left=sum(ghosts),
                false_people_per_min=len(ghosts) / minutes if minutes else None,
                false_people_per_min_left=sum(ghosts) / minutes if minutes else None,
                forced=len(forced),
                forced_left=sum(forced),
            )
        )
    return found


def fitted(people: Sequence[Evidence], ghosts: Sequence[Evidence]) -> dict[str, Any]:
    """Bias, and for each measure what is usual and its weight: a logistic regression on logarithms
    with weights that are not negative, people and ghosts counting alike in all."""
    from scipy.optimize import minimize

    names = [measure.name for measure in MEASURES]
    values = np.array([[getattr(e, name) for name in names] for e in (*people, *ghosts)])
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(values)
    real = np.arange(len(values)) < len(people)
    usual = np.nanmean(logs[real], axis=0)
    logs = np.where(np.isfinite(logs), logs - usual, 0.0)
    share = np.where(real, 0.5 / max(1, len(people)), 0.5 / max(1, len(ghosts)))

    def loss(numbers: np.ndarray) -> float:
        logit = numbers[0] - logs @ numbers[1:]
        wrong = np.logaddexp(0.0, np.where(real, -logit, logit))
        return float((share * wrong).sum() + _RIDGE * np.square(numbers[1:]).sum())

    start = np.array([BIAS, *(measure.weight for measure in MEASURES)])
    bounds = [(None, None)] + [(0.0, None)] * len(names)
    best = minimize(loss, start, bounds=bounds).x
    numbers = {
        name: [float(np.exp(at)), float(weight)]
        for name, at, weight in zip(names, usual, best[1:], strict=True)
    }
    return {"bias": float(best[0]), **numbers}


def table_text(report: Mapping[str, Any]) -> str:
    """The report as Markdown."""
    lines = [
        f"{report['protocol']}. {report['clips']['train']} and {report['clips']['test']} clips; "
        f"commit {report['commit']}, {report['machine']}, {report['date']}.",
        "",
    ]
    kinds = []
    for row in report["rows"]:
        before, after = (
            "" if row[name] is None else f"{row[name]:.1f}"
            for name in ("false_people_per_min", "false_people_per_min_left")
        )
        cells = [row["split"], row["seen"], row["people"], row["people_lost"], row["ghosts"]]
        cells += [row["ghosts_left"], before, after, row["forced"], row["forced_left"]]
        kinds.append([str(cell) for cell in cells])
    lines += markdown_lines(
        (
            "subjects", "tracks", "people", "lost", "ghosts found", "left",
            "false people a minute", "after judging", "ghosts made", "left",
        ),
        kinds,
        left=2,
    )  # fmt: skip
    measures = []
    for measure in MEASURES:
        known = [kind[measure.name] for kind in report["usual"].values()]
        cells_of = ["" if value is None else f"{value:.3g}" for value in known]
        measures.append([measure.name, *cells_of, f"{measure.usual:g}", f"{measure.weight:g}"])
    titles = ("measure", "people", "ghosts found", "ghosts made", "usual", "weight")
    lines += ["", *markdown_lines(titles, measures)]
    for split, found in report["half_bodies"].items():
        title = f"People of {split} subjects cut off: keypoints that the picture does not show"
        lines += ["", f"{title}, and how many score above {SURE:g}.", ""]
        lines += markdown_lines(HALF_BODY_TITLES, half_body_cells(found), left=2)
    if report.get("videos"):
        videos = []
        for each in report["videos"]:
            found, forced = np.array(each["found"]), np.array(each["forced"])
            cells = [each["video"], len(found), (found < DOUBTFUL).sum(), f"{found.min():.3f}"]
            cells += [len(forced), (forced >= DOUBTFUL).sum()]
            videos.append([str(cell) for cell in cells])
        titles = ("video", "people found", "lost", "least score", "ghosts made", "left")
        lines += ["", *markdown_lines(titles, videos)]
    return "\n".join(lines) + "\n"


def _of_clips(clips: Sequence[Tracks], split: str) -> dict[str, Judged]:
    """Evidence of the tracks of clips, by kind; unclear ones are left out."""
    judge = shipped_judge()
    view = view_of(PredictOptions(), WIDTH, HEIGHT, CLIP_FPS)
    kinds = {kind: Judged([], [], []) for kind in ("people", "ghosts", "forced")}
    with progress_bar(f"judge tracks, {split}", len(clips)) as advance:
        for clip in clips:
            for keypoints, label, forced in zip(
                clip.keypoints_px, clip.labels, clip.forced, strict=True
            ):
                if label not in (PERSON, GHOST) or (forced and label == PERSON):
                    continue
                keypoints = _sided(keypoints, CLIP_FPS)
                judged = kinds["people" if label == PERSON else "forced" if forced else "ghosts"]
                moment = keypoints.copy()
                seen = np.flatnonzero(np.isfinite(keypoints[:, 0, 0]))
                moment[seen[_MOMENT_FRAMES:]] = np.nan
                photo = keypoints[seen[len(seen) // 2], None]
                judged.whole.append(judge.evidence(keypoints, BLAZEPOSE_33, view))
                judged.moment.append(judge.evidence(moment, BLAZEPOSE_33, view))
                judged.photos.append(judge.evidence(photo, BLAZEPOSE_33, view, is_photo=True))
            advance(1)
    return kinds


def _of_video(judge: Judge, name: str, tracks: VideoTracks) -> dict[str, Any]:
    view = view_of(PredictOptions(), tracks.width, tracks.height, tracks.fps)
    found, forced = (
        [_sided(each, tracks.fps) for each in kind] for kind in (tracks.found, tracks.forced)
    )
    return {
        "video": name,
        "frames": tracks.frames,
        "found": judge.scores(found, BLAZEPOSE_33, view),
        "forced": judge.scores(forced, BLAZEPOSE_33, view),
    }


def _sided(keypoints_px: np.ndarray, fps: float) -> np.ndarray:
    """A track as it is judged in use: with left and right put back."""
    return PersonRecord(keypoints_px).with_sides(BLAZEPOSE_33, fps).keypoints_px


def _ghosts(kinds: Mapping[str, Judged]) -> list[Evidence]:
    return [*kinds["ghosts"].whole, *kinds["forced"].whole]


def medians(kinds: Mapping[str, Judged]) -> dict[str, dict[str, float | None]]:
    def median(found: Sequence[Evidence], name: str) -> float | None:
        values = np.array([getattr(evidence, name) for evidence in found])
        known = values[np.isfinite(values)]
        return float(np.median(known)) if len(known) else None

    return {
        kind: {measure.name: median(judged.whole, measure.name) for measure in MEASURES}
        for kind, judged in kinds.items()
    }
