"""The body and a made-up mover with CMU's bone names, for the tests of the studio."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from overpose.mocap.motion import BoneSkeleton, Motion
from overpose.studio.body import BodyModel, BodyShape, load_body
from overpose.studio.fit import fit_body
from overpose.support.errors import InputError

_TRUNK = {
    "lowerback": ("root", (0, 8, 116)),
    "upperback": ("lowerback", (0, 3, 117)),
    "thorax": ("upperback", (0, 0, 117)),
    "lowerneck": ("thorax", (0, -8, 88)),
    "upperneck": ("lowerneck", (0, 6, 88)),
    "head": ("upperneck", (0, 3, 92)),
}
_LEFT = {
    "lhipjoint": ("root", (92, -35, -102)),
    "lfemur": ("lhipjoint", (146, 0, -402)),
    "ltibia": ("lfemur", (140, 0, -385)),
    "lfoot": ("ltibia", (12, -120, -33)),
    "ltoes": ("lfoot", (0, -63, 0)),
    "lclavicle": ("thorax", (185, 14, 47)),
    "lhumerus": ("lclavicle", (280, 0, 0)),
    "lradius": ("lhumerus", (185, 0, 0)),
    "lwrist": ("lradius", (92, 0, 0)),
    "lhand": ("lwrist", (39, 0, 0)),
    "lfingers": ("lhand", (31, 0, 0)),
    "lthumb": ("lwrist", (32, -32, 0)),
}


def mirrored_name(name: str) -> str:
    """The bone of the other side."""
    if name in _LEFT:
        return "r" + name[1:]
    return "l" + name[1:] if "l" + name[1:] in _LEFT and name[0] == "r" else name


@pytest.fixture(scope="session")
def body() -> BodyModel:
    """The body asset; skips where it can be neither read nor built."""
    try:
        return load_body()
    except InputError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def mover() -> BoneSkeleton:
    """A symmetric skeleton with CMU's names and a grown man's lengths."""
    bones = {"root": (None, (0, 0, 0)), **_TRUNK, **_LEFT}
    for name, (parent, (x, y, z)) in _LEFT.items():
        bones[mirrored_name(name)] = (mirrored_name(parent), (-x, y, z))
    names = tuple(bones)
    return BoneSkeleton(
        names=names,
        parents=tuple(
            -1 if parent is None else names.index(parent) for parent, _ in bones.values()
        ),
        offsets_mm=np.array([offset for _, offset in bones.values()], dtype=np.float64),
    )


@pytest.fixture(scope="session")
def movement(mover: BoneSkeleton) -> Motion:
    """Twelve frames of every joint turning at random, elbows about their hinges."""
    rng = np.random.default_rng(5)
    frames, bones = 12, len(mover)
    turns = Rotation.from_rotvec(rng.normal(0.0, 0.25, (frames * bones, 3)))
    rotations = turns.as_matrix().reshape(frames, bones, 3, 3)
    for name in ("lhipjoint", "rhipjoint"):
        rotations[:, mover.index(name)] = np.eye(3)
    for name, axis in (("lradius", (0.0, -0.5, -0.866)), ("rradius", (0.0, 0.5, 0.866))):
        angles = rng.uniform(0.2, 1.5, frames)
        rotations[:, mover.index(name)] = Rotation.from_rotvec(
            angles[:, None] * np.array(axis) / np.linalg.norm(axis)
        ).as_matrix()
    root = np.array([300.0, -200.0, 950.0]) + rng.normal(0.0, 50.0, (frames, 3))
    return Motion(mover, rotations, root, fps=25.0, subject="made-up", trial="made-up_01")


@pytest.fixture(scope="session")
def person(body: BodyModel, mover: BoneSkeleton) -> BodyShape:
    """A body fitted to the mover."""
    return fit_body(body, mover, seed=0, subject="made-up")
