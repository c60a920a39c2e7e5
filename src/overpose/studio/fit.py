"""Give a mocap subject a body: its proportions from the skeleton's bones, the rest by chance."""

import numpy as np
from scipy.optimize import least_squares

from overpose.mocap.motion import BoneSkeleton
from overpose.skeleton import HUMAN36M
from overpose.studio.body import (
    BodyModel,
    BodyShape,
    bone_ends_mm,
    bone_joints_mm,
    make_shape,
    shape_coefficients,
)
from overpose.support.errors import InputError
from overpose.support.seeding import random_stream

LIMBS = {
    "hip": ("pelvis", "left_hip"),
    "thigh": ("left_hip", "left_knee"),
    "shank": ("left_knee", "left_ankle"),
    "spine": ("pelvis", "spine"),
    "chest": ("spine", "neck"),
    "shoulder": ("neck", "left_shoulder"),
    "upper_arm": ("left_shoulder", "left_elbow"),
    "forearm": ("left_elbow", "left_wrist"),
}
"""Limbs that are fitted: start and end on the left side; the body is symmetric."""

LENGTH_ERROR_MM = 4.0
CHANGE_SPREAD = 0.35
SCALE_SPREAD = 0.06
"""Weights of the fit: what counts as one unit of misfit of a length, a proportion, the scale."""


def skeleton_limbs_mm(skeleton: BoneSkeleton) -> dict[str, float]:
    """Lengths of `LIMBS` on a skeleton with CMU's bone names at rest, the mean of both sides, mm.

    The forearm is lradius and lwrist together: the hand bends where lwrist ends.

    Raises:
        InputError: the skeleton lacks a bone of CMU's.
    """

    def offset(bone: str) -> np.ndarray:
        return skeleton.offsets_mm[skeleton.index(bone)]

    def both(measure: str) -> float:
        return float(np.mean([np.linalg.norm(offset(f"{side}{measure}")) for side in "lr"]))

    neck = offset("lowerneck")
    return {
        "hip": both("hipjoint"),
        "thigh": both("femur"),
        "shank": both("tibia"),
        "spine": float(np.linalg.norm(offset("lowerback") + offset("upperback"))),
        "chest": float(np.linalg.norm(offset("thorax") + neck)),
        "shoulder": float(
            np.mean([np.linalg.norm(offset(f"{side}clavicle") - neck) for side in "lr"])
        ),
        "upper_arm": both("humerus"),
        "forearm": both("radius") + both("wrist"),
    }


def shape_limbs_mm(shape: BodyShape) -> dict[str, float]:
    """Lengths of `LIMBS` of a body at rest, mm."""
    return _limbs(shape.joint_points_mm)


def fit_body(model: BodyModel, skeleton: BoneSkeleton, seed: int, subject: str) -> BodyShape:
    """A body for a mocap subject.

    Gender, age, muscle, weight and ancestry are drawn for the subject within a plausible range;
    height, proportions, the local length changes and the scale are fitted by least squares to the
    lengths of `LIMBS`, held towards an ordinary body.

    Args:
        skeleton: the subject's bones, with CMU's names.
        seed, subject: name the random stream.

    Raises:
        InputError: the skeleton lacks a bone of CMU's, or a limb is shorter than 3 cm.
    """
    where = f"subject {subject}"
    return fit_limbs(model, skeleton_limbs_mm(skeleton), drawn_phenotypes(seed, subject), where)


def fit_limbs(
    model: BodyModel, targets: dict[str, float], given: dict[str, float], where: str
) -> BodyShape:
    """A body whose `LIMBS` have given lengths.

    Height, proportions, the local length changes and the scale are fitted as in `fit_body`.

    Args:
        targets: lengths by the names of `LIMBS`, mm.
        given: the other phenotypes.
        where: what an error calls the person.

    Raises:
        InputError: a limb is shorter than 3 cm.
    """
    wanted = np.array([targets[name] for name in LIMBS])
    if not (wanted > 30.0).all():
        short = min(targets, key=lambda name: targets[name])
        raise InputError(
            f"{where}: {short} is {targets[short]:.0f} mm long, expected a human skeleton"
        )

    def unpack(values: np.ndarray) -> tuple[dict[str, float], dict[str, float], float]:
        phenotypes = given | {"height": float(values[0]), "proportions": float(values[1])}
        return (
            phenotypes,
            dict(zip(model.length_changes, map(float, values[3:]), strict=True)),
            float(values[2]),
        )

    def residuals(values: np.ndarray) -> np.ndarray:
        phenotypes, changes, scale = unpack(values)
        ends = bone_ends_mm(model, shape_coefficients(model, phenotypes, changes))
        lengths = np.array(list(_limbs(bone_joints_mm(model, *ends)).values())) * scale
        return np.concatenate(
            [
                (lengths - wanted) / LENGTH_ERROR_MM,
                (values[:2] - 0.5) / 0.5,
                [(scale - 1.0) / SCALE_SPREAD],
                values[3:] / CHANGE_SPREAD,
            ]
        )

    count = len(model.length_changes)
    start = np.concatenate([[0.5, 0.5, 1.0], np.full(count, 0.01)])
    low = np.concatenate([[0.0, 0.0, 0.6], np.full(count, -1.0)])
    high = np.concatenate([[1.0, 1.0, 1.5], np.full(count, 1.0)])
    found = least_squares(residuals, start, bounds=(low, high), diff_step=1e-3)
    return make_shape(model, *unpack(found.x))


def drawn_phenotypes(seed: int, subject: str) -> dict[str, float]:
    """What `fit_body` draws for a subject: gender, age, muscle, weight and ancestry."""
    rng = random_stream(seed, "body", subject)
    ancestry = rng.dirichlet([0.6, 0.6, 0.6])
    gender = rng.beta(0.4, 0.4)
    return {
        "gender": float(gender),
        "age": float(rng.uniform(2 / 3, 0.85)),
        "muscle": float(np.clip(rng.normal(0.6, 0.15), 0.2, 1.0)),
        "weight": float(np.clip(rng.normal(0.45, 0.15), 0.15, 0.9)),
        **dict(zip(("african", "asian", "caucasian"), map(float, ancestry), strict=True)),
    }


def _limbs(joints: np.ndarray) -> dict[str, float]:
    return {
        name: float(np.linalg.norm(joints[HUMAN36M.index(end)] - joints[HUMAN36M.index(start)]))
        for name, (start, end) in LIMBS.items()
    }
