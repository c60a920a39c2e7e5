"""Gravity, floor and standing feet as the frames come, in memory that does not grow.

The lighter counterpart of `placing` and `standing`, which see a whole video.
"""

import math
from collections import deque
from collections.abc import Sequence

import numpy as np

from overpose.keypoints.people import Person
from overpose.layouts import KeypointLayout
from overpose.skeleton import FOOT_ANKLES
from overpose.video.judging import DOUBTFUL, Judge
from overpose.video.options import PredictOptions
from overpose.video.posing import View
from overpose.video.world.background import Background
from overpose.video.world.contact import NEAR_FLOOR_MM, STILL_MM_S
from overpose.video.world.feet import Feet
from overpose.video.world.level import Level
from overpose.video.world.placing import level_of

MEMORY_S = 10.0
"""For how long what people do counts in one estimate of the floor."""
ESTIMATE_EVERY_S = 1.0
LEAST_GAIN = 0.1
"""The floor is the mean of the estimates so far; of many, the latest counts that much."""
SPEED_OVER_S = 0.12
"""Feet are still by how far they moved in that time."""
RETURN_S = 0.4
"""How soon somebody whose feet stand goes back to where the keypoints say, if both disagree."""
_ANKLES = FOOT_ANKLES[[0, 2]]


class LiveFeet:
    """The feet of one person: which stand, and how far away the person is if these do not slide.

    Args:
        fps: frames a second.
    """

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._points: deque[np.ndarray] = deque(maxlen=max(2, round(SPEED_OVER_S * fps) + 1))
        self._stood = np.zeros(2, bool)
        self._pose: np.ndarray | None = None
        self._root = self._given = np.full(3, np.nan)
        self._gain = 1 - math.exp(-1 / (RETURN_S * fps))

    def stands(self, feet_mm: np.ndarray, level: Level | None) -> np.ndarray:
        """(2,) bool: whether the left and the right foot stand.

        Args:
            feet_mm: (4, 3) points of `FEET` in camera coordinates, the next frame's; NaN where not
                seen.
            level: gravity and floor; None where they are not known.
        """
        self._points.append(feet_mm)
        seconds = (len(self._points) - 1) / self._fps
        if seconds == 0:
            return np.zeros(2, bool)
        way = np.linalg.norm(feet_mm[:, :2] - self._points[0][:, :2], axis=-1)
        still = way < STILL_MM_S * seconds
        if level is not None:
            still &= level.heights_mm(feet_mm) < NEAR_FLOOR_MM
        return still.reshape(2, 2).any(axis=1)

    def held(self, pose_mm: np.ndarray, root_mm: np.ndarray, stands: np.ndarray) -> np.ndarray:
        """(3,) the root, moved along the line of sight so that feet that stand do not slide.

        What is seen in the picture stays where it is: how far away somebody is, is what single
        frames know least.

        Args:
            pose_mm: (17, 3) of the next frame, root-relative.
            root_mm: (3,) from its keypoints; NaN where not known.
            stands: (2,) of `stands`.
        """
        ankles = pose_mm[_ANKLES].astype(np.float64)
        before, root = self._root, root_mm.astype(np.float64)
        both = stands & self._stood
        if self._pose is not None and np.isfinite(before).all() and np.isfinite(root).all():
            step = root - self._given
            if both.any():
                step = (self._pose - ankles)[both].mean(axis=0)
            there = before + step
            depth = there[2] + self._gain * (root[2] - there[2])
            if np.isfinite(depth) and depth > 0:
                root = root * (depth / root[2])
        self._pose, self._stood = ankles, stands
        self._root, self._given = root, root_mm.astype(np.float64)
        return root


class LiveGround:
    """Gravity and floor of a live camera.

    Args:
        view: camera and clock.
        options: whether to look for a floor, and whether the camera is level.
        layout: of people's keypoints.
        judge: says whose feet count; everybody's if None.
    """

    def __init__(
        self,
        view: View,
        options: PredictOptions,
        layout: KeypointLayout,
        judge: Judge | None = None,
    ) -> None:
        self._view, self._options, self._layout = view, options, layout
        self._judge = None if options.keep_doubtful else judge
        self._background = Background(view.fps)
        self._memory: dict[int, deque[tuple[np.ndarray, ...]]] = {}
        self._level: Level | None = None
        self._estimates, self._frames = 0, 0

    @property
    def level(self) -> Level | None:
        """As known so far; None where nothing tells, none is wanted, or the camera moves."""
        return None if self.camera_is_static is False else self._level

    @property
    def camera_is_static(self) -> bool | None:
        """Whether the camera stood still so far; None where nothing tells, or nobody looks."""
        return self._background.is_static

    def look(self, image: np.ndarray, people: Sequence[Person]) -> None:
        """The next frame, (height, width, 3) uint8, and who is in it, keypoints in its pixels."""
        self._frames += 1
        if not self._options.ground:
            return
        self._background.look(image, people, self._frames)
        if self._frames % max(1, round(ESTIMATE_EVERY_S * self._view.fps)) == 0:
            self._estimate()

    def saw(self, number: int, joints_mm: np.ndarray, feet: Feet, keypoints_px: np.ndarray) -> None:
        """Somebody in the frame that was looked at last.

        Args:
            number: of the person.
            joints_mm: (17, 3) in camera coordinates.
            feet: of one frame.
            keypoints_px: (K, 3) straightened.
        """
        if self._options.ground and np.isfinite(joints_mm).all():
            length = max(2, round(MEMORY_S * self._view.fps))
            kept = self._memory.setdefault(number, deque(maxlen=length))
            kept.append((joints_mm, feet.points_mm[0], feet.seen[0], keypoints_px))

    def forget(self, numbers: Sequence[int]) -> None:
        """Everybody but these is gone."""
        self._memory = {n: kept for n, kept in self._memory.items() if n in numbers}

    def _is_real(self, keypoints_px: np.ndarray) -> bool:
        if self._judge is None:
            return True
        return self._judge.scores([keypoints_px], self._layout, self._view)[0] >= DOUBTFUL

    def _estimate(self) -> None:
        people = []
        for kept in self._memory.values():
            joints, points, seen, keypoints = (np.stack(each) for each in zip(*kept, strict=True))
            if len(joints) >= self._view.fps / 2 and self._is_real(keypoints):
                people.append((joints, Feet(points, seen)))
        if not people:
            return
        found, _ = level_of(people, self._view, self._options, self._view.fps, tell=lambda _: None)
        if found is None:
            return
        self._estimates += 1
        gain = max(1 / self._estimates, LEAST_GAIN)
        if self._level is None or gain == 1:
            self._level = found
            return
        up = self._level.up + gain * (found.up - self._level.up)
        height = self._level.height_mm + gain * (found.height_mm - self._level.height_mm)
        self._level = Level(up / np.linalg.norm(up), height, found.up_std_deg, found.height_std_mm)
