"""scikit-learn's checks of estimators pass, all of them."""

import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from mixtura import GaussianMixture, MixtureSelection

pytestmark = pytest.mark.filterwarnings("ignore:.*did not converge:sklearn.exceptions.ConvergenceWarning")

# It fits fifteen samples of thirty features with weights, and again repeated and in another order. Starts of several
# components are drawn by rows: they are others there, and so are the maxima that they lead to.
OF_ONE_COMPONENT = {"check_sample_weight_equivalence_on_dense_data"}


@pytest.mark.parametrize("kind", [GaussianMixture, MixtureSelection])
@pytest.mark.parametrize("missing", ["error", "marginalize"])
def test_all_checks_of_estimators_pass(kind, missing, device):
    # Some of the samples lack values then, which an adapter refuses that was asked for.
    device = "auto" if missing == "marginalize" and device != "cpu" else device
    results = check_estimator(kind(n_components=1, missing=missing, device=device), on_skip=None, on_fail="raise")
    assert len(results) > 40
    assert {result["status"] for result in results} == {"passed"}, "none failed, none was skipped"
    assert not any(result["expected_to_fail"] for result in results)


@pytest.mark.parametrize("estimator", [GaussianMixture(2, device="cpu"), MixtureSelection(device="cpu")])
@pytest.mark.parametrize("missing", ["error", "marginalize"])
def test_with_several_components_all_checks_pass_but_one_that_compares_starts(estimator, missing):
    results = check_estimator(clone(estimator).set_params(missing=missing), on_skip=None, on_fail=None)
    assert len(results) > 40
    assert {result["check_name"] for result in results if result["status"] != "passed"} == OF_ONE_COMPONENT
