"""The libraries that numpy and scipy multiply matrices with, to have them use one thread.

Their threads wait by spinning, long after the work is done, which takes the cores from the networks
that find people. What is multiplied here is small: with one thread it takes no longer.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

_ONE_AT_A_TIME = threading.RLock()
"""The number of threads, which is set and set back, is that of the whole process."""


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """One thread for what is multiplied inside, by numpy and by what of scipy is imported already;
    used by one thread of the program at a time."""
    with _ONE_AT_A_TIME, blas("scipy.linalg" in sys.modules).limit(limits=1):
        yield


@cache
def blas(with_scipy: bool) -> ThreadpoolController:
    """The libraries that are loaded when it is first asked for, with scipy's or without."""
    return ThreadpoolController().select(user_api="blas")
