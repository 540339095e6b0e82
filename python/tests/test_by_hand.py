"""Models put together by hand, attribute by attribute, work as scikit-learn's do."""

import numpy as np
import pytest

from mixtura import GaussianMixture

FAMILIES = ["full", "tied", "diag", "spherical"]

MATRICES = np.array([[[4.0, 1.0], [1.0, 2.0]], [[0.5, -0.2], [-0.2, 0.25]]])
COVARIANCES = {
    "full": MATRICES,
    "tied": MATRICES[0],
    "diag": np.array([[4.0, 2.0], [0.5, 0.25]]),
    "spherical": np.array([3.0, 0.25]),
}


def by_hand(family, covariances=None):
    """Make a model with weights, means and covariances, and no more."""
    model = GaussianMixture(2, covariance_type=family, random_state=0)
    model.weights_, model.means_ = np.array([0.25, 0.75]), np.array([[0.0, 1.0], [10.0, -5.0]])
    model.covariances_ = COVARIANCES[family] if covariances is None else covariances
    return model


def matrix(family, covariances, k):
    """Covariance of component k."""
    if family in ("full", "tied"):
        return covariances[k] if family == "full" else covariances
    return np.diag(np.broadcast_to(covariances[k], 2))


@pytest.mark.parametrize("family", FAMILIES)
def test_samples_need_weights_means_and_covariances_only(family):
    n = 100_000
    X, labels = by_hand(family).sample(n)
    assert X.shape == (n, 2) and (np.diff(labels) >= 0).all() and labels.dtype == np.int64
    assert abs(labels.mean() - 0.75) < 0.01
    for k, mean in enumerate(by_hand(family).means_):
        of_k = X[labels == k]
        expected = matrix(family, COVARIANCES[family], k)
        np.testing.assert_allclose(of_k.mean(axis=0), mean, atol=0.06)
        np.testing.assert_allclose(np.cov(of_k.T), expected, atol=0.03 * expected.max())
    again, _ = by_hand(family).sample(n)
    assert np.array_equal(again, X), "the same seed"


@pytest.mark.parametrize("family", FAMILIES)
def test_samples_need_no_number_of_features(family):
    model = by_hand(family)
    root = np.linalg.inv(np.linalg.cholesky(MATRICES))
    of_matrices = {"full": np.swapaxes(root, 1, 2), "tied": root[0].T}
    model.precisions_cholesky_ = of_matrices[family] if family in of_matrices else COVARIANCES[family] ** -0.5
    assert not hasattr(model, "n_features_in_")
    X, _ = model.sample(50_000)
    del model.covariances_
    from_factors, _ = model.sample(50_000)
    np.testing.assert_allclose(from_factors, X, rtol=1e-9, atol=1e-9)
    for call in [model.predict, model.predict_proba, model.score_samples, model.score, model.bic, model.aic]:
        call(X)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_samples_follow_covariances_that_were_changed(blobs, family, dtype):
    model = GaussianMixture(3, covariance_type=family, random_state=0, device="cpu").fit(blobs.astype(dtype))
    before, labels = model.sample(30_000)
    model.covariances_ *= 100
    after, same_labels = model.sample(30_000)
    assert np.array_equal(labels, same_labels)
    for k, mean in enumerate(model.means_):
        deviations = [np.std(X[labels == k] - mean, axis=0) for X in (before, after)]
        np.testing.assert_allclose(deviations[1], 10 * deviations[0], rtol=1e-3)


def test_covariances_without_full_rank_are_drawn_from_as_scikit_learn_does():
    flat = np.array([[1.0, 1.0], [1.0, 1.0]])
    for family, covariances in [("full", np.array([flat, flat])), ("tied", flat)]:
        X, labels = by_hand(family, covariances).sample(10_000)
        deviations = X - by_hand(family).means_[labels]
        np.testing.assert_allclose(deviations[:, 0], deviations[:, 1], atol=1e-7)
        assert abs(deviations[:, 0].std() - 1.0) < 0.03
    X, labels = by_hand("diag", np.array([[0.0, 1.0], [1.0, 0.0]])).sample(100)
    assert (X[labels == 0, 0] == 0.0).all() and (X[labels == 1, 1] == -5.0).all()
    with pytest.warns(RuntimeWarning, match="not symmetric positive-semidefinite"):
        by_hand("tied", np.array([[1.0, 0.0], [0.0, -1.0]])).sample(10)


@pytest.mark.parametrize("family", FAMILIES)
def test_covariances_of_another_shape_are_an_error(family):
    with pytest.raises(ValueError, match="covariances_ has shape"):
        by_hand(family, np.ones((5, 5))).sample(10)


def test_covariances_may_be_lists_and_whole_numbers():
    X, _ = by_hand("spherical", [4, 1]).sample(1000)
    assert X.shape == (1000, 2)
