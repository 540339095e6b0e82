"""Samples of which values are missing: fits and answers by what is there, and what is filled in."""

import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mixtura import Dataset, GaussianMixture, MixtureSelection, Part, Search, moments

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FAMILIES = ["full", "tied", "diag", "spherical"]
PARAMETERS = ["weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"]
OPTIONS = {"missing": "marginalize", "random_state": 0, "device": "cpu"}
ANSWERS = ["predict", "predict_proba", "score_samples", "score", "bic", "aic"]
HINT = "missing='marginalize', which integrates out what is missing"


def with_holes(X, share, seed=0):
    """Take a share of the values out, completely at random."""
    return np.where(np.random.default_rng(seed).uniform(size=X.shape) < share, np.nan, X)


@pytest.fixture
def holed(blobs):
    """Three clusters, a quarter of whose values are missing; one sample has none."""
    X = with_holes(blobs, 0.25)
    X[5] = np.nan
    return X


def same(one, other):
    """Whether two fitted models are the same, to the last bit."""
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in PARAMETERS)


class Oracle:
    """A mixture in NumPy, sample by sample, for covariances that are matrices: those of every component."""

    def __init__(self, weights, means, covariances):
        self.weights, self.means, self.covariances = weights, means, covariances

    @classmethod
    def of(cls, model):
        """Make it of a fitted model."""
        k, d = model.means_.shape
        matrices = {
            "full": lambda values: values,
            "tied": lambda values: np.broadcast_to(values, (k, d, d)),
            "diag": lambda values: np.array([np.diag(row) for row in values]),
            "spherical": lambda values: values[:, np.newaxis, np.newaxis] * np.eye(d),
        }
        return cls(model.weights_, model.means_, matrices[model.covariance_type](model.covariances_))

    def log_joint(self, x):
        """Log of weight times marginal density, of every component."""
        there = ~np.isnan(x)
        if not there.any():
            return np.log(self.weights)
        densities = [
            multivariate_normal.logpdf(x[there], mean[there], covariance[np.ix_(there, there)], allow_singular=True)
            for mean, covariance in zip(self.means, self.covariances, strict=True)
        ]
        return np.log(self.weights) + densities

    def posterior(self, x):
        """Log-density, and responsibilities."""
        joint = self.log_joint(x)
        log_density = np.logaddexp.reduce(joint)
        return log_density, np.exp(joint - log_density)

    def expected(self, x, k):
        """Give what a sample is expected to be in a component, and the covariance of that."""
        there, d = ~np.isnan(x), len(x)
        filled, spread = x.copy(), np.zeros((d, d))
        mean, covariance = self.means[k], self.covariances[k]
        slopes = covariance[np.ix_(~there, there)] @ np.linalg.inv(covariance[np.ix_(there, there)])
        filled[~there] = mean[~there] + slopes @ (x[there] - mean[there])
        residual = covariance[np.ix_(~there, ~there)] - slopes @ covariance[np.ix_(there, ~there)]
        spread[np.ix_(~there, ~there)] = residual
        return filled, spread

    def epoch(self, X, sample_weight, reg_covar, family):
        """Move by an epoch of EM; give the mean log-likelihood before it.

        Where features are independent what is missing need not be expected: samples count for the features they have.
        """
        k, d = self.means.shape
        log_densities, resp = zip(*[self.posterior(x) for x in X], strict=True)
        resp = np.array(resp) * sample_weight[:, np.newaxis]
        counts = resp.sum(axis=0)
        self.weights = counts / counts.sum()
        means, covariances = np.empty((k, d)), np.empty((k, d, d))
        if family == "diag":
            there, values = ~np.isnan(X), np.nan_to_num(X)
            of_features = resp.T @ there
            self.means = resp.T @ values / of_features
            for j in range(k):
                squares = resp[:, j] @ (there * (values - self.means[j]) ** 2)
                covariances[j] = np.diag(squares / of_features[j] + reg_covar)
            self.covariances = covariances
            return sample_weight @ log_densities / sample_weight.sum()
        expected = [[self.expected(x, j) for x in X] for j in range(k)]
        for j in range(k):
            filled = np.array([one for one, _ in expected[j]])
            spread = np.array([one for _, one in expected[j]])
            means[j] = resp[:, j] @ filled / counts[j]
            deviations = filled - means[j]
            covariances[j] = (resp[:, j, np.newaxis] * deviations).T @ deviations
            covariances[j] = (covariances[j] + np.tensordot(resp[:, j], spread, 1)) / counts[j] + reg_covar * np.eye(d)
        self.means, self.covariances = means, covariances
        return sample_weight @ log_densities / sample_weight.sum()

    def impute(self, x):
        """Fill in the conditional mean of a sample."""
        _, resp = self.posterior(x)
        return resp @ np.array([self.expected(x, k)[0] for k in range(len(resp))])


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


@pytest.fixture
def files(holed, tmp_path):
    """Write the samples to files, which say in their own ways that a value is missing."""
    frame = pd.DataFrame(holed, columns=list("abc"))
    frame.to_csv(tmp_path / "samples.csv", index=False)
    columns = {name: pa.array(values, mask=np.isnan(values)) for name, values in zip("abc", holed.T, strict=True)}
    pa.parquet.write_table(pa.table(columns), tmp_path / "samples.parquet")
    np.save(tmp_path / "samples.npy", holed)
    return [tmp_path / f"samples.{kind}" for kind in ("csv", "parquet", "npy")]


def test_files_are_what_arrays_are(holed, files):
    model = GaussianMixture(3, **OPTIONS).fit(holed)
    for path in files:
        opened = Dataset(path, missing="marginalize")
        assert (opened.n_samples, opened.n_missing) == (3000, np.isnan(holed).sum())
        on_disk = Dataset(path, missing="marginalize", memory=1000)
        assert on_disk.place == "disk"
        for X in [path, opened, pickle.loads(pickle.dumps(opened)), on_disk]:
            again = clone(model).fit(X)
            assert same(again, model) and again.lower_bounds_ == model.lower_bounds_, X
            for method in [*ANSWERS, "impute"]:
                assert np.array_equal(getattr(again, method)(X), getattr(model, method)(holed)), (X, method)
            assert np.array_equal(again.impute(X, 2), model.impute(holed, 2)), X


def test_files_that_lack_values_are_refused_unless_the_estimator_takes_them(blobs, files, tmp_path):
    np.save(tmp_path / "whole.npy", blobs)
    model = GaussianMixture(3, random_state=0).fit(blobs)
    for path in files:
        with pytest.raises(ValueError, match=re.escape(path.name) + r".*(.|\n)*missing='marginalize'"):
            Dataset(path)
        named = pd.DataFrame(blobs, columns=list("abc"))
        fitted = clone(model).fit(blobs if path.suffix == ".npy" else named)
        opened = Dataset(path, missing="marginalize")
        for method in ["fit", "fit_predict", *ANSWERS]:
            with pytest.raises(ValueError, match="missing='marginalize'"):
                getattr(fitted, method)(path)
            with pytest.raises(ValueError, match=f"{opened.n_missing} values of the Dataset are missing.*{HINT}"):
                getattr(fitted, method)(opened)
        with pytest.raises(ValueError, match="values of the Dataset are missing"):
            moments(opened, fitted)
        with pytest.raises(ValueError, match="values of the Dataset are missing"):
            Part(opened)
    # Where nothing is missing, the word alone is no obstacle.
    assert same(clone(model).fit(Dataset(tmp_path / "whole.npy", missing="marginalize")), model)
    assert same(clone(model).set_params(missing="marginalize").fit(Dataset(tmp_path / "whole.npy")), model)
    with pytest.raises(ValueError, match="The 'missing' parameter of Dataset"):
        Dataset(tmp_path / "whole.npy", missing="drop")


def test_weights_in_files_are_never_missing(files, tmp_path):
    frame = pd.read_csv(files[0])
    frame["w"] = frame["a"].abs()
    frame.to_parquet(tmp_path / "weighted.parquet")
    with pytest.raises(ValueError, match=r"weighted\.parquet.*\(w\)") as error:
        Dataset(tmp_path / "weighted.parquet", weights="w", missing="marginalize")
    assert "marginalize" not in str(error.value)


def test_a_model_is_chosen_by_what_is_there(holed, files):
    selection = MixtureSelection([1, 2, 3, 4], tol=1e-6, **OPTIONS).fit(holed)
    assert selection.best_params_ == {"covariance_type": "diag", "n_components": 3}
    best = selection.best_estimator_
    assert best.missing == "marginalize"
    for method in [*ANSWERS, "impute"]:
        assert np.array_equal(getattr(selection, method)(holed), getattr(best, method)(holed))
    assert np.array_equal(selection.impute(holed, n_draws=2), best.impute(holed, n_draws=2))
    place = selection.best_index_
    assert selection.results_["bic"][place] == pytest.approx(best.bic(holed), rel=1e-9)
    assert same(clone(selection).fit(files[2]).best_estimator_, best)
    exhaustive = clone(selection).set_params(exhaustive=True).fit(holed)
    alone = GaussianMixture(3, covariance_type="diag", tol=1e-6, **OPTIONS).fit(holed)
    assert same(exhaustive.best_estimator_, alone)
    folds = clone(selection).set_params(criterion="held-out", n_components=[2, 3], folds=3).fit(holed)
    assert folds.best_params_["n_components"] == 3 and np.isfinite(folds.results_["held_out"]).all()


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


def test_the_cpu_takes_the_place_of_a_device_that_was_chosen_automatically(blobs, holed):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        model = GaussianMixture(3, missing="marginalize", random_state=0).fit(holed)
    assert same(model, GaussianMixture(3, **OPTIONS).fit(holed))
    model.set_params(device="software")
    for call in [model.fit, model.predict, model.score]:
        with pytest.raises(ValueError, match="passes over no samples of which values are missing") as error:
            call(holed)
        assert 'device="cpu"' in str(error.value)
    model.fit(blobs)


@pytest.mark.parametrize("family", FAMILIES)
def test_parts_are_those_of_the_whole(holed, family):
    options = {"covariance_type": family, **OPTIONS}
    expected = GaussianMixture(3, **options).fit(holed)
    parts = [Part(holed[:1000], device="cpu", missing="marginalize")]
    parts.append(Part(holed[1000:], first=1000, device="cpu", missing="marginalize"))
    search = Search(GaussianMixture(3, **options), [part.summary for part in parts])
    for part in parts:
        part.join(search.summary)
    while tasks := search.wants():
        search.takes([part.answer(tasks) for part in parts])
    model = search.finish()
    np.testing.assert_allclose(model.lower_bounds_, expected.lower_bounds_, rtol=1e-9)
    for name in PARAMETERS:
        np.testing.assert_allclose(getattr(model, name), getattr(expected, name), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_moments_complete_samples_by_what_is_expected(holed, family):
    expected = GaussianMixture(3, covariance_type=family, **OPTIONS).fit(holed)
    both = moments(holed[:1000], expected) + moments(holed[1000:], expected)
    one = pickle.loads(pickle.dumps(both))
    assert one.missing == "marginalize"
    following = one.maximize()
    assert following.missing == "marginalize"
    assert following.lower_bound_ == pytest.approx(expected.score(holed), rel=1e-10)
    oracle = Oracle.of(expected)
    oracle.epoch(holed, np.ones(len(holed)), 1e-6, "full")
    np.testing.assert_allclose(following.means_, oracle.means, rtol=1e-8, atol=1e-8)
    of_families = {
        "full": lambda covariances: covariances,
        "tied": lambda covariances: np.tensordot(oracle.weights, covariances, 1),
        "diag": lambda covariances: np.diagonal(covariances, axis1=1, axis2=2),
        "spherical": lambda covariances: np.trace(covariances, axis1=1, axis2=2) / 3,
    }
    expected_covariances = of_families[family](oracle.covariances)
    np.testing.assert_allclose(following.covariances_, expected_covariances, rtol=1e-8, atol=1e-8)
    theirs = expected.to_sklearn()
    with pytest.raises(ValueError, match=HINT):
        moments(holed, theirs)
    assert moments(holed, theirs, missing="marginalize", device="cpu").total_weight == 3000.0


def test_the_methods_inside_scikit_learns_fit_refuse_missing_values(blobs, holed):
    model = GaussianMixture(3, **OPTIONS).fit(holed)
    for name in ["_estimate_log_prob", "_estimate_weighted_log_prob", "_estimate_log_prob_resp", "_e_step"]:
        with pytest.raises(ValueError, match=f"scikit-learn's {name} does not integrate out"):
            getattr(model, name)(holed)
        getattr(model, name)(blobs)
