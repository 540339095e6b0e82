"""Passes that leave out components which cannot matter."""

import numpy as np
import pytest

from mixtura import GaussianMixture


def test_pruned_fits_end_where_others_do(device):
    rng = np.random.default_rng(0)
    samples = rng.standard_normal((20_000, 2)) + 6 * rng.integers(8, size=(20_000, 2))
    options = {"random_state": 0, "device": device, "max_iter": 5, "tol": 0.0}
    with pytest.warns(match="did not converge"):
        pruned, dense = (GaussianMixture(64, prune=prune, **options).fit(samples) for prune in ("exact", "off"))
    np.testing.assert_allclose(pruned.lower_bounds_, dense.lower_bounds_, rtol=1e-10 if device == "cpu" else 1e-5)
    assert GaussianMixture().prune == "auto"
    with pytest.raises(ValueError, match="The 'prune' parameter"):
        GaussianMixture(prune="some").fit(samples)
    assert not hasattr(GaussianMixture(prune="exact").to_sklearn(), "prune")
