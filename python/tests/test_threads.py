"""How many threads a job takes, and that its result does not depend on it."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import threadpoolctl

from mixtura import GaussianMixture, _threads, threads

ENVIRONMENT = ["RAYON_NUM_THREADS", "OMP_NUM_THREADS"]

COUNT = """
import sys, threading, warnings
from pathlib import Path
import numpy as np
from threadpoolctl import threadpool_limits
from mixtura import GaussianMixture

def threads():
    names = (Path(task / "comm").read_text() for task in Path("/proc/self/task").iterdir())
    return sum(name.startswith("mixtura-") for name in names)

X = np.random.default_rng(0).normal(size=(int(sys.argv[2]), 2))
limit = dict(eval(sys.argv[1]))
with threadpool_limits(**limit):
    GaussianMixture(2, device="cpu").fit(X)
    print(threads())
"""


@pytest.fixture(autouse=True)
def no_limits(monkeypatch):
    for variable in ENVIRONMENT:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def without_libraries(monkeypatch):
    monkeypatch.setattr(_threads, "_LIBRARIES", [])


@pytest.mark.usefixtures("without_libraries")
@pytest.mark.parametrize(
    "variables, expected",
    [
        ({}, 0),
        ({"OMP_NUM_THREADS": "3"}, 3),
        ({"RAYON_NUM_THREADS": "5"}, 5),
        ({"OMP_NUM_THREADS": "3", "RAYON_NUM_THREADS": "2"}, 2),
        ({"OMP_NUM_THREADS": "4,2"}, 4),
        ({"OMP_NUM_THREADS": " 4 "}, 4),
        ({"OMP_NUM_THREADS": "0"}, 0),
        ({"OMP_NUM_THREADS": "many", "RAYON_NUM_THREADS": "-1"}, 0),
    ],
)
def test_the_environment_is_heeded(monkeypatch, variables, expected):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert _threads.limit() == expected


@pytest.mark.parametrize("limits", [{"limits": 1}, {"limits": 1, "user_api": "openmp"}])
def test_limits_of_other_libraries_are_heeded_as_long_as_they_last(limits):
    before = _threads.limit()
    with threadpoolctl.threadpool_limits(**limits):
        assert _threads.limit() == 1
    assert _threads.limit() == before


def test_a_limit_on_linear_algebra_is_heeded(monkeypatch):
    class Library:
        user_api, count = "blas", 64

        def get_num_threads(self):
            return self.count

    library = Library()
    monkeypatch.setattr(_threads, "_LIBRARIES", [(library, 64)])
    # It may have been built for no more.
    assert _threads.limit() == 0
    library.count = 2
    assert _threads.limit() == 2
    # Some do not say.
    library.count = None
    assert _threads.limit() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="Linux names threads in a file")
@pytest.mark.parametrize(
    "variable, limits", [("OMP_NUM_THREADS", {}), ("RAYON_NUM_THREADS", {}), (None, {"limits": 1})]
)
@pytest.mark.parametrize("n_samples, n_threads", [(20_000, 1), (200, 0)])
def test_a_job_has_as_many_threads_as_it_may_and_a_short_one_that_of_its_caller(
    monkeypatch, variable, limits, n_samples, n_threads
):
    if variable is not None:
        monkeypatch.setenv(variable, "1")
    program = [sys.executable, "-c", COUNT, repr(limits), str(n_samples)]
    run = subprocess.run(program, check=True, capture_output=True, text=True)
    assert int(run.stdout) == n_threads


def test_short_jobs_of_many_threads_give_what_long_ones_do(blobs):
    def results(seed):
        with threads(1):
            model = GaussianMixture(3, random_state=seed, device="cpu").fit(blobs[:300])
            return model.lower_bounds_, model.predict(blobs[:300]).tolist()

    expected = []
    for seed in range(4):
        model = GaussianMixture(3, random_state=seed, device="cpu", verbose=1).fit(blobs[:300])
        expected.append((model.lower_bounds_, model.predict(blobs[:300]).tolist()))
    assert [results(seed) for seed in range(4)] == expected
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(results, range(4))) == expected
    # The caller can still have others compute.
    X = np.tile(blobs, (20, 1))
    assert GaussianMixture(3, random_state=0, device="cpu").fit(X).device_.endswith("(cpu)")


def test_short_jobs_tell_what_is_wrong(blobs):
    with threads(1), pytest.raises(ValueError, match="too large for sums of squares"):
        GaussianMixture(2, device="cpu").fit(np.full((9, 2), 1e200))
    with threads(1), pytest.raises(ValueError, match="ill-defined empirical covariance"):
        GaussianMixture(2, reg_covar=0.0, device="cpu").fit(np.repeat([[0.0, 1.0], [2.0, 3.0]], 5, axis=0))


@pytest.mark.skipif(joblib.cpu_count() < 2, reason="there is one processor")
def test_results_do_not_depend_on_the_number_of_threads(blobs):
    X = np.tile(blobs, (10, 1))
    model = GaussianMixture(3, random_state=0, device="cpu")

    def results():
        model.fit(X)
        return [
            model.weights_,
            model.means_,
            model.covariances_,
            model.score(X),
            model.predict_proba(X),
            *model.sample(99),
        ]

    many = results()
    with threadpoolctl.threadpool_limits(1):
        one = results()
    assert all(np.array_equal(a, b) for a, b in zip(many, one, strict=True))


def test_to_ask_for_limits_costs_little():
    begun = time.perf_counter()
    for _ in range(1000):
        _threads.limit()
    microseconds = (time.perf_counter() - begun) * 1e3
    print(f"{microseconds:.1f} us a look")
    assert microseconds < 100


def test_ctrl_c_stops_a_long_fit_of_few_samples():
    model = GaussianMixture(2, max_iter=10**9, tol=0.0, random_state=0, device="cpu")
    X = np.random.default_rng(0).normal(size=(50, 1))
    sent = []
    timer = threading.Timer(0.5, lambda: (sent.append(time.monotonic()), os.kill(os.getpid(), signal.SIGINT)))
    timer.start()
    with threads(1), pytest.raises(KeyboardInterrupt):
        model.fit(X)
    assert time.monotonic() - sent[0] < 1.0
