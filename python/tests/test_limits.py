"""Work that is too large, or too much at once, ends in an exception or waits for nothing else."""

import os
import signal
import threading
import time
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from mixtura import Dataset, GaussianMixture, Moments, moments


def made_by_hand(n_components, n_features, **options):
    """Model of standard normal densities."""
    model = GaussianMixture(n_components, covariance_type="spherical", **options)
    model.weights_ = np.full(n_components, 1.0 / n_components)
    model.means_ = np.zeros((n_components, n_features))
    model.precisions_cholesky_ = np.ones(n_components)
    model.n_features_in_ = n_features
    return model


def test_what_memory_cannot_hold_is_a_memory_error():
    with pytest.raises(MemoryError, match="full covariances of 1 components of 1048576 features"):
        GaussianMixture(device="cpu").fit(np.eye(2, 2**20))
    model = made_by_hand(1_000_000, 1, device="cpu")
    with pytest.raises(MemoryError):
        model.predict_proba(np.zeros((2_000_000, 1)))
    with pytest.raises(MemoryError):
        model.sample(10**12)
    with pytest.raises(ValueError, match="too big"):
        made_by_hand(1, 3).sample(2**60)


@pytest.mark.parametrize("dims", [0, -1, 2**40, 2**20 + 1, 1.0])
def test_numbers_of_columns_that_no_table_has_are_an_error(tmp_path, dims):
    np.zeros(6).tofile(tmp_path / "samples.f64")
    with pytest.raises(ValueError, match="'dims' parameter"):
        Dataset(tmp_path / "samples.f64", dims=dims)
    assert Dataset(tmp_path / "samples.f64", dims=3).n_samples == 2


@pytest.mark.parametrize("device", ["", " ", True, False, -1, 1.5, None, ["cpu"]])
def test_what_cannot_name_a_device_is_an_error(blobs, device):
    with pytest.raises(ValueError, match="device"):
        GaussianMixture(device=device).fit(blobs)
    model = GaussianMixture().fit(blobs)
    with pytest.raises(ValueError, match="device"):
        model.set_params(device=device).predict(blobs)
    if device is not None:
        with pytest.raises(ValueError, match="device"):
            moments(blobs, GaussianMixture().fit(blobs), device=device)


def test_names_of_devices_may_be_in_capitals(blobs):
    means = [GaussianMixture(2, device=device, random_state=0).fit(blobs).means_ for device in ["cpu", "CPU"]]
    assert np.array_equal(*means)


def test_ctrl_c_stops_the_drawing_of_samples():
    model = made_by_hand(1, 4)
    sent = []
    timer = threading.Timer(0.3, lambda: (sent.append(time.monotonic()), os.kill(os.getpid(), signal.SIGINT)))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        model.sample(100_000_000)
    assert time.monotonic() - sent[0] < 1.0


def test_other_threads_run_while_a_covariance_is_factorised():
    d = 1500
    sums = Moments("tied", 1.0, 0.0, np.ones(1), np.zeros((1, d)), np.zeros((1, d)), np.eye(d))
    ticks = []
    done = threading.Event()

    def tick():
        while not done.wait(0.001):
            ticks.append(time.monotonic())

    thread = threading.Thread(target=tick)
    thread.start()
    begun = time.monotonic()
    sums.maximize()
    ended = time.monotonic()
    done.set()
    thread.join()
    assert sum(begun < at < ended for at in ticks) > 20 * (ended - begun)


def test_a_short_pass_does_not_wait_for_the_fit_of_another_thread(blobs):
    model = GaussianMixture(3, random_state=0, device="cpu").fit(blobs)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300_000, 16))
    ends = []

    def fit():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            GaussianMixture(100, max_iter=4, tol=0.0, init_params="random_from_data", device="cpu").fit(X)
        ends.append(time.monotonic())

    thread = threading.Thread(target=fit)
    thread.start()
    time.sleep(0.5)
    waits = []
    while thread.is_alive() and len(waits) < 20:
        begun = time.monotonic()
        model.predict(blobs)
        waits.append(time.monotonic() - begun)
    still_running = not ends
    thread.join()
    assert still_running and len(waits) == 20, "the fit is the longer one"
    assert np.median(waits) < 0.1
    assert max(waits) < 0.5
