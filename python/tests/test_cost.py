"""Cost of the Python layer beside the fit itself, in time and in memory."""

import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from mixtura import GaussianMixture, _native

MEMORY = """
import resource, sys, warnings
import numpy as np
from mixtura import GaussianMixture

warnings.simplefilter("ignore")
rows, dtype = int(sys.argv[1]), sys.argv[2]
X = np.empty((rows, 16), dtype=dtype)
rng = np.random.default_rng(0)
for part in np.array_split(X, 16):
    part[...] = rng.standard_normal(part.shape)
# What is there before: the modules, and the threads with their first blocks of memory.
GaussianMixture(16, max_iter=1, device="cpu").fit(X[:1000])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model = GaussianMixture(16, max_iter=3, device="cpu", random_state=0).fit(X)
model.score(X)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, X.nbytes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="kilobytes are the unit on Linux")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_fit_takes_little_memory_beside_the_samples(dtype):
    rows = 4_000_000
    answer = subprocess.run(
        [sys.executable, "-c", MEMORY, str(rows), dtype], check=True, capture_output=True, text=True
    )
    kilobytes, size = map(int, answer.stdout.split())
    assert kilobytes * 1024 < 64 * 2**20 + 0.02 * size


def test_the_python_layer_costs_less_than_a_twentieth_of_a_fit(monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200_000, 16)) + rng.integers(4, size=(200_000, 1))
    seconds = []
    native = _native.fit

    def timed(*arguments):
        fitted = native(*arguments)
        seconds.append(fitted["seconds"])
        return fitted

    monkeypatch.setattr(_native, "fit", timed)
    model = GaussianMixture(16, max_iter=10, tol=0.0, device="cpu", random_state=0)
    overheads = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for _ in range(5):
            begun = time.perf_counter()
            model.fit(X)
            whole = time.perf_counter() - begun
            overheads.append((whole - seconds[-1]) / seconds[-1])
    print(f"overheads: {overheads}")
    assert np.median(overheads) < 0.05
