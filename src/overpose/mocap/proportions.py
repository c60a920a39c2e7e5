"""Lengths of the limbs of CMU's skeletons: which no body has, and those of other bodies.

What a body of these lengths looks like belongs to the studio.
"""

from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace

import numpy as np

from overpose.mocap.motion import BoneSkeleton

_LIMBS = {
    "humerus": (("humerus",), 278.4),
    "forearm": (("radius", "wrist"), 266.6),
    "femur": (("femur",), 395.4),
    "tibia": (("tibia",), 433.2),
}
"""Bones of a limb, and how long it is: the mean of women and men of 1.74 m (de Leva 1996), mm."""
_IMPLAUSIBLE = 0.18
"""Logarithm: four standard deviations of a limb among people of one stature, about 4.5 %."""
_LEAST_PLAUSIBLE = 5
"""Of eight limbs. With fewer, it is not one limb that is wrong, but another kind of body."""

STATURE_SPREAD = 0.038
LENGTH_SPREAD = {
    "legs": 0.03, "shanks": 0.025, "arms": 0.035, "forearms": 0.03, "trunk": 0.03,
    "shoulders": 0.04, "hips": 0.05,
}  # fmt: skip
"""Standard deviation of the logarithm of stature, and of lengths among people of one stature.

Rounded from the 1988 survey of US Army personnel (Gordon et al. 1989): stature 1756 +- 67 mm (men),
lengths of limbs with coefficients of variation of 5 to 6 %, breadth of shoulders 4 to 5 %, of hips
5 to 6 %, of which stature explains about half for limbs and less for breadths.
"""
_GROUPS = {
    "legs": ("femur", "tibia"), "shanks": ("tibia",), "arms": ("humerus", "radius", "wrist"),
    "forearms": ("radius", "wrist"), "shoulders": ("clavicle",), "hips": ("hipjoint",),
}  # fmt: skip
_TRUNK = ("lowerback", "upperback", "thorax")


def repaired_lengths(skeleton: BoneSkeleton) -> BoneSkeleton:
    """The skeleton with limbs that no body has made as long as the rest of the body says.

    The size of the body is the median of its eight limbs (upper arms, forearms, thighs, shanks)
    against the published lengths. A limb farther than four standard deviations from what a body of
    this size has becomes as long as that of the other side; where that one is wrong too, as long as
    published for the size of the plausible limbs. A skeleton that lacks one of the bones, or has
    more than three such limbs, is left as it is.
    """
    needed = {side + bone for side in "lr" for bones, _ in _LIMBS.values() for bone in bones}
    if not needed <= set(skeleton.names):
        return skeleton
    lengths = {
        (side, limb): float(sum(skeleton.lengths_mm[skeleton.index(side + b)] for b in bones))
        for side in "lr"
        for limb, (bones, _) in _LIMBS.items()
    }
    if min(lengths.values()) <= 0:
        return skeleton
    ratios = {name: length / _LIMBS[name[1]][1] for name, length in lengths.items()}
    size = np.median(list(ratios.values()))
    right = {name for name in ratios if abs(np.log(ratios[name] / size)) <= _IMPLAUSIBLE}
    if len(right) == len(ratios) or len(right) < _LEAST_PLAUSIBLE:
        return skeleton
    size = np.median([ratios[name] for name in right])
    factors: dict[str, float] = {}
    for side, limb in ratios.keys() - right:
        mirrored = ("r" if side == "l" else "l", limb)
        bones, published = _LIMBS[limb]
        wanted = lengths[mirrored] if mirrored in right else size * published
        factors |= dict.fromkeys((side + b for b in bones), wanted / lengths[side, limb])
    return _scaled(skeleton, factors)


def other_lengths(
    skeleton: BoneSkeleton,
    rng: np.random.Generator,
    spread: Mapping[str, float] = LENGTH_SPREAD,
    stature_spread: float = STATURE_SPREAD,
) -> BoneSkeleton:
    """The skeleton with limbs made longer or shorter at random, alike on both sides.

    Args:
        skeleton: with CMU's bone names.
        rng: decides everything.
        spread: standard deviation of the logarithm of the lengths, for the names of
            `LENGTH_SPREAD`.
        stature_spread: the same of all lengths together.
    """
    overall = float(np.exp(rng.normal(0.0, stature_spread)))
    factors: dict[str, float] = dict.fromkeys(skeleton.names, overall)
    for group, bones in _GROUPS.items():
        factor = float(np.exp(rng.normal(0.0, spread[group])))
        for bone in bones:
            for side in "lr":
                factors[f"{side}{bone}"] *= factor
    trunk = float(np.exp(rng.normal(0.0, spread["trunk"])))
    for bone in _TRUNK:
        factors[bone] *= trunk
    return _scaled(skeleton, factors)


def _scaled(skeleton: BoneSkeleton, factors: Mapping[str, float]) -> BoneSkeleton:
    scale = np.array([factors.get(name, 1.0) for name in skeleton.names])
    return replace(skeleton, offsets_mm=skeleton.offsets_mm * scale[:, None])


@dataclass(frozen=True)
class PublishedBody:
    """Lengths between joint centres of an average man or woman, as shares of the stature.

    Attributes:
        stature_mm, stature_spread_mm: mean, and standard deviation.
        thigh, shank, upper_arm, forearm: of the limbs.
        trunk: between the middles of both hips and of both shoulders.
        hips, shoulders: between the centres of both.
    """

    stature_mm: float
    stature_spread_mm: float
    thigh: float
    shank: float
    upper_arm: float
    forearm: float
    trunk: float
    hips: float
    shoulders: float


PUBLISHED = {
    "male": PublishedBody(1756.0, 67.0, 0.244, 0.246, 0.1575, 0.1545, 0.292, 0.0914, 0.226),
    "female": PublishedBody(1629.0, 64.0, 0.2355, 0.246, 0.155, 0.1525, 0.2875, 0.110, 0.223),
}
"""Thigh, shank and forearm: medians of de Leva (1996, table 4), Dumas et al. (2007) and Drillis
and Contini (1966); upper arm: mean of the first two, which measure from the joint's centre; trunk:
mean of de Leva (mid-shoulder to mid-hip) and Drillis and Contini. Hips: 0.72 to 0.74 of the
distance of the iliac spines (Reed et al. 1999), which Dumas et al. give as 224 mm for men of 1.77 m
and 238 mm for women of 1.61 m. Shoulders: Dumas et al. and Rab et al. (2002) put the centre
straight below the acromion, so the biacromial breadth of Gordon et al. (1989), whose statures these
are.
"""


def published_body(femininity: float) -> PublishedBody:
    """Between the average man (0) and the average woman (1)."""
    man, woman = (astuple(PUBLISHED[name]) for name in ("male", "female"))
    pairs = zip(man, woman, strict=True)
    return PublishedBody(*(first + femininity * (last - first) for first, last in pairs))


def with_published_lengths(
    skeleton: BoneSkeleton, body: PublishedBody, stature_mm: float
) -> BoneSkeleton:
    """The skeleton with limbs, trunk and shoulders as long as published for a stature.

    The other bones keep their length relative to the legs.

    Args:
        skeleton: with CMU's bone names.
        body: whose proportions.
        stature_mm: how tall.
    """
    index, lengths = skeleton.index, skeleton.lengths_mm
    limbs = {
        ("femur",): body.thigh, ("tibia",): body.shank, ("humerus",): body.upper_arm,
        ("radius", "wrist"): body.forearm,
    }  # fmt: skip
    legs = sum(lengths[index(side + bone)] for side in "lr" for bone in ("femur", "tibia")) / 2
    factors = dict.fromkeys(skeleton.names, stature_mm * (body.thigh + body.shank) / legs)
    for bones, share in limbs.items():
        for side in "lr":
            own = sum(lengths[index(side + bone)] for bone in bones)
            factors |= dict.fromkeys((side + b for b in bones), share * stature_mm / own)
    width = np.subtract(*(skeleton.offsets_mm[index(f"{side}clavicle"), 0] for side in "lr"))
    shoulders = body.shoulders * stature_mm / width
    factors |= dict.fromkeys(("lclavicle", "rclavicle"), shoulders)
    # The trunk also has the height of the clavicles' ends, and of the hips below the root.
    spine = sum(skeleton.offsets_mm[index(bone)] for bone in _TRUNK)
    ends = [
        shoulders * skeleton.offsets_mm[index(f"{side}clavicle")]
        - factors[f"{side}hipjoint"] * skeleton.offsets_mm[index(f"{side}hipjoint")]
        for side in "lr"
    ]
    length = float(np.linalg.norm(spine))
    rest = float(np.mean(ends, axis=0) @ spine) / length
    factors |= dict.fromkeys(_TRUNK, (body.trunk * stature_mm - rest) / length)
    return _scaled(skeleton, factors)
