"""The estimator behaves as scikit-learn's does, and beyond it."""

import copy
import io
import pickle
import re
import warnings
from contextlib import redirect_stdout

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.mixture import GaussianMixture as Theirs
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mixtura import GaussianMixture

FAMILIES = ["full", "tied", "diag", "spherical"]
PARAMETERS = ["weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"]


def same(one, other):
    """Whether two fitted models are the same, to the last bit."""
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in PARAMETERS)


def test_parameters_and_attributes_are_scikit_learns(blobs):
    ours, theirs = GaussianMixture(3, random_state=0), Theirs(3, random_state=0)
    own = {
        "start": "direct",
        "update": "em",
        "learning_rate": None,
        "momentum": None,
        "batch_size": None,
        "decay": None,
        "polish": False,
        "floor": None,
        "on_collapse": "error",
        "prune": "auto",
        "posterior": "exact",
        "missing": "error",
        "checkpoint": None,
        "checkpoint_every": 10,
        "device": "auto",
        "precision": "auto",
    }
    assert ours.get_params() == {**theirs.get_params(), **own}
    ours.fit(blobs)
    theirs.fit(blobs)
    public = {name for name in vars(theirs) if name.endswith("_")}
    assert public | {"device_", "trace_"} == {name for name in vars(ours) if name.endswith("_")}
    for name in public:
        assert np.shape(getattr(ours, name)) == np.shape(getattr(theirs, name)) or name == "lower_bounds_", name
    methods = {name for name in dir(theirs) if not name.startswith("_") and callable(getattr(theirs, name))}
    assert methods <= set(dir(ours))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_results_have_the_precision_of_the_samples(blobs, family, dtype, device):
    X = blobs.astype(dtype)
    model = GaussianMixture(3, covariance_type=family, random_state=0, device=device).fit(X)
    assert {getattr(model, name).dtype for name in PARAMETERS} == {np.dtype(dtype)}
    assert model.predict_proba(X).dtype == model.score_samples(X).dtype == dtype
    assert isinstance(model.score(X), float)
    # Results are in the wider of the precisions of model and samples.
    assert model.predict_proba(X.astype(np.float64)).dtype == np.float64
    assert model.predict(X).dtype == np.int64
    assert np.array_equal(model.fit_predict(X), model.predict(X))


def test_all_layouts_give_the_same_bits(blobs):
    layouts = {
        "rows": blobs,
        "columns": np.asfortranarray(blobs),
        "every other row": np.repeat(blobs, 2, axis=0)[::2],
        "backwards": blobs[::-1].copy()[::-1],
        "big-endian": blobs.astype(">f8"),
        "unaligned": np.frombuffer(b"\0" + blobs.tobytes(), dtype=np.uint8)[1:].view(np.float64).reshape(blobs.shape),
        "list": blobs.tolist(),
        "frame": pd.DataFrame(blobs, columns=["a", "b", "c"]),
    }
    reference = GaussianMixture(3, random_state=0).fit(blobs)
    for name, X in layouts.items():
        model = GaussianMixture(3, random_state=0).fit(X)
        assert same(model, reference), name
    assert list(model.feature_names_in_) == ["a", "b", "c"]
    assert model.n_features_in_ == 3


@pytest.mark.parametrize("family", FAMILIES)
def test_whole_weights_are_what_repeating_the_rows_is(blobs, family, device):
    rng = np.random.default_rng(1)
    weights = rng.integers(0, 4, size=len(blobs))
    repeated = np.repeat(blobs, weights, axis=0)
    start = GaussianMixture(3, covariance_type=family, random_state=0).fit(blobs)
    options = {"weights_init": start.weights_, "means_init": start.means_ + 0.5, "precisions_init": start.precisions_}
    model = GaussianMixture(3, covariance_type=family, device=device, tol=1e-6, **options)
    weighted = clone(model).fit(blobs, sample_weight=weights)
    plain = clone(model).fit(repeated)
    tolerance = 1e-9 if device == "cpu" else 1e-4
    for name in PARAMETERS:
        np.testing.assert_allclose(getattr(weighted, name), getattr(plain, name), rtol=tolerance, atol=tolerance)
    for criterion in ["score", "bic", "aic"]:
        expected = getattr(plain, criterion)(repeated)
        found = getattr(weighted, criterion)(blobs, sample_weight=weights)
        np.testing.assert_allclose(found, expected, rtol=1e-9 if device == "cpu" else 1e-5)
    labels = clone(model).fit_predict(blobs, sample_weight=weights)
    assert np.array_equal(labels, weighted.predict(blobs))


def test_a_warm_start_goes_on_as_if_there_had_been_no_stop(blobs, device):
    through = GaussianMixture(3, random_state=0, max_iter=6, tol=0.0, device=device)
    stepwise = GaussianMixture(3, random_state=0, max_iter=2, tol=0.0, warm_start=True, device=device)
    with pytest.warns(ConvergenceWarning):
        through.fit(blobs)
        for _ in range(3):
            stepwise.fit(blobs)
    assert same(through, stepwise)
    assert through.lower_bounds_[-2:] == stepwise.lower_bounds_


def test_models_survive_every_kind_of_copy(blobs, tmp_path):
    model = GaussianMixture(3, covariance_type="tied", random_state=0).fit(pd.DataFrame(blobs, columns=list("xyz")))
    joblib.dump(model, tmp_path / "model.joblib")
    model.save(tmp_path / "model.json")
    frame = pd.DataFrame(blobs, columns=list("xyz"))
    copies = {
        "pickle": pickle.loads(pickle.dumps(model)),
        "deepcopy": copy.deepcopy(model),
        "joblib": joblib.load(tmp_path / "model.joblib"),
        "file": GaussianMixture.load(tmp_path / "model.json"),
        "scikit-learn": GaussianMixture.from_sklearn(model.to_sklearn()),
    }
    for name, other in copies.items():
        assert np.array_equal(model.predict_proba(frame), other.predict_proba(frame)), name
        assert list(other.feature_names_in_) == ["x", "y", "z"], name
        for attribute in ["converged_", "n_iter_", "lower_bound_", "n_features_in_"]:
            assert getattr(other, attribute) == getattr(model, attribute), (name, attribute)
    assert not hasattr(clone(model), "means_")
    theirs = model.to_sklearn()
    assert type(theirs) is Theirs
    np.testing.assert_allclose(theirs.score_samples(frame), model.score_samples(frame), rtol=1e-12)
    unfitted = GaussianMixture.from_sklearn(Theirs(5, tol=0.5), device="cpu")
    assert (unfitted.n_components, unfitted.tol, unfitted.device) == (5, 0.5, "cpu")


def test_a_loaded_model_has_the_options_of_its_fit(blobs, tmp_path):
    options = {"tol": 1e-5, "reg_covar": 1e-4, "max_iter": 50, "n_init": 2, "init_params": "random_from_data"}
    model = GaussianMixture(2, **options, random_state=3).fit(blobs)
    model.save(tmp_path / "model.json")
    loaded = GaussianMixture.load(tmp_path / "model.json")
    assert {name: getattr(loaded, name) for name in options} == options
    assert same(model, loaded)
    with pytest.raises(ValueError, match=r"not a Mixtura model|format"):
        (tmp_path / "broken.json").write_text("{}")
        GaussianMixture.load(tmp_path / "broken.json")
    with pytest.raises(FileNotFoundError):
        GaussianMixture.load(tmp_path / "missing.json")
    with pytest.raises(OSError, match="directory"):
        model.save(tmp_path)


def test_searches_and_pipelines_work(blobs):
    search = GridSearchCV(
        GaussianMixture(random_state=0),
        {"n_components": [1, 3, 5], "covariance_type": FAMILIES},
        scoring=lambda model, X: -model.bic(X),
        n_jobs=2,
        cv=3,
    ).fit(blobs)
    assert search.best_params_ == {"n_components": 3, "covariance_type": "diag"}
    pipeline = make_pipeline(StandardScaler(), GaussianMixture(3, random_state=0))
    assert len(set(pipeline.fit_predict(blobs))) == 3
    weights = np.ones(len(blobs))
    pipeline.fit(blobs, gaussianmixture__sample_weight=weights)


def test_verbose_output_is_scikit_learns(blobs):
    options = {"n_components": 3, "max_iter": 5, "tol": 1e-12, "n_init": 2, "verbose_interval": 2}
    start = {"weights_init": [0.2, 0.3, 0.5], "means_init": blobs[:3], "precisions_init": [np.eye(3)] * 3}
    for level in [1, 2]:
        texts = []
        for kind in [Theirs, GaussianMixture]:
            text = io.StringIO()
            with redirect_stdout(text), warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                kind(**options, **start, verbose=level).fit(blobs)
            # Times differ.
            lines = [line.split("time lapse") for line in text.getvalue().splitlines()]
            texts.append([[line[0], line[1].split("s\t")[1:]] if len(line) == 2 else line for line in lines])
        assert texts[0] == texts[1]


def test_max_iter_of_0_leaves_the_initialisation_without_a_warning(blobs):
    means = blobs[:3]
    model = GaussianMixture(3, means_init=means, max_iter=0, random_state=0).fit(blobs)
    assert np.array_equal(model.means_, means)
    assert (model.n_iter_, model.converged_, model.lower_bound_, model.lower_bounds_) == (0, False, -np.inf, [])


def test_samples_follow_the_model_and_the_seed(blobs):
    model = GaussianMixture(3, random_state=0).fit(blobs)
    X, labels = model.sample(20_000)
    assert (X.shape, X.dtype, labels.dtype) == ((20_000, 3), np.float64, np.int64)
    assert np.all(np.diff(labels) >= 0)
    for k in range(3):
        np.testing.assert_allclose(X[labels == k].mean(axis=0), model.means_[k], atol=0.1)
        np.testing.assert_allclose(np.cov(X[labels == k].T, bias=True), model.covariances_[k], atol=0.15)
    assert np.array_equal(X, model.sample(20_000)[0])
    assert not np.array_equal(X, model.set_params(random_state=1).sample(20_000)[0])


def test_a_model_made_by_hand_predicts(blobs):
    fitted = GaussianMixture(3, random_state=0).fit(blobs)
    model = GaussianMixture(3)
    for name in ["weights_", "means_", "precisions_cholesky_"]:
        setattr(model, name, getattr(fitted, name))
    assert np.array_equal(model.predict(blobs), fitted.predict(blobs))


# A call that must fail, as a function of an estimator class: scikit-learn's exception is the one to raise.
BAD_CALLS = {
    "a NaN": lambda kind, X: kind(2).fit(np.where(X > 10, np.nan, X)),
    "an infinity": lambda kind, X: kind(2).fit(np.where(X > 10, np.inf, X)),
    "too few samples": lambda kind, X: kind(9).fit(X[:5]),
    "one sample": lambda kind, X: kind(1).fit(X[:1]),
    "no samples": lambda kind, X: kind(1).fit(X[:0]),
    "no features": lambda kind, X: kind(1).fit(X[:, :0]),
    "one dimension": lambda kind, X: kind(1).fit(X[0]),
    "three dimensions": lambda kind, X: kind(1).fit(X[None]),
    "text": lambda kind, X: kind(1).fit([["a"], ["b"]]),
    "complex numbers": lambda kind, X: kind(1).fit(X + 1j),
    "ragged rows": lambda kind, X: kind(1).fit([[1.0], [1.0, 2.0]]),
    "nothing": lambda kind, X: kind(1).fit(None),
    "other features": lambda kind, X: kind(1).fit(X).predict(X[:, :2]),
    "not fitted": lambda kind, X: kind(1).predict(X),
    "not fitted, sample": lambda kind, X: kind(1).sample(),
    "samples of none": lambda kind, X: kind(1).fit(X).sample(0),
    "components": lambda kind, X: kind(0).fit(X),
    "components of type": lambda kind, X: kind(2.5).fit(X),
    "family": lambda kind, X: kind(1, covariance_type="round").fit(X),
    "tolerance": lambda kind, X: kind(1, tol=-1.0).fit(X),
    "floor": lambda kind, X: kind(1, reg_covar=-1.0).fit(X),
    "epochs": lambda kind, X: kind(1, max_iter=-1).fit(X),
    "restarts": lambda kind, X: kind(1, n_init=0).fit(X),
    "initialisation": lambda kind, X: kind(1, init_params="best").fit(X),
    "seed": lambda kind, X: kind(1, random_state="a").fit(X),
    "verbosity": lambda kind, X: kind(1, verbose=-1).fit(X),
    "weights of the wrong number": lambda kind, X: kind(2, weights_init=[1.0]).fit(X),
    "weights out of range": lambda kind, X: kind(2, weights_init=[1.5, -0.5]).fit(X),
    "weights not normalised": lambda kind, X: kind(2, weights_init=[0.5, 0.4]).fit(X),
    "means of the wrong shape": lambda kind, X: kind(2, means_init=[[0.0, 0.0]]).fit(X),
    "means that are not finite": lambda kind, X: kind(1, means_init=[[0.0, np.nan, 0.0]]).fit(X),
    "precisions of the wrong shape": lambda kind, X: kind(2, precisions_init=np.eye(3)).fit(X),
    "precisions not positive": lambda kind, X: kind(1, precisions_init=[-np.eye(3)]).fit(X),
    "precisions not symmetric": lambda kind, X: kind(1, precisions_init=[np.eye(3) + np.eye(3, k=1)]).fit(X),
    "variances not positive": lambda kind, X: kind(1, covariance_type="spherical", precisions_init=[0.0]).fit(X),
    "a collapse": lambda kind, X: kind(2, reg_covar=0.0).fit(np.repeat(X[:2], 5, axis=0)),
    "a tolerance beyond all numbers": lambda kind, X: kind(1, tol=10**400).fit(X),
    "a floor beyond all numbers": lambda kind, X: kind(1, reg_covar=10**400).fit(X),
    "components beyond all numbers": lambda kind, X: kind(2**64).fit(X),
    "samples in words": lambda kind, X: kind(1).fit(X).sample("2"),
    "samples that are not a number": lambda kind, X: kind(1).fit(X).sample(np.nan),
    "samples beyond all numbers": lambda kind, X: kind(1).fit(X).sample(2**64),
    "samples beyond all memory": lambda kind, X: kind(1).fit(X).sample(2**60),
    "features without names": lambda kind, X: (
        kind(1).fit(pd.DataFrame(X, columns=["a", "b", "c"])).predict(pd.DataFrame(X, columns=["c", "b", "a"]))
    ),
}


def without_sets(error):
    """Text of an error; the order in which sets of options are printed is anybody's guess."""
    return re.sub(r"{.*?}", "{}", str(error))


@pytest.mark.parametrize("call", BAD_CALLS.values(), ids=BAD_CALLS)
@pytest.mark.filterwarnings("ignore:Number of distinct clusters:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_bad_input_raises_what_scikit_learn_raises(call, blobs):
    with pytest.raises(Exception) as theirs:
        call(Theirs, blobs)
    with pytest.raises(theirs.type) as ours:
        call(GaussianMixture, blobs)
    assert ours.type is theirs.type
    # The same words, but for what is added to them. (scikit-learn names the wrong number for samples of none.)
    if "n_samples'" not in str(theirs.value):
        assert without_sets(ours.value).startswith(without_sets(theirs.value))


# Likewise, but scikit-learn's words are those of NumPy about shapes.
BAD_MODELS = {
    "a warm start of another family": lambda kind, X: (
        kind(2, warm_start=True).fit(X).set_params(covariance_type="tied").fit(X)
    ),
    "a warm start of less": lambda kind, X: (
        kind(2, covariance_type="tied", warm_start=True).fit(X).set_params(covariance_type="full").fit(X)
    ),
    "a warm start on other features": lambda kind, X: kind(2, warm_start=True).fit(X).fit(X[:, :2]),
    "another family": lambda kind, X: kind(2).fit(X).set_params(covariance_type="tied").predict(X),
    "means of one dimension": lambda kind, X: with_attribute(kind(2).fit(X), "means_", np.zeros(3)).predict(X),
    "means of three dimensions": lambda kind, X: with_attribute(kind(2).fit(X), "means_", np.zeros((2, 3, 1))).predict(
        X
    ),
    "means of other features": lambda kind, X: with_attribute(kind(2).fit(X), "means_", np.zeros((2, 2))).predict(X),
    "weights of others": lambda kind, X: with_attribute(kind(2).fit(X), "weights_", np.ones(3) / 3).predict(X),
    "no covariance at the start": lambda kind, X: kind(2, reg_covar=0.0, init_params="k-means++").fit(X),
}


def with_attribute(model, name, value):
    setattr(model, name, value)
    return model


@pytest.mark.parametrize("call", BAD_MODELS.values(), ids=BAD_MODELS)
@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_models_that_do_not_fit_together_raise_what_scikit_learn_raises(call, blobs):
    for kind in [Theirs, GaussianMixture]:
        with pytest.raises(ValueError):
            call(kind, blobs)


def test_numbers_that_scikit_learn_takes_are_taken(blobs):
    for kind in [Theirs, GaussianMixture]:
        model = kind(3, max_iter=2**64, random_state=0).fit(blobs)
        assert model.converged_
        assert [model.sample(n)[0].shape for n in [2.0, 2.7, np.int64(2), True]] == [(2, 3)] * 3 + [(1, 3)]
        # A warm start goes on with the components that there are.
        model.set_params(warm_start=True, n_components=2).fit(blobs)
        assert model.means_.shape == (3, 3)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", ["fit", "fit_predict"])
def test_a_model_that_single_precision_cannot_hold_is_an_error(family, method):
    X = np.random.default_rng(0).standard_normal((100, 2)) * 1e-25
    model = GaussianMixture(covariance_type=family, reg_covar=0.0, device="cpu")
    with pytest.raises(ValueError, match=r"too large for float32\. Scale the input data, or pass it as float64"):
        getattr(model, method)(X.astype(np.float32))
    assert not hasattr(model, "means_")
    assert np.isfinite(model.fit(X).precisions_).all()


def test_the_warning_of_no_convergence_points_at_the_call(blobs):
    for method in ["fit", "fit_predict"]:
        with pytest.warns(ConvergenceWarning) as caught:
            getattr(GaussianMixture(3, max_iter=1, random_state=0), method)(blobs)
        assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"sample_weight": [1.0]}, "sample_weight.shape"),
        ({"sample_weight": np.full(3000, -1.0)}, "[Nn]egative"),
        ({"sample_weight": np.full(3000, np.nan)}, "NaN"),
        ({"sample_weight": np.zeros(3000)}, "weights|zero"),
        ({"sample_weight": np.r_[np.ones(2), np.zeros(2998)]}, "n_samples = 2"),
        ({"sample_weight": np.full(3000, "a")}, "could not convert|dtype"),
    ],
)
def test_bad_weights_are_errors(blobs, arguments, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(3).fit(blobs, **arguments)


def test_values_too_large_to_square_are_an_error(blobs):
    blobs[7, 1] = 1e200
    with pytest.raises(ValueError, match="row 7, column 1 is 1e200, too large for sums of squares"):
        GaussianMixture(2).fit(blobs)


def test_bad_devices_are_errors(blobs):
    with pytest.raises(RuntimeError, match='no graphics adapter "imaginary" was found'):
        GaussianMixture(device="imaginary").fit(blobs)
    with pytest.raises(ValueError, match="'precision' parameter"):
        GaussianMixture(precision="f16").fit(blobs)
    with pytest.raises(ValueError, match="precision is f64"):
        GaussianMixture(device="software", precision="f64").fit(blobs)
    with pytest.raises(ValueError, match="without a name in one of its places"):
        GaussianMixture(device="cpu,,cpu").fit(blobs)
    with pytest.raises(ValueError, match="'device' parameter"):
        GaussianMixture(device=None).fit(blobs)
    numbers = [GaussianMixture(2, random_state=0, device=choice).fit(blobs).means_ for choice in ["0", 0]]
    assert np.array_equal(*numbers)


def test_several_cpus_find_what_one_finds(blobs):
    one, several = (GaussianMixture(3, random_state=0, device=device).fit(blobs) for device in ["cpu", "CPU, cpu"])
    assert np.array_equal(one.means_, several.means_) and one.lower_bounds_ == several.lower_bounds_
    assert np.array_equal(one.predict(blobs), several.predict(blobs))


def test_the_cpu_computes_in_single_precision_when_it_is_asked_to(blobs):
    double, single = (GaussianMixture(3, random_state=0, precision=p, device="cpu").fit(blobs) for p in ["f64", "f32"])
    np.testing.assert_allclose(single.means_, double.means_, atol=1e-4)
    assert not np.array_equal(single.means_, double.means_)


def test_a_fit_that_fails_changes_nothing(blobs):
    model = GaussianMixture(2, random_state=0).fit(blobs)
    before = copy.deepcopy(vars(model))
    with pytest.raises(ValueError, match="ill-defined"):
        model.set_params(reg_covar=0.0).fit(pd.DataFrame({"a": [1.0, 1.0, 2.0, 2.0], "b": [0.0, 0.0, 0.0, 0.0]}))
    model.set_params(reg_covar=1e-6)
    assert vars(model).keys() == before.keys()
    assert model.n_features_in_ == 3
    model.predict(blobs)


def test_what_is_not_fitted_says_so(blobs, tmp_path):
    model = GaussianMixture()
    calls = [model.predict, model.predict_proba, model.score_samples, model.score, model.bic, model.aic]
    for call in calls:
        with pytest.raises(NotFittedError):
            call(blobs)
    with pytest.raises(NotFittedError):
        model.save(tmp_path / "model.json")


def test_the_representation_shows_what_was_set():
    assert repr(GaussianMixture(3, device="cpu")) == "GaussianMixture(device='cpu', n_components=3)"
