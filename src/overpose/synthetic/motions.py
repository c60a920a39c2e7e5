"""Motion beyond what was recorded: poses that recordings lack, body halves and arms of other
recordings, joints turned, other speeds, the whole turned any way.

What bodies move like this belongs to `bodies`; what a camera and a detector make of it, to
`batches` and `detector`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from overpose.mocap.motion import Motion
from overpose.mocap.posed_motion import grounded, posed_motion
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

SHORTEST_S = 0.3


@dataclass(frozen=True)
class MotionConfig:
    """What clips are made of.

    Attributes:
        posed: share that goes from key pose to key pose; the others are recorded.
        mixed: share of both kinds in which legs, or arms, are of the other.
        turned: share that is turned any way, upside down as well as upright.
        halved: share of recorded clips with trunk, head and arms of another recording.
        arms: share of recorded clips with arms, or one of them, of another recording.
        shaken: share of recorded clips whose joints are turned by random angles that change slowly.
        jitter: factor on these angles.
    """

    posed: float = 0.35
    mixed: float = 0.35
    turned: float = 0.12
    halved: float = 0.5
    arms: float = 0.35
    shaken: float = 0.7
    jitter: float = 1.3


@dataclass(frozen=True, eq=False)
class Recordings:
    """Recorded motions to draw from, all at `CLIP_FPS` and with CMU's bone names.

    Attributes:
        classes: trials by what is done in them; each at least `SHORTEST_S` long.
    """

    classes: Mapping[str, tuple[Motion, ...]]

    @classmethod
    def of(cls, classes: Mapping[str, Sequence[Motion]]) -> "Recordings":
        """The motions that are long enough, of classes that have any.

        Raises:
            InputError: none is.
        """
        least = SHORTEST_S * CLIP_FPS
        long = {
            name: tuple(motion for motion in motions if len(motion) >= least)
            for name, motions in classes.items()
        }
        if not any(long.values()):
            raise InputError(f"recordings: no motion of at least {SHORTEST_S:g} seconds")
        return cls({name: motions for name, motions in long.items() if motions})

    @property
    def motions(self) -> tuple[Motion, ...]:
        """All trials."""
        return tuple(motion for motions in self.classes.values() for motion in motions)

    def fingerprint(self) -> str:
        """A short hash of names and lengths of the trials, in their classes."""
        trials = [
            (name, motion.trial, len(motion))
            for name, motions in self.classes.items()
            for motion in motions
        ]
        return hashlib.blake2b(repr(trials).encode(), digest_size=12).hexdigest()

    def draw(self, rng: np.random.Generator) -> Motion:
        """A trial: classes are as likely as each other, and so are the trials of one, however many
        and however long they are."""
        names = tuple(self.classes)
        motions = self.classes[names[rng.integers(len(names))]]
        return motions[rng.integers(len(motions))]

    def window(self, rng: np.random.Generator, frames: int) -> Motion:
        """A stretch of `frames` frames, played at a random speed; to and fro if too short."""
        motion = self.draw(rng)
        speed = float(np.exp(rng.normal(0.0, 0.3)))
        span = int(np.ceil(frames * speed)) + 1
        start = int(rng.integers(0, max(1, len(motion) - span + 1)))
        part = motion.slice(start, start + span)
        part = replace(part.resample(CLIP_FPS / speed), fps=CLIP_FPS)
        last = len(part) - 1
        places = last - np.abs(np.arange(frames) % max(1, 2 * last) - last)
        return replace(part, rotations=part.rotations[places], root_mm=part.root_mm[places])


def random_clip(
    recordings: Recordings,
    rng: np.random.Generator,
    frames: int,
    config: MotionConfig | None = None,
) -> Motion:
    """A clip that nobody recorded.

    Args:
        recordings: where recorded motion comes from.
        rng: decides everything.
        frames: length, at `CLIP_FPS`.
        config: shares of what is done.
    """
    config = config or MotionConfig()
    if rng.random() < config.posed:
        clip = posed_motion(recordings.draw(rng).skeleton, rng, frames, CLIP_FPS)
        if rng.random() < config.mixed:
            arms = rng.random() < 0.5
            bones = (*LEFT_ARM, *RIGHT_ARM) if arms else (*UPPER, *LEFT_ARM, *RIGHT_ARM)
            clip = _with(clip, bones, recordings.window(rng, frames))
    else:
        clip = _recombined(recordings, rng, frames, config)
    if rng.random() < config.turned:
        turn = Rotation.random(rng=rng).as_matrix()
        rotations = clip.rotations.copy()
        rotations[:, 0] = turn @ rotations[:, 0]
        clip = grounded(replace(clip, rotations=rotations, root_mm=clip.root_mm @ turn.T))
    return clip


def _recombined(
    recordings: Recordings, rng: np.random.Generator, frames: int, config: MotionConfig
) -> Motion:
    """Legs and root of one recording, trunk or arms perhaps of another, or between key poses."""
    clip = recordings.window(rng, frames)
    if rng.random() < config.halved:
        clip = _with(clip, (*UPPER, *LEFT_ARM, *RIGHT_ARM), recordings.window(rng, frames))
    if rng.random() < config.arms:
        which = (LEFT_ARM, RIGHT_ARM, LEFT_ARM + RIGHT_ARM)[rng.integers(3)]
        if rng.random() < config.mixed:
            clip = _with(clip, which, posed_motion(clip.skeleton, rng, frames, CLIP_FPS))
        else:
            clip = _with(clip, which, recordings.window(rng, frames))
    if rng.random() < config.shaken:
        strength = config.jitter * rng.uniform(0.3, 1.5)
        rotations = clip.rotations.copy()
        for bone, degrees in JITTER_DEGREES.items():
            place = clip.skeleton.index(bone)
            turn = _slow_turns(rng, frames, np.deg2rad(strength * degrees))
            rotations[:, place] = rotations[:, place] @ turn
        clip = replace(clip, rotations=rotations)
    return clip


def _with(clip: Motion, bones: Sequence[str], source: Motion) -> Motion:
    """The clip with these bones turning as in another one of its length."""
    rotations = clip.rotations.copy()
    places = [clip.skeleton.index(bone) for bone in bones]
    rotations[:, places] = source.rotations[:, [source.skeleton.index(bone) for bone in bones]]
    return replace(clip, rotations=rotations)


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
