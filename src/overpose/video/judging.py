"""Who is a real person: people found in a video are judged by what the lifters make of them.

The detector also sees people in lamps, stands and coats. The lifters have learned what bodies do,
and can say nothing else: on a ghost the body that they say does not fit the keypoints, differs from
that of the mirror image and from that of the other lifter, and the keypoints jump about. How its
few numbers were chosen: `experiments.people`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from overpose.boxes import beyond_border
from overpose.layouts import KeypointLayout, house_keypoints
from overpose.media.video import MediaInfo
from overpose.networks.keypoint_windows import MAIN_NAMES
from overpose.networks.lifted import mean_of
from overpose.support.progress import say
from overpose.video.lifting import SLOWEST_FPS, Lifter, lift_both_ways
from overpose.video.options import PredictOptions
from overpose.video.placement import place_root
from overpose.video.posing import View

DOUBTFUL = 0.3
"""Scores below this are of ghosts rather than of people."""
_FRAMES = 24
"""How many frames of a person the lifters look at, spread evenly."""
_WHOLE_TRUST_S = 1.0
"""From this time on a track is believed in full; before it is judged more mildly."""
_JITTER_FPS = 30.0


@dataclass(frozen=True)
class Evidence:
    """What speaks for and against a person. Each measure is a median over frames; NaN: not known.

    Attributes:
        misfit: distance in the image of the single-frame lifter's joints, placed before the camera,
            from the keypoints, mean over joints, in sizes of the person.
        mirror_mm: mean distance of its joints from those that it makes of the mirror image.
        disagreement_mm: mean distance of its joints from those of the lifter of videos.
        jitter: second difference of the main keypoints at 30 frames a second, in sizes.
        trust: 0 to 1, how far these are believed: little of somebody seen for a moment.
    """

    misfit: float = math.nan
    mirror_mm: float = math.nan
    disagreement_mm: float = math.nan
    jitter: float = math.nan
    trust: float = 1.0

    def reasons(self) -> list[str]:
        """What speaks against a person most, in words."""
        found = [
            (measure.weight * math.log(value / measure.usual), measure.words)
            for measure in MEASURES
            if math.isfinite(value := getattr(self, measure.name)) and value > 0
        ]
        most = max([0.0, *(against for against, _ in found)])
        return [words for against, words in found if against > 0.5 * most]


@dataclass(frozen=True)
class Measure:
    """How one measure counts.

    Attributes:
        name: of a field of `Evidence`.
        usual: geometric mean over real people.
        weight: of the logarithm of how many times the usual it is, in the logit of the score.
        words: what a large value means.
    """

    name: str
    usual: float
    weight: float
    words: str


BIAS = 3.8
"""Logit of the score of a person of whom everything is as usual."""
MEASURES = (
    Measure("misfit", 0.076, 2.8, "no body fits the keypoints"),
    Measure("mirror_mm", 20.7, 1.7, "the mirror image gives another pose"),
    Measure("disagreement_mm", 30.2, 1.2, "the lifters disagree"),
    Measure("jitter", 0.041, 1.9, "keypoints jump about"),
)
"""Chosen on renders of people among furniture: `experiments.people`."""


@dataclass(frozen=True)
class Judge:
    """Judges people by the lifters of this package, whatever their poses come from.

    Attributes:
        photo: lifter of single frames.
        video: lifter that sees several frames.
    """

    photo: Lifter
    video: Lifter

    def scores(
        self,
        people_px: Sequence[np.ndarray],
        layout: KeypointLayout,
        view: View,
        *,
        is_photo: bool = False,
    ) -> list[float]:
        """The score of each of several people; arguments as of `evidence`."""
        return [score(self.evidence(p, layout, view, is_photo=is_photo)) for p in people_px]

    def evidence(
        self,
        keypoints_px: np.ndarray,
        layout: KeypointLayout,
        view: View,
        *,
        is_photo: bool = False,
    ) -> Evidence:
        """What there is for and against one person.

        Args:
            keypoints_px: (frames, K, 3) x, y px, score; NaN where missing.
            layout: names of the K keypoints.
            view: camera and clock.
            is_photo: whether there is one frame by nature, which is then believed in full.
        """
        main = [row for name in MAIN_NAMES if (row := layout.find(name)) is not None]
        points = keypoints_px[:, main, :2].astype(np.float64)
        seen = np.flatnonzero(np.isfinite(points).all(axis=-1).any(axis=-1))
        if len(seen) == 0:
            return Evidence(trust=0.0)
        size = _sizes(points)
        some = seen[np.linspace(0, len(seen) - 1, min(_FRAMES, len(seen))).round().astype(np.int64)]
        found = lift_both_ways(
            self.photo, keypoints_px, layout,
            focal_px=view.focal_px, center_px=view.center_px, fps=view.fps, frames=some,
        )  # fmt: skip
        both = np.stack([each.poses_mm for each in found])
        poses = both.mean(axis=0)
        joints_px = house_keypoints(keypoints_px[some], layout)
        roots = place_root(poses, joints_px, view.focal_px, view.width, view.height)
        joints = poses.astype(np.float64) + roots[:, None]
        drawn = view.focal_px * joints[..., :2] / joints[..., 2:] + view.center_px
        # What the picture does not show is guessed, of real people too.
        places = joints_px[..., :2]
        guessed = beyond_border(places, view.width, view.height)
        off = _mean_but(guessed, drawn - places) / size[some]
        apart = _mean_but(guessed, both[0] - both[1])
        disagreement_mm = jitter = math.nan
        if not is_photo:
            jitter = _jitter(points, size, view.fps)
        if not is_photo and view.fps >= SLOWEST_FPS:
            others = mean_of(lift_both_ways(
                self.video, keypoints_px, layout,
                focal_px=view.focal_px, center_px=view.center_px, fps=view.fps, frames=some,
            )).poses_mm  # fmt: skip
            disagreement_mm = _median(_mean_but(guessed, poses - others))
        trust = 1.0 if is_photo else min(1.0, len(seen) / view.fps / _WHOLE_TRUST_S)
        return Evidence(_median(off), _median(apart), disagreement_mm, jitter, trust)


def real_people(
    judge: Judge | None,
    people_px: Mapping[int, np.ndarray],
    layout: KeypointLayout,
    view: View,
    options: PredictOptions,
    info: MediaInfo,
) -> dict[int, float]:
    """Scores of the real people by their numbers; who is left out and why is said.

    Args:
        judge: without one everybody is kept, with the score NaN.
        people_px: (frames, K, 3) of everybody found, by number.
        layout: names of the K keypoints.
        view: camera and clock.
        options: with `keep_doubtful` everybody is kept.
        info: of the photo or video.
    """
    if judge is None:
        return dict.fromkeys(people_px, math.nan)
    found = {
        number: judge.evidence(keypoints, layout, view, is_photo=info.is_photo)
        for number, keypoints in people_px.items()
    }
    scores = {number: score(evidence) for number, evidence in found.items()}
    doubtful = [number for number, value in scores.items() if value < DOUBTFUL]
    if not doubtful or options.keep_doubtful:
        return scores
    said = ", ".join(f"{scores[number]:.2f}" for number in doubtful)
    say(
        f"{info.name}: left out {len(doubtful)} of {len(found)} found who do not look like "
        f"people (score {said}: {_reasons([found[number] for number in doubtful])}); "
        "--keep-doubtful keeps them"
    )
    return {number: value for number, value in scores.items() if number not in doubtful}


def as_scores(scores: Sequence[float]) -> np.ndarray | None:
    """(people,) float32 for the track; None where nobody judged."""
    values = np.array(scores, np.float32)
    return None if len(values) and np.isnan(values).all() else values


def score(evidence: Evidence) -> float:
    """0 to 1, how much somebody looks like a real person: a logistic function of the logarithms of
    the measures; those not known count as usual."""
    logit = BIAS
    for measure in MEASURES:
        value = getattr(evidence, measure.name)
        if math.isfinite(value) and value > 0:
            logit -= evidence.trust * measure.weight * math.log(value / measure.usual)
    return 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, logit))))


def _reasons(found: Sequence[Evidence]) -> str:
    """What speaks against these people, in words, the most common first."""
    words = [each for evidence in found for each in evidence.reasons()]
    return ", ".join(sorted(dict.fromkeys(words), key=lambda each: -words.count(each)))


def _sizes(points: np.ndarray) -> np.ndarray:
    """(frames,) root mean square distance of points (frames, n, 2) from their middle, NaN where
    none is seen."""
    known = np.asarray(np.isfinite(points).all(axis=-1, keepdims=True))
    count = np.maximum(known.sum(axis=1), 1)
    middle = np.where(known, points, 0.0).sum(axis=1) / count
    squares = np.where(known, np.square(points - middle[:, None]), 0.0).sum(axis=(1, 2))
    return np.where(known.any(axis=(1, 2)), np.sqrt(squares / count[:, 0]), np.nan).clip(1e-6)


def _jitter(points: np.ndarray, size: np.ndarray, fps: float) -> float:
    step = max(1, round(fps / _JITTER_FPS))
    if len(points) <= 2 * step:
        return math.nan
    second = points[2 * step :] - 2 * points[step:-step] + points[: -2 * step]
    ratio = np.linalg.norm(second, axis=-1) / size[step:-step, None]
    slow = min(1.0, fps / step / _JITTER_FPS)  # what moves gains with the square of the time
    return _median(ratio) * slow**2


def _mean_but(left_out: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """(frames,) mean length of vectors (frames, joints, n) over what is finite and not left out;
    NaN where nothing is."""
    lengths = np.linalg.norm(vectors, axis=-1)
    known = np.asarray(np.isfinite(lengths) & ~left_out)
    total = np.where(known, lengths, 0.0).sum(axis=-1)
    return np.where(known.any(axis=-1), total / np.maximum(known.sum(axis=-1), 1), np.nan)


def _median(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else math.nan
