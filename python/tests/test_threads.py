"""How many threads a job takes, and that its result does not depend on it."""

import subprocess
import sys
import time

import joblib
import numpy as np
import pytest
import threadpoolctl

from mixtura import GaussianMixture, _threads

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

X = np.random.default_rng(0).normal(size=(1000, 2))
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
def test_a_job_has_as_many_threads_as_it_may(monkeypatch, variable, limits):
    if variable is not None:
        monkeypatch.setenv(variable, "1")
    run = subprocess.run([sys.executable, "-c", COUNT, repr(limits)], check=True, capture_output=True, text=True)
    assert int(run.stdout) == 1


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
