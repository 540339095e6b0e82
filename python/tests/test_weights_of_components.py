"""Weights of components that do not sum to 1 are taken as scikit-learn takes them."""

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture as Theirs

from mixtura import GaussianMixture, moments


def check(theirs, X, tmp_path):
    """Compare all that a model answers."""
    ours = GaussianMixture.from_sklearn(theirs, device="cpu")
    assert np.array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(ours.score_samples(X), theirs.score_samples(X), rtol=1e-9)
    np.testing.assert_allclose(ours.score(X), theirs.score(X), rtol=1e-10)
    np.testing.assert_allclose(ours.bic(X), theirs.bic(X), rtol=1e-10)
    np.testing.assert_allclose(moments(X, ours).lower_bound, theirs.score(X), rtol=1e-10)
    assert ours.sample(10)[0].shape == (10, X.shape[1])
    ours.save(tmp_path / "model.json")
    np.testing.assert_allclose(GaussianMixture.load(tmp_path / "model.json").weights_.sum(), 1.0)


@pytest.mark.parametrize("init", ["random_from_data", "k-means++", "random", "kmeans"])
@pytest.mark.parametrize("family", ["full", "tied", "diag", "spherical"])
def test_starts_of_scikit_learn_answer_as_they_do_there(blobs, tmp_path, init, family):
    # Wide enough that rounding says little beside it.
    options = {"covariance_type": family, "init_params": init, "max_iter": 0, "reg_covar": 0.5, "random_state": 0}
    check(Theirs(3, **options).fit(blobs), blobs, tmp_path)


@pytest.mark.parametrize("scale", [2.0, 0.3, 1.0 + 1e-7])
def test_weights_set_by_hand_answer_as_they_do_in_scikit_learn(blobs, tmp_path, scale):
    model = Theirs(3, random_state=0).fit(blobs)
    model.weights_ = model.weights_ * scale
    check(model, blobs, tmp_path)


def test_a_negative_weight_is_an_error(blobs):
    model = GaussianMixture(2, random_state=0).fit(blobs)
    model.weights_ = np.array([1.5, -0.5])
    with pytest.raises(ValueError, match=r"weights\[1\] is"):
        model.predict(blobs)
