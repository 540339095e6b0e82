"""Fits on Ray."""

import numpy as np
import pandas as pd
import pytest
import ray
import ray.data
from conftest import BLOCK, assert_same

import mixtura
import mixtura.ray

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # Ray's own.
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

OPTIONS = {"covariance_type": "diag", "random_state": 0, "device": "cpu"}


@pytest.fixture(scope="module", autouse=True)
def cluster():
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, configure_logging=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


@pytest.mark.parametrize("n_actors", [1, 2, 4])
def test_blocks_of_whole_blocks_give_the_bits_of_one_piece(blocks, n_actors):
    rows = [blocks.X[first : first + BLOCK] for first in range(0, len(blocks.X), BLOCK)]
    options = {**OPTIONS, "tol": 0.0, "max_iter": 4, "n_init": 2}
    expected = mixtura.GaussianMixture(3, **options).fit(blocks.X)
    assert_same(mixtura.ray.fit(ray.data.from_numpy(rows), 3, n_actors=n_actors, **options), expected)


def test_columns_are_features_and_weights_count(blobs):
    expected = mixtura.GaussianMixture(3, **OPTIONS).fit(blobs.X, sample_weight=blobs.weights)
    columns = {"a": blobs.X[:, 0], "b": blobs.X[:, 1], "c": blobs.X[:, 2], "w": blobs.weights}
    dataset = ray.data.from_blocks([pd.DataFrame(columns).iloc[first : first + 700] for first in range(0, 3000, 700)])
    for chosen in [None, ["a", "b", "c"]]:
        model = mixtura.ray.fit(dataset, 3, columns=chosen, weights="w", n_actors=2, **OPTIONS)
        assert model.lower_bound_ == pytest.approx(expected.lower_bound_, abs=1e-9)
        assert model.feature_names_in_.tolist() == ["a", "b", "c"]


def test_an_actor_that_is_lost_begins_anew(blobs, monkeypatch):
    dataset = ray.data.from_numpy(np.array_split(blobs.X, 4))
    expected = mixtura.ray.fit(dataset, 3, n_actors=2, **OPTIONS)
    asked, answer = [], mixtura.ray._Actors.answer

    def answer_and_lose(actors, tasks):
        asked.append(tasks)
        if len(asked) == 2:
            ray.kill(next(iter(actors._actors.values())))
        return answer(actors, tasks)

    monkeypatch.setattr(mixtura.ray._Actors, "answer", answer_and_lose)
    assert_same(mixtura.ray.fit(dataset, 3, n_actors=2, **OPTIONS), expected)


def test_missing_values_are_integrated_out(blobs):
    X = blobs.X.copy()
    X[1200:2000, 1] = np.nan
    options = {"missing": "marginalize", **OPTIONS}
    model = mixtura.ray.fit(ray.data.from_numpy(np.array_split(X, 3)), 3, **options)
    np.testing.assert_allclose(model.means_, mixtura.GaussianMixture(3, **options).fit(X).means_, rtol=1e-9, atol=1e-9)


def test_errors_name_the_partition_and_the_remedy(blobs):
    X = blobs.X.copy()
    X[1207, 1] = np.nan
    with pytest.raises(ValueError, match=r"^partition 1: row 207, column 1 is NaN.*\nremove or fill"):
        mixtura.ray.fit(ray.data.from_numpy(np.array_split(X, 3)), 3, **OPTIONS)
    dataset = ray.data.from_numpy(blobs.X)
    with pytest.raises(ValueError, match=r"no columns \['w'\]\nit has \['data'\]"):
        mixtura.ray.fit(dataset, 3, weights="w")
    with pytest.raises(ValueError, match="n_components"):
        mixtura.ray.fit(dataset, 0)
