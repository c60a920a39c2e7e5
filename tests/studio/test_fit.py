"""Fitting a body to a skeleton's limbs."""

from dataclasses import replace

import numpy as np
import pytest

from overpose.mocap.motion import BoneSkeleton
from overpose.studio.body import BodyModel, BodyShape, make_shape
from overpose.studio.fit import fit_body, shape_limbs_mm, skeleton_limbs_mm
from overpose.support.errors import InputError


def misfit_mm(shape: BodyShape, skeleton: BoneSkeleton) -> np.ndarray:
    targets, lengths = skeleton_limbs_mm(skeleton), shape_limbs_mm(shape)
    return np.array([abs(lengths[name] - targets[name]) for name in targets])


def test_fitting_brings_every_limb_near_and_the_sum_much_nearer(
    body: BodyModel, mover: BoneSkeleton, person: BodyShape
) -> None:
    before = misfit_mm(make_shape(body, {}), mover)
    after = misfit_mm(person, mover)
    assert after.max() < 12.0
    assert after.sum() < 0.3 * before.sum()


@pytest.mark.parametrize("factor", [0.85, 1.12])
def test_people_of_other_sizes_are_fitted_too(
    body: BodyModel, mover: BoneSkeleton, factor: float
) -> None:
    resized = replace(mover, offsets_mm=mover.offsets_mm * factor)
    shape = fit_body(body, resized, seed=0, subject="resized")
    assert misfit_mm(shape, resized).max() < 15.0


def test_limbs_of_a_skeleton_are_its_bones(mover: BoneSkeleton) -> None:
    limbs = skeleton_limbs_mm(mover)
    assert limbs["thigh"] == pytest.approx(np.hypot(146, 402))
    assert limbs["forearm"] == pytest.approx(185 + 92)
    assert limbs["shoulder"] == pytest.approx(np.linalg.norm([185, 14 + 8, 47 - 88]))


def test_seed_and_subject_decide_the_body(body: BodyModel, mover: BoneSkeleton) -> None:
    first, again = (fit_body(body, mover, seed=4, subject="07") for _ in range(2))
    other = fit_body(body, mover, seed=4, subject="08")
    np.testing.assert_array_equal(first.rest_mm, again.rest_mm)
    assert first.phenotypes != other.phenotypes


def test_a_skeleton_that_is_not_cmus_is_refused(body: BodyModel) -> None:
    skeleton = BoneSkeleton(("root", "tail"), (-1, 0), np.array([[0.0, 0, 0], [0, 0, 100.0]]))
    with pytest.raises(InputError, match="lowerneck"):
        fit_body(body, skeleton, seed=0, subject="cat")


def test_a_skeleton_without_length_is_refused(body: BodyModel, mover: BoneSkeleton) -> None:
    with pytest.raises(InputError, match=r"subject flat: .* expected a human skeleton"):
        fit_body(body, replace(mover, offsets_mm=mover.offsets_mm * 0.0), seed=0, subject="flat")
