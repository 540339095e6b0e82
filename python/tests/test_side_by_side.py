"""Fits beside other work: signals, threads and processes."""

import copy
import multiprocessing
import os
import signal
import threading
import time

import joblib
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from mixtura import GaussianMixture, moments

PARAMETERS = ["weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"]


def test_ctrl_c_stops_a_fit_within_an_epoch_and_breaks_nothing():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1_000_000, 16))
    model = GaussianMixture(2, random_state=0, max_iter=1)
    with pytest.warns(ConvergenceWarning):
        model.fit(X[:1000])
    before = copy.deepcopy(vars(model))
    # An epoch of this takes ten seconds and more.
    model.set_params(n_components=1500, means_init=X[:1500], weights_init=np.full(1500, 1 / 1500))
    model.set_params(precisions_init=[np.eye(16)] * 1500)
    sent = []
    timer = threading.Timer(2.0, lambda: (sent.append(time.monotonic()), os.kill(os.getpid(), signal.SIGINT)))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X)
    assert time.monotonic() - sent[0] < 2.0
    for name in PARAMETERS:
        assert np.array_equal(getattr(model, name), before[name])
    model.predict(X[:10])


def test_other_threads_run_while_a_fit_does(blobs):
    X = np.tile(blobs, (100, 1))
    counts = []
    done = threading.Event()

    def count():
        n = 0
        while not done.is_set():
            n += 1
            time.sleep(0.001)
        counts.append(n)

    thread = threading.Thread(target=count)
    thread.start()
    begun = time.monotonic()
    with pytest.warns(ConvergenceWarning):
        GaussianMixture(8, max_iter=20, tol=0.0, random_state=0).fit(X)
    seconds = time.monotonic() - begun
    done.set()
    thread.join()
    assert counts[0] > 20 * seconds, "the lock was released"


def work_in_child(X, model, path, connection):
    model.predict(X)
    model.save(path)
    loaded = GaussianMixture.load(path)
    once_more = moments(X, model).maximize()
    samples, _ = model.sample(10)
    fitted = GaussianMixture(3, random_state=0).fit(X)
    connection.send([loaded.covariances_, once_more.means_, samples, model.bic(X), fitted.means_])


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="the system has no fork")
def test_a_forked_process_works_as_its_parent_does(blobs, tmp_path):
    model = GaussianMixture(3, random_state=0).fit(blobs)
    once_more, (samples, _), bic = moments(blobs, model).maximize(), model.sample(10), model.bic(blobs)
    model.save(tmp_path / "parents.json")
    context = multiprocessing.get_context("fork")
    ours, childs = context.Pipe()
    child = context.Process(target=work_in_child, args=(blobs, model, tmp_path / "childs.json", childs))
    child.start()
    try:
        assert ours.poll(60), "the child answers"
        answers = ours.recv()
        child.join(10)
    finally:
        child.kill()
    for answer, expected in zip(
        answers, [model.covariances_, once_more.means_, samples, bic, model.means_], strict=True
    ):
        assert np.array_equal(answer, expected)
    assert (tmp_path / "childs.json").read_text() == (tmp_path / "parents.json").read_text()


def test_fits_in_several_threads_at_once_are_right(blobs, device):
    expected = GaussianMixture(3, random_state=0, device=device).fit(blobs).means_
    results = joblib.Parallel(n_jobs=4, prefer="threads")(
        joblib.delayed(GaussianMixture(3, random_state=0, device=device).fit)(blobs) for _ in range(8)
    )
    assert all(np.array_equal(result.means_, expected) for result in results)
