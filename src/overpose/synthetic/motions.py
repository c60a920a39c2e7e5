"""Motion beyond what was recorded: body halves and arms of other recordings, joints turned, limbs
of other lengths, other speeds; every clip on a body of its own.

What a camera and a detector make of it belongs to `batches` and `detector`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from overpose.mocap.motion import Motion
from overpose.mocap.proportions import other_lengths
from overpose.studio.body import BodyModel, BodyShape
from overpose.studio.fit import fit_body
from overpose.studio.retarget import BoneTransforms, retarget
from overpose.support.errors import InputError
from overpose.support.seeding import random_stream

CLIP_FPS = 25.0
UPPER = ("lowerback", "upperback", "thorax", "lowerneck", "upperneck", "head")
HEAD = ("lowerneck", "upperneck", "head")
_SIDE_ARM = ("clavicle", "humerus", "radius", "wrist", "hand", "fingers", "thumb")
LEFT_ARM = tuple(f"l{part}" for part in _SIDE_ARM)
RIGHT_ARM = tuple(f"r{part}" for part in _SIDE_ARM)

JITTER_DEGREES = {
    "root": 7.0, "lowerback": 5.0, "upperback": 4.0, "thorax": 4.0, "lowerneck": 5.0,
    "upperneck": 5.0, "lclavicle": 3.0, "rclavicle": 3.0, "lhumerus": 16.0, "rhumerus": 16.0,
    "lradius": 8.0, "rradius": 8.0, "lwrist": 8.0, "rwrist": 8.0, "lhand": 8.0, "rhand": 8.0,
    "lfemur": 10.0, "rfemur": 10.0, "ltibia": 6.0, "rtibia": 6.0, "lfoot": 5.0, "rfoot": 5.0,
}  # fmt: skip
"""Standard deviation of the random turn of a joint about each axis."""

LENGTH_SPREAD = {
    "legs": 0.06, "shanks": 0.04, "arms": 0.06, "forearms": 0.04, "trunk": 0.05, "shoulders": 0.07,
    "hips": 0.07,
}  # fmt: skip
"""Standard deviation of the logarithm of limb lengths against those of the recorded subject."""
STATURE_SPREAD = 0.04


@dataclass(frozen=True, eq=False)
class Recordings:
    """Recorded motions to draw from, all at `CLIP_FPS` and with CMU's bone names.

    Attributes:
        motions: the trials, each at least a second long.
    """

    motions: tuple[Motion, ...]

    @classmethod
    def of(cls, motions: Iterable[Motion]) -> "Recordings":
        """The motions that are long enough.

        Raises:
            InputError: none is.
        """
        kept = tuple(motion for motion in motions if len(motion) >= CLIP_FPS)
        if not kept:
            raise InputError("recordings: no motion of at least a second")
        return cls(kept)

    def window(self, rng: np.random.Generator, frames: int) -> Motion:
        """A stretch of `frames` frames, played at a random speed; the end is held if too short.

        Trials are drawn by the fourth root of their length: a few long ones hold most frames.
        """
        weights = np.array([len(motion) for motion in self.motions]) ** 0.25
        motion = self.motions[rng.choice(len(self.motions), p=weights / weights.sum())]
        speed = float(np.exp(rng.normal(0.0, 0.3)))
        span = int(np.ceil(frames * speed)) + 1
        start = int(rng.integers(0, max(1, len(motion) - span + 1)))
        part = motion.slice(start, start + span)
        part = replace(part.resample(CLIP_FPS / speed), fps=CLIP_FPS)
        places = np.minimum(np.arange(frames), len(part) - 1)
        return replace(part, rotations=part.rotations[places], root_mm=part.root_mm[places])


def random_clip(
    recordings: Recordings, rng: np.random.Generator, frames: int, *, jitter: float = 1.0
) -> Motion:
    """A clip made of several recordings.

    Legs and root come from one; with probability 0.5 the trunk, head and arms from another, then
    with 0.35 the arms from a third, both or one of them. With probability 0.7 all joints are turned
    by a random angle that changes slowly, and limbs have random lengths.

    Args:
        recordings: where the motion comes from.
        rng: decides everything.
        frames: length, at `CLIP_FPS`.
        jitter: factor on the random angles.
    """
    clip = recordings.window(rng, frames)
    rotations = clip.rotations.copy()
    index = clip.skeleton.index

    def take(bones: Sequence[str], source: Motion) -> None:
        rotations[:, [index(b) for b in bones]] = source.rotations[
            :, [source.skeleton.index(b) for b in bones]
        ]

    if rng.random() < 0.5:
        take((*UPPER, *LEFT_ARM, *RIGHT_ARM), recordings.window(rng, frames))
    if rng.random() < 0.35:
        source = recordings.window(rng, frames)
        which = rng.integers(3)
        take(LEFT_ARM if which == 0 else RIGHT_ARM if which == 1 else LEFT_ARM + RIGHT_ARM, source)
    if rng.random() < 0.7:
        strength = jitter * rng.uniform(0.3, 1.5)
        for bone, degrees in JITTER_DEGREES.items():
            turn = _slow_turns(rng, frames, np.deg2rad(strength * degrees))
            rotations[:, index(bone)] = rotations[:, index(bone)] @ turn
    skeleton = other_lengths(clip.skeleton, rng, LENGTH_SPREAD, STATURE_SPREAD)
    return replace(clip, skeleton=skeleton, rotations=rotations)


def body_for(
    model: BodyModel, motion: Motion, seed: int, name: str
) -> tuple[BodyShape, BoneTransforms]:
    """A random body with the limb lengths of the motion's skeleton, following the motion."""
    shape = fit_body(model, motion.skeleton, seed, name)
    return shape, retarget(motion, model, shape)


def clip_stream(seed: int, number: int) -> np.random.Generator:
    """The random stream of one clip."""
    return random_stream(seed, "lifting clip", number)


def _slow_turns(rng: np.random.Generator, frames: int, sigma: float) -> np.ndarray:
    """(frames, 3, 3) rotations by angles about each axis: a constant plus two slow waves."""
    time = np.arange(frames) / CLIP_FPS
    vectors = np.repeat(rng.normal(0.0, 0.8 * sigma, (1, 3)), frames, axis=0)
    for _ in range(2):
        waves = np.sin(2 * np.pi * rng.uniform(0.1, 1.0) * time + rng.uniform(0, 2 * np.pi))
        vectors += waves[:, None] * rng.normal(0.0, 0.5 * sigma, 3)
    return Rotation.from_rotvec(vectors).as_matrix()
