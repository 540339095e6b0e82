"""The rules by which an epoch moves the model."""

import numpy as np
import pytest
from sklearn.base import clone

from mixtura import GaussianMixture, Part, Search


@pytest.fixture
def overlapping():
    """Clusters that EM needs long for."""
    rng = np.random.default_rng(1)
    return rng.standard_normal((4000, 2)) + rng.integers(3, size=(4000, 1)) * np.array([1.2, 0.4])


def test_squared_extrapolation_needs_fewer_epochs_for_as_good_a_model(overlapping, device):
    options = {"tol": 1e-6, "max_iter": 2000, "random_state": 0, "device": device}
    em = GaussianMixture(3, **options).fit(overlapping)
    squarem = GaussianMixture(3, update="squarem", **options).fit(overlapping)
    assert squarem.n_iter_ < em.n_iter_ / 2
    assert squarem.score(overlapping) > em.score(overlapping) - 1e-3


def test_em_is_the_default_and_other_rules_are_errors(overlapping):
    options = {"max_iter": 3, "tol": 0.5, "random_state": 0, "device": "cpu"}
    assert GaussianMixture().update == "em"
    expected = GaussianMixture(2, **options).fit(overlapping)
    assert GaussianMixture(2, update="em", **options).fit(overlapping).lower_bounds_ == expected.lower_bounds_
    with pytest.raises(ValueError, match="The 'update' parameter"):
        GaussianMixture(update="gradual").fit(overlapping)
    assert clone(GaussianMixture(update="squarem")).update == "squarem"
    assert not hasattr(GaussianMixture(update="squarem").to_sklearn(), "update")


def test_parts_follow_the_rule(overlapping):
    options = {"update": "squarem", "random_state": 0, "device": "cpu", "tol": 1e-5}
    part = Part(overlapping, device="cpu")
    search = Search(GaussianMixture(3, **options), [part.summary])
    part.join(search.summary)
    while tasks := search.wants():
        search.takes([part.answer(tasks)])
    assert search.finish().lower_bounds_ == GaussianMixture(3, **options).fit(overlapping).lower_bounds_


def test_a_component_without_samples_begins_anew_where_that_is_asked(overlapping):
    start = [[0.0, 0.0], [2.0, 1.0], [500.0, 500.0]]
    precisions = [np.eye(2)] * 3
    options = {"means_init": start, "precisions_init": precisions, "weights_init": [0.4, 0.4, 0.2], "device": "cpu"}
    left = GaussianMixture(3, **options).fit(overlapping)
    assert left.weights_[2] < 1e-6
    with pytest.warns(UserWarning, match="A component collapsed. In epoch 1: component 2 had") as caught:
        repaired = GaussianMixture(3, on_collapse="repair", **options).fit(overlapping)
    assert caught[0].filename == __file__
    assert repaired.weights_[2] > 1e-4
    assert repaired.score(overlapping) > left.score(overlapping)
    with pytest.warns(UserWarning, match="and was dropped"):
        dropped = GaussianMixture(3, on_collapse="drop", **options).fit(overlapping)
    assert dropped.predict_proba(overlapping).shape == (4000, 2)
    assert dropped.bic(overlapping) < left.bic(overlapping)
    with pytest.raises(ValueError, match="The 'on_collapse' parameter"):
        GaussianMixture(on_collapse="leave").fit(overlapping)


@pytest.mark.parametrize(
    "rule, numbers, step",
    [
        ("damped", {"learning_rate": 0.9}, "damped"),
        ("gradient", {"learning_rate": 0.05, "momentum": 0.5}, "gradient"),
        ("stepwise", {"batch_size": 200, "decay": 0.6, "polish": True}, "stepwise"),
    ],
)
def test_rules_with_numbers_climb_to_where_em_does(overlapping, rule, numbers, step):
    options = {"tol": 1e-6, "max_iter": 3000, "random_state": 0, "device": "cpu"}
    model = GaussianMixture(2, update=rule, **numbers, **options).fit(overlapping)
    assert step in model.trace_["step"]
    assert model.score(overlapping) > GaussianMixture(2, **options).fit(overlapping).score(overlapping) - 1e-3
    assert clone(model).get_params() == model.get_params()


def test_numbers_of_rules_have_the_defaults_of_the_command_line(overlapping):
    options = {"max_iter": 3, "tol": 0.5, "random_state": 0, "device": "cpu"}
    for rule, numbers in [
        ("damped", {"learning_rate": 0.5}),
        ("gradient", {"learning_rate": 1e-3, "momentum": 0.0}),
        ("stepwise", {"batch_size": np.int64(65_536), "decay": np.float32(0.7), "polish": np.False_}),
    ]:
        given = GaussianMixture(2, update=rule, **numbers, **options).fit(overlapping)
        left = GaussianMixture(2, update=rule, **options).fit(overlapping)
        np.testing.assert_allclose(given.means_, left.means_, rtol=1e-6)


def test_numbers_that_have_no_meaning_for_the_rule_are_errors(overlapping):
    for number in ["learning_rate", "momentum", "decay"]:
        with pytest.raises(ValueError, match=f"{number} has no meaning for update='em': leave it out, or choose "):
            GaussianMixture(**{number: 0.6}).fit(overlapping)
    with pytest.raises(ValueError, match=r"polish has no meaning .* choose update='stepwise'"):
        GaussianMixture(update="damped", polish=True).fit(overlapping)
    with pytest.raises(ValueError, match="The 'decay' parameter"):
        GaussianMixture(update="stepwise", decay=0.4).fit(overlapping)
    with pytest.raises(ValueError, match="the learning rate"):
        GaussianMixture(update="damped", learning_rate=2.0).fit(overlapping)
    with pytest.raises(ValueError, match="goes through all samples in order"):
        Search(GaussianMixture(update="stepwise"), [Part(overlapping).summary])


def test_a_floor_follows_the_units_of_the_features(overlapping, tmp_path):
    options = {"random_state": 0, "device": "cpu", "floor": 0.01}
    metres, millimetres = (GaussianMixture(2, **options).fit(overlapping * unit) for unit in [1.0, 1000.0])
    np.testing.assert_allclose(metres.means_ * 1000.0, millimetres.means_, rtol=1e-6)
    np.testing.assert_allclose(metres.covariances_ * 1e6, millimetres.covariances_, rtol=1e-6)
    assert not np.allclose(metres.covariances_, GaussianMixture(2, random_state=0).fit(overlapping).covariances_)
    metres.save(tmp_path / "model.json")
    again = GaussianMixture.load(tmp_path / "model.json")
    assert (again.floor, again.reg_covar) == (0.01, 1e-6)
