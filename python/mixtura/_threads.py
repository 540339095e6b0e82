"""How many threads a job may have, as the environment and other libraries' limits say.

Whoever runs several processes or threads side by side, joblib for one, tells NumPy's and scikit-learn's libraries by
`OMP_NUM_THREADS` or by threadpoolctl how many threads each may have, and means all that compute.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from threadpoolctl import ThreadpoolController

if TYPE_CHECKING:
    from collections.abc import Iterator

_VARIABLES = ("RAYON_NUM_THREADS", "OMP_NUM_THREADS")

# The libraries, and how many threads each had in the beginning. To find them takes milliseconds, to ask them not.
_LIBRARIES = [(library, library.get_num_threads() or 0) for library in ThreadpoolController().lib_controllers]


def limit() -> int:
    """Give the least of all limits; 0 if there is none."""
    return min((count for count in _limits() if count > 0), default=0)


def _limits() -> Iterator[int]:
    for variable in _VARIABLES:
        # OpenMP takes a list, of which the first entry is for threads that no other thread has started.
        value = os.environ.get(variable, "").partition(",")[0].strip()
        if value.isdecimal():
            yield int(value)
    for library, at_first in _LIBRARIES:
        count = library.get_num_threads() or 0
        # A library of linear algebra may have been built for fewer threads than the machine has: its own affair.
        if library.user_api == "openmp" or count < at_first:
            yield count
