"""How many threads a job may have, as the environment and other libraries' limits say.

Whoever runs several processes or threads side by side, joblib for one, tells NumPy's and scikit-learn's libraries by
`OMP_NUM_THREADS` or by threadpoolctl how many threads each may have, and means all that compute.
"""

from __future__ import annotations

import operator
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


# How many jobs were told to use, by whoever knows better than the environment: workers of Dask set its limits to one.
_TOLD: ContextVar[int] = ContextVar("_TOLD", default=0)


@contextmanager
def threads(n_threads: int) -> Iterator[None]:
    """Let calls of this package compute with so many threads.

    They are as many as the machine has, or as the least of the limits on them says: `OMP_NUM_THREADS`,
    `RAYON_NUM_THREADS` and those of threadpoolctl. Here they are as many as is said, whatever the limits are, but no
    more than the machine has. Results are the same with any number of threads.

    Parameters
    ----------
    n_threads : int
        How many, at least 1. It holds for calls of the thread that entered the context.

    Examples
    --------
    >>> import numpy as np
    >>> import mixtura
    >>> X = np.arange(6.0).reshape(-1, 1)
    >>> with mixtura.threads(1):
    ...     model = mixtura.GaussianMixture(device="cpu").fit(X)
    >>> model.device_.endswith(" on 1 thread (cpu)")
    True
    """
    if n_threads < 1:
        raise ValueError(f"The number of threads is {n_threads}: give 1 or more.")
    told = _TOLD.set(operator.index(n_threads))
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
