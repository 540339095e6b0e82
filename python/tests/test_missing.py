"""Samples of which values are missing: fits and answers by what is there."""

import pickle

import numpy as np
import pandas as pd
import pytest
from incomplete import ANSWERS, FAMILIES, HINT, OPTIONS, PARAMETERS, Oracle, same, with_holes
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mixtura import GaussianMixture, MixtureSelection, Part

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("family", ["full", "diag"])
@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize("weighted", [False, True])
def test_epochs_are_those_of_em_that_integrates_out_what_is_missing(blobs, family, share, weighted):
    X = with_holes(blobs[:200], share)
    X[7] = np.nan
    sample_weight = np.random.default_rng(1).uniform(0.0, 2.0, len(X)) if weighted else np.ones(len(X))
    start = np.eye(3) + 0.3
    weights, means, covariances = np.array([0.5, 0.2, 0.3]), blobs[[0, 1, 2]] * 0.8, np.array([start, 2 * start, start])
    if family == "diag":
        covariances = np.array([np.diag(np.diag(covariance)) for covariance in covariances])
    precisions = np.linalg.inv(covariances)
    model = GaussianMixture(
        3,
        covariance_type=family,
        tol=0.0,
        reg_covar=1e-3,
        max_iter=10,
        weights_init=weights,
        means_init=means,
        precisions_init=precisions if family == "full" else np.diagonal(precisions, axis1=1, axis2=2),
        **OPTIONS,
    ).fit(X, sample_weight=sample_weight)
    oracle = Oracle(weights, means, covariances)
    bounds = [oracle.epoch(X, sample_weight, 1e-3, family) for _ in range(10)]
    assert model.n_iter_ == 10
    np.testing.assert_allclose(model.lower_bounds_, bounds, rtol=1e-10)
    found = Oracle.of(model)
    for name in ["weights", "means", "covariances"]:
        np.testing.assert_allclose(getattr(found, name), getattr(oracle, name), rtol=1e-8, atol=1e-8, err_msg=name)
    # A warm start goes on.
    model.set_params(warm_start=True, max_iter=3).fit(X, sample_weight=sample_weight)
    for _ in range(3):
        oracle.epoch(X, sample_weight, 1e-3, family)
    np.testing.assert_allclose(Oracle.of(model).means, oracle.means, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_are_those_of_marginals(holed, family):
    model = GaussianMixture(3, covariance_type=family, **OPTIONS).fit(holed)
    oracle, X = Oracle.of(model), holed[:300]
    log_densities, resp = (np.array(values) for values in zip(*[oracle.posterior(x) for x in X], strict=True))
    np.testing.assert_allclose(model.score_samples(X), log_densities, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(model.predict_proba(X), resp, atol=1e-8)
    assert np.array_equal(model.predict(X), resp.argmax(axis=1))
    assert model.score(X) == pytest.approx(log_densities.mean())
    p = model._n_parameters()
    assert model.bic(X) == pytest.approx(p * np.log(300) - 2 * log_densities.sum())
    assert model.aic(X) == pytest.approx(2 * p - 2 * log_densities.sum())
    weights = np.linspace(0.0, 1.0, 300)
    assert model.score(X, sample_weight=weights) == pytest.approx(np.average(log_densities, weights=weights))
    # A sample without values says nothing.
    np.testing.assert_allclose(resp[5], model.weights_)
    assert model.score_samples(X)[5] == pytest.approx(0.0, abs=1e-12)
    again = GaussianMixture(3, covariance_type=family, **OPTIONS)
    assert np.array_equal(again.fit_predict(holed), model.predict(holed)) and same(again, model)


@pytest.mark.parametrize("family", FAMILIES)
def test_without_a_missing_value_no_bit_changes(blobs, family, device):
    options = {"covariance_type": family, "random_state": 0, "device": device}
    plain, allowed = (GaussianMixture(3, missing=way, **options).fit(blobs) for way in ["error", "marginalize"])
    assert same(plain, allowed) and plain.lower_bounds_ == allowed.lower_bounds_
    for method in ANSWERS:
        assert np.array_equal(getattr(plain, method)(blobs), getattr(allowed, method)(blobs))
    assert np.array_equal(plain.impute(blobs), blobs)


@pytest.mark.parametrize("kind", [GaussianMixture, MixtureSelection])
def test_by_default_missing_values_are_an_error_that_names_the_remedy(blobs, holed, kind):
    model = kind(2, random_state=0).fit(blobs)
    before = vars(model).copy()
    for method in ["fit", "fit_predict", *ANSWERS]:
        with pytest.raises(ValueError, match=r"^Input X contains NaN") as error:
            getattr(model, method)(holed)
        assert HINT in str(error.value)
    assert vars(model) == before
    with pytest.raises(ValueError, match="missing='marginalize'"):
        _ = Part(holed).summary


@pytest.mark.parametrize("kind", [GaussianMixture, MixtureSelection])
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinities_are_an_error_in_any_case(holed, kind, value):
    model = kind(2, **OPTIONS).fit(holed)
    holed[9, 1] = value
    for method in ["fit", "fit_predict", *ANSWERS, "impute"]:
        with pytest.raises(ValueError, match="Input X contains infinity"):
            getattr(model, method)(holed)
    with pytest.raises(ValueError, match=r"row 9, column 1 is -?inf"):
        _ = Part(holed, missing="marginalize").summary


def test_sample_weights_and_starts_are_never_missing(blobs):
    weights = np.ones(len(blobs))
    weights[3] = np.nan
    with pytest.raises(ValueError, match="Input sample_weight contains NaN"):
        GaussianMixture(2, **OPTIONS).fit(blobs, sample_weight=weights)
    with pytest.raises(ValueError, match="contains NaN"):
        GaussianMixture(1, means_init=[[0.0, np.nan, 0.0]], **OPTIONS).fit(blobs)


@pytest.mark.parametrize("kind", [GaussianMixture, MixtureSelection])
def test_the_parameter_is_one_of_two_words_and_a_tag(blobs, kind):
    assert kind().missing == "error"
    assert not kind().__sklearn_tags__().input_tags.allow_nan
    assert kind(missing="marginalize").__sklearn_tags__().input_tags.allow_nan
    assert clone(kind(missing="marginalize")).missing == "marginalize"
    with pytest.raises(ValueError, match=f"The 'missing' parameter of {kind.__name__} must be a str among"):
        kind(missing="drop").fit(blobs)
    assert make_pipeline(StandardScaler(), kind(2, **OPTIONS)).fit(with_holes(blobs, 0.1)).predict(blobs).shape == (
        3000,
    )


def test_frames_say_in_many_ways_that_a_value_is_missing(blobs):
    X = with_holes(blobs.round(), 0.2)
    plain = pd.DataFrame(X, columns=list("abc"))
    expected = GaussianMixture(3, **OPTIONS).fit(plain)
    frames = {
        "nullable floats": plain.astype("Float64"),
        "nullable integers": plain.astype("Int64"),
        "objects": plain.astype(object).where(plain.notna(), None),
        "some of each": plain.astype({"a": "Float64", "b": "Int64"}),
    }
    assert frames["nullable integers"]["a"].isna().any() and frames["objects"]["b"].iloc[0] is not np.nan
    for name, frame in frames.items():
        model = GaussianMixture(3, **OPTIONS).fit(frame)
        assert same(model, expected), name
        assert np.array_equal(model.score_samples(frame), expected.score_samples(plain)), name
        assert np.array_equal(model.impute(frame), expected.impute(plain)), name
        with pytest.raises(ValueError, match="missing='marginalize'"):
            GaussianMixture(3).fit(frame)


def test_samples_in_single_precision_give_results_in_single_precision(holed):
    X = holed.astype(np.float32)
    model = GaussianMixture(3, **OPTIONS).fit(X)
    double = GaussianMixture(3, **OPTIONS).fit(X.astype(np.float64))
    for name in PARAMETERS:
        assert getattr(model, name).dtype == np.float32
        np.testing.assert_allclose(getattr(model, name), getattr(double, name), rtol=1e-5, atol=1e-5)
    for method in ["predict_proba", "score_samples", "impute"]:
        assert getattr(model, method)(X).dtype == np.float32
        np.testing.assert_allclose(getattr(model, method)(X), getattr(double, method)(X), rtol=1e-3, atol=1e-3)
    filled, there = model.impute(X), ~np.isnan(X)
    assert np.array_equal(filled[there], X[there])
    assert model.impute(X, 2).dtype == np.float32


def test_pickles_keep_the_parameter_and_files_of_models_do_not(holed, tmp_path):
    model = GaussianMixture(3, **OPTIONS).fit(holed)
    again = pickle.loads(pickle.dumps(model))
    assert again.missing == "marginalize"
    assert np.array_equal(again.predict_proba(holed), model.predict_proba(holed))
    state = model.__getstate__()
    state.pop("missing")
    older = GaussianMixture.__new__(GaussianMixture)
    older.__setstate__(state)
    assert older.missing == "error"
    model.save(tmp_path / "model.json")
    loaded = GaussianMixture.load(tmp_path / "model.json", device="cpu")
    with pytest.raises(ValueError, match=HINT):
        loaded.predict(holed)
    loaded.set_params(missing="marginalize")
    np.testing.assert_allclose(loaded.score_samples(holed), model.score_samples(holed), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(loaded.impute(holed), model.impute(holed), rtol=1e-10, atol=1e-10)
    with pytest.raises(ValueError, match="contains NaN"):
        model.to_sklearn().predict(holed)
    assert GaussianMixture.from_sklearn(model.to_sklearn()).missing == "error"


def test_a_feature_that_no_sample_has_cannot_be_fitted_but_answers_do_without_it(holed):
    model = GaussianMixture(3, **OPTIONS).fit(holed)
    holed[:, 1] = np.nan
    with pytest.raises(ValueError, match="all values of column 1 are missing\nleave it out"):
        GaussianMixture(3, **OPTIONS).fit(holed)
    with pytest.raises(ValueError, match="all values of column 1 are missing"):
        MixtureSelection([1, 2], **OPTIONS).fit(holed)
    marginal = Oracle(model.weights_, model.means_[:, [0, 2]], model.covariances_[:, [[0], [2]], [0, 2]])
    np.testing.assert_allclose(model.score_samples(holed[:50]), [marginal.posterior(x)[0] for x in holed[:50, [0, 2]]])
    assert np.isfinite(model.impute(holed)).all()


def test_weights_count_samples_that_lack_values(holed):
    weights = np.random.default_rng(1).integers(0, 3, size=len(holed))
    weights[5] = 2
    means = np.array([[0.0, 0.0, 0.0], [8.0, 0.0, 4.0], [0.0, 9.0, -5.0]])
    model = GaussianMixture(3, tol=1e-8, means_init=means, **OPTIONS)
    weighted = clone(model).fit(holed, sample_weight=weights)
    repeated = np.repeat(holed, weights, axis=0)
    plain = clone(model).fit(repeated)
    for name in PARAMETERS:
        np.testing.assert_allclose(getattr(weighted, name), getattr(plain, name), rtol=1e-6, atol=1e-6)
    assert weighted.bic(holed, sample_weight=weights) == pytest.approx(plain.bic(repeated))


@pytest.mark.parametrize(
    "options",
    [
        {"update": "squarem"},
        {"start": "coarse-to-fine"},
        {"on_collapse": "repair"},
        {"prune": "exact"},
        {"init_params": "k-means++", "n_init": 3},
        {"init_params": "random_from_data", "n_init": 5},
        {"precision": "f32"},
    ],
    ids=str,
)
def test_all_ways_to_fit_take_missing_values(blobs, holed, options):
    model = GaussianMixture(3, tol=1e-5, max_iter=500, **{**OPTIONS, **options}).fit(holed)
    assert all(np.isfinite(getattr(model, name)).all() for name in PARAMETERS)
    expected = GaussianMixture(3, random_state=0, device="cpu").fit(blobs)
    assert model.score(blobs) == pytest.approx(expected.score(blobs), abs=0.02)


def test_truncated_posteriors_are_those_of_complete_samples(holed):
    with pytest.raises(ValueError, match=r"truncated posteriors.*\n.*exact posteriors"):
        GaussianMixture(9, posterior="truncated", **OPTIONS).fit(holed)


@pytest.mark.parametrize("family", ["full", "tied", "diag", "spherical"])
def test_a_graphics_adapter_finds_what_the_cpu_finds(holed, family):
    options = {**OPTIONS, "covariance_type": family}
    expected = GaussianMixture(3, **options).fit(holed)
    model = GaussianMixture(3, **{**options, "device": "software"}).fit(holed)
    assert model.score(holed) == pytest.approx(expected.score(holed), abs=1e-4)
    assert np.array_equal(model.predict(holed), expected.predict(holed))


def test_the_methods_inside_scikit_learns_fit_refuse_missing_values(blobs, holed):
    model = GaussianMixture(3, **OPTIONS).fit(holed)
    for name in ["_estimate_log_prob", "_estimate_weighted_log_prob", "_estimate_log_prob_resp", "_e_step"]:
        with pytest.raises(ValueError, match=f"scikit-learn's {name} does not integrate out"):
            getattr(model, name)(holed)
        getattr(model, name)(blobs)
