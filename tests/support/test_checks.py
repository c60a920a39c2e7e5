"""check_array: what passes, and what the one-line error says about the rest."""

import numpy as np
import pytest

from overpose.support.checks import check_array
from overpose.support.errors import InputError


@pytest.mark.parametrize(
    ("array", "shape"),
    [
        (np.zeros((4, 17, 3)), (4, 17, 3)),
        (np.zeros((4, 17, 3)), ("poses", 17, 3)),
        (np.zeros((4, 17, 3)), ("...", 17, 3)),
        (np.zeros((17, 3)), ("...", 17, 3)),
        (np.zeros((0, 3)), ("n", 3)),
        (np.zeros((3, 3)), ("n", "n")),
        (np.zeros(()), ("...",)),
        (np.zeros(()), ()),
    ],
)
def test_an_array_of_the_shape_comes_back_unchanged(array: np.ndarray, shape: tuple) -> None:
    assert check_array("array", array, shape) is array


@pytest.mark.parametrize(
    ("array", "shape"),
    [
        (np.zeros((4, 17, 2)), (4, 17, 3)),
        (np.zeros((4, 17, 3)), (17, 3)),
        (np.zeros(3), ("...", 17, 3)),
        (np.zeros((2, 3)), ("n", "n")),
        (np.zeros((1,)), ()),
    ],
)
def test_another_shape_is_refused_with_both_shapes(array: np.ndarray, shape: tuple) -> None:
    with pytest.raises(InputError) as error:
        check_array("thing", array, shape)
    expected = "(" + ", ".join(map(str, shape)) + ")"
    assert str(error.value) == f"thing: got shape {array.shape}, expected {expected}"


def test_several_dtypes_may_be_accepted() -> None:
    array = np.zeros(2, dtype=np.uint8)
    assert check_array("array", array, ("n",), dtype=(np.floating, np.uint8)) is array


@pytest.mark.parametrize("dtype", [int, bool, object, str])
def test_another_dtype_is_refused_with_both_dtypes(dtype: type) -> None:
    array = np.zeros(2, dtype=dtype)
    with pytest.raises(InputError, match=f"got dtype {array.dtype}, expected floating"):
        check_array("array", array, ("n",))


@pytest.mark.parametrize("value", [[1.0, 2.0], 1.0, None, np.float64(1.0)])
def test_what_is_no_array_is_refused_with_its_type(value: object) -> None:
    with pytest.raises(InputError, match=f"got {type(value).__name__}, expected a numpy array"):
        check_array("array", value, ("n",))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_only_when_asked(value: float) -> None:
    array = np.zeros((3, 4))
    array[1, 2] = value
    assert check_array("array", array, (3, 4)) is array
    with pytest.raises(InputError, match=r"index \[1, 2\]"):
        check_array("array", array, (3, 4), finite=True)
