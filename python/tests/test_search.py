"""A fit whose samples are held by several processes."""

import multiprocessing
import pickle

import numpy as np
import pytest

from mixtura import GaussianMixture, Part, Search, _native, answer

FEATURES = 256
# Rows of a block of 4,194,304 values.
BLOCK = 16_384


@pytest.fixture(scope="module")
def samples():
    """Two blocks, and a part of one."""
    n = 2 * BLOCK + 101
    numbers = (np.arange(n * FEATURES, dtype=np.float64) * 0.618_033_988_749_895) % 1.0
    X = numbers.reshape(n, FEATURES).astype(np.float32)
    X += (np.arange(n) % 3)[:, np.newaxis].astype(np.float32) * 0.5
    return X


def work(X, first, connection):
    part = Part(X, first=first, device="cpu")
    connection.send(part.summary)
    part.join(connection.recv())
    for tasks in iter(connection.recv, None):
        connection.send(answer(tasks, part))


def fit_in_processes(model, X, firsts):
    context = multiprocessing.get_context("spawn")
    ends, workers = [*firsts[1:], len(X)], []
    for first, end in zip(firsts, ends, strict=True):
        mine, theirs = context.Pipe()
        process = context.Process(target=work, args=(X[first:end], first, theirs))
        process.start()
        workers.append((process, mine))
    try:
        search = Search(model, [connection.recv() for _, connection in workers])
        for _, connection in workers:
            connection.send(search.summary)
        epochs = []
        while tasks := search.wants():
            for _, connection in workers:
                connection.send(tasks)
            epochs += search.takes([connection.recv() for _, connection in workers])
        return search.finish(), epochs
    finally:
        for process, connection in workers:
            connection.send(None)
            process.join()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("family", ["full", "tied", "diag", "spherical"])
def test_processes_find_the_bits_of_the_fit_in_one_piece(samples, family):
    options = {"covariance_type": family, "max_iter": 2, "n_init": 2, "tol": 0.0, "random_state": 0, "device": "cpu"}
    expected = GaussianMixture(2, **options).fit(samples)
    model, epochs = fit_in_processes(GaussianMixture(2, **options), samples, [0, BLOCK])
    for name in ["weights_", "means_", "precisions_cholesky_"]:
        # The estimator gives single precision for samples in it.
        np.testing.assert_array_equal(getattr(model, name).astype(np.float32), getattr(expected, name))
    assert model.lower_bounds_ == expected.lower_bounds_
    assert [(restart, epoch) for restart, epoch, *_ in epochs] == [(0, 1), (1, 1), (0, 2), (1, 2)]


def test_parts_must_know_each_other_and_belong_together():
    X = np.arange(10.0)[:, np.newaxis]
    parts = [Part(X[:4], device="cpu"), Part(X[4:], first=4, device="cpu")]
    search = Search(GaussianMixture(2, random_state=0), [part.summary for part in parts])
    tasks = search.wants()
    with pytest.raises(ValueError, match="join"):
        answer(tasks, parts[0])
    with pytest.raises(ValueError, match="sample 10 is the next"):
        Search(GaussianMixture(2), [parts[1].summary, parts[0].summary])
    with pytest.raises(ValueError, match="no part"):
        parts[1].join(parts[0].summary)
    for part in parts:
        part.join(search.summary)
    with pytest.raises(ValueError, match="chosen"):
        search.takes([answer(tasks, parts[0])])
    search.takes([answer(pickle.loads(pickle.dumps(tasks)), part) for part in parts])


def test_what_was_pickled_by_something_else_is_refused():
    with pytest.raises(ValueError, match="not pickled by this version"):
        _native.Summary(b"nothing")
