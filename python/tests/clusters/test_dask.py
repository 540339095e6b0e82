"""Fits on a Dask cluster."""

import contextlib
import doctest
import gc
import itertools
import os
import pickle
import signal
import threading
import time
from pathlib import Path

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from conftest import BLOCK, FEATURES, assert_same
from distributed import Client, LocalCluster
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import mixtura
from mixtura import _dask_actors
from mixtura.dask import GaussianMixture

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Sending large graph:UserWarning"),
]

OPTIONS = {"covariance_type": "diag", "random_state": 0, "device": "cpu"}


@pytest.fixture(scope="module")
def client():
    cluster = LocalCluster(n_workers=4, threads_per_worker=1, dashboard_address=":0")
    with cluster, Client(cluster) as client:
        yield client


@pytest.fixture(scope="module")
def many():
    """More workers than answer to the client itself."""
    cluster = LocalCluster(n_workers=10, threads_per_worker=1, processes=False, dashboard_address=":0")
    with cluster, Client(cluster, set_as_default=False) as client:
        yield client


def spread(client, array, chunks, n_workers):
    """Partitions, in runs on some of the workers."""
    workers = sorted(client.nthreads())[:n_workers]
    collection = da.from_array(array, chunks=chunks)
    rows = [collection.blocks[i] for i in range(collection.numblocks[0])]
    kept = [client.persist(row, workers=[workers[i * n_workers // len(rows)]]) for i, row in enumerate(rows)]
    return da.concatenate(kept)


@pytest.mark.parametrize(
    "options, weighted",
    [
        ({"max_iter": 5, "n_init": 2}, False),
        ({"max_iter": 8, "update": "squarem"}, True),
        ({"max_iter": 2, "covariance_type": "full"}, False),
        ({"max_iter": 3, "covariance_type": "tied", "init_params": "random"}, True),
        ({"tol": 1e-3, "covariance_type": "spherical"}, True),
    ],
)
def test_partitions_of_whole_blocks_give_the_bits_of_one_piece_on_any_number_of_workers(
    client, blocks, options, weighted
):
    options = {"tol": 0.0, **OPTIONS, **options}
    weights = blocks.weights if weighted else None
    expected = mixtura.GaussianMixture(3, **options).fit(blocks.X, sample_weight=weights)
    for n_workers in [2, 4]:
        X = spread(client, blocks.X, (BLOCK, FEATURES), n_workers)
        dask_weights = da.from_array(weights, chunks=BLOCK) if weighted else None
        assert_same(GaussianMixture(3, **options).fit(X, sample_weight=dask_weights), expected)


@pytest.fixture
def lose(client, monkeypatch):
    """Have the worker of the first partition killed, so long after tasks were asked for so many times."""

    def lose(asked, delay=0.0):
        answer, times = _dask_actors.Actors.answer, itertools.count(1)

        def answer_and_lose(actors, tasks):
            if next(times) == asked:
                future = next(future for future, (_, numbers) in actors._actors.items() if 0 in numbers)
                (victim,) = client.who_has([future])[future.key]
                pid = client.run(os.getpid, workers=[victim])[victim]
                threading.Timer(delay, os.kill, (pid, signal.SIGKILL)).start()
            return answer(actors, tasks)

        monkeypatch.setattr(_dask_actors.Actors, "answer", answer_and_lose)

    yield lose
    client.wait_for_workers(4)


@pytest.mark.parametrize("delay", [0.0, 0.1])
def test_a_fit_survives_the_loss_of_a_worker_with_the_same_model(blocks, lose, delay):
    X = da.from_array(blocks.X, chunks=(BLOCK, FEATURES)).persist()
    options = {**OPTIONS, "tol": 0.0, "max_iter": 6}
    expected = mixtura.GaussianMixture(3, **options).fit(blocks.X)
    lose(4, delay)
    assert_same(GaussianMixture(3, **options).fit(X), expected)


def test_workers_that_are_lost_again_and_again_are_an_error(blobs, lose):
    lose(2)
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        pytest.raises(RuntimeError, match=r"partition \d: 1 workers were lost that held it\ngive workers more memory"),
    ):
        GaussianMixture(3, **OPTIONS).fit(da.from_array(blobs.X, chunks=(1000, 3)))


def test_a_partition_that_no_task_can_make_again_is_an_error(client, blobs, lose):
    kept = client.scatter(np.array_split(blobs.X, 4), hash=False)
    X = da.concatenate([da.from_delayed(future, (750, 3), float) for future in kept])
    lose(2)
    with pytest.raises(RuntimeError, match=r"partition \d: it was lost with its worker.*\nmake partitions by tasks"):
        GaussianMixture(3, **OPTIONS).fit(X)


def test_many_workers_hand_their_answers_on_to_each_other(many, blobs, monkeypatch):
    led, asked = [], _dask_actors.asked

    def listen(actors, method, arguments):
        led.append(len(actors))
        return asked(actors, method, arguments)

    # Workers are threads of this process.
    monkeypatch.setattr(_dask_actors, "asked", listen)
    X = da.from_array(blobs.X, chunks=(100, 3))
    model = GaussianMixture(3, client=many, **OPTIONS).fit(X)
    assert {10, 1, 0} == set(led)
    expected = mixtura.GaussianMixture(3, **OPTIONS).fit(blobs.X)
    assert abs(model.to_local().score(blobs.X) - expected.score(blobs.X)) < 1e-9


@pytest.mark.parametrize("chunks", [((2, 2998), (3,)), ((1000, 7, 0, 1993), (3,)), ((1500, 1500), (2, 1))])
def test_partitions_of_any_size_give_the_same_model_but_for_rounding(client, blobs, chunks):
    expected = mixtura.GaussianMixture(3, **OPTIONS).fit(blobs.X, sample_weight=blobs.weights)
    weights = da.from_array(blobs.weights, chunks=800)
    model = GaussianMixture(3, **OPTIONS).fit(da.from_array(blobs.X, chunks=chunks), sample_weight=weights)
    difference = model.score(blobs.X, sample_weight=blobs.weights) - expected.score(
        blobs.X, sample_weight=blobs.weights
    )
    assert abs(difference) < 1e-9
    assert model.n_iter_ == expected.n_iter_


def test_partitions_without_any_weight_do_not_count(client, blobs):
    weights = np.where(np.arange(3000) < 1000, 0.0, 1.0)
    X, dask_weights = da.from_array(blobs.X, chunks=(500, 3)), da.from_array(weights, chunks=500)
    model = GaussianMixture(3, **OPTIONS).fit(X, sample_weight=dask_weights)
    expected = mixtura.GaussianMixture(3, **OPTIONS).fit(blobs.X[1000:])
    assert abs(model.score(X, sample_weight=dask_weights) - expected.score(blobs.X[1000:])) < 1e-9
    with pytest.raises(ValueError, match="n_samples = 0"):
        GaussianMixture(3, **OPTIONS).fit(X, sample_weight=0.0 * dask_weights)


def test_data_frames_and_chunks_of_unknown_sizes_are_fitted(client, blobs):
    frame = pd.DataFrame(blobs.X, columns=["a", "b", "c"]).assign(weight=blobs.weights)
    frames = dd.from_pandas(frame, npartitions=5)
    X, weights = frames[["a", "b", "c"]], frames["weight"]
    expected = mixtura.GaussianMixture(3, **OPTIONS).fit(frame[["a", "b", "c"]], sample_weight=blobs.weights)
    model = GaussianMixture(3, **OPTIONS).fit(X, sample_weight=weights)
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(model.predict(X).compute(), expected.predict(frame[["a", "b", "c"]]))
    filtered, kept = X[X.a > 0], frame[["a", "b", "c"]][frame.a > 0]
    assert model.score(filtered) == pytest.approx(expected.score(kept), abs=1e-9)
    unknown = GaussianMixture(3, **OPTIONS).fit(filtered.to_dask_array(), sample_weight=weights[X.a > 0])
    assert unknown.n_features_in_ == 3
    assert not hasattr(unknown, "feature_names_in_")


def test_predictions_of_collections_are_lazy_and_those_of_arrays_are_not(client, blobs):
    X = da.from_array(blobs.X, chunks=((1000, 0, 2000), (2, 1)))
    model = GaussianMixture(3, **OPTIONS).fit(X)
    local = model.to_local()
    frame = dd.from_pandas(pd.DataFrame(blobs.X), npartitions=3)
    for method, shape in [("predict", (3000,)), ("predict_proba", (3000, 3)), ("score_samples", (3000,))]:
        expected = getattr(local, method)(blobs.X)
        lazy = getattr(model, method)(X)
        assert (type(lazy), lazy.shape, lazy.dtype) == (da.Array, shape, expected.dtype)
        np.testing.assert_allclose(lazy.compute(), expected, rtol=1e-10)
        np.testing.assert_array_equal(getattr(model, method)(blobs.X), expected)
        of_frame = getattr(model, method)(frame)
        assert isinstance(of_frame, da.Array)
        np.testing.assert_allclose(of_frame.compute(), expected, rtol=1e-10)
    np.testing.assert_array_equal(GaussianMixture(3, **OPTIONS).fit_predict(X).compute(), local.predict(blobs.X))
    for method in ["score", "bic", "aic"]:
        assert getattr(model, method)(X) == pytest.approx(getattr(local, method)(blobs.X), rel=1e-12)


def test_missing_values_are_integrated_out_and_filled_in(client, blobs, tmp_path):
    X = np.where(np.random.default_rng(1).uniform(size=blobs.X.shape) < 0.2, np.nan, blobs.X)
    # All that is missing is in one of the partitions.
    X[:2000] = blobs.X[:2000]
    options = {**OPTIONS, "missing": "marginalize"}
    expected = mixtura.GaussianMixture(3, **options).fit(X)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frame.to_parquet(tmp_path / "samples.parquet")
    for collection in [da.from_array(X, chunks=(1000, 3)), dd.from_pandas(frame, npartitions=3)]:
        model = GaussianMixture(3, **options).fit(collection)
        np.testing.assert_allclose(model.means_, expected.means_, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(model.predict_proba(collection).compute(), expected.predict_proba(X), atol=1e-7)
        np.testing.assert_allclose(model.impute(collection).compute(), expected.impute(X), rtol=1e-7, atol=1e-7)
        assert model.score(collection) == pytest.approx(expected.score(X))
        with pytest.raises(TypeError, match="draws depend on the place of a sample"):
            model.impute(collection, n_draws=2)
    model = GaussianMixture(3, **options).fit(str(tmp_path / "samples.parquet"))
    np.testing.assert_allclose(model.means_, expected.means_, rtol=1e-9, atol=1e-9)
    with pytest.raises(ValueError, match="missing='marginalize'"):
        GaussianMixture(3, **OPTIONS).fit(da.from_array(X, chunks=(1000, 3)))


def test_files_are_opened_by_the_workers(client, blobs, tmp_path):
    for number, part in enumerate(np.array_split(np.column_stack([blobs.X, blobs.weights]), 5)):
        pd.DataFrame(part, columns=["a", "b", "c", "w"]).to_parquet(tmp_path / f"part-{number}.parquet")
    expected = mixtura.GaussianMixture(3, **OPTIONS).fit(blobs.X, sample_weight=blobs.weights)
    for paths in [str(tmp_path / "part-*.parquet"), sorted(tmp_path.iterdir()), tmp_path]:
        model = GaussianMixture(3, **OPTIONS).fit(paths, sample_weight="w")
        assert model.feature_names_in_.tolist() == ["a", "b", "c"]
        assert model.lower_bound_ == pytest.approx(expected.lower_bound_, abs=1e-9)
    with pytest.raises(ValueError, match=r"partition 0: .*part-0.parquet.*\n"):
        GaussianMixture(3, **OPTIONS).fit(tmp_path, sample_weight="missing")
    with pytest.raises(OSError, match="No such file"):
        GaussianMixture(3, **OPTIONS).fit(str(tmp_path / "nothing.npy"))


def test_errors_name_the_partition_and_the_remedy(client, blobs):
    X = blobs.X.copy()
    X[1207, 1] = np.nan
    X = da.from_array(X, chunks=(500, 3))
    model = GaussianMixture(3, **OPTIONS)
    with pytest.raises(ValueError, match=r"partition 2: row 207, column 1 is NaN.*\nremove or fill"):
        model.fit(X)
    assert not hasattr(model, "means_")
    ragged = da.concatenate([da.from_delayed(dask.delayed(np.zeros)((10, d)), (10, 3), float) for d in (3, 4)])
    with pytest.raises(ValueError, match="partition 1 has 4 features, partition 0 has 3\ngive all"):
        model.fit(ragged)
    with pytest.raises(TypeError, match=r"numpy\.ndarray, neither a dask array .*\nmake it one"):
        model.fit(blobs.X)
    with pytest.raises(TypeError, match="and X is in partitions\ngive a dask array"):
        model.fit(X, sample_weight=blobs.weights)
    with pytest.raises(ValueError, match="sample_weight has 3 partitions, X has 6\n"):
        model.fit(X, sample_weight=da.ones(2900, chunks=1000))
    with pytest.raises(ValueError, match="partition 0: 499 sample weights for 500 samples\ngive one"):
        model.fit(X, sample_weight=da.ones(2994, chunks=499))
    with pytest.raises(ValueError, match="1 dimensions\ngive an array"):
        model.fit(X[:, 0])
    with pytest.raises(ValueError, match="no samples\n"):
        model.fit(da.zeros((0, 3)))
    with pytest.raises(ValueError, match="n_components"):
        GaussianMixture(0).fit(X)


def test_a_component_that_collapses_is_the_error_of_one_piece_and_workers_go_on(client):
    # Two places, and three components around them.
    X = np.repeat([[0.0, 0.0], [1.0, 1.0]], 500, axis=0)
    options = {**OPTIONS, "covariance_type": "full", "reg_covar": 0.0}
    with pytest.raises(ValueError, match="ill-defined empirical covariance") as expected:
        mixtura.GaussianMixture(3, **options).fit(X)
    with pytest.raises(ValueError, match="ill-defined empirical covariance") as found:
        GaussianMixture(3, **options).fit(da.from_array(X, chunks=(300, 2)))
    assert str(found.value) == str(expected.value)
    assert GaussianMixture(2, **OPTIONS).fit(da.from_array(X, chunks=(300, 2))).means_.shape == (2, 2)


@pytest.mark.filterwarnings("ignore:A component collapsed:UserWarning")
def test_a_component_that_starves_begins_anew_as_in_one_piece_on_any_number_of_workers(client, blocks):
    # Nothing is near the third mean.
    start = np.repeat([[0.2], [1.0], [1e4]], FEATURES, axis=1)
    given = {"means_init": start, "weights_init": [0.4, 0.4, 0.2], "precisions_init": np.ones((3, FEATURES))}
    options = {**OPTIONS, **given, "on_collapse": "repair", "max_iter": 4, "tol": 0.0, "update": "squarem"}
    with pytest.warns(UserWarning, match=r"epoch 1: component 2 had 0.000 samples of the"):
        expected = mixtura.GaussianMixture(3, **options).fit(blocks.X, sample_weight=blocks.weights)
    for n_workers in [2, 4]:
        X = spread(client, blocks.X, (BLOCK, FEATURES), n_workers)
        weights = da.from_array(blocks.weights, chunks=BLOCK)
        assert_same(GaussianMixture(3, client=client, **options).fit(X, sample_weight=weights), expected)


def test_nothing_is_left_on_the_workers(client, blobs):
    # Errors that were caught hold on to what they saw.
    gc.collect()
    GaussianMixture(3, **OPTIONS).fit(da.from_array(blobs.X, chunks=(500, 3)))

    def held(dask_worker):
        return [*dask_worker.state.actors, *dask_worker.data]

    deadline = time.monotonic() + 20.0
    while any(client.run(held).values()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(client.run(held).values())


def test_a_fit_that_does_not_converge_warns_at_the_line_that_called_it(client, blobs):
    with pytest.warns(ConvergenceWarning, match="did not converge") as caught:
        GaussianMixture(3, **OPTIONS, max_iter=1).fit(da.from_array(blobs.X, chunks=(500, 3)))
    assert caught[0].filename == __file__


def test_examples_of_docstrings_run():
    failed, tried = doctest.testmod(mixtura.dask)
    assert tried > 0
    assert failed == 0


def test_the_estimator_is_one_of_scikit_learns(client, blobs):
    model = GaussianMixture(3, client=client, **OPTIONS)
    assert "client" not in model.get_params()
    assert clone(model).client is client
    assert clone(model).get_params() == model.get_params()
    assert repr(GaussianMixture(3, client=client)) == "GaussianMixture(n_components=3)"
    model.fit(da.from_array(blobs.X, chunks=(500, 3)))
    with pytest.raises(NotFittedError):
        GaussianMixture(3).predict(da.ones((4, 3)))
    copy = pickle.loads(pickle.dumps(model))
    assert copy.client is None
    local = copy.to_local()
    assert type(local) is mixtura.GaussianMixture
    assert_same(local, model)
    assert_same(pickle.loads(pickle.dumps(local)), model)


def test_a_worker_computes_with_as_many_threads_as_it_has():
    def threads(dask_worker):
        names = []
        for task in Path("/proc/self/task").iterdir():
            # Threads end meanwhile.
            with contextlib.suppress(FileNotFoundError):
                names.append((task / "comm").read_text().strip())
        return sum(name.removeprefix("mixtura-").isdigit() for name in names)

    with (
        LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=":0") as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        assert client.submit(os.environ.get, "OMP_NUM_THREADS").result() == "1"
        GaussianMixture(2, client=client, **OPTIONS).fit(da.random.random((4000, 2), chunks=(1000, 2)))
        assert list(client.run(threads).values()) == [2]
