"""A file keeps what the attributes say, whoever set them."""

import json

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture as Theirs

from mixtura import GaussianMixture, moments

FAMILIES = ["full", "tied", "diag", "spherical"]
OUTCOME = ["converged_", "n_iter_", "lower_bound_", "lower_bounds_"]


def saved(model, tmp_path):
    """Save, and load again."""
    model.save(tmp_path / "model.json")
    return GaussianMixture.load(tmp_path / "model.json")


@pytest.mark.parametrize("make", ["fitted", "changed", "scikit-learn's", "maximised", "loaded"])
def test_a_file_has_the_attributes_and_parameters_of_the_model(blobs, tmp_path, make):
    options = {"tol": 1e-5, "max_iter": 70, "init_params": "random_from_data", "random_state": 3}
    model = GaussianMixture(2, **options).fit(blobs)
    if make == "changed":
        model.set_params(tol=1e-2, reg_covar=1e-4, max_iter=5, n_init=3, init_params="k-means++")
        model.converged_, model.lower_bounds_ = False, [1.0, 2.0]
    elif make == "scikit-learn's":
        model = GaussianMixture.from_sklearn(Theirs(2, **options).fit(blobs))
    elif make == "maximised":
        model = moments(blobs, model).maximize(1e-5)
    elif make == "loaded":
        model = saved(model, tmp_path)
    again = saved(model, tmp_path)
    for name in OUTCOME:
        assert getattr(again, name) == getattr(model, name), name
    for name in ["tol", "reg_covar", "max_iter", "n_init", "init_params"]:
        assert getattr(again, name) == getattr(model, name), name
    np.testing.assert_allclose(again.score_samples(blobs), model.score_samples(blobs), rtol=1e-12)


def test_what_only_the_fit_knows_goes_from_file_to_file(blobs, tmp_path):
    model = GaussianMixture(2, random_state=3, device="cpu").fit(blobs)
    model.save(tmp_path / "first.json")
    GaussianMixture.load(tmp_path / "first.json").save(tmp_path / "second.json")
    first, second = (json.loads((tmp_path / name).read_text())["fit"] for name in ["first.json", "second.json"])
    assert first == second
    assert (first["n_samples"], first["total_weight"], first["device"]["backend"]) == (3000, 3000.0, "cpu")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_in_single_precision_scores_from_its_file_as_before(tmp_path, family):
    rng = np.random.default_rng(0)
    # Features that nearly follow from each other: a rounding of the covariances is not one of the precisions.
    X = (rng.standard_normal((2000, 1)) + 3e-3 * rng.standard_normal((2000, 4))).astype(np.float32)
    model = GaussianMixture(2, covariance_type=family, random_state=0, device="cpu").fit(X)
    X = X.astype(np.float64)
    # The weights in a file sum to 1, those of the model to 1 but for their rounding.
    expected = model.score_samples(X) - np.log(model.weights_.astype(np.float64).sum())
    np.testing.assert_allclose(saved(model, tmp_path).score_samples(X), expected, rtol=1e-9, atol=1e-9)


def test_covariances_that_are_not_those_of_the_factors_are_not_written(blobs, tmp_path):
    model = GaussianMixture(2, random_state=0).fit(blobs)
    model.covariances_ = model.covariances_ * 2.0
    np.testing.assert_allclose(saved(model, tmp_path).score_samples(blobs), model.score_samples(blobs), rtol=1e-10)


def test_a_model_made_by_hand_can_be_saved(tmp_path):
    model = GaussianMixture(1, covariance_type="diag")
    model.weights_, model.means_, model.precisions_cholesky_ = np.ones(1), np.zeros((1, 2)), np.full((1, 2), 0.5)
    again = saved(model, tmp_path)
    assert np.array_equal(again.covariances_, [[4.0, 4.0]])
    assert (again.n_iter_, again.converged_, again.lower_bound_) == (0, False, -np.inf)
