"""The skeleton: Human3.6M's joints, limbs, parts and mirror; trees that are refused."""

import numpy as np
import pytest

from overpose.skeleton import HUMAN36M, Skeleton
from overpose.support.errors import InputError

LIMBS = "0-1 1-2 2-3 0-4 4-5 5-6 0-7 7-8 8-9 9-10 8-11 11-12 12-13 8-14 14-15 15-16"  # the paper's


def test_the_limbs_are_human36ms() -> None:
    assert " ".join(f"{parent}-{joint}" for parent, joint in HUMAN36M.limbs) == LIMBS


def test_the_lower_body_is_two_pelvis_halves_thighs_and_shanks() -> None:
    ends = [HUMAN36M.joint_names[joint] for joint in HUMAN36M.limbs[HUMAN36M.limb_part("lower"), 1]]
    assert ends == [
        f"{side}_{end}" for side in ("right", "left") for end in ("hip", "knee", "ankle")
    ]


def test_lower_and_upper_limbs_make_up_the_full_body() -> None:
    lower, upper, full = (HUMAN36M.limb_part(part) for part in ("lower", "upper", "full"))
    assert (len(lower), len(upper)) == (6, 10)
    np.testing.assert_array_equal(np.sort(np.concatenate([lower, upper])), full)


def test_mirroring_swaps_left_and_right_by_name() -> None:
    swapped = [HUMAN36M.joint_names[joint] for joint in HUMAN36M.mirror]
    trade = str.maketrans({"\1": "right", "\2": "left"})
    expected = [
        name.replace("left", "\1").replace("right", "\2").translate(trade)
        for name in HUMAN36M.joint_names
    ]
    assert swapped == expected


def test_mirroring_twice_changes_nothing_and_keeps_the_tree() -> None:
    mirror = HUMAN36M.mirror
    np.testing.assert_array_equal(mirror[mirror], np.arange(17))
    limbs = {tuple(limb) for limb in HUMAN36M.limbs.tolist()}
    assert {tuple(mirror[list(limb)].tolist()) for limb in limbs} == limbs


def test_names_and_indices_are_inverse() -> None:
    np.testing.assert_array_equal(HUMAN36M.indices(HUMAN36M.joint_names), np.arange(len(HUMAN36M)))


def test_a_single_joint_has_no_limbs() -> None:
    assert Skeleton("point", ("root",), (-1,)).limbs.shape == (0, 2)


def test_an_unknown_joint_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"'tail'.*pelvis"):
        HUMAN36M.index("tail")


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(InputError, match="'legs'"):
        HUMAN36M.limb_part("legs")


@pytest.mark.parametrize(
    ("parts", "match"),
    [
        ({"joint_names": ("a", "a")}, "repeat"),
        ({"parents": (-1,)}, "got 1 parents"),
        ({"parents": (-1, 1)}, "b has parent 1"),
        ({"parents": (-1, -1)}, "b has parent -1"),
        ({"parents": (0, 0)}, "a has parent 0"),
        ({"lower_limbs": ("foot",)}, "no 'foot'"),
    ],
)
def test_parts_that_do_not_fit_are_refused(parts: dict, match: str) -> None:
    with pytest.raises(InputError, match=match):
        Skeleton(**{"name": "test", "joint_names": ("a", "b"), "parents": (-1, 0), **parts})
