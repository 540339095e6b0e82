"""Samples in files are those in arrays, whether they stay in memory or on disk."""

import copy
import pickle
import re

import numpy as np
import pandas as pd
import pytest

from mixtura import Dataset, GaussianMixture

PARAMETERS = ["weights_", "means_", "covariances_"]


@pytest.fixture
def table(blobs):
    """Give the samples names, and weights."""
    weights = np.random.default_rng(1).uniform(0.5, 2.0, len(blobs))
    return pd.DataFrame(blobs, columns=["x", "y", "z"]).assign(w=weights)


def test_a_path_stands_for_its_samples(blobs, tmp_path, device):
    np.save(tmp_path / "samples.npy", blobs)
    of_array = GaussianMixture(3, random_state=0, device=device).fit(blobs)
    for paths in [tmp_path / "samples.npy", str(tmp_path / "samples.npy"), [tmp_path / "samples.npy"]]:
        of_file = GaussianMixture(3, random_state=0, device=device).fit(paths)
        for name in PARAMETERS:
            assert np.array_equal(getattr(of_array, name), getattr(of_file, name))
        assert of_file.n_features_in_ == 3
        assert np.array_equal(of_file.predict(paths), of_array.predict(blobs))
        assert np.array_equal(of_file.predict_proba(paths), of_array.predict_proba(blobs))
        assert np.array_equal(of_file.score_samples(paths), of_array.score_samples(blobs))
        assert of_file.score(paths) == of_array.score(blobs)
        assert of_file.bic(paths) == of_array.bic(blobs)


def test_samples_on_disk_give_the_bits_of_those_in_memory(table, tmp_path):
    table.to_parquet(tmp_path / "samples.parquet")
    options = {"columns": ["z", "x"], "weights": "w"}
    in_memory = Dataset(tmp_path / "samples.parquet", **options)
    on_disk = Dataset(tmp_path / "samples.parquet", **options, memory=10_000)
    assert (in_memory.place, on_disk.place) == ("memory", "disk")
    assert repr(on_disk) == "Dataset(3000 samples of 2 features, on disk)"
    assert (len(on_disk), on_disk.n_features, on_disk.feature_names) == (3000, 2, ["z", "x"])
    assert on_disk.total_weight == pytest.approx(table["w"].sum())
    models = [GaussianMixture(3, random_state=0).fit(dataset) for dataset in [in_memory, on_disk]]
    of_frame = GaussianMixture(3, random_state=0).fit(table[["z", "x"]], sample_weight=table["w"])
    for name in PARAMETERS:
        assert np.array_equal(getattr(models[0], name), getattr(models[1], name))
        assert np.array_equal(getattr(models[0], name), getattr(of_frame, name))
    assert list(models[1].feature_names_in_) == ["z", "x"]
    assert np.array_equal(models[1].predict(on_disk), of_frame.predict(table[["z", "x"]]))
    assert models[1].score(on_disk) == of_frame.score(table[["z", "x"]], sample_weight=table["w"])
    assert np.array_equal(GaussianMixture(3, random_state=0).fit_predict(on_disk), models[1].predict(on_disk))


def test_several_files_are_one_data_set(table, tmp_path):
    for i, part in enumerate(np.array_split(np.arange(len(table)), 3)):
        table.iloc[part].to_csv(tmp_path / f"part-{i}.csv", index=False)
    whole = GaussianMixture(2, random_state=0).fit(table[["x", "y", "z"]], sample_weight=table["w"])
    parts = GaussianMixture(2, random_state=0).fit(str(tmp_path / "part-*.csv"), sample_weight="w")
    np.testing.assert_allclose(parts.means_, whole.means_, rtol=1e-12)
    # The columns of a model are found by name.
    assert np.array_equal(parts.predict(tmp_path), whole.predict(table[["x", "y", "z"]]))


def test_errors_name_the_file_and_the_place(tmp_path, blobs):
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n3,oops\n")
    with pytest.raises(ValueError, match=r"bad.csv:3: column 1 \(b\) is 'oops'"):
        GaussianMixture().fit(tmp_path / "bad.csv")
    with pytest.raises(FileNotFoundError, match=r"missing\.npy"):
        GaussianMixture().fit(tmp_path / "missing.npy")
    np.save(tmp_path / "nan.npy", np.array([[1.0], [np.nan], [2.0]]))
    with pytest.raises(ValueError, match=r"nan.npy.*row 1, column 0 is NaN"):
        GaussianMixture().fit(tmp_path / "nan.npy")
    np.save(tmp_path / "two.npy", blobs[:, :2])
    with pytest.raises(ValueError, match=r"two.npy: the data have 2 features, the model has 3"):
        GaussianMixture().fit(blobs).predict(tmp_path / "two.npy")
    np.save(tmp_path / "one.npy", blobs[:1])
    with pytest.raises(ValueError, match="minimum of 2"):
        GaussianMixture().fit(tmp_path / "one.npy")
    with pytest.raises(ValueError, match="n_components = 9, n_samples = 3"):
        np.save(tmp_path / "three.npy", blobs[:3])
        GaussianMixture(9).fit(tmp_path / "three.npy")
    with pytest.raises(ValueError, match="name of a column"):
        GaussianMixture().fit(tmp_path / "three.npy", sample_weight=[1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match=r"Dataset\(paths, weights"):
        GaussianMixture().fit(Dataset(tmp_path / "three.npy"), sample_weight=[1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match="no column"):
        Dataset(tmp_path / "three.npy", columns=["q"])


def test_errors_advise_in_words_of_python(tmp_path, blobs):
    pd.DataFrame({'say "x"': [1.0, 2.0], "y": [3.0, 5.0], "z": ["a", "b"]}).to_parquet(tmp_path / "table.parquet")
    np.savez(tmp_path / "two.npz", a=blobs, b=blobs)
    blobs[:, :2].astype("<f8").tofile(tmp_path / "raw.f64")
    (tmp_path / "text.csv").write_text("a,b\n1,2\n3,oops\n")
    (tmp_path / "model.json").write_text("{}")
    for call, advice in [
        (lambda: Dataset(tmp_path / "table.parquet"), r'numbers: Dataset(..., columns=["say \"x\"", "y"])'),
        (lambda: Dataset(tmp_path / "two.npz"), 'one: Dataset(..., member="a") or Dataset(..., member="b")'),
        (lambda: Dataset(tmp_path / "raw.f64"), "give their number: Dataset(dims=...)"),
        (lambda: Dataset(tmp_path / "text.csv"), 'choose other columns: Dataset(..., columns=["a"])'),
        (lambda: GaussianMixture.load(tmp_path / "model.json"), "`GaussianMixture.save` or `mixtura fit --out` wrote"),
    ]:
        with pytest.raises(ValueError, match=re.escape(advice)):
            call()


def test_a_file_that_changes_under_a_data_set_is_an_error(tmp_path, blobs):
    np.save(tmp_path / "samples.npy", blobs)
    dataset = Dataset(tmp_path / "samples.npy", memory=1000)
    np.save(tmp_path / "samples.npy", blobs[:100])
    with pytest.raises(ValueError, match="changed while it was in use"):
        GaussianMixture(2).fit(dataset)


@pytest.mark.parametrize(
    "name, value",
    [
        ("sample", 0.0),
        ("sample", 1.5),
        ("sample", -0.5),
        ("sample", np.nan),
        ("sample", "half"),
        ("columns", "01"),
        ("columns", 1),
        ("weights", [1.0]),
        ("weights", -1),
        ("member", 1),
        ("head", 0),
        ("head", -1),
        ("head", 2.0),
        ("memory", -1),
        ("memory", 1e6),
        ("seed", -1),
        ("seed", 2**64),
        ("seed", None),
    ],
)
def test_arguments_that_say_nothing_about_a_file_are_errors(tmp_path, blobs, name, value):
    np.save(tmp_path / "samples.npy", blobs)
    with pytest.raises(ValueError, match=f"{name}"):
        Dataset(tmp_path / "samples.npy", **{name: value})


def test_arguments_larger_than_any_file_are_taken(tmp_path, blobs):
    np.save(tmp_path / "samples.npy", blobs)
    assert Dataset(tmp_path / "samples.npy", head=2**80, memory=2**80, seed=2**64 - 1).n_samples == 3000


def test_a_data_set_survives_copies_and_pickling(table, tmp_path):
    table.to_csv(tmp_path / "samples.csv", index=False)
    dataset = Dataset(tmp_path / "samples.csv", columns=["z", 0], weights="w", head=500, sample=0.5, seed=3, memory=100)
    model = GaussianMixture(2, random_state=0).fit(dataset)
    for other in [pickle.loads(pickle.dumps(dataset)), copy.deepcopy(dataset), copy.copy(dataset)]:
        assert type(other) is Dataset
        assert repr(other) == repr(dataset)
        assert other.feature_names == ["z", "x"]
        assert model.score(other) == model.score(dataset)


def test_names_of_features_are_compared_as_scikit_learn_compares_those_of_frames(blobs, table, tmp_path):
    np.save(tmp_path / "nameless.npy", blobs)
    table[["x", "y", "z"]].to_csv(tmp_path / "named.csv", index=False)
    table[["x", "y", "w"]].to_csv(tmp_path / "other.csv", index=False)
    named = GaussianMixture(2, random_state=0).fit(tmp_path / "named.csv")
    nameless = GaussianMixture(2, random_state=0).fit(blobs)
    with pytest.warns(UserWarning, match="X does not have valid feature names, but GaussianMixture was fitted with"):
        named.predict(tmp_path / "nameless.npy")
    with pytest.warns(UserWarning, match="X has feature names, but GaussianMixture was fitted without feature names"):
        nameless.predict(tmp_path / "named.csv")
    with pytest.raises(ValueError, match=r"other.csv: there is no column 'z', a feature of the model"):
        named.predict(tmp_path / "other.csv")
    with pytest.raises(ValueError, match=r"(?s)feature names should match.*now missing: z"):
        named.predict(Dataset(tmp_path / "other.csv"))
    named.predict(tmp_path / "named.csv")
    nameless.predict(tmp_path / "nameless.npy")


def test_choices_that_were_made_about_files_are_warned_of(tmp_path):
    (tmp_path / "years.csv").write_text("2019,2020\n0.5,1.5\n1.5,3.5\n")
    with pytest.warns(UserWarning, match=r"\(2019, 2020\) is taken as names.*Dataset\(header=False\)") as warned:
        dataset = Dataset(tmp_path / "years.csv")
    assert warned[0].filename == __file__
    assert dataset.notes == [str(warned[0].message)]
    assert dataset.feature_names == ["2019", "2020"]
    with pytest.warns(UserWarning, match="is taken as names") as warned:
        model = GaussianMixture(covariance_type="diag").fit(tmp_path / "years.csv")
    assert warned[0].filename == __file__
    assert list(model.feature_names_in_) == ["2019", "2020"]
    assert Dataset(tmp_path / "years.csv", header=False).n_samples == 3
    assert Dataset(tmp_path / "years.csv", header=True).notes == []


def test_row_numbers_of_pandas_are_no_feature_and_lists_are_several(table, tmp_path):
    kept = table[table["x"] > 0]
    kept.to_parquet(tmp_path / "kept.parquet")
    kept.to_csv(tmp_path / "kept.csv")
    for name in ["kept.parquet", "kept.csv"]:
        with pytest.warns(UserWarning, match="an index, as pandas and R write it"):
            dataset = Dataset(tmp_path / name)
        assert (len(dataset), dataset.feature_names) == (len(kept), ["x", "y", "z", "w"])
    pd.DataFrame({"id": ["a", "b", "c"], "emb": [[1.0, 2.0], [3.0, 4.0], [5.0, 9.0]]}).to_parquet(
        tmp_path / "emb.parquet"
    )
    dataset = Dataset(tmp_path / "emb.parquet", columns=["emb"])
    assert dataset.feature_names == ["emb.0", "emb.1"]
    np.testing.assert_allclose(GaussianMixture().fit(dataset).means_, [[3.0, 5.0]])


def test_the_delimiter_and_the_header_can_be_told(tmp_path):
    (tmp_path / "colons.txt").write_text("7:8\n0:1\n2:5\n")
    dataset = Dataset(tmp_path / "colons.txt", delimiter=":", header=True)
    assert (len(dataset), dataset.feature_names) == (2, ["7", "8"])
    with pytest.raises(ValueError, match="not a delimiter"):
        Dataset(tmp_path / "colons.txt", delimiter="::")
    for name, value in [("header", "yes"), ("delimiter", 1)]:
        with pytest.raises(ValueError, match=name):
            Dataset(tmp_path / "colons.txt", **{name: value})
