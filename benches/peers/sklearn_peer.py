"""scikit-learn's GaussianMixture, in f64."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from peer import measure


def prepare(case, epochs):
    one_over = np.linalg.inv if case.family in ("full", "tied") else np.reciprocal
    model = GaussianMixture(
        len(case.weights),
        covariance_type=case.family,
        # With all three there is no initialisation, so no k-means.
        weights_init=case.weights,
        means_init=case.means,
        precisions_init=one_over(case.covariances),
        max_iter=epochs,
        tol=0,
        n_init=1,
    )

    def fit():
        model.fit(case.samples)
        assert model.n_iter_ == epochs, f"{model.n_iter_} epochs instead of {epochs}"
        return model.weights_, model.means_, model.covariances_

    return fit


warnings.simplefilter("ignore", ConvergenceWarning)
measure("float64", prepare)
