"""Moments of parts add up to those of the whole, wherever they were made, and give the next model of a fit."""

import pickle
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as Theirs

from mixtura import GaussianMixture, Moments, moments

FAMILIES = ["full", "tied", "diag", "spherical"]
PARAMETERS = ["weights_", "means_", "covariances_", "precisions_cholesky_"]
EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.parametrize("family", FAMILIES)
def test_an_epoch_over_parts_is_an_epoch_of_the_fit(blobs, family, device):
    weights = np.random.default_rng(1).uniform(0.0, 2.0, len(blobs))
    options = {"covariance_type": family, "random_state": 0, "device": device}
    start = GaussianMixture(3, **options, max_iter=0).fit(blobs, sample_weight=weights)
    parts = [moments(X, start, w) for X, w in zip(np.array_split(blobs, 7), np.array_split(weights, 7), strict=True)]
    whole = sum(parts)
    assert isinstance(whole, Moments)
    model = whole.maximize()
    with pytest.warns(ConvergenceWarning):
        expected = GaussianMixture(3, **options, max_iter=1).fit(blobs, sample_weight=weights)
    tolerance = 1e-12 if device == "cpu" else 1e-5
    for name in PARAMETERS:
        np.testing.assert_allclose(getattr(model, name), getattr(expected, name), rtol=tolerance, atol=tolerance)
    assert model.lower_bound_ == pytest.approx(expected.lower_bound_, rel=tolerance)
    assert whole.single_precision == (device != "cpu")
    assert whole.total_weight == pytest.approx(weights.sum())


def test_moments_are_what_they_say(blobs):
    model = Theirs(3, random_state=0).fit(blobs)
    sums = moments(blobs, model)
    r = model.predict_proba(blobs)
    deviations = blobs[:, None, :] - model.means_
    np.testing.assert_allclose(sums.counts, r.sum(axis=0), rtol=1e-10)
    np.testing.assert_allclose(sums.first, np.einsum("nk,nkd->kd", r, deviations), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(
        sums.second, np.einsum("nk,nkd,nke->kde", r, deviations, deviations), rtol=1e-8, atol=1e-7
    )
    np.testing.assert_allclose(sums.log_likelihood, model.score(blobs) * len(blobs), rtol=1e-12)
    assert np.array_equal(sums.origins, model.means_)
    assert sums.covariance_type == "full"
    assert repr(sums) == "Moments(3 full components, 3 features, total weight 3000)"


def test_moments_survive_pickling_to_the_last_bit(blobs):
    sums = moments(blobs, GaussianMixture(2, covariance_type="tied", random_state=0).fit(blobs))
    again = pickle.loads(pickle.dumps(sums))
    assert type(again) is Moments
    for name in ["counts", "origins", "first", "second", "log_likelihood", "total_weight", "single_precision"]:
        assert np.array_equal(getattr(sums, name), getattr(again, name))


def test_moments_of_different_models_do_not_add_up(blobs):
    one, other = (moments(blobs, GaussianMixture(2, random_state=seed, max_iter=0).fit(blobs[:500])) for seed in [0, 1])
    with pytest.raises(ValueError, match="moments to combine"):
        one + other
    with pytest.raises(TypeError):
        one + 1.0
    with pytest.raises(ValueError, match="shape"):
        Moments("full", 1.0, 0.0, np.ones(2), np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="ill-defined"):
        moments(blobs[:1].repeat(2, axis=0), GaussianMixture().fit(blobs)).maximize(reg_covar=0.0)


def test_the_next_model_has_the_device_the_precision_and_the_names_of_the_last(blobs, tmp_path):
    paths = [tmp_path / f"part-{i}.csv" for i in range(3)]
    for i, path in enumerate(paths):
        # Every file has its own order of the columns.
        names = np.roll(["x", "y", "z"], i)
        pd.DataFrame(blobs[i::3], columns=["x", "y", "z"])[names].to_csv(path, index=False)
    frame = pd.DataFrame(blobs, columns=["x", "y", "z"])
    start = GaussianMixture(3, random_state=0, max_iter=0, device="cpu", precision="f64").fit(frame)
    whole = sum(pickle.loads(pickle.dumps(moments(path, start))) for path in paths)
    model = whole.maximize()
    assert (model.device, model.precision, list(model.feature_names_in_)) == ("cpu", "f64", ["x", "y", "z"])
    expected = moments(frame, start).maximize()
    for name in PARAMETERS:
        np.testing.assert_allclose(getattr(model, name), getattr(expected, name), rtol=1e-10, atol=1e-12)
    assert np.array_equal(model.predict(paths[1]), expected.predict(frame[1::3]))
    with pytest.raises(ValueError, match="have the features"):
        whole + moments(blobs, GaussianMixture.load(nameless(model, tmp_path / "model.json")))


def nameless(model, path):
    """Save a model without the names of its features."""
    del model.feature_names_in_
    model.save(path)
    return path


@pytest.mark.filterwarnings("default::DeprecationWarning")
@pytest.mark.filterwarnings("default::ResourceWarning")
def test_a_fit_on_a_cluster_equals_one_in_a_single_process(blobs, tmp_path):
    paths = []
    for i, part in enumerate(np.array_split(blobs, 4)):
        paths.append(str(tmp_path / f"part-{i}.npy"))
        np.save(paths[-1], part)
    start = GaussianMixture(3, random_state=0, max_iter=0, tol=1e-8).fit(blobs)
    example = runpy.run_path(str(EXAMPLES / "dask_cluster.py"))
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        model = example["fit"](client, paths, start, tol=1e-8)
    options = {"weights_init": start.weights_, "means_init": start.means_, "precisions_init": start.precisions_}
    single = GaussianMixture(3, tol=1e-8, **options).fit(blobs)
    assert model.n_iter_ == single.n_iter_
    assert model.converged_
    for name in PARAMETERS:
        theirs = getattr(single, name)
        assert np.max(np.abs(getattr(model, name) - theirs)) < 1e-10 * np.max(np.abs(theirs))
    np.testing.assert_allclose(model.lower_bounds_, single.lower_bounds_, rtol=1e-10)
