"""Types and array shapes in the annotations of `overpose`, checked at every call in tests.

`conftest.py` installs it. Processes that tests start are not checked.
"""

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from io import IOBase
from typing import IO, Any, get_args

import jaxtyping
import numba
from beartype import BeartypeConf, FrozenDict, beartype
from numpy.typing import ArrayLike

# numpy's protocol for sequences refuses tuples at run time, and Python's for files those of zip.
_check = beartype(
    conf=BeartypeConf(
        is_pep484_tower=True,  # an int is good for a float, as everywhere in Python's typing
        hint_overrides=FrozenDict({ArrayLike: object, IO[bytes]: IOBase}),
    )
)
_jaxtyped = jaxtyping.jaxtyped
_njit = numba.njit


def install() -> None:
    """Check all of `overpose` that is imported from now on."""
    jaxtyping.jaxtyped = lambda typechecker: _checked
    jaxtyping.install_import_hook("overpose", None)
    numba.njit = _njit_bare


@contextmanager
def unchecked() -> Iterator[None]:
    """Nothing is checked inside: to hand over what the annotations refuse."""
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


def _checked(thing: Any) -> Any:
    """What the hook puts above every function and class: checks at calls, also of dataclasses."""
    if not inspect.isclass(thing):
        return _checked_function(thing)
    if dataclasses.is_dataclass(thing) and not hasattr(thing.__init__, "__wrapped__"):
        thing.__init__ = _checked_function(thing.__init__)
    return thing


def _checked_function(function: Callable) -> Callable:
    if any(_has_shape(hint) for hint in function.__annotations__.values()):
        return _jaxtyped(function, typechecker=_check)
    checked = _check(function)  # ten times as fast, where no sizes have to agree

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        if jaxtyping.config.jaxtyping_disable:
            return function(*args, **options)
        return checked(*args, **options)

    return call


def _has_shape(hint: object) -> bool:
    if inspect.isclass(hint) and issubclass(hint, jaxtyping.AbstractArray):
        return True
    return any(_has_shape(part) for part in get_args(hint))


def _njit_bare(*args: Any, **options: Any) -> Callable:
    """`numba.njit` of the function itself: what is put around it cannot be compiled."""
    if args:
        return _njit(inspect.unwrap(args[0]), **options)
    return lambda function: _njit_bare(function, **options)
