"""scikit-learn's checks of estimators pass, all of them."""

import pytest
from sklearn.utils.estimator_checks import check_estimator

from mixtura import GaussianMixture


@pytest.mark.filterwarnings("ignore:.*did not converge:sklearn.exceptions.ConvergenceWarning")
def test_all_checks_of_estimators_pass(device):
    results = check_estimator(GaussianMixture(device=device), on_skip=None, on_fail="raise")
    assert len(results) > 40
    assert {result["status"] for result in results} == {"passed"}, "none failed, none was skipped"
    assert not any(result["expected_to_fail"] for result in results)
