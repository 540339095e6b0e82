"""Thousands of small fits: what is left out of each, and that it changes nothing."""

import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.utils import check_random_state

from mixtura import GaussianMixture, _parameters

# Both at one thread, in turn, so that whatever else the machine does falls on both.
PAIRED = """
import os, time, warnings
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[variable] = "1"
import numpy as np
from sklearn.mixture import GaussianMixture as Theirs
from mixtura import GaussianMixture

warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
X = rng.normal(size=(400, 2)) + rng.integers(2, size=(400, 1)) * 4.0
seconds = {Theirs: [], GaussianMixture: []}
for seed in range(220):
    for kind, taken in seconds.items():
        begun = time.perf_counter()
        kind(2, random_state=seed).fit(X)
        taken.append(time.perf_counter() - begun)
theirs, ours = (np.median(taken[20:]) for taken in seconds.values())
print(theirs / ours)
"""


def test_a_small_fit_is_faster_than_scikit_learns_at_one_thread():
    run = subprocess.run([sys.executable, "-c", PAIRED], check=True, capture_output=True, text=True)
    print(f"{float(run.stdout):.2f} times as fast")
    assert float(run.stdout) > 1.5


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_seeds_are_drawn_as_from_a_new_random_state(seed):
    model = GaussianMixture(random_state=seed)
    expected = check_random_state(seed).randint(np.iinfo(np.int32).max)
    assert [model._seed(), model._seed()] == [expected] * 2
    state = np.random.RandomState(seed)
    model.set_params(random_state=state)
    assert model._seed() == expected
    assert model._seed() != expected, "the state has moved on"


def test_parameters_that_were_right_before_may_still_be_of_a_wrong_type(blobs):
    GaussianMixture(1, max_iter=0, tol=1.0, warm_start=True).fit(blobs)
    for wrong in [{"n_components": 1.0}, {"max_iter": 0.0}, {"tol": "1.0"}, {"warm_start": 1.0}]:
        (name,) = wrong
        with pytest.raises(ValueError, match=f"The '{name}' parameter"):
            GaussianMixture(**wrong).fit(blobs)
    with pytest.raises(ValueError, match="The 'reg_covar' parameter"):
        GaussianMixture(reg_covar=float("nan")).fit(blobs)


def test_constraints_of_a_subclass_are_its_own(blobs):
    class Of(GaussianMixture):
        _parameter_constraints = {**GaussianMixture._parameter_constraints, "tol": [None]}  # noqa: RUF012

    GaussianMixture(tol=0.25, max_iter=0).fit(blobs)
    with pytest.raises(ValueError, match="The 'tol' parameter of Of"):
        Of(tol=0.25).fit(blobs)


def test_few_parameters_are_remembered(monkeypatch, blobs):
    monkeypatch.setattr(_parameters, "_CHECKED", set())
    monkeypatch.setattr(_parameters, "_MOST_CHECKED", 50)
    for seed in range(100):
        GaussianMixture(random_state=seed)._validate_params()
    assert len(_parameters._CHECKED) <= 50 + len(GaussianMixture().get_params())


def layouts(X):
    """Give the same samples in every form that is taken."""
    padded = np.zeros((len(X), X.shape[1] + 1))
    padded[:, :-1] = X
    bytes_ = np.zeros(X.nbytes + 1, dtype=np.uint8)
    unaligned = bytes_[1:].view(X.dtype).reshape(X.shape)
    unaligned[...] = X
    return {
        "as it is": X,
        "in the order of Fortran": np.asfortranarray(X),
        "a part of another": padded[:, :-1],
        "backwards": X[::-1].copy()[::-1],
        "unaligned": unaligned,
        "in the other order of bytes": X.astype(X.dtype.newbyteorder()),
        "read-only": np.frombuffer(X.tobytes()).reshape(X.shape),
        "a list": X.tolist(),
        "a frame": pd.DataFrame(X),
    }


@pytest.mark.parametrize("form", layouts(np.zeros((2, 2))))
def test_samples_in_any_form_give_the_same_fit(blobs, form):
    expected = GaussianMixture(3, random_state=0, device="cpu").fit(blobs)
    model = GaussianMixture(3, random_state=0, device="cpu").fit(layouts(blobs)[form])
    assert np.array_equal(model.means_, expected.means_)
    assert (model.n_features_in_, hasattr(model, "feature_names_in_")) == (3, False)


def test_samples_that_are_not_right_are_errors_in_scikit_learns_words(blobs):
    model = GaussianMixture(2, random_state=0).fit(pd.DataFrame(blobs, columns=["a", "b", "c"]))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(blobs)
    model.fit(blobs)
    assert not hasattr(model, "feature_names_in_")
    with pytest.raises(ValueError, match="X has 2 features, but GaussianMixture is expecting 3"):
        model.predict(blobs[:, :2].copy())
    for wrong, words in [
        (np.where(blobs > 2.0, np.nan, blobs), "Input X contains NaN"),
        (np.where(blobs > 2.0, np.inf, blobs), "Input X contains infinity"),
        (blobs[:1], "minimum of 2 is required"),
        (blobs[:, :0], r"Found array with 0 feature\(s\)"),
        (blobs[0], "Expected 2D array"),
        (blobs.astype(complex), "Complex data not supported"),
    ]:
        with pytest.raises(ValueError, match=words):
            GaussianMixture().fit(wrong)
    with warnings.catch_warnings(), pytest.raises(ValueError, match="too large for sums of squares"):
        warnings.simplefilter("error")
        # Their sum overflows, which is no infinity.
        GaussianMixture().fit(np.full((3, 2), 1e308))
