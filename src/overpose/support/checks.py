"""Checks at the doors: one-line errors that print what was got and what was expected."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from overpose.support.errors import InputError


def check_array(
    name: str,
    array: object,
    shape: Sequence[int | str],
    *,
    dtype: type | tuple[type, ...] = np.floating,
    finite: bool = False,
) -> np.ndarray:
    """Return `array` unchanged if it is a numpy array of the given kind.

    Args:
        name: what to call the array in the error message.
        array: the value to check.
        shape: expected shape; an int must match, a str names a free dimension (the same name must
            have the same size), and a leading "..." stands for any number of dimensions.
        dtype: accepted numpy scalar type or types, abstract ones such as `np.floating` included.
        finite: whether NaN and infinity are refused.

    Raises:
        InputError: the value is not such an array.
    """
    expected = "(" + ", ".join(str(size) for size in shape) + ")"
    if not isinstance(array, np.ndarray):
        raise InputError(
            f"{name}: got {type(array).__name__}, expected a numpy array of shape {expected}"
        )
    kinds = dtype if isinstance(dtype, tuple) else (dtype,)
    if not any(np.issubdtype(array.dtype, kind) for kind in kinds):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise InputError(f"{name}: got dtype {array.dtype}, expected {wanted}")
    sizes = list(shape)
    actual = list(array.shape)
    if sizes and sizes[0] == "...":
        sizes = sizes[1:]
        actual = actual[max(0, len(actual) - len(sizes)) :]
    named: dict[str, int] = {}
    matches = len(sizes) == len(actual) and all(
        got == (named.setdefault(want, got) if isinstance(want, str) else want)
        for want, got in zip(sizes, actual, strict=True)
    )
    if not matches:
        raise InputError(f"{name}: got shape {array.shape}, expected {expected}")
    if finite and not np.isfinite(array).all():
        first = np.argwhere(~np.isfinite(array))[0].tolist()
        raise InputError(f"{name}: got NaN or infinity, first at index {first}; expected numbers")
    return array


def difference_text(earlier: object, now: object, name: str = "plan") -> str:
    """The first value in which two JSON values differ, and both: "fps: 25 there, 30 now"."""
    if isinstance(earlier, dict) and isinstance(now, dict):
        for key in [*earlier, *(key for key in now if key not in earlier)]:
            if earlier.get(key) != now.get(key):
                return difference_text(earlier.get(key), now.get(key), key)
    return f"{name}: {_short(earlier)} there, {_short(now)} now"


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def repeated(names: Iterable[str]) -> list[str]:
    """Those that are given more than once, sorted."""
    return sorted(name for name, times in Counter(names).items() if times > 1)
