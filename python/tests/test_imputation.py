"""Missing values filled in: by their means given what is there, and by draws."""

import pickle

import numpy as np
import pytest
from incomplete import FAMILIES, OPTIONS, Oracle, with_holes
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer
from sklearn.preprocessing import StandardScaler

from mixtura import GaussianMixture, MixtureSelection

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("family", FAMILIES)
def test_missing_values_become_their_conditional_means(holed, family):
    model = GaussianMixture(3, covariance_type=family, **OPTIONS).fit(holed)
    X = holed[:200]
    filled, there = model.impute(X), ~np.isnan(X)
    assert filled.shape == X.shape and np.isfinite(filled).all()
    assert np.array_equal(filled[there], X[there])
    oracle = Oracle.of(model)
    np.testing.assert_allclose(filled, [oracle.impute(x) for x in X], rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(filled[5], model.weights_ @ model.means_)
    # Whatever the estimator does about missing values elsewhere, and whatever it computes on.
    assert np.array_equal(clone_fitted(model, missing="error", device="software").impute(X), filled)
    assert np.isnan(X).any(), "the samples are left alone"


def clone_fitted(model, **parameters):
    return pickle.loads(pickle.dumps(model)).set_params(**parameters)


@pytest.mark.parametrize("family", FAMILIES)
def test_draws_have_the_conditional_means_and_covariances(family):
    rng = np.random.default_rng(0)
    X = np.r_[rng.multivariate_normal([0, 0, 0], np.eye(3) + 0.7, 300), rng.normal([4, 1, 2], [1, 2, 0.5], (300, 3))]
    model = GaussianMixture(2, covariance_type=family, **OPTIONS).fit(X)
    oracle = Oracle.of(model)
    samples = np.array([[1.5, np.nan, np.nan], [2.0, 0.5, np.nan], [np.nan, np.nan, np.nan], [1.0, 2.0, 3.0]])
    n = 20_000
    draws = model.impute(samples, n_draws=n)
    assert draws.shape == (n, 4, 3)
    assert np.array_equal(draws[:, 3], np.broadcast_to(samples[3], (n, 3)))
    for place, x in enumerate(samples[:3]):
        there = ~np.isnan(x)
        assert (draws[:, place, there] == x[there]).all()
        _, resp = oracle.posterior(x)
        means, spreads = map(np.array, zip(*[oracle.expected(x, k) for k in range(2)], strict=True))
        mean = resp @ means
        covariance = np.tensordot(resp, spreads + (means - mean)[:, :, None] * (means - mean)[:, None, :], 1)
        deviations = np.sqrt(np.diag(covariance))[~there]
        found = draws[:, place, ~there]
        assert (np.abs(found.mean(axis=0) - mean[~there]) < 5 * deviations / np.sqrt(n)).all()
        errors = np.cov(found.T) - covariance[np.ix_(~there, ~there)]
        assert (np.abs(errors) < 0.05 * np.outer(deviations, deviations)).all()


def test_draws_are_those_of_the_seed(holed):
    model = GaussianMixture(3, **OPTIONS).fit(holed)
    draws = model.impute(holed, n_draws=3)
    assert np.array_equal(model.impute(holed, n_draws=3), draws)
    assert np.array_equal(model.impute(holed, n_draws=2), draws[:2])
    other = clone_fitted(model, random_state=1).impute(holed, n_draws=3)
    holes = np.isnan(holed)
    assert len(np.unique(np.r_[draws, other][:, holes], axis=0)) == 6
    # None, and RandomStates, move on.
    moving = clone_fitted(model, random_state=np.random.RandomState(0))
    assert not np.array_equal(moving.impute(holed, 1), moving.impute(holed, 1))
    for n_draws in [0, -1]:
        with pytest.raises(ValueError, match="Invalid value for 'n_draws'"):
            model.impute(holed, n_draws)
    with pytest.raises(TypeError):
        model.impute(holed, 1.5)
    with pytest.raises(ValueError, match="X has 2 features, but GaussianMixture is expecting 3 features"):
        model.impute(holed[:, :2])


def quality(X, seed):
    """Hold out a fifth of the values: standardised errors, ours and theirs, and the share within intervals of 90 %."""
    X = StandardScaler().fit_transform(X)
    holed = with_holes(X, 0.2, seed)
    holes = np.isnan(holed)
    model = MixtureSelection(range(1, 5), reg_covar=1e-3, n_init=2, tol=1e-4, max_iter=300, **OPTIONS).fit(holed)
    theirs = IterativeImputer(max_iter=50, random_state=0).fit_transform(holed)
    draws = model.impute(holed, n_draws=100)[:, holes]
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    errors = [np.sqrt(np.mean((filled - X)[holes] ** 2)) for filled in (model.impute(holed), theirs)]
    return [*errors, np.mean((low <= X[holes]) & (X[holes] <= high))]


@pytest.mark.filterwarnings("ignore:A component collapsed")
def test_held_out_values_are_filled_in_as_well_as_by_regressions_and_lie_in_intervals_of_draws(record_property):
    found = np.array(
        [[quality(load().data, seed) for seed in range(3)] for load in (load_iris, load_diabetes, load_wine)]
    )
    record_property("quality", found.mean(axis=1).round(3).tolist())
    ours, theirs, coverage = found.mean(axis=(0, 1))
    assert ours <= theirs
    assert 0.85 <= coverage <= 0.95
