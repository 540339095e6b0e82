"""Samples of which values are missing, in files, and in parts that several workers hold."""

import pickle
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from incomplete import ANSWERS, FAMILIES, HINT, OPTIONS, PARAMETERS, Oracle, same
from sklearn.base import clone

from mixtura import Dataset, GaussianMixture, MixtureSelection, Part, Search, moments

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def files(holed, tmp_path):
    """Write the samples to files, which say in their own ways that a value is missing."""
    frame = pd.DataFrame(holed, columns=list("abc"))
    frame.to_csv(tmp_path / "samples.csv", index=False)
    columns = {name: pa.array(values, mask=np.isnan(values)) for name, values in zip("abc", holed.T, strict=True)}
    pa.parquet.write_table(pa.table(columns), tmp_path / "samples.parquet")
    np.save(tmp_path / "samples.npy", holed)
    return [tmp_path / f"samples.{kind}" for kind in ("csv", "parquet", "npy")]


def test_files_are_what_arrays_are(holed, files):
    model = GaussianMixture(3, **OPTIONS).fit(holed)
    for path in files:
        opened = Dataset(path, missing="marginalize")
        assert (opened.n_samples, opened.n_missing) == (3000, np.isnan(holed).sum())
        on_disk = Dataset(path, missing="marginalize", memory=1000)
        assert on_disk.place == "disk"
        for X in [path, opened, pickle.loads(pickle.dumps(opened)), on_disk]:
            again = clone(model).fit(X)
            assert same(again, model) and again.lower_bounds_ == model.lower_bounds_, X
            for method in [*ANSWERS, "impute"]:
                assert np.array_equal(getattr(again, method)(X), getattr(model, method)(holed)), (X, method)
            assert np.array_equal(again.impute(X, 2), model.impute(holed, 2)), X


def test_files_that_lack_values_are_refused_unless_the_estimator_takes_them(blobs, files, tmp_path):
    np.save(tmp_path / "whole.npy", blobs)
    model = GaussianMixture(3, random_state=0).fit(blobs)
    for path in files:
        with pytest.raises(ValueError, match=re.escape(path.name) + r".*(.|\n)*missing='marginalize'"):
            Dataset(path)
        named = pd.DataFrame(blobs, columns=list("abc"))
        fitted = clone(model).fit(blobs if path.suffix == ".npy" else named)
        opened = Dataset(path, missing="marginalize")
        for method in ["fit", "fit_predict", *ANSWERS]:
            with pytest.raises(ValueError, match="missing='marginalize'"):
                getattr(fitted, method)(path)
            with pytest.raises(ValueError, match=f"{opened.n_missing} values of the Dataset are missing.*{HINT}"):
                getattr(fitted, method)(opened)
        with pytest.raises(ValueError, match="values of the Dataset are missing"):
            moments(opened, fitted)
        with pytest.raises(ValueError, match="values of the Dataset are missing"):
            Part(opened)
    # Where nothing is missing, the word alone is no obstacle.
    assert same(clone(model).fit(Dataset(tmp_path / "whole.npy", missing="marginalize")), model)
    assert same(clone(model).set_params(missing="marginalize").fit(Dataset(tmp_path / "whole.npy")), model)
    with pytest.raises(ValueError, match="The 'missing' parameter of Dataset"):
        Dataset(tmp_path / "whole.npy", missing="drop")


def test_weights_in_files_are_never_missing(files, tmp_path):
    frame = pd.read_csv(files[0])
    frame["w"] = frame["a"].abs()
    frame.to_parquet(tmp_path / "weighted.parquet")
    with pytest.raises(ValueError, match=r"weighted\.parquet.*\(w\)") as error:
        Dataset(tmp_path / "weighted.parquet", weights="w", missing="marginalize")
    assert "marginalize" not in str(error.value)


def test_a_model_is_chosen_by_what_is_there(holed, files):
    selection = MixtureSelection([1, 2, 3, 4], tol=1e-6, **OPTIONS).fit(holed)
    assert selection.best_params_ == {"covariance_type": "diag", "n_components": 3}
    best = selection.best_estimator_
    assert best.missing == "marginalize"
    for method in [*ANSWERS, "impute"]:
        assert np.array_equal(getattr(selection, method)(holed), getattr(best, method)(holed))
    assert np.array_equal(selection.impute(holed, n_draws=2), best.impute(holed, n_draws=2))
    place = selection.best_index_
    assert selection.results_["bic"][place] == pytest.approx(best.bic(holed), rel=1e-9)
    assert same(clone(selection).fit(files[2]).best_estimator_, best)
    exhaustive = clone(selection).set_params(exhaustive=True).fit(holed)
    alone = GaussianMixture(3, covariance_type="diag", tol=1e-6, **OPTIONS).fit(holed)
    assert same(exhaustive.best_estimator_, alone)
    folds = clone(selection).set_params(criterion="held-out", n_components=[2, 3], folds=3).fit(holed)
    assert folds.best_params_["n_components"] == 3 and np.isfinite(folds.results_["held_out"]).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_parts_are_those_of_the_whole(holed, family):
    options = {"covariance_type": family, **OPTIONS}
    expected = GaussianMixture(3, **options).fit(holed)
    parts = [Part(holed[:1000], device="cpu", missing="marginalize")]
    parts.append(Part(holed[1000:], first=1000, device="cpu", missing="marginalize"))
    search = Search(GaussianMixture(3, **options), [part.summary for part in parts])
    for part in parts:
        part.join(search.summary)
    while tasks := search.wants():
        search.takes([part.answer(tasks) for part in parts])
    model = search.finish()
    np.testing.assert_allclose(model.lower_bounds_, expected.lower_bounds_, rtol=1e-9)
    for name in PARAMETERS:
        np.testing.assert_allclose(getattr(model, name), getattr(expected, name), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_moments_complete_samples_by_what_is_expected(holed, family):
    expected = GaussianMixture(3, covariance_type=family, **OPTIONS).fit(holed)
    both = moments(holed[:1000], expected) + moments(holed[1000:], expected)
    one = pickle.loads(pickle.dumps(both))
    assert one.missing == "marginalize"
    following = one.maximize()
    assert following.missing == "marginalize"
    assert following.lower_bound_ == pytest.approx(expected.score(holed), rel=1e-10)
    oracle = Oracle.of(expected)
    oracle.epoch(holed, np.ones(len(holed)), 1e-6, "full")
    np.testing.assert_allclose(following.means_, oracle.means, rtol=1e-8, atol=1e-8)
    of_families = {
        "full": lambda covariances: covariances,
        "tied": lambda covariances: np.tensordot(oracle.weights, covariances, 1),
        "diag": lambda covariances: np.diagonal(covariances, axis1=1, axis2=2),
        "spherical": lambda covariances: np.trace(covariances, axis1=1, axis2=2) / 3,
    }
    expected_covariances = of_families[family](oracle.covariances)
    np.testing.assert_allclose(following.covariances_, expected_covariances, rtol=1e-8, atol=1e-8)
    theirs = expected.to_sklearn()
    with pytest.raises(ValueError, match=HINT):
        moments(holed, theirs)
    assert moments(holed, theirs, missing="marginalize", device="cpu").total_weight == 3000.0
