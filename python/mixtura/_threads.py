"""How many threads a job may have, as the environment and other libraries' limits say.

Whoever runs several processes or threads side by side, joblib for one, tells NumPy's and scikit-learn's libraries by
`OMP_NUM_THREADS` or by threadpoolctl how many threads each may have, and means all that compute.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from threadpoolctl import ThreadpoolController

if TYPE_CHECKING:
    from collections.abc import Iterator

_VARIABLES = ("RAYON_NUM_THREADS", "OMP_NUM_THREADS")

# The libraries, and how many threads each had in the beginning. To find them takes milliseconds, to ask them not.
_LIBRARIES = [(library, library.get_num_threads() or 0) for library in ThreadpoolController().lib_controllers]


# What a worker of a cluster was told to use, which knows better than the environment.
_TOLD: ContextVar[int] = ContextVar("_TOLD", default=0)


@contextmanager
def of(n_threads: int) -> Iterator[None]:
    """Let jobs have so many threads, whatever the limits are: workers of Dask set them to one."""
    told = _TOLD.set(n_threads)
    try:
        yield
    finally:
        _TOLD.reset(told)


def limit() -> int:
    """Give the least of all limits; 0 if there is none."""
    if told := _TOLD.get():
        return told
    limits = []
    for variable in _VARIABLES:
        value = os.environ.get(variable)
        if value is not None:
            # OpenMP takes a list, of which the first entry is for threads that no other thread has started.
            first = value.partition(",")[0].strip()
            limits.append(int(first) if first.isdecimal() else 0)
    for library, at_first in _LIBRARIES:
        count = library.get_num_threads() or 0
        # A library of linear algebra may have been built for fewer threads than the machine has: its own affair.
        if library.user_api == "openmp" or count < at_first:
            limits.append(count)
    return min(filter(None, limits), default=0)
