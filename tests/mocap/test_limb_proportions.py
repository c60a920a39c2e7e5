"""Limbs that no body has, and bodies of other lengths."""

from dataclasses import replace

import numpy as np
import pytest

from overpose.mocap.asf_amc import read_asf
from overpose.mocap.motion import BoneSkeleton
from overpose.mocap.procedural_body import procedural_skeleton
from overpose.mocap.proportions import (
    LENGTH_SPREAD,
    STATURE_SPREAD,
    other_lengths,
    repaired_lengths,
)

FOREARM = ("radius", "wrist")


@pytest.fixture
def skeleton() -> BoneSkeleton:
    return procedural_skeleton(1)


def scaled(skeleton: BoneSkeleton, factor: float, *bones: str) -> BoneSkeleton:
    scale = np.array([[factor if name in bones else 1.0] for name in skeleton.names])
    return replace(skeleton, offsets_mm=skeleton.offsets_mm * scale)


def length(skeleton: BoneSkeleton, *bones: str) -> float:
    return float(sum(skeleton.lengths_mm[skeleton.index(bone)] for bone in bones))


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("size", [0.8, 1.0, 1.2])
def test_bodies_that_there_may_be_are_left_as_they_are(number: int, size: float) -> None:
    person = procedural_skeleton(number)
    person = replace(person, offsets_mm=size * person.offsets_mm)
    assert repaired_lengths(person) is person


@pytest.mark.parametrize("factor", [0.6, 1.5])
@pytest.mark.parametrize("limb", [("humerus",), FOREARM, ("femur",), ("tibia",)])
def test_a_limb_that_is_wrong_on_one_side_becomes_as_long_as_on_the_other(
    skeleton: BoneSkeleton, limb: tuple[str, ...], factor: float
) -> None:
    wrong = scaled(skeleton, factor, *("r" + bone for bone in limb))
    np.testing.assert_allclose(
        repaired_lengths(wrong).offsets_mm, skeleton.offsets_mm, rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("size", [0.85, 1.0, 1.15])
def test_forearms_that_are_both_too_short_become_those_of_a_body_of_this_size(size: float) -> None:
    person = replace(procedural_skeleton(3), offsets_mm=size * procedural_skeleton(3).offsets_mm)
    forearms = [side + bone for side in "lr" for bone in FOREARM]
    wrong = scaled(person, 0.7, *forearms)
    mended = repaired_lengths(wrong)
    # Published lengths of people of 1.74 m: thigh 395, shank 433, upper arm 278, forearm 267 mm.
    sizes = [
        length(person, "l" + bone) / published
        for bone, published in (("humerus", 278.4), ("femur", 395.4), ("tibia", 433.2))
    ]
    assert length(mended, "lradius", "lwrist") == pytest.approx(266.6 * np.median(sizes), rel=1e-6)
    assert length(mended, "lradius") / length(mended, "lwrist") == pytest.approx(
        length(person, "lradius") / length(person, "lwrist")
    )
    others = [row for row, name in enumerate(person.names) if name not in forearms]
    np.testing.assert_array_equal(mended.offsets_mm[others], wrong.offsets_mm[others])
    assert repaired_lengths(mended) is mended


def test_what_is_no_human_skeleton_is_left_as_it_is(skeleton: BoneSkeleton) -> None:
    flat = replace(skeleton, offsets_mm=0 * skeleton.offsets_mm)
    short_arms = scaled(skeleton, 0.5, "lhumerus", "rhumerus", "lradius", "rradius")
    other = BoneSkeleton(("root", "tail"), (-1, 0), np.array([[0.0, 0, 0], [0, 0, 100.0]]))
    for left in (flat, short_arms, other):
        assert repaired_lengths(left) is left


def test_the_benchmark_has_one_subject_with_such_limbs(cmu) -> None:
    """Subject 05: forearms of 207 mm beside upper arms of 306 and shanks of 449 mm."""
    changed = set()
    for subject in cmu.subjects():
        trial = next(name for name in cmu.trials() if name.startswith(f"{subject}_"))
        asf, _ = cmu.files[trial]
        recorded, used = read_asf(asf).skeleton, cmu.motion(trial, 1.0).skeleton
        if not np.array_equal(recorded.offsets_mm, used.offsets_mm):
            changed.add(subject)
            assert length(recorded, "lradius", "lwrist") == pytest.approx(207, abs=1)
            assert 265 < length(used, "lradius", "lwrist") < 290
    assert changed == {"05"}


def test_other_lengths_are_alike_on_both_sides_and_keep_directions(skeleton: BoneSkeleton) -> None:
    other = other_lengths(skeleton, np.random.default_rng(0))
    ratio = other.lengths_mm[1:] / skeleton.lengths_mm[1:]
    np.testing.assert_allclose(
        other.offsets_mm[1:], skeleton.offsets_mm[1:] * ratio[:, None], atol=1e-9
    )
    named = dict(zip(skeleton.names[1:], ratio, strict=True))
    for name in named:
        if name.startswith("l") and "r" + name[1:] in named:
            assert named[name] == pytest.approx(named["r" + name[1:]])
    assert len({round(value, 6) for value in named.values()}) >= 7


def test_lengths_spread_as_published(skeleton: BoneSkeleton) -> None:
    drawn = np.array(
        [other_lengths(skeleton, np.random.default_rng(seed)).lengths_mm for seed in range(1500)]
    )
    logs = dict(
        zip(skeleton.names[1:], np.log(drawn[:, 1:] / skeleton.lengths_mm[1:]).T, strict=True)
    )
    assert logs["head"].std() == pytest.approx(STATURE_SPREAD, rel=0.1)
    for bone, groups in {
        "lfemur": ("legs",), "ltibia": ("legs", "shanks"), "lhumerus": ("arms",),
        "lwrist": ("arms", "forearms"), "thorax": ("trunk",), "lclavicle": ("shoulders",),
        "lhipjoint": ("hips",),
    }.items():  # fmt: skip
        expected = np.sqrt(STATURE_SPREAD**2 + sum(LENGTH_SPREAD[group] ** 2 for group in groups))
        assert logs[bone].std() == pytest.approx(expected, rel=0.1), bone
        assert abs(logs[bone].mean()) < 0.01
