"""Samples that a fit begins on: all of them, or parts that grow."""

import numpy as np
import pytest
from sklearn.base import clone

from mixtura import GaussianMixture, Part, Search


@pytest.fixture
def overlapping():
    """Clusters that EM needs long for."""
    rng = np.random.default_rng(1)
    return rng.standard_normal((40_000, 2)) + rng.integers(3, size=(40_000, 1)) * np.array([1.2, 0.4])


def test_coarse_to_fine_needs_fewer_epochs_on_all_samples_for_as_good_a_model(overlapping, device):
    options = {"tol": 1e-6, "max_iter": 2000, "random_state": 0, "device": device, "precision": "auto"}
    direct = GaussianMixture(3, **options).fit(overlapping)
    coarse = GaussianMixture(3, start="coarse-to-fine", **options).fit(overlapping)
    assert coarse.n_iter_ < direct.n_iter_
    assert coarse.n_iter_ == len(coarse.lower_bounds_)
    assert coarse.score(overlapping) > direct.score(overlapping) - 1e-3


def test_all_samples_are_the_default_and_other_words_are_errors(overlapping):
    assert GaussianMixture().start == "direct"
    options = {"max_iter": 3, "tol": 0.5, "random_state": 0, "device": "cpu"}
    expected = GaussianMixture(2, **options).fit(overlapping)
    # So few samples are fitted directly.
    assert GaussianMixture(2, start="auto", **options).fit(overlapping).lower_bounds_ == expected.lower_bounds_
    with pytest.raises(ValueError, match="The 'start' parameter"):
        GaussianMixture(start="fine").fit(overlapping)
    assert clone(GaussianMixture(start="auto")).start == "auto"
    assert not hasattr(GaussianMixture(start="auto").to_sklearn(), "start")


def test_parts_elsewhere_have_no_smaller_parts(overlapping):
    part = Part(overlapping, device="cpu")
    with pytest.raises(ValueError, match="the start is coarse-to-fine"):
        Search(GaussianMixture(3, start="coarse-to-fine"), [part.summary])
    Search(GaussianMixture(3, start="auto"), [part.summary])
