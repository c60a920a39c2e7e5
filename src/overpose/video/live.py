"""Poses as the frames come: each made of what was seen until then, in memory that does not grow.

The counterpart of `posing`, which sees a whole video.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from overpose.keypoints.people import Person, unsure_outside
from overpose.keypoints.sides import SideKeeper
from overpose.layouts import KeypointLayout, house_keypoints
from overpose.networks.lifted import Lifted, ankles_mm
from overpose.video.image_poses import ImageModel, poses_from_image
from overpose.video.judging import Judge
from overpose.video.lifting import Lifter
from overpose.video.options import PredictOptions
from overpose.video.placement import place_root, scale_to_height
from overpose.video.posing import FARTHEST_MM, ONE_EURO, View, lifted
from overpose.video.proportions import LimbKeeper
from overpose.video.smoothing import OneEuro
from overpose.video.world.feet import feet_of
from overpose.video.world.live_ground import LiveFeet, LiveGround

FORGOTTEN_S = 2.0
"""Somebody away for longer starts afresh."""


@dataclass(frozen=True, eq=False)
class LivePerson:
    """One person in one frame.

    Attributes:
        number: from 1 on, the same while the person is seen.
        pose_mm: (17, 3) float32, camera axes, relative to the root.
        root_mm: (3,) float32, camera coordinates; NaN where it is not known.
        keypoints_px: (K, 3) float32 x, y px and score.
        foot_contact: (2,) bool, whether the left and the right foot stand; None where nobody looks
            for the ground.
    """

    number: int
    pose_mm: np.ndarray
    root_mm: np.ndarray
    keypoints_px: np.ndarray
    foot_contact: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class TrackedFrame:
    """One frame of `PoseEstimator.track`.

    Attributes:
        index: from 0.
        time_s: from the beginning.
        image: (height, width, 3) uint8 RGB.
        people: who is in it.
        camera_to_world: (4, 4) float64 as in `PoseTrack`, as known so far; None where it is not.
        camera_is_static: whether the camera stood still so far; None where nothing tells.
    """

    index: int
    time_s: float
    image: np.ndarray
    people: tuple[LivePerson, ...]
    camera_to_world: np.ndarray | None = None
    camera_is_static: bool | None = None


@dataclass(eq=False)
class _Memory:
    """Filters of one person."""

    sides: SideKeeper
    pose: OneEuro
    root: OneEuro
    feet: LiveFeet
    limbs: LimbKeeper = field(default_factory=LimbKeeper)
    last_frame: int = 0


class LivePoser:
    """Makes poses of the people of each frame, in order.

    Args:
        model: a lifter for single frames, or an image model.
        layout: of the keypoints.
        view: camera and clock.
        options: see `PoseEstimator.track`.
        judge: says whose feet show the floor; everybody's if None.
    """

    def __init__(
        self,
        model: Lifter | ImageModel,
        layout: KeypointLayout,
        view: View,
        options: PredictOptions,
        judge: Judge | None = None,
    ) -> None:
        self._model = model
        self._layout = layout
        self._view = view
        self._options = options
        self._memories: dict[int, _Memory] = {}
        self._ground = LiveGround(view, options, layout, judge)
        self._frame = 0

    @property
    def camera_to_world(self) -> np.ndarray | None:
        """(4, 4) float64 as in `PoseTrack`, as known so far; None where it is not."""
        level = self._ground.level
        return None if level is None else level.camera_to_world()

    @property
    def camera_is_static(self) -> bool | None:
        """Whether the camera stood still so far; None where nothing tells."""
        return self._ground.camera_is_static

    def pose(
        self, image: np.ndarray, people: list[Person], px_size: float = 1.0
    ) -> tuple[LivePerson, ...]:
        """The people of the next frame in 3D.

        Args:
            image: (height, width, 3) uint8 RGB.
            people: with keypoints in pixels of that.
            px_size: pixels of the original for each one of the image.
        """
        self._frame += 1
        oldest = self._frame - FORGOTTEN_S * self._view.fps
        self._memories = {n: m for n, m in self._memories.items() if m.last_frame >= oldest}
        self._ground.forget(list(self._memories))
        self._ground.look(image, people)
        people = [self._sided(person) for person in people]
        if isinstance(self._model, Lifter):
            people = [person.scaled(px_size) for person in people]
            poses = [self._lifted(self._model, person) for person in people]
        else:
            poses = [Lifted(pose) for pose in poses_from_image(self._model, image, people)]
            people = [person.scaled(px_size) for person in people]
        return tuple(
            self._finished(person, pose) for person, pose in zip(people, poses, strict=True)
        )

    def _lifted(self, lifter: Lifter, person: Person) -> Lifted:
        """Of one frame, without its axis."""
        keypoints = self._view.straight(person.keypoints_px[None])
        found = lifted([lifter], keypoints, self._layout, self._view)
        feet = None if found.feet_mm is None else found.feet_mm[0]
        return Lifted(found.poses_mm[0], feet)

    def _sided(self, person: Person) -> Person:
        memory = self._memories.get(person.number)
        if memory is None:
            fps = self._view.fps
            sides = SideKeeper(self._layout, fps)
            memory = _Memory(
                sides, OneEuro(fps, **ONE_EURO), OneEuro(fps, **ONE_EURO), LiveFeet(fps)
            )
            self._memories[person.number] = memory
        memory.last_frame = self._frame
        sided = memory.sides(person.keypoints_px, self._frame / self._view.fps)
        return replace(person, keypoints_px=sided)

    def _finished(self, person: Person, found: Lifted) -> LivePerson:
        memory = self._memories[person.number]
        pose, hanging = found.poses_mm, None
        if found.feet_mm is not None:
            hanging = found.feet_mm - ankles_mm(pose)
        smooth = self._options.smooth != "none"
        if smooth:
            pose = memory.pose(pose)
        if self._options.constant_limbs:
            pose = memory.limbs(pose)
        view = self._view
        shown = unsure_outside(person.keypoints_px, view.width, view.height)
        straight = view.straight(shown)
        joints_px = house_keypoints(straight, self._layout)[None]
        root = place_root(pose[None], joints_px, view.focal_px, view.width, view.height)[0]
        if np.linalg.norm(root) > FARTHEST_MM:
            root = np.full_like(root, np.nan)
        if smooth:
            root = memory.root(root)
        if self._options.height_m is not None and np.isfinite(pose).all():
            poses, roots = scale_to_height(pose[None], root[None], self._options.height_m)
            pose, root = poses[0], roots[0]
        stands = None
        if self._options.ground:
            feet_mm = None if hanging is None else ankles_mm(pose) + hanging + root
            stands, root = self._grounded(person.number, pose, root, feet_mm, straight)
        return LivePerson(
            person.number,
            pose.astype(np.float32),
            root.astype(np.float32),
            shown,
            stands,
        )

    def _grounded(
        self,
        number: int,
        pose: np.ndarray,
        root: np.ndarray,
        feet_mm: np.ndarray | None,
        straight_px: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Which feet stand, and the root with these held where they are."""
        memory = self._memories[number]
        joints = pose + root
        given = None if feet_mm is None else feet_mm[None]
        feet = feet_of(joints[None], given, straight_px[None], self._layout, self._view)
        self._ground.saw(number, joints, feet, straight_px)
        stands = memory.feet.stands(feet.points_mm[0], self._ground.level)
        if self._options.smooth == "none":
            return stands, root
        return stands, memory.feet.held(pose, root, stands)
