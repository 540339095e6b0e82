"""Fits that begin with given means, and nothing else."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from mixtura import Dataset, GaussianMixture

FAMILIES = ["full", "tied", "diag", "spherical"]
PARAMETERS = ["weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"]


def same(one, other):
    """Whether two fitted models are the same, to the last bit."""
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in PARAMETERS)


@pytest.mark.parametrize("family", FAMILIES)
def test_given_means_begin_with_the_weights_and_the_scatter_of_the_samples_nearest_to_them(blobs, family, tmp_path):
    means = np.array([[0.0, 9.0, -5.0], [0.5, 0.0, 0.0], [8.0, 0.0, 4.0]])
    model = GaussianMixture(3, covariance_type=family, means_init=means, max_iter=0, device="cpu").fit(blobs)
    scales = np.subtract(*np.percentile(blobs, [75, 25], axis=0))
    distances = (((blobs[:, np.newaxis] - means) / scales) ** 2).sum(axis=2)
    nearest = np.eye(3)[distances.argmin(axis=1)]
    np.testing.assert_allclose(model.weights_, nearest.mean(axis=0), atol=2e-3)
    assert np.array_equal(model.means_, means)
    if family == "diag":
        deviations = [((blobs - mean) ** 2)[nearest[:, k] == 1].mean(axis=0) for k, mean in enumerate(means)]
        np.testing.assert_allclose(model.covariances_, deviations, rtol=0.1)
    # The components keep their order, and samples on disk give the same bits.
    model.set_params(max_iter=100).fit(blobs)
    assert np.array_equal(np.argmin(((model.means_[:, np.newaxis] - means) ** 2).sum(axis=2), axis=1), [0, 1, 2])
    np.save(tmp_path / "samples.npy", blobs)
    on_disk = clone(model).fit(Dataset(tmp_path / "samples.npy", memory=50_000))
    assert same(model, on_disk)


def test_given_means_may_be_far_from_all_samples_or_equal(blobs):
    for means in [np.full((3, 3), 1e3), np.repeat(blobs[:1], 3, axis=0), np.r_[blobs[:2], [[1e4] * 3]]]:
        for family in FAMILIES:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model = GaussianMixture(3, covariance_type=family, means_init=means, device="cpu").fit(blobs)
            assert np.isfinite(model.means_).all()
            assert (model.weights_ > 0.0).all()


def test_restarts_after_the_first_try_other_covariances_for_given_means(blobs):
    options = {"means_init": blobs[:3], "max_iter": 0, "random_state": 0, "device": "cpu"}
    one, several = (GaussianMixture(3, n_init=n, **options).fit(blobs) for n in [1, 3])
    assert same(one, several), "the first wins where no epoch tells them apart"
