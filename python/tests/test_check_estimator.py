"""scikit-learn's checks of estimators pass, all of them."""

import pytest
from sklearn.utils.estimator_checks import check_estimator

from mixtura import GaussianMixture


@pytest.mark.filterwarnings("ignore:.*did not converge:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("device", ["cpu", "software"])
def test_all_checks_of_estimators_pass(device):
    results = check_estimator(GaussianMixture(device=device), on_skip=None, on_fail="raise")
    outcomes = {result["check_name"]: result["status"] for result in results}
    assert len(outcomes) > 40
    # Arrays of other libraries, which scikit-learn's estimators may support by an experimental dispatch.
    assert outcomes.pop("check_array_api_input") == "skipped"
    assert set(outcomes.values()) == {"passed"}
    assert not any(result["expected_to_fail"] for result in results)
