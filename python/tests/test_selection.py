"""The choice of a model: its table, its best model, and what that answers."""

import copy
import io
import os
import pickle
import re
import signal
import threading
import time
import warnings
from contextlib import redirect_stdout

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mixtura import Dataset, GaussianMixture, MixtureSelection

FAMILIES = ["full", "tied", "diag", "spherical"]
PARAMETERS = ["weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"]
CRITERIA = ["bic", "aic", "icl", "icl-labels"]
NUMBERS = ["bic", "aic", "icl", "icl_labels", "log_likelihood", "entropy", "label_entropy"]
# Separate clusters converge within a few epochs to maxima that rounding alone moves.
OPTIONS = {"random_state": 0, "tol": 1e-6, "device": "cpu"}


def same(one, other):
    """Whether two fitted models are the same, to the last bit."""
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in PARAMETERS)


def clusters(family):
    """Three separate clusters whose covariances are of a family, and of no narrower one."""
    rng = np.random.default_rng(0)
    roots = {
        "full": [[[1.0, 0.0], [0.9, 0.4]], [[0.5, 0.0], [-0.8, 1.0]], [[2.0, 0.0], [0.0, 0.3]]],
        "tied": 3 * [[[1.0, 0.0], [0.9, 0.4]]],
        "diag": [[[1.0, 0.0], [0.0, 0.3]], [[0.4, 0.0], [0.0, 1.5]], [[2.0, 0.0], [0.0, 1.0]]],
        "spherical": [[[0.3, 0.0], [0.0, 0.3]], [[1.0, 0.0], [0.0, 1.0]], [[2.0, 0.0], [0.0, 2.0]]],
    }[family]
    centers = np.array([[0.0, 0.0], [15.0, 0.0], [0.0, 15.0]])
    parts = zip(centers, roots, strict=True)
    return np.concatenate([center + rng.standard_normal((400, 2)) @ np.transpose(root) for center, root in parts])


@pytest.fixture
def few():
    """Give twenty samples of a normal distribution."""
    return np.random.default_rng(0).standard_normal((20, 2))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("exhaustive", [False, True])
def test_the_model_that_the_samples_were_drawn_from_is_found(family, exhaustive, device):
    X = clusters(family)
    selection = MixtureSelection(range(1, 6), exhaustive=exhaustive, random_state=0, device=device).fit(X)
    assert selection.best_params_ == {"covariance_type": family, "n_components": 3}
    best = selection.best_estimator_
    assert (best.covariance_type, best.n_components, best.means_.shape) == (family, 3, (3, 2))
    assert np.bincount(selection.predict(X)).tolist() == [400, 400, 400]


@pytest.mark.parametrize("sample_weight", [None, "some"])
def test_exhaustive_candidates_are_those_of_fits_of_their_own(blobs, sample_weight):
    if sample_weight is not None:
        sample_weight = np.random.default_rng(1).uniform(0.0, 2.0, len(blobs))
    options = {"random_state": 3, "max_iter": 30, "n_init": 2, "reg_covar": 1e-4}
    selection = MixtureSelection([1, 2, 3, 5], exhaustive=True, device="cpu", **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        selection.fit(blobs, sample_weight=sample_weight)
        results = selection.results_
        assert results["covariance_type"].tolist() == np.repeat(FAMILIES, 4).tolist()
        assert results["n_components"].tolist() == 4 * [1, 2, 3, 5]
        for place, (family, k) in enumerate(zip(results["covariance_type"], results["n_components"], strict=True)):
            model = GaussianMixture(int(k), covariance_type=family, start="direct", device="cpu", **options)
            model.fit(blobs, sample_weight=sample_weight)
            expected = [getattr(model, name)(blobs, sample_weight=sample_weight) for name in ["bic", "aic"]]
            np.testing.assert_allclose([results[name][place] for name in ["bic", "aic"]], expected, rtol=1e-12)
            assert results["n_parameters"][place] == model._n_parameters()
            assert results["n_iter"][place] == model.n_iter_
            assert results["converged"][place] == model.converged_
            if place == selection.best_index_:
                assert same(selection.best_estimator_, model)
                assert selection.best_estimator_.lower_bounds_ == model.lower_bounds_
    assert not results["merged"].any()
    assert (results["share"] == 1).all()


def test_entropies_are_those_of_the_posterior():
    # Clusters that overlap.
    X = np.random.default_rng(0).standard_normal((500, 2)) + np.repeat([[0.0, 0.0], [2.0, 1.0]], 250, axis=0)
    weights = np.random.default_rng(1).uniform(0.0, 2.0, len(X))
    selection = MixtureSelection([2, 3], covariance_type=["full", "tied"], exhaustive=True, **OPTIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        results = selection.fit(X, sample_weight=weights).results_
        for place in range(4):
            family, k = str(results["covariance_type"][place]), int(results["n_components"][place])
            model = GaussianMixture(k, covariance_type=family, **OPTIONS).fit(X, sample_weight=weights)
            resp = model.predict_proba(X)
            entropy = -(weights[:, np.newaxis] * resp * np.log(resp)).sum()
            label_entropy = -(weights * np.log(resp.max(axis=1))).sum()
            bic = model.bic(X, sample_weight=weights)
            expected = {
                "entropy": entropy,
                "label_entropy": label_entropy,
                "icl": bic + 2.0 * entropy,
                "icl_labels": bic + 2.0 * label_entropy,
                "log_likelihood": model.score(X, sample_weight=weights) * weights.sum(),
                "smallest_component": (weights @ resp).min() * len(X) / weights.sum(),
            }
            for name, value in expected.items():
                np.testing.assert_allclose(results[name][place], value, rtol=1e-8, err_msg=name)


def test_folds_tell_what_samples_are_worth_that_were_held_out(blobs, device):
    # All candidates in full, from starts that a part of the samples does not change much.
    options = {**OPTIONS, "device": device, "exhaustive": True}
    selection = MixtureSelection([1, 2, 3, 6], covariance_type="diag", criterion="held-out", **options).fit(blobs)
    results = selection.results_
    assert selection.best_params_["n_components"] == 3
    assert selection.best_score_ == pytest.approx(-2.0 * results["held_out"][selection.best_index_])
    # Folds of scikit-learn are others; what they tell is near.
    for place, k in enumerate([1, 2, 3]):
        model = GaussianMixture(k, covariance_type="diag", start="direct", **OPTIONS)
        mean = cross_val_score(model, blobs, cv=KFold(5, shuffle=True, random_state=0)).mean()
        assert results["held_out"][place] == pytest.approx(mean * len(blobs), rel=0.02)
    # A model is worth less to samples that it does not know.
    assert (results["held_out"] < results["log_likelihood"]).all()
    assert ((results["stability"] > 0.0) & (results["stability"] <= 1.0)).all()
    # By default there are none.
    plain = MixtureSelection([1, 2], **OPTIONS).fit(blobs).results_
    assert np.isnan(plain["held_out"]).all() and np.isnan(plain["stability"]).all()
    with pytest.raises(ValueError, match="'folds' parameter of MixtureSelection"):
        MixtureSelection([1], folds=1).fit(blobs)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_the_criterion_decides(blobs, criterion):
    selection = MixtureSelection([1, 2, 3, 4], criterion=criterion, **OPTIONS).fit(blobs)
    results, best = selection.results_, selection.best_index_
    scores = results[criterion.replace("-", "_")]
    assert selection.best_score_ == scores[best] == scores[~results["held_by_floor"]].min()
    assert (best, results["rank"][best]) == (results["rank"].argmin(), 1)
    assert np.array_equal(results["rank"].argsort(), np.lexsort([scores, results["held_by_floor"]]))
    assert sorted(results["rank"]) == list(range(1, 17))
    assert selection.best_params_ == {name: results[name][best] for name in ["covariance_type", "n_components"]}
    assert selection.n_iter_ == selection.best_estimator_.n_iter_ == results["n_iter"][best]


def test_whole_weights_are_what_repeating_the_rows_is(blobs, device):
    weights = np.random.default_rng(1).integers(0, 4, size=len(blobs))
    repeated = np.repeat(blobs, weights, axis=0)
    model = MixtureSelection([1, 3], **{**OPTIONS, "device": device})
    weighted = clone(model).fit(blobs, sample_weight=weights)
    plain = clone(model).fit(repeated)
    tolerance = 1e-6 if device == "cpu" else 1e-4
    assert weighted.best_params_ == plain.best_params_ == {"covariance_type": "diag", "n_components": 3}
    for name in ["bic", "aic", "icl", "icl_labels", "log_likelihood"]:
        np.testing.assert_allclose(weighted.results_[name], plain.results_[name], rtol=tolerance, err_msg=name)
    order = [fitted.best_estimator_.means_[:, 0].argsort() for fitted in (weighted, plain)]
    means = [fitted.best_estimator_.means_[rows] for fitted, rows in zip((weighted, plain), order, strict=True)]
    np.testing.assert_allclose(*means, atol=1e-3)
    assert weighted.score(blobs, sample_weight=weights) == pytest.approx(plain.score(repeated), rel=tolerance)
    labels = clone(model).fit_predict(blobs, sample_weight=weights)
    assert np.array_equal(labels, weighted.predict(blobs))


def test_samples_in_files_are_those_in_arrays(blobs, tmp_path, device):
    weights = np.random.default_rng(1).uniform(0.5, 2.0, len(blobs))
    np.save(tmp_path / "samples.npy", blobs)
    np.save(tmp_path / "weights.npy", weights)
    model = MixtureSelection([2, 3, 4], covariance_type=["full", "diag"], random_state=0, device=device)
    of_array = clone(model).fit(blobs, sample_weight=weights)
    on_disk = Dataset(tmp_path / "samples.npy", weights=str(tmp_path / "weights.npy"), memory=10_000)
    assert on_disk.place == "disk"
    for X, sample_weight in [(tmp_path / "samples.npy", str(tmp_path / "weights.npy")), (on_disk, None)]:
        of_file = clone(model).fit(X, sample_weight=sample_weight)
        assert of_file.best_params_ == of_array.best_params_
        for name in NUMBERS:
            assert np.array_equal(of_file.results_[name], of_array.results_[name]), name
        assert same(of_file.best_estimator_, of_array.best_estimator_)
        assert np.array_equal(of_file.predict(X), of_array.predict(blobs))
    assert np.array_equal(clone(model).fit_predict([tmp_path / "samples.npy"]), clone(model).fit_predict(blobs))


def test_of_many_samples_a_part_comes_first_and_the_best_are_fitted_to_all_of_them():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200_000, 1)) + 6.0 * rng.integers(3, size=(200_000, 1))
    selection = MixtureSelection(range(1, 9), covariance_type="tied", random_state=0, device="cpu").fit(X)
    results = selection.results_
    assert selection.best_params_["n_components"] == 3
    assert set(results["share"]) == {1, 4}
    assert results["share"][results["rank"] <= 3].tolist() == 3 * [1]
    assert results["bic"][selection.best_index_] == pytest.approx(selection.bic(X), rel=1e-12)
    assert results["merged"].any()


def test_candidates_that_fail_are_rows_with_their_reasons(few):
    selection = MixtureSelection([2, 50, 2**64], covariance_type=["spherical", "diag"], random_state=0, device="cpu")
    selection.fit(few)
    results = selection.results_
    failed = results["n_components"] > 20
    assert failed.tolist() == 2 * [False, True, True]
    assert all(re.fullmatch(r"20 samples are too few for \d+ components", text) for text in results["reason"][failed])
    assert (results["reason"][~failed] == "").all()
    for name in [*NUMBERS, "smallest_component", "floor_share"]:
        assert np.isnan(results[name][failed]).all() and np.isfinite(results[name][~failed]).all(), name
    for name in ["n_parameters", "n_iter", "n_repairs", "rank"]:
        assert (results[name][failed] == -1).all() and (results[name][~failed] >= 0).all(), name
    assert not results["converged"][failed].any() and not results["held_by_floor"][failed].any()
    assert selection.best_params_["n_components"] == 2
    kinds = {name: column.dtype.kind for name, column in results.items()}
    assert {name for name, kind in kinds.items() if kind == "U"} == {"covariance_type", "reason"}
    assert {name for name, kind in kinds.items() if kind == "b"} == {"converged", "held_by_floor", "merged"}
    assert pd.DataFrame(results).shape == (6, len(results))


def test_a_component_that_collapses_is_the_end_of_its_candidate_or_begins_anew():
    X = np.repeat(np.random.default_rng(0).standard_normal((6, 2)), 20, axis=0)
    options = {"covariance_type": "full", "random_state": 0, "reg_covar": 0.0, "exhaustive": True, "device": "cpu"}
    results = MixtureSelection([1, 6], **options).fit(X).results_
    assert results["rank"].tolist() == [1, -1]
    assert re.match(r"component \d collapsed along feature \d", results["reason"][1])


def test_where_no_candidate_has_a_model_the_reason_of_the_first_is_raised(blobs, few):
    selection = MixtureSelection([2, 3], covariance_type="diag", random_state=0).fit(blobs)
    before = copy.copy(vars(selection))
    selection.set_params(n_components=[30, 40])
    message = "Expected n_samples >= n_components but got n_components = 30, n_samples = 20"
    for method in ["fit", "fit_predict"]:
        with pytest.raises(ValueError, match=message):
            getattr(selection, method)(few)
    # Nothing else has changed.
    assert vars(selection.set_params(n_components=[2, 3])) == before
    selection.predict(blobs)


@pytest.mark.parametrize(
    "method, arguments",
    [
        ("predict", {}),
        ("predict_proba", {}),
        ("score_samples", {}),
        ("score", {}),
        ("score", {"sample_weight": np.linspace(0.0, 1.0, 3000)}),
        ("bic", {}),
        ("bic", {"sample_weight": np.linspace(0.0, 1.0, 3000)}),
        ("aic", {}),
    ],
)
def test_answers_are_those_of_the_best_model(blobs, method, arguments):
    selection = MixtureSelection([2, 3], random_state=0)
    with pytest.raises(NotFittedError, match="This MixtureSelection instance is not fitted yet"):
        getattr(selection, method)(blobs, **arguments)
    selection.fit(blobs)
    expected = getattr(selection.best_estimator_, method)(blobs, **arguments)
    assert np.array_equal(getattr(selection, method)(blobs, **arguments), expected)
    with pytest.raises(ValueError, match="X has 2 features, but GaussianMixture is expecting 3 features"):
        getattr(selection, method)(blobs[:, :2])


def test_samples_are_drawn_from_the_best_model(blobs):
    selection = MixtureSelection([2, 3], random_state=0)
    with pytest.raises(NotFittedError, match="MixtureSelection"):
        selection.sample()
    X, labels = selection.fit(blobs).sample(100)
    assert (X.shape, labels.max()) == ((100, 3), 2)
    assert np.array_equal(X, selection.best_estimator_.sample(100)[0])


def test_names_of_features_are_those_of_the_frame(blobs):
    frame = pd.DataFrame(blobs, columns=["x", "y", "z"])
    selection = MixtureSelection([2, 3], random_state=0).fit(frame)
    for model in [selection, selection.best_estimator_]:
        assert model.n_features_in_ == 3
        assert model.feature_names_in_.tolist() == ["x", "y", "z"]
    selection.predict(frame)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        selection.predict(blobs)
    with pytest.raises(ValueError, match="feature names should match"):
        selection.score(frame[["y", "x", "z"]])
    assert not hasattr(selection.fit(blobs), "feature_names_in_")
    assert not hasattr(selection.best_estimator_, "feature_names_in_")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_best_model_has_the_precision_of_the_samples(blobs, dtype):
    selection = MixtureSelection([2, 3], random_state=0).fit(blobs.astype(dtype))
    assert {getattr(selection.best_estimator_, name).dtype for name in PARAMETERS} == {np.dtype(dtype)}


def test_numbers_and_covariances_are_one_or_several_of_any_kind(blobs):
    for components in [3, np.int64(3), [3], (3, 3), range(3, 4), np.array([3]), pd.Series([3])]:
        for families in ["diag", ["diag"], ("diag", "diag"), np.array(["diag"])]:
            selection = MixtureSelection(components, covariance_type=families, random_state=0, device="cpu").fit(blobs)
            assert selection.results_["n_components"].tolist() == [3]
            assert selection.best_params_ == {"covariance_type": "diag", "n_components": 3}
            assert {type(value) for value in selection.best_params_.values()} == {int, str}
    selection.set_params(n_components=[4, 2], covariance_type=["tied", "full"]).fit(blobs)
    assert selection.results_["n_components"].tolist() == [2, 4, 2, 4]
    assert selection.results_["covariance_type"].tolist() == ["tied", "tied", "full", "full"]


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"n_components": 0}, "'n_components' parameter of MixtureSelection must be an int in the range"),
        ({"n_components": "many"}, "'n_components' parameter of MixtureSelection must be .*'many'"),
        ({"n_components": None}, "'n_components' parameter of MixtureSelection"),
        ({"n_components": [1, 0]}, r"'n_components' parameter of MixtureSelection must be an int .* Got 0"),
        ({"n_components": [1, 2.5]}, r"'n_components' parameter of MixtureSelection must be an int .* Got 2\.5"),
        ({"n_components": []}, "'n_components' parameter of MixtureSelection must not be empty"),
        ({"n_components": iter([1, 2])}, "'n_components' parameter of MixtureSelection must be .*array-like"),
        ({"covariance_type": "round"}, "'covariance_type' parameter of MixtureSelection must be a str among"),
        ({"covariance_type": ["full", "round"]}, "'covariance_type' parameter of MixtureSelection .* Got 'round'"),
        ({"covariance_type": []}, "'covariance_type' parameter of MixtureSelection must not be empty"),
        ({"criterion": "best"}, "'criterion' parameter of MixtureSelection must be a str among"),
        ({"exhaustive": "yes"}, "'exhaustive' parameter of MixtureSelection"),
        ({"tol": -1.0}, "'tol' parameter of MixtureSelection"),
        ({"reg_covar": -1.0}, "'reg_covar' parameter of MixtureSelection"),
        ({"max_iter": -1}, "'max_iter' parameter of MixtureSelection"),
        ({"n_init": 0}, "'n_init' parameter of MixtureSelection"),
        ({"init_params": "best"}, "'init_params' parameter of MixtureSelection"),
        ({"random_state": "a"}, "'random_state' parameter of MixtureSelection"),
        ({"on_collapse": "leave"}, "'on_collapse' parameter of MixtureSelection"),
        ({"verbose": -1}, "'verbose' parameter of MixtureSelection"),
        ({"device": None}, "'device' parameter of MixtureSelection"),
        ({"precision": "f16"}, "'precision' parameter of MixtureSelection"),
    ],
)
def test_bad_parameters_are_errors_that_name_them(blobs, parameters, message):
    # Not before the fit, as scikit-learn's estimators.
    selection = MixtureSelection(**parameters)
    with pytest.raises(ValueError, match=message):
        selection.fit(blobs)


@pytest.mark.parametrize(
    "break_it, message",
    [
        (lambda X: np.where(X > 10, np.nan, X), "Input X contains NaN"),
        (lambda X: X[:1], "minimum of 2"),
        (lambda X: X[:, :0], "0 feature"),
        (lambda X: "missing.npy", "missing.npy"),
    ],
)
def test_bad_samples_are_errors(blobs, break_it, message):
    with pytest.raises((ValueError, OSError), match=message):
        MixtureSelection([1, 2]).fit(break_it(blobs))
    with pytest.raises(ValueError, match=r"sample_weight\.shape"):
        MixtureSelection([1, 2]).fit(blobs, sample_weight=[1.0])


def test_clones_copies_and_pickles(blobs):
    model = MixtureSelection(np.arange(2, 4), covariance_type=["tied", "diag"], criterion="icl", random_state=0)
    selection = clone(model).fit(blobs)
    assert not hasattr(clone(selection), "best_estimator_")
    assert clone(selection).get_params()["covariance_type"] == ["tied", "diag"]
    for again in [pickle.loads(pickle.dumps(selection)), copy.deepcopy(selection)]:
        assert vars(again).keys() == vars(selection).keys()
        assert again.best_params_ == selection.best_params_
        for name, column in selection.results_.items():
            np.testing.assert_array_equal(again.results_[name], column)
        assert np.array_equal(again.predict(blobs), selection.predict(blobs))
    assert repr(MixtureSelection(4, criterion="aic")) == "MixtureSelection(criterion='aic', n_components=4)"


def test_parameters_and_defaults_are_those_of_a_single_fit():
    ours, single = MixtureSelection().get_params(), GaussianMixture().get_params()
    own = {"n_components", "covariance_type", "criterion", "exhaustive", "folds"}
    assert ours.keys() - own <= single.keys()
    assert all(ours[name] == single[name] for name in ours.keys() - own)
    best = MixtureSelection(2, covariance_type="tied", tol=0.5, n_init=2, max_iter=7, precision="f64", device="cpu")
    best = best.fit([[0.0], [1.0], [5.0], [6.0]]).best_estimator_
    assert (best.n_components, best.covariance_type, best.tol, best.n_init) == (2, "tied", 0.5, 2)
    assert (best.max_iter, best.precision, best.device) == (7, "f64", "cpu")


def test_the_best_model_is_a_fitted_estimator_like_any_other(blobs, tmp_path):
    best = MixtureSelection([2, 3], random_state=0).fit(blobs).best_estimator_
    best.save(tmp_path / "model.json")
    assert same(GaussianMixture.load(tmp_path / "model.json"), best)
    np.testing.assert_allclose(best.to_sklearn().score_samples(blobs), best.score_samples(blobs), rtol=1e-5)
    assert clone(best).fit(blobs).converged_


def test_pipelines_work(blobs):
    pipeline = make_pipeline(StandardScaler(), MixtureSelection([2, 3, 4], random_state=0))
    labels = pipeline.fit_predict(blobs)
    assert np.array_equal(labels, pipeline.predict(blobs))
    assert pipeline[-1].best_params_["n_components"] == 3
    pipeline.fit(blobs, mixtureselection__sample_weight=np.ones(len(blobs)))


def test_warnings_are_those_of_the_best_alone_and_point_at_the_call(blobs):
    for method in ["fit", "fit_predict"]:
        model = MixtureSelection([3, 4], max_iter=1, exhaustive=True, random_state=0, device="cpu")
        with pytest.warns(ConvergenceWarning, match="did not converge") as caught:
            getattr(model, method)(blobs)
        assert [warning.filename for warning in caught] == [__file__]
    # Candidates that do not converge are no warning where the best does.
    model = MixtureSelection([3, 9], covariance_type="diag", max_iter=3, exhaustive=True, random_state=0, device="cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.fit(blobs).results_["converged"].tolist() == [True, False]


def test_verbose_output_tells_of_every_candidate(few):
    for level, lapse in [(1, ""), (2, r"\t time lapse \d\.\d{5}s")]:
        model = MixtureSelection([1, 30], covariance_type="diag", exhaustive=True, verbose=level, random_state=0)
        text = io.StringIO()
        with redirect_stdout(text):
            model.fit(few)
        expected = [
            f"diag, 30 components: 20 samples are too few for 30 components{lapse}",
            rf"diag, 1 components: bic {model.best_score_:.2f}, \d+ epochs{lapse}",
        ]
        found = sorted(text.getvalue().splitlines(), reverse=True)
        assert all(re.fullmatch(*pair) for pair in zip(expected, found, strict=True)), found


def test_an_error_of_whoever_listens_ends_the_job(blobs, monkeypatch):
    def fail(*arguments):
        raise BrokenPipeError

    monkeypatch.setattr("builtins.print", fail)
    with pytest.raises(BrokenPipeError):
        MixtureSelection([1, 2], verbose=1).fit(blobs)


def test_ctrl_c_stops_a_choice_soon_and_breaks_nothing():
    X = np.random.default_rng(0).standard_normal((500_000, 16))
    model = MixtureSelection(2, covariance_type="full", random_state=0, device="cpu").fit(X[:1000])
    before = copy.copy(vars(model))
    # An epoch of this takes seconds.
    model.set_params(n_components=[1000, 1500], exhaustive=True, init_params="random_from_data", tol=0.0)
    sent = []
    timer = threading.Timer(2.0, lambda: (sent.append(time.monotonic()), os.kill(os.getpid(), signal.SIGINT)))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X)
    assert time.monotonic() - sent[0] < 2.0
    assert all(vars(model)[name] is before[name] for name in ["results_", "best_estimator_", "best_index_"])
    model.predict(X[:10])


def test_floors_and_dropped_components_are_those_of_a_single_model(blobs):
    options = {"floor": 1e-3, "on_collapse": "drop", "random_state": 0, "device": "cpu"}
    selection = MixtureSelection([3], covariance_type="diag", exhaustive=True, **options).fit(blobs)
    expected = GaussianMixture(3, covariance_type="diag", **options).fit(blobs)
    assert np.array_equal(selection.best_estimator_.covariances_, expected.covariances_)
    assert selection.best_estimator_.floor == 1e-3
