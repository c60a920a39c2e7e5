"""Memory that runs out, as each library says it: the k-th allocation by name fails.

What allocates inside of a library is reached through the functions of it that overpose calls most.
"""

import importlib
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

_TORCH = (
    "[enforce fail at alloc_cpu.cpp:129] err == 0. DefaultCPUAllocator: can't allocate memory: you "
    "tried to allocate 4096 bytes. Error code 12 (Cannot allocate memory)"
)
_OPENCV = (
    "OpenCV(4) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 4096 bytes in "
    "function 'OutOfMemoryError'"
)
MAKERS: Mapping[str, tuple[str, ...]] = {
    "numpy": (
        "empty", "zeros", "ones", "full", "empty_like", "zeros_like", "ones_like", "full_like",
        "array", "asarray", "ascontiguousarray", "concatenate", "stack", "arange",
    ),
    "cv2": (
        "resize", "warpAffine", "warpPerspective", "remap", "cvtColor", "imread", "imdecode",
        "imencode", "GaussianBlur", "line", "circle", "fillPoly", "putText",
    ),
    "torch": (
        "empty", "zeros", "ones", "full", "empty_like", "zeros_like", "tensor", "as_tensor",
        "from_numpy", "arange", "cat", "stack", "randperm", "rand", "randn",
    ),
    "torch.nn.functional": ("linear", "conv2d", "max_pool2d", "relu", "dropout", "mse_loss"),
    "pyarrow": ("array", "table", "chunked_array"),
    "av": ("open",),
    "scipy.linalg": ("solve", "cho_factor", "cho_solve", "eigh", "svd"),
}  # fmt: skip
"""Functions that allocate, by module."""


def failure(module: str) -> Exception:
    """What the functions of a module raise when memory runs out."""
    library = importlib.import_module(module.partition(".")[0])
    if module == "cv2":
        return library.error(_OPENCV)
    if library.__name__ == "torch":
        return RuntimeError(_TORCH)
    if module == "pyarrow":
        return library.ArrowMemoryError("malloc of size 4096 failed")
    if module == "av":
        return library.error.MemoryError(12, "Cannot allocate memory")
    return MemoryError("Unable to allocate 4.00 KiB for an array")


def in_child(fail_at: int) -> None:
    """Fail this allocation of a process that a command started."""
    allocations = Allocations()
    allocations.install(os.environ["HARDEN_ALLOCATIONS"].split())
    allocations.begin(fail_at)


def _say(what: str) -> None:
    if path := os.environ.get("HARDEN_FAILED"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{what}\n")


class Allocations:
    """Counts the allocations by name, and fails one of them."""

    def __init__(self) -> None:
        self.made = 0
        self._counting = False
        self._fail_at = 0

    def install(self, modules: Iterable[str]) -> None:
        """Stand before the functions; before others import them by name."""
        for name in modules:
            with suppress(ImportError):
                module = importlib.import_module(name)
                for function in MAKERS[name]:
                    setattr(module, function, self._wrapped(name, getattr(module, function)))

    def begin(self, fail_at: int) -> None:
        """Count from now on, and fail this one, if it is not 0."""
        self.made, self._fail_at, self._counting = 0, fail_at, True

    def _wrapped(self, module: str, make: Callable[..., Any]) -> Callable[..., Any]:
        def made(*arguments: Any, **named: Any) -> Any:
            if self._counting:
                self.made += 1
                if self.made == self._fail_at:
                    _say(f"{module}.{make.__name__}, the {self.made}th")
                    raise failure(module)
            return make(*arguments, **named)

        return made
