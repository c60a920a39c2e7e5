"""Bodies with the proportions that anthropometry publishes, and their joint centres where it says.

The studio's own bodies, which datasets are rendered with, follow recorded skeletons instead.
"""

import functools
from dataclasses import replace

import numpy as np

from overpose.mocap.procedural_body import average_skeleton
from overpose.mocap.proportions import (
    LENGTH_SPREAD,
    other_lengths,
    published_body,
    with_published_lengths,
)
from overpose.skeleton import HUMAN36M
from overpose.studio.body import BodyModel, BodyShape, load_body
from overpose.studio.fit import drawn_phenotypes, fit_body
from overpose.support.seeding import random_stream

HIP_DROP = 0.008
"""How far below the rotation centres of the body's thighs the published centres of hips lie, as a
share of the stature: 0.35 of the distance of the iliac spines below these (Reed et al. 1999), which
are 0.571 of the stature high (Gordon et al. 1989)."""
CLIPS_PER_BODY = 5
TRUNK_OF_BODY, SHOULDERS_OF_BODY = 1.08, 1.035
"""Trunk and shoulders asked of the fit for those that are wanted: bodies are fitted by limbs from
pelvis to spine to neck to shoulder, and between hips and shoulders come out shorter than these."""


def published_shape(model: BodyModel, seed: int, name: str) -> BodyShape:
    """A random body: gender and stature by chance, lengths about those published for them.

    Args:
        seed, name: name the random stream.
    """
    rng = random_stream(seed, "published body", name)
    body = published_body(drawn_phenotypes(seed, name)["gender"])
    stature = float(np.clip(rng.normal(body.stature_mm, body.stature_spread_mm), 1400.0, 2050.0))
    asked = replace(
        body,
        thigh=body.thigh + HIP_DROP,
        trunk=(body.trunk - HIP_DROP) * TRUNK_OF_BODY,
        shoulders=body.shoulders * SHOULDERS_OF_BODY,
    )
    skeleton = with_published_lengths(average_skeleton(), asked, stature)
    shape = fit_body(model, other_lengths(skeleton, rng, LENGTH_SPREAD, 0.0), seed, name)
    width = body.hips * stature * np.exp(rng.normal(0.0, LENGTH_SPREAD["hips"]))
    return with_hip_centres(model, shape, float(width), HIP_DROP * stature)


def with_hip_centres(
    model: BodyModel, shape: BodyShape, width_mm: float, drop_mm: float
) -> BodyShape:
    """The body with thighs that turn about other points, this far apart and this much lower.

    The skin at rest stays as it is.
    """
    heads, tails = shape.bone_heads_mm.copy(), shape.bone_tails_mm.copy()
    joints = shape.joint_points_mm.copy()
    middle = np.mean([heads[model.bone(f"{side}UpLeg"), 0] for side in ("Left", "Right")])
    for side, letter, out in (("Left", "L", 0.5), ("Right", "R", -0.5)):
        centre = heads[model.bone(f"{side}UpLeg")] - (0.0, 0.0, drop_mm)
        centre[0] = middle + out * width_mm
        heads[model.bone(f"{side}UpLeg")] = centre
        tails[model.bone(f"{letter}HipJoint")] = centre
        joints[HUMAN36M.index(f"{side.lower()}_hip")] = centre
    return replace(shape, bone_heads_mm=heads, bone_tails_mm=tails, joint_points_mm=joints)


@functools.lru_cache(maxsize=4)
def _shape(seed: int, name: str) -> BodyShape:
    return published_shape(load_body(), seed, name)


def body_of_clip(seed: int, what: str, number: int) -> BodyShape:
    """The body of a clip: `CLIPS_PER_BODY` clips in a row share one, which takes long to fit.

    Args:
        seed, what, number: name the clip.
    """
    return _shape(seed, f"{what} {number // CLIPS_PER_BODY}")
