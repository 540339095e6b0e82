"""Samples of the tests of all engines."""

from types import SimpleNamespace

import numpy as np
import pytest

FEATURES = 256
# Rows of a block of 4,194,304 values.
BLOCK = 16_384


@pytest.fixture(scope="session")
def blocks():
    """Clusters that overlap, in three blocks and a part of one, and weights, some of them zero."""
    rng = np.random.default_rng(0)
    n = 3 * BLOCK + 101
    X = rng.standard_normal((n, FEATURES), dtype=np.float32)
    X += (np.arange(n) % 3)[:, np.newaxis].astype(np.float32) * rng.uniform(0.05, 0.15, FEATURES).astype(np.float32)
    return SimpleNamespace(X=X, weights=(np.arange(n) % 5) * 0.25, size=BLOCK)


@pytest.fixture(scope="session")
def blobs():
    """Three well separated clusters of 3 features, shuffled: 3000 samples, and weights."""
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 0.0, 0.0], [8.0, 0.0, 4.0], [0.0, 9.0, -5.0]])
    scales = np.array([[1.0, 0.5, 2.0], [0.7, 1.5, 0.9], [1.2, 0.8, 0.6]])
    which = rng.integers(3, size=3000)
    X = centres[which] + scales[which] * rng.standard_normal((3000, 3))
    return SimpleNamespace(X=X, weights=rng.integers(4, size=3000) * 0.5)


def assert_same(found, expected):
    """Check that two fits found the same, to the bit; local ones of single precision give it so."""
    for name in ["weights_", "means_", "precisions_cholesky_"]:
        one, other = getattr(found, name), getattr(expected, name)
        np.testing.assert_array_equal(one.astype(other.dtype), other)
    assert (found.lower_bounds_, found.converged_) == (expected.lower_bounds_, expected.converged_)
