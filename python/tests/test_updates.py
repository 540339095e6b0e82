"""The rules by which an epoch moves the model."""

import numpy as np
import pytest
from sklearn.base import clone

from mixtura import GaussianMixture, Part, Search


@pytest.fixture
def overlapping():
    """Clusters that EM needs long for."""
    rng = np.random.default_rng(1)
    return rng.standard_normal((4000, 2)) + rng.integers(3, size=(4000, 1)) * np.array([1.2, 0.4])


def test_squared_extrapolation_needs_fewer_epochs_for_as_good_a_model(overlapping, device):
    options = {"tol": 1e-6, "max_iter": 2000, "random_state": 0, "device": device}
    em = GaussianMixture(3, **options).fit(overlapping)
    squarem = GaussianMixture(3, update="squarem", **options).fit(overlapping)
    assert squarem.n_iter_ < em.n_iter_ / 2
    assert squarem.score(overlapping) > em.score(overlapping) - 1e-3


def test_em_is_the_default_and_other_rules_are_errors(overlapping):
    options = {"max_iter": 3, "tol": 0.5, "random_state": 0, "device": "cpu"}
    assert GaussianMixture().update == "em"
    expected = GaussianMixture(2, **options).fit(overlapping)
    assert GaussianMixture(2, update="em", **options).fit(overlapping).lower_bounds_ == expected.lower_bounds_
    with pytest.raises(ValueError, match="The 'update' parameter"):
        GaussianMixture(update="damped").fit(overlapping)
    assert clone(GaussianMixture(update="squarem")).update == "squarem"
    assert not hasattr(GaussianMixture(update="squarem").to_sklearn(), "update")


def test_parts_follow_the_rule(overlapping):
    options = {"update": "squarem", "random_state": 0, "device": "cpu", "tol": 1e-5}
    part = Part(overlapping, device="cpu")
    search = Search(GaussianMixture(3, **options), [part.summary])
    part.join(search.summary)
    while tasks := search.wants():
        search.takes([part.answer(tasks)])
    assert search.finish().lower_bounds_ == GaussianMixture(3, **options).fit(overlapping).lower_bounds_


def test_a_component_without_samples_begins_anew_where_that_is_asked(overlapping):
    start = [[0.0, 0.0], [2.0, 1.0], [500.0, 500.0]]
    precisions = [np.eye(2)] * 3
    options = {"means_init": start, "precisions_init": precisions, "weights_init": [0.4, 0.4, 0.2], "device": "cpu"}
    left = GaussianMixture(3, **options).fit(overlapping)
    assert left.weights_[2] < 1e-6
    with pytest.warns(UserWarning, match="A component collapsed. In epoch 1: component 2 had") as caught:
        repaired = GaussianMixture(3, on_collapse="repair", **options).fit(overlapping)
    assert caught[0].filename == __file__
    assert repaired.weights_[2] > 1e-4
    assert repaired.score(overlapping) > left.score(overlapping)
    with pytest.raises(ValueError, match="The 'on_collapse' parameter"):
        GaussianMixture(on_collapse="drop").fit(overlapping)
