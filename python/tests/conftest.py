"""Fixtures and helpers that all tests share."""

import os
import signal

# Read by SciPy when it is imported: lets scikit-learn check arrays of other libraries.
os.environ["SCIPY_ARRAY_API"] = "1"

import numpy as np
import pytest
from incomplete import with_holes

# Python raises KeyboardInterrupt only if Ctrl-C was not ignored when it was started, as it is in the background.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=["cpu", "software"])
def device(request):
    """Every backend there is on a machine without a GPU; MIXTURA_TEST_DEVICES may name others."""
    wanted = os.environ.get("MIXTURA_TEST_DEVICES", "cpu,software").split(",")
    if request.param == "software" and "gpu" in wanted:
        return "gpu"
    if request.param not in wanted:
        pytest.skip(f"MIXTURA_TEST_DEVICES is {','.join(wanted)}")
    return request.param


@pytest.fixture
def blobs():
    """Three well separated clusters of 3 features, shuffled: 3000 samples."""
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 0.0, 0.0], [8.0, 0.0, 4.0], [0.0, 9.0, -5.0]])
    scales = np.array([[1.0, 0.5, 2.0], [0.7, 1.5, 0.9], [1.2, 0.8, 0.6]])
    which = rng.integers(3, size=3000)
    return centres[which] + scales[which] * rng.standard_normal((3000, 3))


@pytest.fixture
def holed(blobs):
    """Three clusters, a quarter of whose values are missing; one sample has none."""
    X = with_holes(blobs, 0.25)
    X[5] = np.nan
    return X
