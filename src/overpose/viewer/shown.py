"""What both viewers show: people placed in space, the floor below them, colours, bones.

Nothing here draws; the page and the live scene do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from overpose.camera import Camera
from overpose.formats.palette import PALETTE
from overpose.formats.points import steadied
from overpose.movement.cycles import Cycles
from overpose.movement.doing import doing_of
from overpose.poses import PoseTrack
from overpose.support.errors import InputError

UP = (0.0, -1.0, 0.0)
"""Up in camera axes, for a camera that is held level."""

SIDE_COLOURS = {"left": (255, 159, 67), "right": (72, 191, 255), "middle": (226, 232, 240)}
"""Colours of the left side, the right side and the middle of a body, RGB."""

FLOOR_PERCENTILE = 95.0
"""Of the lower ankle's height over all people and frames, counted downwards: the floor."""

_NO_ROOT_DEPTH_MM = 4000.0
_NO_ROOT_SPACING_MM = 1000.0
_ANKLE_BELOW_PELVIS_MM = 850.0

_EDGES = (
    "left_shoulder left_elbow", "left_elbow left_wrist", "left_hip left_knee",
    "left_knee left_ankle", "left_shoulder left_hip", "left_ankle left_heel",
    "left_heel left_foot_index", "left_ankle left_foot_index", "left_foot_index left_small_toe",
    "left_wrist left_index", "left_wrist left_pinky", "left_wrist left_thumb",
    "left_index left_pinky", "nose left_eye", "left_eye left_ear",
)  # fmt: skip
_MIDDLE_EDGES = (
    "left_shoulder right_shoulder", "left_hip right_hip", "mouth_left mouth_right",
    "pelvis spine", "spine neck", "neck nose", "nose head_top", "neck mid_hip",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class ShownPerson:
    """One person of one track, ready to be drawn.

    Attributes:
        label: what the person is called on screen.
        track: name of the track the person is from.
        colour: RGB, 0 to 255.
        fps: frames per second of the track.
        root_mm: (frames, 3) float32, the pelvis in the show's level axes; NaN where not seen.
        poses_mm: (frames, 17, 3) float32, relative to the pelvis; NaN where not seen.
        keypoints_px: (frames, K, 3) float32 x, y, score, in pixels of the show's image size.
        keypoint_names: K names.
        joint_names: 17 names.
        limbs: (limbs, 2) int64, parent and joint.
        angles: (frames,) degrees of each angle of `ANGLES` that the track shows, by name.
        cycles: strides or repetitions of the person; None where there are none.
        feet_mm: (frames, 4, 3) float32 points of `FEET`, relative to the pelvis; None where not
            known.
    """

    label: str
    track: str
    colour: tuple[int, int, int]
    fps: float
    root_mm: np.ndarray
    poses_mm: np.ndarray
    keypoints_px: np.ndarray
    keypoint_names: tuple[str, ...]
    joint_names: tuple[str, ...]
    limbs: np.ndarray
    angles: Mapping[str, np.ndarray]
    cycles: Cycles | None = None
    feet_mm: np.ndarray | None = None

    @property
    def frames(self) -> int:
        """How many frames the person's track has."""
        return self.poses_mm.shape[0]

    @cached_property
    def seen(self) -> np.ndarray:
        """(frames,) bool: where there is a whole pose."""
        return np.asarray(np.isfinite(self.poses_mm).all(axis=(1, 2)))

    def positions_mm(self, time_s: float) -> np.ndarray | None:
        """(17, 3) joints in the show's level axes at a time; None where the person is not seen."""
        frame = frame_at(time_s, self.fps)
        if not 0 <= frame < self.frames or not np.isfinite(self.poses_mm[frame]).all():
            return None
        return self.poses_mm[frame] + self.root_mm[frame]


@dataclass(frozen=True, eq=False)
class Show:
    """Everything that is shown: the people of one or several tracks, seen by the first's camera.

    Attributes:
        people: all of them, in the order of the tracks.
        fps: frames per second of the timeline, the first track's.
        frames: length of the timeline, at least 1.
        width: image width, px.
        height: image height, px.
        focal_px: focal length, px.
        camera: in its own coordinates.
        levels: (n, 3, 3) rotations of camera axes to the level ones that everything is shown in: x
            right, y down to the floor, z away; of every frame where the camera turns, else one. The
            camera is at the origin of both.
        focal_is_estimated: whether the focal length was guessed.
        model: name of the model that made the first track.
        floor_mm: y of the floor in level axes (down positive).
        middle_mm: (3,) where to look: the middle of all people, in level axes.
        size_mm: radius about the middle within which people move.
        group_mm: radius about their own middle within which people are at any one time.
    """

    people: tuple[ShownPerson, ...]
    fps: float
    frames: int
    width: int
    height: int
    focal_px: float
    camera: Camera
    levels: np.ndarray
    focal_is_estimated: bool
    model: str
    floor_mm: float
    middle_mm: np.ndarray
    size_mm: float
    group_mm: float

    def level_at(self, time_s: float) -> np.ndarray:
        """(3, 3) rotation of the camera's axes at a time to the level ones."""
        frame = frame_at(time_s, self.fps)
        return self.levels[max(0, min(frame, len(self.levels) - 1))]

    def middle_at(self, time_s: float) -> np.ndarray:
        """(3,) middle of the people seen at a time, level axes; else of all times."""
        places = [
            person.root_mm[frame]
            for person in self.people
            if 0 <= (frame := frame_at(time_s, person.fps)) < person.frames and person.seen[frame]
        ]
        return np.array(places, np.float64).mean(axis=0) if places else self.middle_mm


def frame_at(time_s: float, fps: float) -> int:
    """Index of the frame that shows at a time; forgives rounding at the edges of frames."""
    return int(np.floor(time_s * fps + 1e-3))


def show_of(tracks: PoseTrack | Mapping[str, PoseTrack]) -> Show:
    """Place the people of one or several tracks in one space.

    Tracks lie on a common timeline that starts at 0; the first one's camera is the camera shown.
    People whose root is unknown stand where it was known last, or will be first; those whose root
    is never known stand side by side, 4 m from the camera.

    Args:
        tracks: one track, or several by name.

    Raises:
        InputError: there is no track.
    """
    named = {"": tracks} if isinstance(tracks, PoseTrack) else dict(tracks)
    if not named:
        raise InputError("tracks: got none, expected at least one pose track to show")
    first = next(iter(named.values()))
    people: list[ShownPerson] = []
    without_root = 0
    levels = _levels(first)
    to_level = levels[0]
    for name, moving in named.items():
        track = steadied(moving)
        scale = np.array([first.width / track.width, first.height / track.height, 1], np.float32)
        for number in range(track.people):
            root_mm = _known_root(track.root_mm[number], track.seen[number])
            if root_mm is None:
                aside = (without_root + 1) // 2 * (1 if without_root % 2 else -1)
                place = (aside * _NO_ROOT_SPACING_MM, 0.0, _NO_ROOT_DEPTH_MM)
                root_mm = np.tile(np.array(place, np.float32), (track.frames, 1))
                without_root += 1
            label = f"person {number + 1}"
            doing = doing_of(track, number)
            feet_mm = None if track.feet_mm is None else track.feet_mm[number] @ to_level.T
            people.append(
                ShownPerson(
                    label=f"{name} · {label}" if len(named) > 1 else label,
                    track=name,
                    colour=PALETTE[len(people) % len(PALETTE)],
                    fps=track.fps,
                    root_mm=(root_mm @ to_level.T).astype(np.float32),
                    poses_mm=np.where(
                        track.seen[number][:, None, None],
                        track.poses_mm[number] @ to_level.T,
                        np.nan,
                    ).astype(np.float32),
                    keypoints_px=(track.keypoints_px[number] * scale).astype(np.float32),
                    keypoint_names=track.keypoint_names,
                    joint_names=track.joint_names,
                    limbs=track.skeleton.limbs,
                    angles=doing.angles,
                    cycles=doing.cycles,
                    feet_mm=None if feet_mm is None else feet_mm.astype(np.float32),
                )
            )
    floor_mm, middle_mm, size_mm = _ground(people)
    if first.world is not None:
        floor_mm = float(first.world[0, 1, 3])
    length_s = max(track.frames / track.fps for track in named.values())
    return Show(
        people=tuple(people),
        fps=first.fps,
        frames=max(1, round(length_s * first.fps)),
        width=first.width,
        height=first.height,
        focal_px=first.focal_px,
        camera=first.camera,
        levels=levels,
        focal_is_estimated=first.focal_is_estimated,
        model=first.model,
        floor_mm=floor_mm,
        middle_mm=middle_mm,
        size_mm=size_mm,
        group_mm=_group(people, first.fps),
    )


def keypoint_edges(names: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of indices of keypoints to connect by lines, whatever the layout: found by name."""
    known = {name: index for index, name in enumerate(names)}
    pairs = [*_MIDDLE_EDGES, *_EDGES, *(pair.replace("left", "right") for pair in _EDGES)]
    for middle, end in (("neck", "shoulder"), ("pelvis", "hip"), ("mid_hip", "hip")):
        if middle in known:
            pairs = [pair for pair in pairs if pair != f"left_{end} right_{end}"]
            pairs += [f"{middle} left_{end}", f"{middle} right_{end}"]
    if "spine" in known:
        pairs = [pair for pair in pairs if pair.split()[0][-8:] != "shoulder" or "hip" not in pair]
    split = [pair.split() for pair in pairs]
    return [(known[a], known[b]) for a, b in split if a in known and b in known]


def _levels(track: PoseTrack) -> np.ndarray:
    """Rotations (n, 3, 3) from camera axes to those of a camera that is held level; one unless the
    camera turns."""
    if track.world is None:
        return np.eye(3)[None]
    world = track.world if track.moving_camera_to_world is not None else track.world[:1]
    return np.diag([1.0, -1.0, -1.0]) @ world[:, :3, :3]


def _known_root(root_mm: np.ndarray, seen: np.ndarray) -> np.ndarray | None:
    """Roots with the gaps filled from the last known one, or the next; None if none is known."""
    known = np.flatnonzero(np.isfinite(root_mm).all(axis=-1))
    if not known.size:
        return None
    before = np.searchsorted(known, np.arange(len(root_mm)), side="right") - 1
    filled = root_mm[known[np.maximum(before, 0)]]
    return np.where(seen[:, None], filled, np.nan).astype(np.float32)


def _ground(people: Sequence[ShownPerson]) -> tuple[float, np.ndarray, float]:
    """Height of the floor (y, mm), middle (3,) and radius (mm) of where people are."""
    lower, places = [], []
    for person in people:
        joints = (person.poses_mm + person.root_mm[:, None])[person.seen]
        ankles = [i for i, name in enumerate(person.joint_names) if name.endswith("ankle")]
        lower.append(joints[:, ankles, 1].max(axis=1) if ankles else joints[:, :, 1].max(axis=1))
        places.append(joints.mean(axis=1))
    if not any(len(heights) for heights in lower):
        middle = np.array([0.0, 0.0, _NO_ROOT_DEPTH_MM])
        return _ANKLE_BELOW_PELVIS_MM, middle, 1500.0
    floor_mm = float(np.percentile(np.concatenate(lower), FLOOR_PERCENTILE))
    low, high = np.percentile(np.concatenate(places), (2, 98), axis=0)
    size_mm = float(np.linalg.norm(high - low) / 2 + 1000.0)
    return floor_mm, ((low + high) / 2).astype(np.float64), size_mm


def _group(people: Sequence[ShownPerson], fps: float) -> float:
    """Radius (mm) about their common middle within which people are at any one time."""
    frames = max((round(person.frames / person.fps * fps) for person in people), default=0)
    places = np.full((len(people), frames, 3), np.nan)
    for place, person in zip(places, people, strict=True):
        at = np.floor(np.arange(frames) / fps * person.fps + 1e-3).astype(int)
        known = at < person.frames
        place[known] = np.where(person.seen[at[known], None], person.root_mm[at[known]], np.nan)
    there = np.isfinite(places[..., 0])
    number = np.maximum(there.sum(axis=0), 1)
    middle = np.where(there[..., None], places, 0).sum(axis=0) / number[:, None]
    away = np.linalg.norm(places - middle, axis=-1)[there]
    return 1000.0 + (float(np.percentile(away, 95)) if away.size else 500.0)
