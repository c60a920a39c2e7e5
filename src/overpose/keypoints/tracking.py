"""Who is who from frame to frame: one number for each person, kept through crossings and absences.

Works on keypoints of any layout; what people look like comes from `appearance`, and whom to keep in
the end is decided in `selection`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from overpose.keypoints.appearance import appearance_similarity
from overpose.keypoints.likeness import (
    box_area,
    keypoint_similarity,
    median,
    middle_and_size,
    overlaps,
    total_scores,
    weaker,
)
from overpose.keypoints.selection import Presence
from overpose.support.checks import check_array
from overpose.support.errors import InputError

NOBODY = -1
"""What `Tracker.update` gives for a result that is nobody known and too doubtful to be new."""

_RECENT_S = 0.1
"""Tracks absent no longer than this are matched by their keypoints first."""
_LEAST_LIKENESS = 0.2
_LEAST_APPEARANCE = 0.5
_SIZE_RATIO = 1.7
_REACH = (0.7, 1.5, 3.5)
"""How far, in body sizes, a lost person may be from where expected: at once, more for each second
away, and for each second more if the looks are the same."""
_LEAST_APART = 0.4
"""Nobody new starts on top of somebody: their likeness must be lower than this."""
_VELOCITY_MEMORY_S = 0.08
_VELOCITY_FADES_S = 0.7
_APPEARANCE_WEIGHT = 0.2
_APPEARANCE_MEMORY_S = 1.0
_HELD_SCORE = 0.8
"""A keypoint missing in a frame is held where it is expected, its score each time times this."""
_LEAST_HELD_SCORE = 0.05


@dataclass(eq=False)
class _Track:
    person: int
    keypoints: np.ndarray  # (K, 3) as last seen
    last_frame: int
    appearance: np.ndarray | None
    presence: Presence
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))  # px a second
    updates: int = 0

    def at(self, frame: int, fps: float) -> np.ndarray:
        """(K, 3) expected in a frame: moved on at a velocity that fades."""
        ahead_s = (frame - self.last_frame) / fps
        moved = self.keypoints.copy()
        fading_s = _VELOCITY_FADES_S * (1 - np.exp(-ahead_s / _VELOCITY_FADES_S))
        moved[:, :2] += self.velocity * fading_s
        return moved


class Tracker:
    """Gives each person found in a frame the number that he or she had before.

    People seen in the last tenth of a second are matched by their keypoints, moved on at constant
    velocity (an object-keypoint similarity, with appearance to settle what is close); the rest by
    position, size and appearance, more freely the longer they were away. Both are optimal
    assignments. Numbers start at 1 and are never used twice.

    Args:
        fps: frames a second.
        max_absence_s: a person away for longer gets a new number on return.
        least_score: mean keypoint score that a new person needs.
        least_keypoints: how many keypoints a new person needs.

    Raises:
        InputError: `fps` is not positive or `max_absence_s` is negative.
    """

    def __init__(
        self,
        fps: float,
        *,
        max_absence_s: float = 1.0,
        least_score: float = 0.4,
        least_keypoints: int = 4,
    ) -> None:
        if not (np.isfinite(fps) and fps > 0):
            raise InputError(f"fps: got {fps}, expected a positive number")
        if not max_absence_s >= 0:
            raise InputError(f"max_absence_s: got {max_absence_s}, expected zero or more seconds")
        self._fps = fps
        self._max_absence_s = max_absence_s
        self._least_score = least_score
        self._least_keypoints = least_keypoints
        self._tracks: list[_Track] = []
        self._presences: dict[int, Presence] = {}
        self._frame = -1

    @property
    def people(self) -> list[int]:
        """Numbers of those seen in the last frame or missed for no longer than `max_absence_s`."""
        return [track.person for track in self._tracks]

    @property
    def presences(self) -> list[Presence]:
        """Everybody there ever was, in order of first appearance; for `select_people`."""
        return list(self._presences.values())

    def predicted(self, person: int, frame_index: int) -> np.ndarray:
        """Where a person's keypoints are expected in a frame to come: (K, 3) x, y px, old score.

        Raises:
            InputError: nobody in `people` has this number.
        """
        for track in self._tracks:
            if track.person == person:
                return track.at(frame_index, self._fps)
        raise InputError(
            f"person: got {person}, expected one of {', '.join(map(str, self.people)) or 'nobody'}"
        )

    def update(
        self,
        frame_index: int,
        people: Sequence[np.ndarray],
        appearances: Sequence[np.ndarray | None] | None = None,
    ) -> list[int]:
        """Number the people of one frame. Remove duplicates first (`suppress_duplicates`).

        Args:
            frame_index: number of the frame; frames may be skipped, not repeated.
            people: (K, 3) each: x, y px and score; NaN x, y = missing.
            appearances: from `appearance`, one for each person; None where unknown.

        Returns:
            A number for each of `people`, in their order; `NOBODY` for a result that matches no
            one and is too poor, or too close to somebody known, to be someone new.

        Raises:
            InputError: the frame does not come after the last one, or shapes or counts differ.
        """
        if frame_index <= self._frame:
            raise InputError(f"frame_index: got {frame_index} after frame {self._frame}")
        looks: list[np.ndarray | None] = [None] * len(people)
        if appearances is not None:
            looks = list(appearances)
        if len(looks) != len(people):
            raise InputError(f"appearances: got {len(looks)}, expected {len(people)}, one a person")
        keypoints = len(self._tracks[0].keypoints) if self._tracks else "keypoints"
        for person in people:
            check_array("people", person, (keypoints, 3))
            keypoints = len(person)
        self._frame = frame_index
        self._tracks = [
            track for track in self._tracks if self._absence_s(track) <= self._max_absence_s
        ]
        found = np.stack(people).astype(np.float64) if people else np.empty((0, 0, 3))
        matches = self._matched(found, looks)
        known = np.isin(np.arange(len(found)), list(matches))
        overlap, likeness = np.zeros((2, len(found), len(found)))
        if len(found) > 1:
            overlap, likeness = overlaps(found), keypoint_similarity(found, found)
        rank = np.argsort(np.argsort(-total_scores(found), kind="stable"))
        surer = known | (~known[:, None] & (rank < rank[:, None]))
        near = np.where(surer, likeness, 0.0).max(axis=-1, initial=0.0)
        doubtful = (near >= _LEAST_APART) | weaker(found, overlap)
        apart = np.asarray((overlap <= 0.1).all(axis=-1))
        numbers = []
        for index, person in enumerate(found):
            track = matches.get(index)
            new = track is None
            if new and (doubtful[index] or not self._convincing(person)):
                numbers.append(NOBODY)
                continue
            if track is None:
                track = self._begin(person)
            else:
                self._move(track, person)
            if looks[index] is not None and (apart[index] or track.appearance is None):
                track.appearance = self._blended(track, looks[index])
            double = any(
                likeness[index, other] >= _LEAST_APART and known_track.person < track.person
                for other, known_track in matches.items()
            )
            track.presence = track.presence.with_frame(
                frame_index, box_area(person), doubled=double
            )
            self._presences[track.person] = track.presence
            track.last_frame = frame_index
            numbers.append(track.person)
        return numbers

    def _matched(self, found: np.ndarray, looks: list[np.ndarray | None]) -> dict[int, _Track]:
        """Tracks by index of the person in `found` that continues them."""
        if not self._tracks or not len(found):
            return {}
        expected = np.stack([track.at(self._frame, self._fps) for track in self._tracks])
        alike = _appearances(self._tracks, looks)
        likeness = keypoint_similarity(expected, found)
        absence_s = np.array([self._absence_s(track) for track in self._tracks])
        recent = absence_s <= max(_RECENT_S, 1.5 / self._fps)
        first = np.where(np.isnan(alike), 0.0, alike - 0.75) * _APPEARANCE_WEIGHT + likeness
        pairs = _assigned(first, (likeness >= _LEAST_LIKENESS) & recent[:, None])
        if len(pairs) == len(found):
            return {person: self._tracks[track] for track, person in pairs}

        old_middle, old_size = middle_and_size(expected)
        new_middle, new_size = middle_and_size(found)
        distance = np.linalg.norm(old_middle[:, None] - new_middle[None], axis=-1)
        size = np.sqrt(old_size[:, None] * new_size[None])
        same = np.clip(np.nan_to_num(alike - 0.7) / 0.2, 0.0, 1.0)
        reach = size * (_REACH[0] + (_REACH[1] + _REACH[2] * same) * absence_s[:, None])
        ratio = np.abs(np.log(old_size[:, None] / new_size[None]))
        allowed = (distance <= reach) & (ratio <= np.log(_SIZE_RATIO))
        allowed &= np.isnan(alike) | (alike >= _LEAST_APPEARANCE)
        left = np.setdiff1d(np.arange(len(found)), [person for _, person in pairs])
        allowed[:, left[weaker(found[left], overlaps(found[left]))]] = False
        allowed[:, [person for _, person in pairs]] = False
        allowed[[track for track, _ in pairs]] = False
        looks_like = np.where(np.isnan(alike), 0.4, (alike - _LEAST_APPEARANCE) / 0.5)
        second = np.exp(-((distance / reach) ** 2)) - 0.3 * ratio + looks_like
        pairs += _assigned(second, allowed)
        return {person: self._tracks[track] for track, person in pairs}

    def _absence_s(self, track: _Track) -> float:
        return (self._frame - track.last_frame - 1) / self._fps

    def _convincing(self, person: np.ndarray) -> bool:
        seen = np.isfinite(person[:, :2]).all(axis=-1)
        enough = seen.sum() >= min(self._least_keypoints, len(person))
        return bool(enough and person[seen, 2].mean() >= self._least_score)

    def _begin(self, person: np.ndarray) -> _Track:
        number = len(self._presences) + 1
        presence = Presence(number, first_frame=self._frame, frames=0, area_px=0.0)
        track = _Track(number, person.copy(), self._frame, None, presence)
        self._tracks.append(track)
        return track

    def _move(self, track: _Track, person: np.ndarray) -> None:
        elapsed_s = (self._frame - track.last_frame) / self._fps
        shared = np.isfinite(track.keypoints[:, :2] + person[:, :2]).all(axis=-1)
        if shared.any():
            shift = median(person[shared, :2] - track.keypoints[shared, :2])
            track.updates += 1
            weight = max(1 / track.updates, 1 - np.exp(-elapsed_s / _VELOCITY_MEMORY_S))
            track.velocity += weight * (shift / elapsed_s - track.velocity)
        held = track.at(self._frame, self._fps)
        held[:, 2] *= _HELD_SCORE
        held[~(held[:, 2] >= _LEAST_HELD_SCORE)] = np.nan
        missing = np.isnan(person[:, 0] + person[:, 1])
        track.keypoints = np.where(missing[:, None], held, person)

    def _blended(self, track: _Track, look: np.ndarray | None) -> np.ndarray | None:
        if track.appearance is None or look is None:
            return look
        weight = min(1.0, 1 / (self._fps * _APPEARANCE_MEMORY_S) + 1 / (track.presence.frames + 1))
        return (1 - weight) * track.appearance + weight * look


def _appearances(tracks: list[_Track], looks: list[np.ndarray | None]) -> np.ndarray:
    """(tracks, people): similarity of appearance, NaN where one is unknown."""
    return np.array(
        [
            [
                np.nan
                if track.appearance is None or look is None
                else appearance_similarity(track.appearance, look)
                for look in looks
            ]
            for track in tracks
        ]
    )


def _assigned(score: np.ndarray, allowed: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of row and column with the highest sum of scores, among the allowed ones."""
    if not allowed.any():
        return []
    from scipy.optimize import linear_sum_assignment  # a tenth of a second to import

    shifted = np.where(allowed, score - score.min() + 1.0, 0.0)
    rows, columns = linear_sum_assignment(shifted, maximize=True)
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if allowed[r, c]]
