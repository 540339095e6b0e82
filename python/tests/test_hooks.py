"""The methods inside scikit-learn's fit: to call them is to call scikit-learn's, to override them is an error."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.mixture import GaussianMixture as Theirs

import mixtura
from mixtura import GaussianMixture

FAMILIES = ["full", "tied", "diag", "spherical"]

CALLED_BY_FIT = [
    "_check_parameters",
    "_initialize_parameters",
    "_initialize",
    "_e_step",
    "_m_step",
    "_compute_lower_bound",
    "_get_parameters",
    "_set_parameters",
    "_estimate_log_prob",
    "_estimate_log_prob_resp",
    "_estimate_log_weights",
    "_estimate_weighted_log_prob",
    "_print_verbose_msg_init_beg",
    "_print_verbose_msg_iter_end",
    "_print_verbose_msg_init_end",
]
CALLED_BY_PREDICT = ["_estimate_log_prob", "_estimate_log_weights", "_estimate_weighted_log_prob"]


def overriding(*names, base=GaussianMixture):
    """Make a class that overrides methods."""

    def override(name):
        def method(self, *arguments, **options):
            return getattr(super(kind, self), name)(*arguments, **options)

        return method

    kind = type("Overriding", (base,), {name: override(name) for name in names})
    return kind


def test_scikit_learns_fit_calls_what_is_refused_and_no_other_private_method(blobs):
    called = set()

    def watch(name):
        def method(self, *arguments, **options):
            called.add(name)
            return getattr(super(kind, self), name)(*arguments, **options)

        return method

    private = {name for name in dir(Theirs) if name.startswith("_") and not name.startswith("__")}
    methods = {name for name in private if callable(getattr(Theirs, name)) and name not in {"_get_param_names"}}
    # Of every estimator; a metadata request is a class method.
    methods -= {
        name for name in methods if hasattr(Theirs.__mro__[-2], name) or "metadata" in name or "request" in name
    }
    kind = type("Watched", (Theirs,), {name: watch(name) for name in methods})
    kind(3, verbose=2, random_state=0).fit(blobs)
    assert called - {"_validate_params", "_more_tags"} == set(CALLED_BY_FIT)


@pytest.mark.parametrize("name", [*CALLED_BY_FIT, "fit_predict"])
def test_a_fit_that_would_leave_out_an_override_is_an_error(blobs, name):
    model = overriding(name)(3, random_state=0)
    with pytest.raises(TypeError, match=rf"Overriding overrides {name} \(in .*Overriding\).* fit does not call it"):
        model.fit(blobs)
    assert not hasattr(model, "means_")
    if name != "fit_predict":
        with pytest.raises(TypeError, match=rf"overrides {name} .* fit_predict does not call it"):
            model.fit_predict(blobs)
    # A class in between, or beside it, is no other matter.
    with pytest.raises(TypeError, match=name):
        overriding("predict", base=overriding(name))(3).fit(blobs)
    mixin = type("Mixin", (), {name: lambda self, *arguments: None})
    with pytest.raises(TypeError, match=rf"{name} \(in .*Mixin\)"):
        type("Mixed", (mixin, GaussianMixture), {})(3).fit(blobs)


@pytest.mark.parametrize("name", CALLED_BY_PREDICT)
@pytest.mark.parametrize("caller", ["predict", "predict_proba", "score_samples", "score", "bic", "aic"])
def test_answers_that_would_leave_out_an_override_are_errors(blobs, name, caller):
    fitted = GaussianMixture(3, random_state=0).fit(blobs)
    model = overriding(name)(3)
    vars(model).update(vars(fitted))
    with pytest.raises(TypeError, match=rf"overrides {name} .* {caller} does not call it"):
        getattr(model, caller)(blobs)


def test_an_override_of_one_object_is_an_error(blobs):
    model = GaussianMixture(3)
    model._e_step = lambda X: None
    with pytest.raises(TypeError, match="overrides _e_step"):
        model.fit(blobs)


def test_a_weighted_subclass_is_an_error_that_names_sample_weight(blobs):
    # As the package coresets has it.
    class WeightedGaussianMixture(GaussianMixture):
        def fit(self, X, weights=None):
            self.weights = weights
            return super().fit(X)

        def _initialize(self, X, resp):
            super()._initialize(X, resp * self.weights[:, np.newaxis])

        def _e_step(self, X):
            log_prob_norm, log_resp = super()._e_step(X)
            return log_prob_norm, log_resp + np.log(self.weights[:, np.newaxis])

    with pytest.raises(TypeError, match=r"_initialize .*sample_weight"):
        WeightedGaussianMixture(3).fit(blobs, np.ones(len(blobs)))


def test_subclasses_that_override_nothing_of_the_fit_work(blobs):
    class Adding(GaussianMixture):
        """More parameters, more methods, and public ones that go on to Mixtura's."""

        def __init__(self, n_components=1, *, extra=1, random_state=None):
            super().__init__(n_components, random_state=random_state)
            self.extra = extra

        def fit(self, X, y=None):
            return super().fit(X * self.extra)

        def predict(self, X):
            return super().predict(X * self.extra)

        def largest(self):
            return self.weights_.argmax()

        def _own(self):
            return None

    plain = GaussianMixture(3, random_state=0).fit(blobs)
    model = clone(Adding(3, extra=2, random_state=0)).fit(blobs)
    np.testing.assert_allclose(model.means_, 2 * plain.means_, rtol=1e-6)
    assert np.array_equal(model.predict(blobs), plain.predict(blobs))
    assert model.largest() == plain.weights_.argmax()

    labels = overriding("fit_predict")(3, random_state=0).fit_predict(blobs)
    assert np.array_equal(labels, plain.predict(blobs))


def test_a_class_that_inherits_scikit_learns_too_fits_as_mixturas(blobs):
    both = type("Both", (GaussianMixture, Theirs), {})(3, random_state=0).fit(blobs)
    assert isinstance(both, Theirs)
    assert np.array_equal(both.means_, GaussianMixture(3, random_state=0).fit(blobs).means_)
    assert both.bic(blobs) == GaussianMixture(3, random_state=0).fit(blobs).bic(blobs)


@pytest.fixture(params=FAMILIES)
def pair(request, blobs):
    """Mixtura's model, and scikit-learn's of the same attributes."""
    ours = GaussianMixture(3, covariance_type=request.param, random_state=0, device="cpu").fit(blobs)
    return ours, ours.to_sklearn()


def test_private_methods_give_scikit_learns_numbers(pair, blobs):
    ours, theirs = pair
    assert np.array_equal(ours._estimate_log_weights(), theirs._estimate_log_weights())
    for name in ["_estimate_log_prob", "_estimate_weighted_log_prob"]:
        assert np.array_equal(getattr(ours, name)(blobs), getattr(theirs, name)(blobs)), name
    for one, other in zip(ours._estimate_log_prob_resp(blobs), theirs._estimate_log_prob_resp(blobs), strict=True):
        assert np.array_equal(one, other)
    assert ours._e_step(blobs)[0] == theirs._e_step(blobs)[0]
    for one, other in zip(ours._get_parameters(), theirs._get_parameters(), strict=True):
        assert np.array_equal(one, other)
    assert ours._n_parameters() == theirs._n_parameters()
    # They are those of the model's own answers, too.
    np.testing.assert_allclose(ours._estimate_log_prob_resp(blobs)[0], ours.score_samples(blobs), rtol=1e-10)
    np.testing.assert_allclose(np.exp(ours._e_step(blobs)[1]), ours.predict_proba(blobs), atol=1e-10)


def test_parameters_that_are_set_have_their_precisions(pair, blobs):
    fitted, theirs = pair
    ours = GaussianMixture(3, covariance_type=fitted.covariance_type)
    ours._set_parameters(theirs._get_parameters())
    np.testing.assert_allclose(ours.precisions_, theirs.precisions_, rtol=1e-12)
    assert np.array_equal(ours.predict(blobs), fitted.predict(blobs))


def test_an_em_of_ones_own_goes_as_with_scikit_learns(pair, blobs):
    family = pair[0].covariance_type
    models = [kind(3, covariance_type=family) for kind in (GaussianMixture, Theirs)]
    for model in models:
        model._initialize_parameters(blobs, np.random.RandomState(0))
        for _ in range(3):
            bound, log_resp = model._e_step(blobs)
            model._m_step(blobs, log_resp)
        model.last = model._compute_lower_bound(log_resp, bound)
    ours, theirs = models
    assert ours.last == theirs.last
    assert np.array_equal(ours.means_, theirs.means_)
    given = {"weights_init": ours.weights_, "means_init": ours.means_}
    given["precisions_init"] = pair[0].precisions_
    models = [kind(3, covariance_type=family, **given) for kind in (GaussianMixture, Theirs)]
    for model in models:
        model._initialize_parameters(blobs, np.random.RandomState(0))
    assert np.array_equal(*(model.precisions_cholesky_ for model in models))


def test_parameters_are_checked_as_by_scikit_learn(blobs):
    for kind in [GaussianMixture, Theirs]:
        model = kind(2, weights_init=[0.25, 0.75])
        model._check_parameters(blobs, xp=np)
        assert np.array_equal(model.weights_init, np.array([0.25, 0.75]))
        with pytest.raises(ValueError, match=r"The parameter 'means' should have the shape of \(2, 3\)"):
            kind(2, means_init=[[0.0]])._check_parameters(blobs, xp=np)
    # Which scikit-learn's cannot do without `xp`.
    GaussianMixture(2, weights_init=[0.25, 0.75])._check_parameters(blobs)


@pytest.mark.parametrize("family", FAMILIES)
def test_parameters_are_counted_by_shapes(family):
    models = [kind(4, covariance_type=family) for kind in (GaussianMixture, Theirs)]
    for model in models:
        model.means_ = np.zeros((4, 3))
    assert models[0]._n_parameters() == models[1]._n_parameters()


def test_methods_are_lent_to_classes_of_another_kind(blobs):
    # As the package stepmix does.
    class Emission:
        n_components, covariance_type, reg_covar = 3, "diag", 1e-6
        weights_init = means_init = precisions_init = None

    resp = np.random.default_rng(0).dirichlet(np.ones(3), size=len(blobs))
    emissions = []
    for kind in [GaussianMixture, Theirs]:
        emission = Emission()
        kind._initialize(emission, blobs, resp)
        kind._set_parameters(emission, kind._get_parameters(emission))
        emissions.append((kind._estimate_log_prob(emission, blobs), emission.precisions_, kind._n_parameters(emission)))
    ours, theirs = emissions
    assert np.array_equal(ours[0], theirs[0])
    assert np.array_equal(ours[1], theirs[1])
    assert ours[2] == theirs[2]


def test_the_class_that_scikit_learns_models_are_made_of_is_scikit_learns_whatever_its_name_stands_for(
    blobs, monkeypatch
):
    import sklearn.mixture

    monkeypatch.setattr(sklearn.mixture, "GaussianMixture", mixtura.GaussianMixture)
    assert type(GaussianMixture(3, random_state=0).fit(blobs).to_sklearn()) is Theirs
