"""Fits from the same start follow scikit-learn's, epoch by epoch, in all families."""

import warnings

import numpy as np
import pytest
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as Theirs
from sklearn.preprocessing import StandardScaler

from mixtura import GaussianMixture

FAMILIES = ["full", "tied", "diag", "spherical"]
TOLERANCE = 1e-10


def standardised(X):
    """Features of one scale: scikit-learn forms three of the families from uncentred moments, and loses digits else."""
    return StandardScaler().fit_transform(X)


def overlapping(rng):
    """Two broad components, hardly apart."""
    return np.vstack([rng.standard_normal((400, 3)), rng.standard_normal((300, 3)) * [2.0, 1.0, 0.5] + 1.0])


def heavy_tailed(rng):
    return standardised(rng.standard_t(4, size=(600, 4)))


# Name: samples, number of components.
DATA = {
    "iris": (datasets.load_iris().data, 3),
    "wine": (standardised(datasets.load_wine().data), 3),
    "breast cancer": (standardised(datasets.load_breast_cancer().data)[:, :10], 2),
    "diabetes": (standardised(datasets.load_diabetes().data), 2),
    "linnerud": (standardised(datasets.load_linnerud().data), 2),
    "digits": (datasets.load_digits().data[:, [10, 20, 21, 26, 28, 34, 42, 53]], 6),
    "blobs": (datasets.make_blobs(1000, 5, centers=8, random_state=0)[0], 8),
    "moons": (datasets.make_moons(800, noise=0.1, random_state=1)[0], 4),
    "circles": (datasets.make_circles(900, noise=0.05, factor=0.5, random_state=2)[0], 5),
    "swiss roll": (standardised(datasets.make_swiss_roll(700, random_state=3)[0]), 6),
    "classification": (datasets.make_classification(1200, 5, n_informative=4, n_redundant=0, random_state=4)[0], 4),
    "overlapping": (overlapping(np.random.default_rng(5)), 2),
    "heavy-tailed": (heavy_tailed(np.random.default_rng(6)), 3),
    "one feature": (np.random.default_rng(7).gamma(2.0, size=(500, 1)), 3),
}


def start(X, n_components, family):
    """Random samples as means, and everywhere the spread of all samples."""
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.full(n_components, 20.0))
    means = X[rng.choice(len(X), n_components, replace=False)]
    covariance = np.atleast_2d(np.cov(X.T, bias=True)) + 1e-3 * np.eye(X.shape[1])
    precision = np.linalg.inv(covariance)
    precision = 0.5 * (precision + precision.T)
    precisions = {
        "full": np.array([precision] * n_components),
        "tied": precision,
        "diag": np.array([1.0 / np.diag(covariance)] * n_components),
        "spherical": np.full(n_components, 1.0 / np.trace(covariance) * X.shape[1]),
    }[family]
    return {"weights_init": weights, "means_init": means, "precisions_init": precisions}


def difference(ours, theirs):
    """Largest difference, relative to the largest value."""
    return np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", DATA)
def test_fits_follow_scikit_learns_epoch_by_epoch(name, family):
    X, n_components = DATA[name]
    X = np.ascontiguousarray(X, dtype=np.float64)
    options = {
        "n_components": n_components,
        "covariance_type": family,
        "max_iter": 300,
        **start(X, n_components, family),
    }
    ours, theirs = GaussianMixture(**options, device="cpu").fit(X), Theirs(**options).fit(X)
    assert (ours.n_iter_, ours.converged_) == (theirs.n_iter_, True)
    assert difference(np.array(ours.lower_bounds_), np.array(theirs.lower_bounds_)) < TOLERANCE

    # The parameters of every epoch, each library going its own way.
    ours = GaussianMixture(**options, device="cpu").set_params(max_iter=1, warm_start=True)
    stepwise = Theirs(**options).set_params(max_iter=1, warm_start=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for _ in range(theirs.n_iter_):
            ours.fit(X)
            stepwise.fit(X)
            for parameter in ["weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"]:
                assert difference(getattr(ours, parameter), getattr(stepwise, parameter)) < TOLERANCE, parameter
    assert np.array_equal(ours.predict(X), stepwise.predict(X))
    assert difference(ours.predict_proba(X), stepwise.predict_proba(X)) < TOLERANCE
    assert difference(ours.score_samples(X), stepwise.score_samples(X)) < TOLERANCE
    for criterion in ["score", "aic", "bic"]:
        assert difference(getattr(ours, criterion)(X), getattr(stepwise, criterion)(X)) < TOLERANCE
